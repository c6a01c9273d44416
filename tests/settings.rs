//! Settings: what is accepted, and every problem with its path and what to write.

use serde_json::{Value, json};
use skupper_access_policy::settings::Settings;
use test_support::settings_documents::{bad, good, nothing};

fn problems(settings: &Value) -> Vec<String> {
    match Settings::read(settings) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .problems()
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

#[test]
fn what_says_nothing_is_the_defaults() {
    for (name, settings) in nothing() {
        assert!(
            Settings::read(&settings) == Ok(Settings::default()),
            "{name}"
        );
    }
    assert!(Settings::from_json(b"") == Ok(Settings::default()));
}

#[test]
fn good_settings_are_accepted() {
    for (name, settings) in good() {
        assert_eq!(problems(&settings), [""; 0], "{name}");
    }
}

#[test]
fn every_problem_is_named_with_its_path_and_what_is_allowed() {
    for (name, settings, expected) in bad() {
        let problems = problems(&settings);
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        assert!(
            problems.concat().starts_with(expected),
            "{name}: {problems:?}"
        );
    }
}

#[test]
fn all_problems_are_reported_in_one_message() {
    let settings = br#"{"defaulting": "no", "accessToken": {"maxLinkCost": 0, "allowedHost": []}}"#;
    assert_eq!(
        Settings::from_json(settings).unwrap_err().to_string(),
        "settings are not valid: [\
         accessToken.allowedHost: Forbidden: unknown setting, did you mean 'allowedHosts'?, \
         defaulting: Invalid value: \"no\": must be a boolean, \
         accessToken.maxLinkCost: Invalid value: 0: must be from 1 to 2147483647]"
    );
}

#[test]
fn a_message_stays_short_whatever_is_set() {
    let long = "x".repeat(1 << 20);
    let many: serde_json::Map<String, Value> = (0..1000)
        .map(|number| (format!("{long}{number}"), json!(long)))
        .take(20)
        .collect();
    let settings = [
        json!({"accessGrant": {"maxExpirationWindow": long}}),
        json!({"rules": {long.as_str(): "warn"}}),
        json!({"accessToken": {"allowedHosts": vec![long.as_str(); 100]}}),
        Value::Object(many),
    ];
    for settings in settings {
        let message = Settings::read(&settings).unwrap_err().to_string();
        assert!(message.len() < 20_000, "{} bytes", message.len());
    }
}

#[test]
fn nearest_names_are_looked_for_among_the_first_16_only() {
    let compared = |count: usize| {
        let entries = (0..count).map(|number| (format!("unknown-fiel{number:02}"), json!("deny")));
        let settings = json!({"rules": entries.collect::<serde_json::Map<_, _>>()});
        problems(&settings).concat().matches("did you mean").count()
    };
    assert_eq!(compared(16), 16);
    assert_eq!(compared(20), 16);
}
