//! Text and values as far as they may be shown.

use std::borrow::Cow;

use serde_json::Value;

use crate::path::FieldPath;
use crate::printable::escaped;
use crate::value::certificate::holds_private_key;
use crate::value::redemption_url;

/// Stands in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Fields whose value is a secret, or may hold one by mistake (a private key in `ca`).
const SECRET_FIELDS: [&str; 4] = ["code", "ca", "token", "password"];

/// `value`, which stands at `path`, as a message may show it: text in quotes and cut at 64
/// characters, numbers and booleans as they are, objects and lists by the name of their type.
/// `None` for a URL that cannot be read.
#[must_use]
#[cold]
pub fn shown(path: &FieldPath, value: &Value) -> Option<String> {
    if path.names().any(is_secret) {
        return Some(format!("\"{HIDDEN}\""));
    }
    match value {
        Value::String(text) => {
            let is_url = path.names().any(|name| name == "url");
            let text = if is_url {
                redemption_url::printable(text).map(Cow::Owned)
            } else {
                visible(text)
            };
            text.map(|text| format!("\"{}\"", escaped(&text)))
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => Some(format!("\"{}\"", type_name(value))),
    }
}

/// `text` as far as it may be shown, in whatever field it stands; `None` for nothing of it.
#[cold]
pub(crate) fn visible(text: &str) -> Option<Cow<'_, str>> {
    if text.len() < SHORTEST && !text.bytes().any(|byte| matches!(byte, b'@' | b'/')) {
        return Some(Cow::Borrowed(text));
    }
    if text.len() > LONGEST {
        // Only its beginning is ever shown, and that must not cost more the longer the text is.
        let beginning = text.as_bytes().get(..LONGEST).unwrap_or_default();
        let is_plain = |byte: &u8| !matches!(byte, b'/' | b'@' | b'-' | b'.' | b':' | b'=');
        return beginning
            .iter()
            .all(is_plain)
            .then_some(Cow::Borrowed(text));
    }
    if holds_private_key(text) || holds_web_token(text) || holds_authorization(text) {
        None
    } else if has_hidden_part(text) {
        redemption_url::printable(text).map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(text))
    }
}

/// True for a URL with something in it that is not shown, and for `name:password@host`.
fn has_hidden_part(text: &str) -> bool {
    let is_url = text
        .split_once("//")
        .is_some_and(|(_, rest)| rest.bytes().any(|byte| matches!(byte, b'@' | b'?' | b'#')));
    let mut is_named = false;
    is_url
        || text.bytes().any(|byte| {
            is_named = byte == b':' || is_named && !byte.is_ascii_whitespace();
            is_named && byte == b'@'
        })
}

/// True where a JSON Web Token stands in the text: an object in base64 and two parts more.
/// Source: RFC 7519 section 3.1.
fn holds_web_token(text: &str) -> bool {
    let is_in_token =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut words = text.as_bytes().split(|byte| !is_in_token(byte));
    words.any(|word| word.starts_with(b"eyJ") && word.split(|byte| *byte == b'.').count() == 3)
}

/// True where a value of the header `Authorization` stands in the text.
///
/// Source: RFC 7617, RFC 6750.
fn holds_authorization(text: &str) -> bool {
    ["Basic ", "Bearer ", "bearer "]
        .iter()
        .any(|scheme| text.contains(scheme))
}

/// Shorter text, in bytes, is no key and no token: most names and values need no search.
const SHORTEST: usize = 20;

/// Longest text, in bytes, that is searched for credentials. In longer text whatever could be part of
/// one hides it.
const LONGEST: usize = 4096;

/// Whatever the case: `Code` is a slip for `code`.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET_FIELDS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// The name of a value's JSON type, as Kubernetes prints it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_credential_is_not_shown_in_whatever_text_it_stands() {
        let key = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----";
        let table = [
            ("plain", "1 day", Some("1 day")),
            (
                "a mail address",
                "jane@example.com",
                Some("jane@example.com"),
            ),
            (
                "behind a key",
                "owner: jane@example.com",
                Some("owner: jane@example.com"),
            ),
            ("a password", "https://u:canary@h/x", Some("https://h/x")),
            ("a password without a scheme", "u:canary@h/x", None),
            (
                "a password without a name of a scheme",
                "//u:canary@h/x",
                None,
            ),
            ("a password in a sentence", "see https://u:canary@h/x", None),
            ("a query", "https://h/x?canary", Some("https://h/x")),
            ("a private key", key, None),
            (
                "a web token",
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln",
                None,
            ),
            (
                "a web token in a sentence",
                "Bearer eyJhbGciOiJub25lIn0.eyJ9.c2ln",
                None,
            ),
            ("a bearer's token", "Bearer canarycanarycanary", None),
            ("a header", "Authorization: Basic Y2FuYXJ5", None),
            ("dots", "eyJ.example", Some("eyJ.example")),
        ];
        for (name, text, expected) in table {
            assert_eq!(visible(text).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_value_is_shown_as_far_as_it_may_be() {
        let cases = [
            ("/spec/linkCost", json!(3), Some("3")),
            ("/spec/expirationWindow", json!("1 day"), Some("\"1 day\"")),
            ("/spec/expirationWindow", json!(["15m"]), Some("\"array\"")),
            ("/spec/code", json!("canary"), Some("\"***\"")),
            ("/spec/code", json!({"a": "canary"}), Some("\"***\"")),
            (
                "/spec/url",
                json!("https://u:canary@h/x?canary"),
                Some("\"https://h/x\""),
            ),
            ("/spec/url", json!("canary"), None),
            (
                "/spec/audiences",
                json!("https://u:canary@h/x"),
                Some("\"https://h/x\""),
            ),
            ("/spec/audiences", json!("https://u:canary@h x"), None),
            (
                "/spec/audiences",
                json!("https://h/x y"),
                Some("\"https://h/x y\""),
            ),
        ];
        for (pointer, value, expected) in cases {
            let path = FieldPath::from_pointer(pointer);
            assert_eq!(
                shown(&path, &value).as_deref(),
                expected,
                "{pointer} {value}"
            );
        }
    }
}
