//! The one rule of redaction, for everything that leaves the crate apart from the object itself:
//! messages, logs, diffs, share links.
//!
//! The values of `code`, `ca` and `token`, in spec and status, are never shown. A URL is shown
//! without user information, query and fragment, and not at all when it cannot be read. In a copy of an
//! object the spec's fields that nobody knows are hidden, too: `cod` is a slip for `code`.

use serde_json::{Map, Value};

use crate::path::FieldPath;
use crate::printable::printable;
use crate::value::redemption_url;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Fields whose value is a secret, or may hold one by mistake (a private key in `ca`).
const SECRET_FIELDS: [&str; 3] = ["code", "ca", "token"];

/// What a spec has in some kind. Any other field may be one of the secrets, misspelled.
const SPEC_FIELDS: [&str; 11] = [
    "redemptionsAllowed",
    "expirationWindow",
    "code",
    "issuer",
    "settings",
    "url",
    "ca",
    "linkCost",
    "audiences",
    "expirationSeconds",
    "boundObjectRef",
];

/// The annotation in which `kubectl apply` keeps the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `value`, which stands at `path`, as a message may show it: text in quotes and cut at 64
/// characters, numbers and booleans as they are, objects and lists by the name of their type.
/// `None` for a URL that cannot be read.
#[must_use]
pub fn shown(path: &FieldPath, value: &Value) -> Option<String> {
    if path.names().any(is_secret) {
        return Some(format!("\"{HIDDEN}\""));
    }
    match value {
        Value::String(text) if path.names().any(|name| name == "url") || hides(text) => {
            redemption_url::printable(text).map(|url| format!("\"{}\"", printable(&url)))
        }
        Value::String(text) => Some(format!("\"{}\"", printable(text))),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => Some(format!("\"{}\"", type_name(value))),
    }
}

/// A copy of an AccessGrant, an AccessToken or a TokenRequest in which every secret is `***`,
/// ready to be printed or shared.
#[must_use]
pub fn redacted(object: &Value) -> Value {
    match object {
        Value::Object(fields) => Value::Object(redacted_fields(fields)),
        Value::Array(elements) => Value::Array(elements.iter().map(redacted).collect()),
        Value::String(text) if hides(text) => without_secrets(text),
        scalar => scalar.clone(),
    }
}

fn redacted_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), redacted_field(name, value)))
        .collect()
}

fn redacted_field(name: &str, value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if is_secret(name) => HIDDEN.into(),
        Value::Object(fields) if name == "spec" => Value::Object(redacted_spec(fields)),
        Value::String(text) if name == "url" => without_secrets(text),
        // The annotation repeats the spec; text that is no object could hold anything.
        Value::String(text) if name == LAST_APPLIED => match serde_json::from_str::<Value>(text) {
            Ok(object @ Value::Object(_)) => redacted(&object).to_string().into(),
            _ => HIDDEN.into(),
        },
        other => redacted(other),
    }
}

fn redacted_spec(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut spec = redacted_fields(fields);
    for (name, value) in &mut spec {
        if !SPEC_FIELDS.contains(&name.as_str()) && !value.is_null() {
            *value = HIDDEN.into();
        }
    }
    spec
}

fn without_secrets(url: &str) -> Value {
    redemption_url::printable(url)
        .unwrap_or_else(|| HIDDEN.to_owned())
        .into()
}

/// True for a URL, in whatever field, with something in it that is not shown.
fn hides(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.contains(['@', '?', '#']))
}

/// Whatever the case: `Code` is a slip for `code`.
fn is_secret(name: &str) -> bool {
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
    use crate::access_grant::AccessGrant;
    use crate::access_token::AccessToken;
    use crate::kind;
    use crate::token_request::TokenRequest;

    #[test]
    fn a_redacted_object_keeps_its_shape_and_loses_its_secrets() {
        let applied = r#"{"spec":{"code":"canary","linkCost":2}}"#;
        let object = json!({
            "metadata": {"name": "west", "annotations": {LAST_APPLIED: applied, "note": "kept"}},
            "spec": {"code": "canary", "ca": ["canary"], "url": "https://canary@east.example/x?canary#canary", "linkCost": 2,
                "audiences": ["https://u:canary@vault.example", "https://vault.example/a b"]},
            "status": {"code": "canary", "ca": "canary", "token": "canary", "url": "canary", "redemptions": 1}
        });
        let expected = json!({
            "metadata": {"name": "west", "annotations": {
                LAST_APPLIED: r#"{"spec":{"code":"***","linkCost":2}}"#, "note": "kept"}},
            "spec": {"code": "***", "ca": "***", "url": "https://east.example/x", "linkCost": 2,
                "audiences": ["https://vault.example", "https://vault.example/a b"]},
            "status": {"code": "***", "ca": "***", "token": "***", "url": "***", "redemptions": 1}
        });
        assert_eq!(redacted(&object), expected);
    }

    #[test]
    fn a_field_that_no_spec_has_is_hidden_whole() {
        let object =
            json!({"spec": {"cod": "canary", "crt": {"a": "canary"}, "linkCost": 2, "x": null}});
        let expected = json!({"spec": {"cod": "***", "crt": "***", "linkCost": 2, "x": null}});
        assert_eq!(redacted(&object), expected);
    }

    #[test]
    fn every_field_of_every_kind_is_known_here() {
        for field in kind::field_names::<AccessGrant>()
            .into_iter()
            .chain(kind::field_names::<AccessToken>())
            .chain(kind::field_names::<TokenRequest>())
        {
            assert!(SPEC_FIELDS.contains(&field), "{field}");
        }
    }

    #[test]
    fn an_unreadable_annotation_is_hidden_whole() {
        let object = json!({"metadata": {"annotations": {LAST_APPLIED: "code: canary"}}});
        let expected = json!({"metadata": {"annotations": {LAST_APPLIED: "***"}}});
        assert_eq!(redacted(&object), expected);
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
