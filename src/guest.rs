//! The Kubewarden guest: bytes in, bytes out. The only user of waPC, and of the clock.
//!
//! No answer is ever an error: the host would turn it into code 500 with a stack trace.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use kubewarden_policy_sdk::protocol_version_guest;
use kubewarden_policy_sdk::settings::SettingsValidationResponse;
use kubewarden_policy_sdk::wapc_guest::{CallResult, register_function};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::review_payload;
use crate::settings::Settings;
use crate::verdict::Verdict;

/// Called by the host once per instance, before anything else.
#[expect(unsafe_code, reason = "the host finds the guest by this symbol")]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn wapc_init() {
    register_function("validate", validate);
    register_function("validate_settings", validate_settings);
    register_function("protocol_version", protocol_version_guest);
}

fn validate(payload: &[u8]) -> CallResult {
    let verdict = review_payload(payload, now());
    Ok(serde_json::to_vec(&Response::from(verdict))?)
}

fn validate_settings(payload: &[u8]) -> CallResult {
    let problems = Settings::from_json(payload).err();
    let response = SettingsValidationResponse {
        valid: problems.is_none(),
        message: problems.map(|problems| problems.to_string()),
    };
    Ok(serde_json::to_vec(&response)?)
}

/// The answer to `validate`; what there is not is `null`. The SDK's own type has a `HashMap`, which takes
/// several kilobytes of the module.
/// Source: kubewarden-policy-sdk, `ValidationResponse`.
#[derive(Serialize)]
struct Response {
    accepted: bool,
    message: Option<String>,
    code: Option<u16>,
    mutated_object: Option<Value>,
    audit_annotations: Option<Map<String, Value>>,
    warnings: Option<Vec<String>>,
}

impl From<Verdict> for Response {
    fn from(verdict: Verdict) -> Self {
        let (message, code) = match verdict.refusal {
            Some(refusal) => (Some(refusal.message), Some(refusal.code)),
            None => (None, None),
        };
        let mut annotations = Map::new();
        for (key, text) in verdict.audit_annotations {
            annotations.insert(key.to_owned(), text.into());
        }
        Self {
            accepted: message.is_none(),
            message,
            code,
            mutated_object: verdict.mutated_object,
            audit_annotations: (!annotations.is_empty()).then_some(annotations),
            warnings: (!verdict.warnings.is_empty()).then_some(verdict.warnings),
        }
    }
}

/// The host's time; the epoch where it has none, so that nothing counts as expired.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock"
)]
fn now() -> DateTime<Utc> {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(elapsed.as_secs()).unwrap_or_default();
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
