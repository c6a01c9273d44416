//! Admission rules for Skupper's AccessGrant and AccessToken and for Kubernetes' TokenRequest.
//!
//! [`review`] is the product: a pure, total function. Everything else is a shell around it.
//!
//! ```text
//! bytes -> Request + Settings + now
//!    read      JSON -> AccessGrant | AccessToken | TokenRequest     request, settings, kind, field
//!    judge     rules, each a row of a table -> findings             rules, access_grant, ...
//!    default   -> edits of the JSON value                           kind
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

mod access_grant;
mod access_token;
pub mod answer;
pub mod catalogue;
mod field;
pub mod finding;
#[cfg(target_os = "wasi")]
mod guest;
mod kind;
mod live_credential;
pub mod nearest;
pub mod path;
mod placeholder;
pub mod printable;
pub mod redaction;
pub mod request;
pub mod rules;
pub mod settings;
mod skupper_object;
mod token_request;
mod unknown_field;
mod update;
pub mod value;
pub mod verdict;

use chrono::{DateTime, Utc};
use serde_json::Value;

use access_grant::AccessGrant;
use access_token::AccessToken;
use kind::{Kind, Review};
use printable::printable;
use request::{Operation, Request};
use settings::Settings;
use token_request::TokenRequest;
use verdict::Verdict;

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

/// Judges one admission request and fills in the defaults. The first match decides which rules
/// there are.
#[must_use]
pub fn review(request: &Request<'_>, settings: &Settings, now: DateTime<Utc>) -> Verdict {
    let is_write = matches!(request.operation, Operation::Create | Operation::Update);
    let is_token = request.resource == "serviceaccounts" && request.sub_resource == "token";
    if !is_write || !(request.sub_resource.is_empty() || is_token) {
        return Verdict::unchanged();
    }
    match (request.group.as_str(), request.kind.as_str(), is_token) {
        // Labels, finalizers and owners can always be changed, on any object, by any controller.
        ("skupper.io", "AccessGrant" | "AccessToken", false)
            if request.operation == Operation::Update && request.is_spec_stored() =>
        {
            Verdict::unchanged()
        }
        ("skupper.io", "AccessGrant", false) => review_as::<AccessGrant>(request, settings, now),
        ("skupper.io", "AccessToken", false) => review_as::<AccessToken>(request, settings, now),
        ("authentication.k8s.io", "TokenRequest", true)
            if request.operation == Operation::Create =>
        {
            if token_request::is_exempt(request, &settings.token_request) {
                return Verdict::unchanged();
            }
            review_as::<TokenRequest>(request, settings, now)
        }
        _ => Verdict::not_covered(request),
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
    let request = request::admission_request(object, old_object, user).to_string();
    match Request::from_json(request.as_bytes()) {
        Ok(request) => review(&request, settings, now),
        Err(problem) => Verdict::of_request_problem(problem),
    }
}

fn review_as<K: Kind>(request: &Request<'_>, settings: &Settings, now: DateTime<Utc>) -> Verdict {
    let old = match request.operation {
        Operation::Update if K::IS_STORED => request.old_object.as_ref(),
        _ => None,
    };
    let review = Review::<K>::read(request, old, settings, now);
    let findings = rules::judge(&review);
    if findings.denials.is_empty() {
        return Verdict::accepted(findings, review.edits(), request);
    }
    let subject = format!("{} \"{}\"", K::NAME, printable(review.name(&request.name)));
    Verdict::denied(&subject, findings)
}
