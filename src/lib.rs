//! Admission rules for Skupper's AccessGrant and AccessToken and for Kubernetes' TokenRequest.
//!
//! [`review()`] is the product: a pure, total function. Everything else is a shell around it.
//!
//! ```text
//! bytes -> Request + Settings + now
//!    read      JSON -> AccessGrant | AccessToken | TokenRequest     request, settings, review, field
//!    judge     rules, each a row of a table -> findings             judge, access_grant, ...
//!    default   -> edits of the object's text                        review, verdict
//!    answer    findings + edits -> Verdict                          verdict
//! ```
//!
//! Nothing flows back: reading never fails, a rule sees typed values and never text, and edits are
//! made only where nothing denies.
//!
//! ```
//! use chrono::DateTime;
//! use skupper_access_policy::review_payload;
//!
//! let payload = br#"{"request": {"operation": "CREATE",
//!     "kind": {"group": "skupper.io", "version": "v2alpha1", "kind": "AccessGrant"},
//!     "object": {"metadata": {"name": "west"}, "spec": {"expirationWindow": "1 day"}}}}"#;
//! let refusal = review_payload(payload, DateTime::UNIX_EPOCH).refusal.unwrap();
//! assert_eq!(
//!     refusal.message,
//!     "AccessGrant.skupper.io \"west\" is invalid: spec.expirationWindow: \
//!      Invalid value: \"1 day\": must be a Go duration: write '24h'"
//! );
//! ```

#![warn(clippy::disallowed_methods)]

mod access_grant;
mod access_token;
pub mod admitted;
pub mod answer;
pub mod catalogue;
mod field;
pub mod finding;
#[cfg(target_os = "wasi")]
mod guest;
mod judge;
mod kind;
mod live_credential;
pub mod nearest;
pub mod path;
mod placeholder;
pub mod printable;
pub mod redaction;
mod report;
pub mod request;
mod review;
pub mod rules;
mod scaffold;
pub mod settings;
mod skupper_object;
mod token_request;
mod unknown_field;
mod update;
pub mod value;
pub mod verdict;

use chrono::{DateTime, Utc};
use serde_json::Value;

use request::{Operation, Request};
use settings::Settings;
use verdict::Verdict;

pub use access_grant::AccessGrant;
pub use access_token::AccessToken;
pub use scaffold::admission_request;

/// Answers the payload of Kubewarden's `validate`: a request and its settings.
#[must_use]
pub fn review_payload(payload: &[u8], now: DateTime<Utc>) -> Verdict {
    let (request, settings) = match request::read_payload(payload) {
        Ok(parts) => parts,
        Err(problem) => return Verdict::of_request_problem(problem),
    };
    match Settings::read(&settings) {
        Ok(settings) => review(&request, &settings, now),
        Err(problems) => Verdict::of_settings_problems(&problems),
    }
}

/// Judges one admission request and fills in the defaults.
#[must_use]
pub fn review(request: &Request<'_>, settings: &Settings, now: DateTime<Utc>) -> Verdict {
    let is_write = matches!(request.operation, Operation::Create | Operation::Update);
    let mut kinds = catalogue::KINDS.iter();
    if !is_write || !kinds.any(|kind| kind.is_sent_to(request)) {
        return Verdict::unchanged();
    }
    match catalogue::kind(&request.group, &request.kind).filter(|kind| kind.is_sent_to(request)) {
        Some(kind) => (kind.judge)(request, settings, now),
        None => Verdict::not_covered(request),
    }
}

/// Reviews an object as if it were created, or, with an old one, updated by `user` (a `userInfo`).
#[must_use]
pub fn review_object(
    object: Value,
    old_object: Option<Value>,
    user: Option<Value>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Verdict {
    let request = admission_request(object, old_object, user).to_string();
    match Request::from_json(request.as_bytes()) {
        Ok(request) => review(&request, settings, now),
        Err(problem) => Verdict::of_request_problem(problem),
    }
}
