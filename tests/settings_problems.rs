//! What is wrong with settings, in the words an administrator reads.

use serde_json::{Value, json};
use skupper_access_policy::settings::Settings;

fn problems(settings: &Value) -> String {
    match Settings::read(settings) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn a_contradiction_is_refused_with_the_limit_that_it_breaks() {
    let table = [
        (
            "a default below the only limit",
            json!({"accessGrant": {"defaultExpirationWindow": "5m", "minExpirationWindow": "10m"}}),
            "accessGrant.defaultExpirationWindow: Invalid value: \"5m\": must be at least accessGrant.minExpirationWindow",
        ),
        (
            "a default above the only limit",
            json!({"accessGrant": {"defaultExpirationWindow": "5h", "maxExpirationWindow": "10m"}}),
            "accessGrant.defaultExpirationWindow: Invalid value: \"5h\": must be at most accessGrant.maxExpirationWindow",
        ),
        (
            "limits the wrong way round",
            json!({"accessGrant": {"minExpirationWindow": "2h", "maxExpirationWindow": "1h"}}),
            "accessGrant.minExpirationWindow: Invalid value: \"2h\": must be at most accessGrant.maxExpirationWindow",
        ),
        (
            "default audiences that are not allowed",
            json!({"tokenRequest": {"defaultAudiences": ["a"], "allowedAudiences": ["b*"]}}),
            "tokenRequest.defaultAudiences: Invalid value: \"array\": must be matched by tokenRequest.allowedAudiences",
        ),
        (
            "default audiences that the rules would find twice",
            json!({"tokenRequest": {"defaultAudiences": ["a", "b", "a"]}}),
            "tokenRequest.defaultAudiences: Invalid value: \"array\": must name each audience once",
        ),
        (
            "the lifetime that is extended to a year, as a double",
            json!({"tokenRequest": {"maxExpirationSeconds": 3607.0, "overlong": "clamp"}}),
            "tokenRequest.maxExpirationSeconds: Invalid value: 3607.0: may not be 3607",
        ),
        (
            "a word that is none of the choice",
            json!({"tokenRequest": {"overlong": "Clamp"}}),
            "tokenRequest.overlong: Unsupported value: \"Clamp\": supported values: \"deny\", \"clamp\"",
        ),
        (
            "off, which YAML turns into false",
            json!({"rules": {"grant-code-inline": false}}),
            "rules[grant-code-inline]: Unsupported value: false: supported values: \"deny\", \"warn\", \"allow\"",
        ),
    ];
    for (name, settings, expected) in table {
        let found = problems(&settings);
        assert!(found.contains(expected), "{name}: {found}");
    }
}

#[test]
fn a_default_that_nobody_set_moves_to_the_only_limit() {
    for limit in ["minExpirationWindow", "maxExpirationWindow"] {
        let settings = json!({"accessGrant": {limit: "10m"}});
        assert_eq!(problems(&settings), "", "{limit}");
    }
}

#[test]
fn nearest_names_are_looked_for_among_the_first_16_only() {
    let rules = |count: usize| -> Value {
        let entries = (0..count).map(|number| (format!("unknown-fiel{number:02}"), json!("deny")));
        json!({"rules": Value::Object(entries.collect())})
    };
    let compared = |settings: &Value| problems(settings).matches("did you mean").count();
    assert_eq!(compared(&rules(16)), 16);
    assert_eq!(compared(&rules(20)), 16);
}
