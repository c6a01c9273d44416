//! Which requests are judged at all.

use serde_json::{Value, json};
use skupper_access_policy::review_payload;

use crate::objects::{CODE, grant, grant_status, token, token_spec, with_status};
use crate::step::Action::{Create, Delete, Patch, Raw, Status};
use crate::step::Situation;

pub(crate) fn situations() -> Vec<Situation> {
    let mut situations = not_judged();
    situations.extend(not_covered());
    situations.extend(wrong_settings());
    situations
}

/// A request for an object that every rule would refuse.
fn request(operation: &str, sub_resource: Value, object: Value) -> Value {
    json!({
        "kind": {"group": "skupper.io", "version": "v2alpha1", "kind": "AccessGrant"},
        "resource": {"group": "skupper.io", "version": "v2alpha1", "resource": "accessgrants"},
        "subResource": sub_resource,
        "name": "west",
        "operation": operation,
        "object": object,
        "oldObject": Value::Null,
    })
}

fn broken() -> Value {
    grant(json!({"expirationWindow": ["15m"], "redemptionsAllowed": 0, "code": "canary\n"}))
}

fn not_judged() -> Vec<Situation> {
    let mut scale = request(
        "UPDATE",
        "scale".into(),
        json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": 2}}),
    );
    scale["kind"] = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    vec![
        Situation::new(
            "a deleted object is not judged",
            [
                Delete.step(),
                Create(broken()).step().refused(&[
                    "wrong-type",
                    "grant-redemptions-range",
                    "grant-code-format",
                ]),
            ],
        )
        .storing(with_status(broken(), grant_status())),
        Situation::new(
            "CONNECT is not judged",
            [
                Raw(request("CONNECT", Value::Null, Value::Null)).step(),
                Raw(request(
                    "CONNECT",
                    "exec".into(),
                    json!({"kind": "PodExecOptions"}),
                ))
                .step(),
            ],
        ),
        Situation::new("a scale is not judged", [Raw(scale).step()]),
        Situation::new(
            "a status is not judged, whatever the object",
            [
                Status(json!({"expirationTime": ["2026-11-22T00:15:00Z"]})).step(),
                Status(json!({"code": CODE, "redeemed": "yes"})).step(),
            ],
        )
        .storing(broken()),
        Situation::new(
            "no other subresource is judged either",
            [
                Raw(request("CREATE", "token".into(), broken())).step(),
                Raw(request("UPDATE", "approve".into(), broken())).step(),
            ],
        ),
    ]
}

fn not_covered() -> Vec<Situation> {
    let of = |api_version: &str, kind: &str| {
        let mut object = token(json!({"code": "canary\n", "expirationWindow": "1 day"}));
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object
    };
    let kinds = [
        of("skupper.io/v2alpha1", "Link"),
        of("skupper.io/v2alpha1", "Site"),
        of("skupper.io/v2alpha1", "AccessGrantList"),
        of("v1", "Secret"),
        of("example.com/v2alpha1", "AccessGrant"),
        of("example.com/v2alpha1", "AccessToken"),
        of("v1", "AccessGrant"),
        of("authentication.k8s.io/v1", "AccessGrant"),
        of("authentication.k8s.io/v1", "TokenReview"),
    ];
    kinds
        .into_iter()
        .map(|object| {
            Situation::new(
                format!(
                    "no rule is about {} {}",
                    object["apiVersion"], object["kind"]
                ),
                [
                    Create(object).step().not_covered(),
                    Patch(json!({"spec": {"code": "canary"}}))
                        .step()
                        .not_covered(),
                    Delete.step(),
                ],
            )
        })
        .collect()
}

fn wrong_settings() -> Vec<Situation> {
    let settings = [
        json!([]),
        json!("canary"),
        json!({"accessgrant": {}}),
        json!({"rules": {"grant-window-format": "warn"}}),
        json!({"rules": {"grant-window-frozen": "off"}}),
        json!({"tokenRequest": {"maxExpirationSeconds": 3607}}),
        json!({"defaulting": false, "tokenRequest": {"overlong": "clamp"}}),
        json!({"accessGrant": {"maxExpirationWindow": "1 month"}}),
    ];
    settings
        .into_iter()
        .map(|settings| {
            Situation::new(
                format!("settings that cannot be used answer everything with 500: {settings}"),
                [
                    Create(token(token_spec())).step().failed(500),
                    Create(broken()).step().failed(500),
                    Delete.step().failed(500),
                ],
            )
            .with(settings)
            .storing(grant(json!({})))
        })
        .collect()
}

#[test]
fn what_is_no_request_is_answered_with_400_and_not_repeated() {
    let object = broken();
    let payloads = [
        ("nothing", String::new()),
        ("no JSON", "canary".to_owned()),
        ("a text", r#""canary""#.to_owned()),
        ("no request", json!({"object": object}).to_string()),
        (
            "a text as request",
            json!({"request": "canary"}).to_string(),
        ),
        (
            "no kind",
            wrapped(&json!({"operation": "CREATE", "object": object})),
        ),
        (
            "no operation",
            wrapped(&json!({"kind": {"kind": "canary"}, "object": object})),
        ),
        (
            "an unknown operation",
            wrapped(&request("canary", Value::Null, object.clone())),
        ),
        (
            "a create without object",
            wrapped(&request("CREATE", Value::Null, Value::Null)),
        ),
        (
            "an update without object",
            wrapped(&request("UPDATE", Value::Null, "canary".into())),
        ),
        (
            "a number beyond doubles",
            r#"{"request": {"canary": 1e400}}"#.to_owned(),
        ),
        (
            "a lone surrogate",
            r#"{"request": {"canary": "\ud800"}}"#.to_owned(),
        ),
        (
            "deeper than 128 levels",
            format!("{}{}", "[".repeat(200), "]".repeat(200)),
        ),
    ];
    for (name, payload) in payloads {
        let refusal = review_payload(payload.as_bytes(), test_support::now())
            .refusal
            .unwrap();
        assert_eq!(refusal.code, 400, "{name}");
        assert!(
            !refusal.message.contains("canary"),
            "{name}: {}",
            refusal.message
        );
    }
}

fn wrapped(request: &Value) -> String {
    json!({"request": request, "settings": {}}).to_string()
}
