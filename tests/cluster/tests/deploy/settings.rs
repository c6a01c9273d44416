//! The settings that stand in the policies as comments.

use std::collections::BTreeSet;
use std::fs;

use cluster_tests::Guest;
use serde_json::{Value, json};
use skupper_access_policy::settings::{SETTINGS, Shape};

use crate::tool::repository;

#[test]
fn every_setting_stands_in_a_policy_as_a_comment_with_the_value_that_holds_without_it() {
    let mut shown = BTreeSet::new();
    let mut set = Vec::new();
    for base in ["policy", "policy-validating", "token-request-policy"] {
        let text = fs::read_to_string(repository().join(format!("deploy/{base}/policy.yaml")));
        let text = text.unwrap();
        let (_, below) = text.split_once("\n  settings:\n").unwrap();
        let written: Value = serde_saphyr::from_str(&text).unwrap();
        accepted(base, &written["spec"]["settings"]);
        let is_set: Vec<bool> = below
            .lines()
            .map(|line| !line.trim_start().starts_with('#'))
            .collect();
        let lines: Vec<String> = below.lines().map(uncommented).collect();

        // All at once, and each alone below the line of its group.
        accepted(base, &parsed(&lines));
        let mut group = None;
        for (line, is_set) in lines.iter().zip(is_set) {
            let is_deep = line.starts_with("  ");
            if line.ends_with(':') {
                group = Some(line.clone());
                continue;
            }
            let above = group.clone().filter(|_| is_deep);
            let alone: Vec<String> = above.into_iter().chain([line.clone()]).collect();
            let settings = parsed(&alone);
            accepted(line, &settings);
            let (key, value) = only(&settings);
            if is_set {
                set.push((base, key.clone(), value.clone()));
            } else {
                holds(&key, value);
            }
            shown.insert(key);
        }
    }
    let known: BTreeSet<String> = SETTINGS.iter().map(|one| one.key.to_owned()).collect();
    assert_eq!(shown, known);
    let without_ca = json!({"token-ca-missing": "deny"});
    let expected = [
        ("policy", "rules".to_owned(), without_ca.clone()),
        ("policy-validating", "defaulting".to_owned(), json!(false)),
        ("policy-validating", "rules".to_owned(), without_ca),
    ];
    assert_eq!(set, expected);
}

/// The line as it is when somebody removes the sign of the comment.
fn uncommented(line: &str) -> String {
    let line = line.strip_prefix("    ").unwrap();
    line.strip_prefix("# ").unwrap_or(line).to_owned()
}

fn parsed(lines: &[String]) -> Value {
    serde_saphyr::from_str(&lines.join("\n")).unwrap()
}

/// The answer of the module that ships about settings.
#[track_caller]
fn accepted(what: &str, settings: &Value) {
    let guest = Guest::shipped().unwrap();
    let answer = guest.call("validate_settings", settings.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
    assert_eq!(answer["valid"], true, "{what}: {answer}");
}

fn only(settings: &Value) -> (String, &Value) {
    let (key, value) = settings.as_object().unwrap().iter().next().unwrap();
    match value.as_object().filter(|_| key != "rules") {
        Some(group) => {
            let (name, value) = group.iter().next().unwrap();
            (format!("{key}.{name}"), value)
        }
        None => (key.clone(), value),
    }
}

/// True when a value says what holds without the setting, as far as the table of settings tells.
#[track_caller]
fn holds(key: &str, value: &Value) {
    let setting = SETTINGS.iter().find(|setting| setting.key == key).unwrap();
    let default = setting.default;
    let is_default = match (setting.shape, default) {
        (Shape::Severities, _) => value == &json!({}),
        (Shape::Integer { max, .. }, "no limit") => value.as_i64() == Some(max),
        (Shape::Duration(_), "no limit") => {
            // The shortest window and the longest whole hour that Go can hold.
            let bound = if key.contains("min") {
                "1ns"
            } else {
                "2562047h"
            };
            value == bound
        }
        (Shape::List { .. }, "any" | "none") => value.as_array().is_some_and(Vec::is_empty),
        (Shape::List { .. }, _) => {
            let items = value.as_array().unwrap().iter();
            let mut items = items.map(|item| item.as_str().unwrap());
            // Skupper's names are not spelled out in the table.
            default.starts_with("the ") || items.all(|item| default.contains(item))
        }
        _ => value.to_string().trim_matches('"') == default,
    };
    assert!(is_default, "{key}: {value} is not '{default}'");
}
