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
    let mut answer = serde_json::to_vec(&Response::from(&verdict))?;
    // The object is JSON text already: it takes the place of the last brace, and one follows it. It may
    // have a megabyte, and a text that grows by itself takes twice its size.
    let object = verdict.mutated_text.as_deref().unwrap_or("null");
    answer.pop();
    answer.reserve_exact(MUTATED_OBJECT.len() + object.len() + 1);
    answer.extend_from_slice(MUTATED_OBJECT);
    answer.extend_from_slice(object.as_bytes());
    answer.push(b'}');
    Ok(answer)
}

const MUTATED_OBJECT: &[u8] = b",\"mutated_object\":";

fn validate_settings(payload: &[u8]) -> CallResult {
    let problems = Settings::from_json(payload).err();
    let response = SettingsValidationResponse {
        valid: problems.is_none(),
        message: problems.map(|problems| problems.to_string()),
    };
    Ok(serde_json::to_vec(&response)?)
}

/// The answer to `validate` without the object; what there is not is `null`. The SDK's own type has a
/// `HashMap`, which takes several kilobytes of the module.
/// Source: kubewarden-policy-sdk, `ValidationResponse`.
#[derive(Serialize)]
struct Response<'a> {
    accepted: bool,
    message: Option<&'a str>,
    code: Option<u16>,
    audit_annotations: Option<Map<String, Value>>,
    warnings: Option<&'a [String]>,
}

impl<'a> From<&'a Verdict> for Response<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        let refusal = verdict.refusal.as_ref();
        let mut annotations = Map::new();
        for (key, text) in &verdict.audit_annotations {
            annotations.insert((*key).to_owned(), text.as_str().into());
        }
        Self {
            accepted: verdict.is_allowed(),
            message: refusal.map(|refusal| refusal.message.as_str()),
            code: refusal.map(|refusal| refusal.code),
            audit_annotations: (!annotations.is_empty()).then_some(annotations),
            warnings: (!verdict.warnings.is_empty()).then_some(&verdict.warnings),
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
