//! The origin of a request decides what is believed of its object: an API server, a scanner of stored
//! objects, or a tool that has a file.

#![expect(clippy::indexing_slicing, reason = "the requests are made here")]

use serde_json::{Value, json};
use skupper_access_policy::admission_request;
use skupper_access_policy::review_payload;

const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The codes of what is found where an API server, a scanner and a tool ask.
fn found(object: &Value, settings: &Value) -> [Vec<&'static str>; 3] {
    let user = json!({"username": "jane", "groups": ["system:authenticated"]});
    let origins = [
        ("5e2b", Some(user.clone())),
        ("5e2b", None),
        ("", Some(user)),
    ];
    origins.map(|(uid, user)| {
        let mut request = admission_request(object.clone(), None, user);
        request["uid"] = uid.into();
        let payload = json!({"request": request, "settings": settings}).to_string();
        let verdict = review_payload(payload.as_bytes(), test_support::now());
        verdict
            .findings
            .iter()
            .map(|finding| finding.code)
            .collect()
    })
}

fn grant(fields: &Value) -> Value {
    let mut grant = json!({
        "apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant",
        "metadata": {"name": "west"},
        "spec": {"redemptionsAllowed": 1, "expirationWindow": "15m"},
    });
    merge(&mut grant, fields);
    grant
}

fn token(fields: &Value) -> Value {
    let mut token = json!({
        "apiVersion": "skupper.io/v2alpha1", "kind": "AccessToken",
        "metadata": {"name": "west"},
        "spec": {"url": "https://grants.example:9090/x", "code": "yGjWKJmEJ4jRbz7BzZ2dnbQm",
            "ca": include_str!("certificates/expired.pem"), "linkCost": 1},
    });
    merge(&mut token, fields);
    token
}

fn merge(object: &mut Value, fields: &Value) {
    match (object, fields) {
        (Value::Object(object), Value::Object(fields)) => {
            for (name, field) in fields {
                merge(object.entry(name.clone()).or_insert(Value::Null), field);
            }
        }
        (place, value) => *place = value.clone(),
    }
}

#[test]
fn every_origin_gets_what_can_be_told_there() {
    let key = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----";
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {},
        "spec": {"audiences": ["https://vault.example.com"]},
        "status": {"token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln"},
    });
    let redeemed = json!({"status": {"redeemed": true}});
    let conditions = json!([{"type": "Redeemed", "status": "True"}]);
    let ended = "token-ca-expired";
    let table: [(&str, Value, [&[&str]; 3]); 9] = [
        ("nothing wrong", grant(&json!({})), [&[], &[], &[]]),
        (
            "a code in the status of a grant",
            grant(
                &json!({"status": {"code": "yGjWKJmEJ4jRbz7BzZ2dnbQm", "url": "https://g.example/x"}}),
            ),
            [&[], &[], &["live-credential"]],
        ),
        (
            "a token in the status of a request",
            request,
            [&[], &[], &["live-credential"]],
        ),
        (
            "a private key in an annotation",
            grant(&json!({"metadata": {"annotations": {"note": key}}})),
            [&[], &[], &["live-credential"]],
        ),
        (
            "a private key in what kubectl applied last",
            grant(
                &json!({"metadata": {"annotations": {APPLIED: json!({"key": key}).to_string()}}}),
            ),
            [&[], &[], &["live-credential"]],
        ),
        (
            "a field beside spec",
            grant(&json!({"specs": {}})),
            [&[], &[], &["unknown-field"]],
        ),
        (
            "a CA that ended",
            token(&json!({})),
            [&[ended], &[ended], &[ended]],
        ),
        // Whoever creates a token may write any status.
        (
            "of a redeemed token",
            token(&redeemed),
            [&[ended], &[], &[ended]],
        ),
        (
            "of one that a condition calls redeemed",
            token(&json!({"status": {"conditions": conditions}})),
            [&[ended], &[], &[ended]],
        ),
    ];
    for (name, object, expected) in table {
        assert_eq!(found(&object, &json!({})), expected, "{name}");
    }
}

#[test]
fn a_status_in_a_create_gets_past_no_rule() {
    let deny = json!({"rules": {"token-ca-expired": "deny"}});
    let [by_user, ..] = found(&token(&json!({"status": {"redeemed": true}})), &deny);
    assert_eq!(by_user, ["token-ca-expired"]);
}
