//! No key of the settings is without effect: what is accepted changes an answer, and what changes none
//! is refused. A policy whose limits are not read says nothing and lets everything pass.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use skupper_access_policy::admission_request;
use skupper_access_policy::settings::{SETTINGS, Settings};
use skupper_access_policy::{catalogue, review_payload};

#[test]
fn every_key_of_the_table_changes_an_answer() {
    let effects = effects();
    let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let rows: Vec<&str> = effects.iter().map(|(key, _)| *key).collect();
    assert_eq!(
        rows, keys,
        "one row for each key, in the order of the table"
    );
    for (key, value) in effects {
        let path: Vec<&str> = key.split('.').collect();
        assert!(changes_an_answer(&path, &value), "{key}: {value}");
    }
}

#[test]
fn every_key_of_the_table_is_refused_at_the_root_with_its_dot() {
    for (key, value) in effects() {
        let Some((group, name)) = key.split_once('.') else {
            continue;
        };
        for value in [value, json!("nonsense"), Value::Null] {
            let settings = json!({key: value});
            let refused = Settings::read(&settings).unwrap_err().to_string();
            assert_eq!(
                refused,
                format!(
                    "settings are not valid: {key}: Forbidden: unknown setting with a dot: \
                     write {group}: {{{name}: ...}}"
                )
            );
        }
    }
}

proptest! {
    #[test]
    fn every_path_of_a_settings_tree_is_refused_or_changes_an_answer(
        tree in prop::collection::vec((path(), value()), 1..4),
    ) {
        for (path, value) in &tree {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let is_refused = Settings::read(&nest(&path, value)).is_err();
            prop_assert!(
                is_refused || is_default(&path, value) || changes_an_answer(&path, value),
                "{path:?}: {value}"
            );
        }
    }
}

/// A value for each key that no administrator gets by default.
fn effects() -> Vec<(&'static str, Value)> {
    vec![
        ("defaulting", json!(false)),
        ("rules", json!({"token-ca-missing": "deny"})),
        ("accessGrant.defaultRedemptionsAllowed", json!(7)),
        ("accessGrant.maxRedemptionsAllowed", json!(7)),
        ("accessGrant.defaultExpirationWindow", json!("20m")),
        ("accessGrant.minExpirationWindow", json!("20m")),
        ("accessGrant.maxExpirationWindow", json!("20m")),
        ("accessGrant.overlong", json!("clamp")),
        ("accessGrant.rewriteWindows", json!(true)),
        ("accessGrant.minCodeLength", json!(7)),
        ("accessGrant.allowedIssuers", json!(["a.example"])),
        ("accessToken.defaultLinkCost", json!(7)),
        ("accessToken.maxLinkCost", json!(7)),
        ("accessToken.allowedHosts", json!(["a.example"])),
        ("accessToken.deniedHosts", json!(["a.example"])),
        ("accessToken.reservedNames", json!(["a.example"])),
        ("tokenRequest.defaultAudiences", json!(["a.example"])),
        ("tokenRequest.allowedAudiences", json!(["a.example"])),
        ("tokenRequest.apiServerAudiences", json!(["a.example"])),
        ("tokenRequest.maxExpirationSeconds", json!(7200)),
        ("tokenRequest.overlong", json!("clamp")),
        ("tokenRequest.allowedBoundKinds", json!(["v1/Node"])),
        ("tokenRequest.exemptUsernames", json!(["a.example"])),
        ("tokenRequest.exemptGroups", json!(["a.example"])),
    ]
}

/// The requests: each is one that some key decides.
fn requests() -> Vec<Value> {
    let object = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "skupper.io/v2alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let grant = |spec: Value| admission_request(object("AccessGrant", "west", spec), None, None);
    let token = |name: &str, host: &str| {
        let spec = json!({
            "url": format!("https://{host}/a"), "code": "0123456789abcdef", "linkCost": 2_147_483_647});
        admission_request(object("AccessToken", name, spec), None, None)
    };
    let ask = |user: &str, spec: Value| {
        let object = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": {"name": "web"}, "spec": spec});
        let user = json!({"username": user, "groups": [user]});
        admission_request(object, None, Some(user))
    };
    let bound = |kind: &str| json!({"apiVersion": "v1", "kind": kind, "name": "web-1"});
    vec![
        grant(json!({})),
        grant(json!({"redemptionsAllowed": 2_147_483_647, "expirationWindow": "9000h"})),
        grant(json!({"expirationWindow": "1m", "issuer": "west-ca"})),
        grant(json!({"expirationWindow": "1 day"})),
        grant(json!({"code": "ten-bytes."})),
        grant(json!({"code": "twenty-bytes-of-code"})),
        token("west", "a.example"),
        token("west", "east.example"),
        token("skupper-router", "east.example"),
        token("a.example", "east.example"),
        admission_request(
            object(
                "AccessToken",
                "west",
                json!({"url": "https://east.example/a", "code": "0123456789abcdef"}),
            ),
            None,
            None,
        ),
        ask("u", json!({})),
        ask("a.example", json!({"audiences": [""]})),
        ask("v1/Node", json!({"audiences": [""]})),
        ask(
            "u",
            json!({"audiences": ["vault"], "expirationSeconds": 4_294_967_296_i64}),
        ),
        ask(
            "u",
            json!({"audiences": ["vault"], "expirationSeconds": 3607, "boundObjectRef": bound("Pod")}),
        ),
        ask(
            "u",
            json!({"audiences": ["vault"], "boundObjectRef": bound("Node")}),
        ),
    ]
}

/// Settings beside which some keys have an effect that they have not alone.
fn others() -> [Value; 3] {
    [
        json!({}),
        json!({"accessGrant": {"maxExpirationWindow": "1h"}}),
        json!({"tokenRequest": {"allowedAudiences": ["https://kubernetes.default.svc*"]}}),
    ]
}

/// True when some request is answered otherwise with this value, beside some other settings.
fn changes_an_answer(path: &[&str], value: &Value) -> bool {
    others().into_iter().any(|without| {
        let mut with = without.clone();
        merge(&mut with, nest(path, value));
        let is_accepted = Settings::read(&with).is_ok();
        let answer = |request: &Value, settings: &Value| {
            let payload = json!({"request": request, "settings": settings}).to_string();
            review_payload(payload.as_bytes(), test_support::now())
        };
        let mut requests = requests().into_iter();
        is_accepted && requests.any(|request| answer(&request, &without) != answer(&request, &with))
    })
}

/// The settings that hold nothing but this value.
fn nest(path: &[&str], value: &Value) -> Value {
    let around = |inner: Value, name: &&str| json!({*name: inner});
    path.iter().rev().fold(value.clone(), around)
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// True for what holds anyhow.
fn is_default(path: &[&str], value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match path {
        ["rules", code] => catalogue::find(code).is_some_and(|rule| rule.severity.name() == text),
        path => {
            let key = path.join(".");
            let mut settings = SETTINGS.iter();
            settings.any(|setting| setting.key == key && setting.default == text)
        }
    }
}

/// A path that is right, or nearly so.
fn path() -> impl Strategy<Value = Vec<String>> {
    let keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let names: Vec<&str> = keys.iter().flat_map(|key| key.split('.')).collect();
    let some_codes = ["token-ca-missing", "grant-code-inline", "wrong-type"];
    let nested = |key: &str| key.split('.').map(str::to_owned).collect::<Vec<_>>();
    let any_name = prop_oneof![
        4 => select(names).prop_map(str::to_owned),
        2 => select(keys.clone()).prop_map(str::to_owned),
        1 => select(some_codes.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z.]{0,6}",
    ];
    prop_oneof![
        4 => select(keys.clone()).prop_map(nested),
        2 => select(keys.clone()).prop_map(|key| vec![key.to_owned()]),
        1 => select(keys).prop_map(move |key| nested(&key.to_lowercase())),
        1 => select(some_codes.to_vec()).prop_map(|code| vec!["rules".to_owned(), code.to_owned()]),
        4 => prop::collection::vec(any_name, 1..4),
    ]
}

/// Something to write there; whatever key takes it, it says something.
fn value() -> impl Strategy<Value = Value> {
    select(vec![
        json!(true),
        json!(false),
        json!(7),
        json!(7200),
        json!(1.5),
        json!("20m"),
        json!("clamp"),
        json!("warn"),
        json!("deny"),
        json!("allow"),
        json!(["a.example"]),
        json!(["v1/Node"]),
        json!([7]),
        json!({"token-ca-missing": "deny"}),
        json!({"a": 1}),
    ])
}
