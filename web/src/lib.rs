//! The policy's door for JavaScript. A thin shell: JSON text in, JSON text out, so that no number
//! loses precision on the way. What the texts hold is said in [`skupper_access_policy::answer`].
//!
//! No request and no settings are an error: what is wrong with them is in the answer, as it is for
//! the API server. An error is what only a program can get wrong.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, from_str};
use skupper_access_policy::request::{Request, RequestProblem};
use skupper_access_policy::settings::Settings;
use skupper_access_policy::verdict::Verdict;
use skupper_access_policy::{answer, manifest, redaction};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// Reviews an AdmissionRequest.
///
/// # Errors
/// `now` is not a time in RFC 3339.
#[wasm_bindgen]
pub fn review(request: &str, settings: &str, now: &str) -> Result<String, JsError> {
    let now = time(now)?;
    let verdict = match Request::from_json(request.as_bytes()) {
        Ok(request) => with(settings, |settings| {
            skupper_access_policy::review(&request, settings, now)
        }),
        Err(problem) => Verdict::of_request_problem(problem),
    };
    Ok(answer::of_verdict(verdict).to_string())
}

/// Reviews `{"object": ..., "oldObject": ..., "userInfo": ...}`: the object as it is created, or,
/// with an old one, updated, by this user.
///
/// # Errors
/// `now` is not a time in RFC 3339.
#[wasm_bindgen(js_name = reviewObject)]
pub fn review_object(change: &str, settings: &str, now: &str) -> Result<String, JsError> {
    let now = time(now)?;
    let verdict = match from_str::<Map<String, Value>>(change) {
        Ok(mut change) => with(settings, |settings| {
            let mut take = |name| change.remove(name).filter(|value| !value.is_null());
            let object = take("object").unwrap_or_default();
            let (old, user) = (take("oldObject"), take("userInfo"));
            skupper_access_policy::review_object(object, old, user, settings, now)
        }),
        Err(_) => Verdict::of_request_problem(RequestProblem::Unreadable),
    };
    Ok(answer::of_verdict(verdict).to_string())
}

/// What is wrong with settings.
#[wasm_bindgen(js_name = checkSettings)]
#[must_use]
pub fn check_settings(settings: &str) -> String {
    answer::of_settings(Settings::from_json(settings.as_bytes()).err().as_ref()).to_string()
}

/// Every rule.
#[wasm_bindgen]
#[must_use]
pub fn rules() -> String {
    answer::rules().to_string()
}

/// A copy of an object in which every secret is `***`.
///
/// # Errors
/// The text is not JSON.
#[wasm_bindgen]
pub fn redact(object: &str) -> Result<String, JsError> {
    let object = from_str(object).map_err(|_| JsError::new("the object must be JSON text"))?;
    Ok(redaction::redacted(&object).to_string())
}

/// The JSON of a plain YAML scalar, as kubectl reads it; nothing where JSON has no value for it.
#[wasm_bindgen(js_name = readScalar)]
#[must_use]
pub fn read_scalar(text: &str) -> Option<String> {
    manifest::read_scalar(text).map(|value| value.to_string())
}

/// The version of the policy.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn with(settings: &str, review: impl FnOnce(&Settings) -> Verdict) -> Verdict {
    match Settings::from_json(settings.as_bytes()) {
        Ok(settings) => review(&settings),
        Err(problems) => Verdict::of_settings_problems(&problems),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, JsError> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| {
        JsError::new("now must be a time in RFC 3339, such as '2026-05-01T12:00:00Z'")
    })?;
    Ok(time.to_utc())
}
