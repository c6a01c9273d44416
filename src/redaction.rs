//! The one rule of redaction, for everything that leaves the crate apart from the object itself:
//! messages, logs, diffs, share links.
//!
//! The values of `code`, `ca`, `token` and `password`, in spec and status, are never shown. A URL is
//! shown without user information, query and fragment, and not at all when it cannot be read. A private
//! key, a JSON Web Token and an `Authorization` are not shown, wherever they stand: in names of objects and of fields as in
//! values. In a copy of an object the fields that nobody knows are hidden, too: `cod` is a slip for
//! `code`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::path::FieldPath;
use crate::printable::escaped;
use crate::value::certificate::holds_private_key;
use crate::value::redemption_url;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Fields whose value is a secret, or may hold one by mistake (a private key in `ca`).
const SECRET_FIELDS: [&str; 4] = ["code", "ca", "token", "password"];

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

/// What an object of any kind has.
/// Source: kubernetes apimachinery pkg/apis/meta/v1, `TypeMeta`.
pub(crate) const OBJECT_FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What `metadata` has. Source: kubernetes apimachinery pkg/apis/meta/v1, `ObjectMeta`.
pub(crate) const METADATA_FIELDS: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The annotation in which `kubectl apply` keeps the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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

/// True where a name in the path may not be shown as it is.
pub(crate) fn hides_name(path: &FieldPath) -> bool {
    path.names()
        .any(|name| visible(name).is_none_or(|shown| shown != name))
}

/// A copy of `value`, which stands at `path`, without what may not be shown.
pub(crate) fn redacted_at(path: &FieldPath, value: &Value) -> Value {
    match path.names().last() {
        Some(name) => redacted_field(name, value),
        None => redacted(value),
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

/// A copy of an AccessGrant, an AccessToken or a TokenRequest in which every secret is `***`,
/// ready to be printed or shared.
#[must_use]
pub fn redacted(object: &Value) -> Value {
    match object {
        Value::Object(fields) if is_ours(fields) => Value::Object(redacted_object(fields)),
        Value::Object(fields) => Value::Object(redacted_fields(fields)),
        Value::Array(elements) => Value::Array(elements.iter().map(redacted).collect()),
        Value::String(text) => match visible(text) {
            Some(Cow::Borrowed(_)) => object.clone(),
            shown => shown.as_deref().unwrap_or(HIDDEN).into(),
        },
        scalar => scalar.clone(),
    }
}

fn is_ours(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("kind").and_then(Value::as_str);
    matches!(kind, Some("AccessGrant" | "AccessToken" | "TokenRequest"))
}

fn redacted_object(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut object = redacted_fields(fields);
    hide_others(&mut object, |name| {
        OBJECT_FIELDS.contains(&name) || SPEC_FIELDS.contains(&name)
    });
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        hide_others(metadata, |name| METADATA_FIELDS.contains(&name));
    }
    object
}

/// Hides the fields that nobody knows.
fn hide_others(fields: &mut Map<String, Value>, is_known: impl Fn(&str) -> bool) {
    for (name, value) in fields {
        if !is_known(name) && !value.is_null() {
            *value = HIDDEN.into();
        }
    }
}

fn redacted_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .iter()
        .map(|(name, value)| {
            let shown = visible(name).map_or_else(|| HIDDEN.to_owned(), Cow::into_owned);
            (shown, redacted_field(name, value))
        })
        .collect()
}

fn redacted_field(name: &str, value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if is_secret(name) => HIDDEN.into(),
        Value::Object(fields) if name == "spec" => {
            let mut spec = redacted_fields(fields);
            hide_others(&mut spec, |name| SPEC_FIELDS.contains(&name));
            Value::Object(spec)
        }
        Value::String(text) if name == "url" => redemption_url::printable(text)
            .unwrap_or_else(|| HIDDEN.to_owned())
            .into(),
        // The annotation repeats the spec; text that is no object could hold anything.
        Value::String(text) if name == LAST_APPLIED => match serde_json::from_str::<Value>(text) {
            Ok(object @ Value::Object(_)) => redacted(&object).to_string().into(),
            _ => HIDDEN.into(),
        },
        other => redacted(other),
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
    fn a_name_with_a_credential_in_it_is_hidden() {
        let object = json!({"metadata": {"labels": {"u:canary@h": "x", "site": "west"}}});
        let expected = json!({"metadata": {"labels": {"***": "x", "site": "west"}}});
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
    fn fields_beside_spec_and_in_metadata_that_no_object_has_are_hidden_whole() {
        let object = json!({"kind": "AccessToken", "specs": {"cod": "canary"}, "linkCost": 2,
            "metadata": {"name": "west", "secret": "canary"}, "spec": {}});
        let expected = json!({"kind": "AccessToken", "specs": "***", "linkCost": 2,
            "metadata": {"name": "west", "secret": "***"}, "spec": {}});
        assert_eq!(redacted(&object), expected);
    }

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
