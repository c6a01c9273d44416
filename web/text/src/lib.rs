//! The door for texts in JavaScript: reviewed, and redacted. A thin shell: texts in, JSON text out.
//! [`skupper_access_manifest::answer`] documents the answers.

use chrono::{DateTime, Utc};
use serde_json::from_str;
use skupper_access_manifest::answer;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// Reviews every object of a text, under settings that are a text, too: each is created, or, where it
/// is among the old ones, updated by `user`, the JSON of a `userInfo` or `null`.
///
/// # Errors
/// `now` is not a time in RFC 3339, or `user` is not JSON.
#[wasm_bindgen(js_name = reviewText)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "JavaScript hands over strings that may be absent"
)]
pub fn review_text(
    text: &str,
    settings: &str,
    old: Option<String>,
    user: &str,
    now: &str,
) -> Result<String, JsError> {
    let user = from_str(user).map_err(|_| JsError::new("the user must be JSON text"))?;
    let answer = answer::review(text, settings, old.as_deref(), user, time(now)?);
    Ok(answer.to_string())
}

/// Takes secrets and comments out of a text.
#[wasm_bindgen(js_name = redactText)]
#[must_use]
pub fn redact_text(text: &str) -> String {
    answer::redacted(text).to_string()
}

fn time(text: &str) -> Result<DateTime<Utc>, JsError> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| {
        JsError::new("now must be a time in RFC 3339, such as '2026-05-01T12:00:00Z'")
    })?;
    Ok(time.to_utc())
}
