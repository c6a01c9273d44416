//! The policy's door for JavaScript. A thin shell: JSON text in, JSON text out, so that no number
//! loses precision on the way. [`skupper_access_policy::answer`] documents
//! the texts.
//!
//! No request and no settings are an error: what is wrong with them is in the answer, as it is for
//! the API server. An error is what only a program can get wrong.

use chrono::{DateTime, Utc};
use serde_json::from_str;
use skupper_access_policy::{answer, redaction};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// Reviews an AdmissionRequest.
///
/// # Errors
/// `now` is not a time in RFC 3339.
#[wasm_bindgen]
pub fn review(request: &str, settings: &str, now: &str) -> Result<String, JsError> {
    let answer = answer::to_request(request.as_bytes(), settings.as_bytes(), time(now)?);
    Ok(answer.to_string())
}

/// Reviews `{"object": ..., "oldObject": ..., "userInfo": ...}`: the object as it is created, or,
/// with an old one, updated, by this user.
///
/// # Errors
/// `now` is not a time in RFC 3339.
#[wasm_bindgen(js_name = reviewObject)]
pub fn review_object(change: &str, settings: &str, now: &str) -> Result<String, JsError> {
    let answer = answer::to_change(change.as_bytes(), settings.as_bytes(), time(now)?);
    Ok(answer.to_string())
}

/// Problems of settings.
#[wasm_bindgen(js_name = checkSettings)]
#[must_use]
pub fn check_settings(settings: &str) -> String {
    answer::to_settings(settings.as_bytes()).to_string()
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

/// The version of the policy.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

fn time(text: &str) -> Result<DateTime<Utc>, JsError> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| {
        JsError::new("now must be a time in RFC 3339, such as '2026-05-01T12:00:00Z'")
    })?;
    Ok(time.to_utc())
}
