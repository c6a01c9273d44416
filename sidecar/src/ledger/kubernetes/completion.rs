//! The status that `--own-status` gives a grant in place of Skupper's controller. Pure.
//!
//! | field | value |
//! |---|---|
//! | `code` | that of the spec, else a random one |
//! | `expirationTime` | the time now and the window of the spec, 15 minutes when absent |
//! | `url`, `ca` | those of this service |
//! | condition `Processed` | True; False, Error when the window cannot be read |
//! | condition `Resolved` | True; False, Pending or Error while the site cannot answer |
//! | condition `Ready`, `status`, `message` | those of the first of the two that is not True, else Ready and OK |
//! | condition `redemption-sidecar/published` | True; its message is the `url`: whose that is |
//!
//! Code and end are written once, so that the first service of several decides. `message` is written
//! with a new state only: Skupper's controller, with grants disabled, writes one of its own over it.
//!
//! Source: Skupper's AccessGrant reference, and `pkg/apis/skupper/v2alpha1/types.go` for the reasons.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use skupper_access_policy::value::duration::GoDuration;

use super::advice::advice;
use super::condition::{self, time};
use crate::kubernetes::AccessGrant;
use crate::ledger::Published;
use crate::redemption::GrantUid;
use crate::redemption::fault::Fault;

/// The type of the condition that says that `url` and `ca` are those of a service with `--own-status`.
pub const PUBLISHED_CONDITION: &str = "redemption-sidecar/published";

/// A status to write.
pub struct Completion {
    /// The whole of it. It holds the code.
    pub status: Map<String, Value>,
    /// True when the code or the end was missing.
    pub is_first: bool,
    /// A digest of what this service says of the grant, but for code and end.
    pub digest: u64,
}

/// The status that makes a grant complete. `None` when nothing is to be written.
///
/// `site` tells whether the site of the grant can answer; absent while that is not known.
#[must_use]
pub fn complete(
    object: &AccessGrant,
    service: &Published,
    site: Option<Result<(), Fault>>,
    now: DateTime<Utc>,
    new_code: impl FnOnce() -> SecretString,
) -> Option<Completion> {
    let uid = GrantUid::parse(object.metadata.uid.as_deref()?)?;
    if object.metadata.deletion_timestamp.is_some() || has_ended(&object.status, now) {
        return None;
    }
    let mut status = object.status.as_object().cloned().unwrap_or_default();
    let mut is_first = false;
    if text(&object.status, "code").is_none() {
        let code = text(&object.spec, "code").map(str::to_owned);
        let code = code.unwrap_or_else(|| new_code().expose_secret().to_owned());
        status.insert("code".to_owned(), code.into());
        is_first = true;
    }
    let mut processed = State::ready();
    if text(&object.status, "expirationTime").is_none() {
        if let Some(window) = window(&object.spec) {
            let end = now.checked_add_signed(window);
            let end = end.unwrap_or(DateTime::<Utc>::MAX_UTC);
            status.insert("expirationTime".to_owned(), time(end).into());
            is_first = true;
        } else {
            let message = "spec.expirationWindow must be a Go duration such as '15m'";
            processed = State::error(message.to_owned());
        }
    }
    let resolved = match site {
        Some(Ok(())) => State::ready(),
        Some(Err(fault)) => State::of_fault(&fault),
        // A service that has just started leaves to others what they know.
        None => State::stored(&status, "Resolved")
            .unwrap_or_else(|| State::pending("it is not known yet which sites there are".into())),
    };
    let ready = [&processed, &resolved];
    let ready = ready.into_iter().find(|state| !state.is_true);
    let ready = ready.cloned().unwrap_or_else(State::ready);
    let published = State {
        is_true: true,
        reason: "OwnStatus".to_owned(),
        message: service.url.of_grant(&uid),
    };

    let mut hasher = DefaultHasher::new();
    let generation = object.metadata.generation.unwrap_or_default();
    (&published, &service.ca, &processed, &resolved, generation).hash(&mut hasher);

    status.insert("url".to_owned(), published.message.clone().into());
    status.insert("ca".to_owned(), service.ca.clone().into());
    let is_new_state = State::stored(&status, "Ready").as_ref() != Some(&ready)
        || status.get("status").and_then(Value::as_str) != Some(&ready.reason);
    if is_new_state {
        status.insert("status".to_owned(), ready.reason.clone().into());
        status.insert("message".to_owned(), ready.message.clone().into());
    }
    for (kind, state) in [
        ("Processed", processed),
        ("Resolved", resolved),
        ("Ready", ready),
        (PUBLISHED_CONDITION, published),
    ] {
        let value = if state.is_true { "True" } else { "False" };
        let fields = [
            ("status", value.into()),
            ("reason", state.reason.into()),
            ("message", state.message.into()),
            ("observedGeneration", generation.into()),
        ];
        condition::set(&mut status, kind, fields, now);
    }
    let is_changed = object.status.as_object() != Some(&status);
    is_changed.then(|| Completion {
        status,
        is_first,
        digest: hasher.finish(),
    })
}

/// The `url` and `ca` of a status, when they are those of a service with `--own-status`.
#[must_use]
pub fn published(status: &Value) -> Option<(&str, &str)> {
    let published = State::stored(status.as_object()?, PUBLISHED_CONDITION)?;
    let url = text(status, "url").filter(|url| published.message == *url)?;
    Some((url, text(status, "ca")?))
}

/// The state of a condition, in Skupper's words: the reason is `Ready`, `Pending` or `Error`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    is_true: bool,
    reason: String,
    message: String,
}

impl State {
    fn ready() -> Self {
        Self {
            is_true: true,
            reason: "Ready".to_owned(),
            message: "OK".to_owned(),
        }
    }

    fn pending(message: String) -> Self {
        Self {
            is_true: false,
            reason: "Pending".to_owned(),
            message,
        }
    }

    fn error(message: String) -> Self {
        Self {
            reason: "Error".to_owned(),
            ..Self::pending(message)
        }
    }

    /// Skupper's controller may yet make a Site that links can lead to; the rest somebody must mend.
    fn of_fault(fault: &Fault) -> Self {
        match fault {
            Fault::NoSite | Fault::NoEndpoints => Self::pending(advice(fault)),
            _ => Self::error(advice(fault)),
        }
    }

    /// That of a condition as it is stored.
    fn stored(status: &Map<String, Value>, kind: &str) -> Option<Self> {
        let condition = condition::find(status, kind)?;
        let field = |name| text(condition, name).unwrap_or_default().to_owned();
        Some(Self {
            is_true: text(condition, "status") == Some("True"),
            reason: field("reason"),
            message: field("message"),
        })
    }
}

/// Tells whether nobody can redeem the grant any more, and its state was told.
fn has_ended(status: &Value, now: DateTime<Utc>) -> bool {
    let end = text(status, "expirationTime").map(DateTime::parse_from_rfc3339);
    text(status, "status").is_some() && matches!(end, Some(Ok(end)) if end < now)
}

fn window(spec: &Value) -> Option<TimeDelta> {
    match spec.get("expirationWindow") {
        None | Some(Value::Null) => Some(DEFAULT_WINDOW),
        Some(Value::String(text)) if text.is_empty() => Some(DEFAULT_WINDOW),
        Some(Value::String(text)) => {
            let window = GoDuration::parse(text).ok()?;
            Some(TimeDelta::nanoseconds(window.nanoseconds()))
        }
        Some(_) => None,
    }
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    let text = value.get(field)?.as_str();
    text.filter(|text| !text.is_empty())
}

/// Source: Skupper's AccessGrant reference.
const DEFAULT_WINDOW: TimeDelta = TimeDelta::minutes(15);

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "JSON is written in place")]
mod tests;
