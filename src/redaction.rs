//! The one rule of redaction, for everything that leaves the crate apart from the object itself:
//! messages, logs, diffs, share links.
//!
//! The values of `code`, `ca`, `token` and `password`, in spec and status, are never shown. A URL is
//! shown without user information, query and fragment, and not at all when it cannot be read. A private
//! key, a JSON Web Token and an `Authorization` are not shown, wherever they stand: in names of objects and of fields as in
//! values. In a copy of an object the fields that nobody knows are hidden, too: `cod` is a slip for
//! `code`.

pub(crate) mod text;

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::catalogue::KINDS;
use crate::kind::{METADATA_FIELDS, OBJECT_FIELDS};
use crate::path::FieldPath;
use crate::value::redemption_url;
pub use text::shown;
use text::{HIDDEN, is_secret, visible};

/// The annotation in which `kubectl apply` keeps the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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
    KINDS.iter().any(|ours| Some(ours.gvk.kind) == kind)
}

/// True for a field of some kind's spec. Any other may be one of the secrets, misspelled.
fn is_spec_field(name: &str) -> bool {
    KINDS.iter().any(|kind| kind.has_field(name))
}

fn redacted_object(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut object = redacted_fields(fields);
    hide_others(&mut object, |name| {
        OBJECT_FIELDS.contains(&name) || is_spec_field(name)
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
            hide_others(&mut spec, is_spec_field);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
    fn an_unreadable_annotation_is_hidden_whole() {
        let object = json!({"metadata": {"annotations": {LAST_APPLIED: "code: canary"}}});
        let expected = json!({"metadata": {"annotations": {LAST_APPLIED: "***"}}});
        assert_eq!(redacted(&object), expected);
    }
}
