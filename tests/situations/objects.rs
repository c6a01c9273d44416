//! Objects, statuses and users that the situations share.

use serde_json::{Value, json};

/// Texts that no answer may repeat: a part of every code, and of the CA.
pub(crate) const SECRETS: [&str; 3] = ["canary", "MII", "bm90IGEga2V5"];

pub(crate) const CODE: &str = "canary-Xs7qLm2vRt9KpW4cZb8NfY3d";
pub(crate) const OTHER_CODE: &str = "canary-Qw3eRt5yUi7oPa9sDf1gHj2k";
pub(crate) const URL: &str = "https://grants.east.example:9090/0d8e5a4c";
pub(crate) const CA: &str = include_str!("../certificates/p256.pem");

pub(crate) fn grant(spec: Value) -> Value {
    object("AccessGrant", spec)
}

pub(crate) fn token(spec: Value) -> Value {
    object("AccessToken", spec)
}

/// The spec of a token that no rule refuses, and that needs no default.
pub(crate) fn token_spec() -> Value {
    json!({"url": URL, "code": CODE, "ca": CA, "linkCost": 2})
}

/// The object with other fields in its spec; `null` takes one away.
pub(crate) fn changed(mut object: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("changes are the fields of an object");
    };
    for (name, value) in fields {
        match value {
            Value::Null => drop(object["spec"].as_object_mut().unwrap().remove(&name)),
            value => object["spec"][name] = value,
        }
    }
    object
}

pub(crate) fn with_status(mut object: Value, status: Value) -> Value {
    object["status"] = status;
    object
}

/// The status that Skupper's controller writes once a grant is Ready.
pub(crate) fn grant_status() -> Value {
    json!({
        "status": "Ready", "message": "OK", "redemptions": 0,
        "code": CODE, "url": URL, "ca": CA,
        "expirationTime": "2026-11-22T00:15:00Z",
        "conditions": [{"type": "Ready", "status": "True"}]
    })
}

pub(crate) fn expired_grant_status() -> Value {
    let mut status = grant_status();
    status["expirationTime"] = "2026-11-21T23:59:59Z".into();
    status
}

pub(crate) fn redeemed() -> Value {
    json!({"redeemed": true, "status": "Ready"})
}

/// The status that Skupper's controller writes once it has the certificate, on versions that use conditions.
pub(crate) fn redeemed_by_condition() -> Value {
    json!({"conditions": [
        {"type": "Configured", "status": "True"},
        {"type": "Redeemed", "status": "True"}
    ]})
}

pub(crate) fn skupper_controller() -> Value {
    service_account("skupper", "skupper-controller")
}

pub(crate) fn service_account(namespace: &str, name: &str) -> Value {
    json!({
        "username": format!("system:serviceaccount:{namespace}:{name}"),
        "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{namespace}"),
            "system:authenticated"]
    })
}

pub(crate) fn user(name: &str, groups: &[&str]) -> Value {
    json!({"username": name, "groups": groups})
}

fn object(kind: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "skupper.io/v2alpha1",
        "kind": kind,
        "metadata": {"name": "west", "namespace": "shop"}
    });
    if !spec.is_null() {
        object["spec"] = spec;
    }
    object
}
