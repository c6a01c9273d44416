//! Values of the wrong JSON type: refused, and never an error of the server.

use cluster_tests::Kind::{AccessGrant, AccessToken};
use cluster_tests::{Answer, Kind, Order};
use serde_json::{Value, json};

use crate::{admin, done, refused};

#[tokio::test]
async fn no_value_of_any_type_in_any_field_is_an_error_of_the_server() {
    let (_cluster, user) = admin("json-types").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let fields = [
        (AccessGrant, "redemptionsAllowed", "integer"),
        (AccessGrant, "expirationWindow", "string"),
        (AccessGrant, "code", "string"),
        (AccessGrant, "issuer", "string"),
        (AccessGrant, "settings", "object"),
        (AccessToken, "url", "string"),
        (AccessToken, "code", "string"),
        (AccessToken, "ca", "string"),
        (AccessToken, "linkCost", "integer"),
        (AccessToken, "settings", "object"),
    ];
    for kind in [AccessGrant, AccessToken] {
        let good = kind.object("good", Some(spec(kind)));
        done(user.create(kind, &good).await.unwrap());
    }
    for (kind, field, right) in fields {
        for value in values() {
            let mut spec = spec(kind);
            spec[field] = value.clone();
            let patch = json!({"spec": {field: value}});
            for answer in [
                user.dry_run(kind, &kind.object("west", Some(spec))).await,
                user.merge(kind, "good", &patch).await,
            ] {
                let (answer, case) = (answer.unwrap(), format!("{field}: {value}"));
                assert!(answer.code < 500, "{case}: {answer:?}");
                if !is_a(&value, right) {
                    is_refused_by_type(&answer, &case);
                }
            }
        }
    }
    for value in values() {
        for kind in [AccessGrant, AccessToken] {
            let answer = user
                .dry_run(kind, &kind.object("west", Some(value.clone())))
                .await;
            let answer = answer.unwrap();
            assert!(answer.code < 500, "spec: {value}: {answer:?}");
        }
    }
}

/// The API server compares what is applied with the definition before it asks anybody.
#[tokio::test]
async fn a_wrong_type_in_a_server_side_apply_never_reaches_the_policy() {
    let (_cluster, user) = admin("json-types-apply").await;
    let policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let asked = policy.asked();
    for spec in [
        json!({"redemptionsAllowed": "3"}),
        json!({"expirationWindow": ["15m"]}),
    ] {
        let grant = AccessGrant.object("west", Some(spec));
        let answer = user.apply(AccessGrant, &grant).await.unwrap();
        let told = answer.message();
        assert!(
            told.starts_with("failed to create typed patch object"),
            "{answer:?}"
        );
    }
    assert_eq!(policy.asked(), asked);
}

#[tokio::test]
async fn no_token_request_is_an_error_of_the_server() {
    let (_cluster, user) = admin("json-types-token").await;
    let settings = json!({"tokenRequest": {
        "defaultAudiences": ["https://vault.example.com"],
        "maxExpirationSeconds": 3600,
        "overlong": "clamp",
    }});
    let _policy = Order::of_token_requests()
        .settings(settings)
        .deploy(&user)
        .await
        .unwrap();
    for field in ["audiences", "expirationSeconds", "boundObjectRef"] {
        for value in values() {
            let answer = user.token("app", &json!({field: value})).await.unwrap();
            assert!(answer.code < 500, "{field}: {value}: {answer:?}");
        }
    }
    for spec in values() {
        let answer = user.token("app", &spec).await.unwrap();
        assert!(answer.code < 500, "{spec}: {answer:?}");
    }
}

/// The API server refuses some before it asks: unknown fields below a field that is no object.
fn is_refused_by_type(answer: &Answer, case: &str) {
    if answer.message().contains("strict decoding error") {
        return;
    }
    let told = refused(answer);
    assert!(told.contains(": must be a"), "{case}: {told}");
}

fn spec(kind: Kind) -> Value {
    match kind {
        AccessGrant => json!({}),
        AccessToken => json!({
            "url": "https://a.example/1",
            "code": "0123456789abcdef",
            "ca": include_str!("../../../certificates/p256.pem"),
        }),
    }
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(3),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("text"),
        json!([]),
        json!(["15m"]),
        json!([[1]]),
        json!({}),
        json!({"a": "b"}),
        json!({"a": 1}),
        json!({"a": ["b"]}),
    ]
}

/// True when a value may be told to have the type: what is wrong with it then is not the type.
fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "integer" => value.is_null() || value.is_number(),
        "string" => value.is_null() || value.is_string(),
        _ => {
            let is_text =
                |entries: &serde_json::Map<_, Value>| entries.values().all(Value::is_string);
            value.is_null() || value.as_object().is_some_and(is_text)
        }
    }
}
