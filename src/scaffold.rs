//! The admission request around an object, for tools that have only the object.

use serde_json::{Value, json};

use crate::catalogue;

/// The AdmissionRequest that an API server would send for `object`, but without a uid, so that it is
/// known for a request about a file: UPDATE when there is an old one, CREATE otherwise; a TokenRequest
/// goes to the `token` subresource of a ServiceAccount. `user` is a `userInfo`, with `username` and
/// `groups`.
#[must_use]
pub fn admission_request(object: Value, old_object: Option<Value>, user: Option<Value>) -> Value {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (group, version) = match text("/apiVersion").split_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), text("/apiVersion").to_owned()),
    };
    let kind = text("/kind").to_owned();
    let subresource = catalogue::kind(&group, &kind).and_then(|kind| kind.subresource);
    let plural = format!("{}s", kind.to_ascii_lowercase());
    let resource = match subresource {
        Some((resource, _)) => json!({"group": "", "version": "v1", "resource": resource}),
        None => json!({"group": group, "version": version, "resource": plural}),
    };
    let fields = [
        ("uid", Value::from("")),
        (
            "kind",
            json!({"group": group, "version": version, "kind": kind}),
        ),
        ("resource", resource),
        ("subResource", subresource.map(|(_, name)| name).into()),
        ("name", text("/metadata/name").into()),
        ("namespace", text("/metadata/namespace").into()),
        (
            "operation",
            if old_object.is_some() {
                "UPDATE"
            } else {
                "CREATE"
            }
            .into(),
        ),
        ("userInfo", user.unwrap_or_default()),
        ("oldObject", old_object.unwrap_or_default()),
        ("object", object),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
