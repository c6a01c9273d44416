//! A refusal that a setting decides names that setting: whoever is refused can tell the administrator
//! what to change, and the administrator need not guess.

#![expect(
    clippy::indexing_slicing,
    reason = "a page that cannot be read must fail its test"
)]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skupper_access_policy::finding::{Finding, Severity};
use skupper_access_policy::settings::{SETTINGS, Settings};
use skupper_access_policy::verdict::Verdict;
use skupper_access_policy::{catalogue, review_payload};
use test_support::cases_of_pages;
use test_support::pointers::collect;

/// Keys that no refusal can come from: they fill in, let pass, or change what is refused without them.
const HARMLESS: [&str; 9] = [
    "accessGrant.defaultRedemptionsAllowed",
    "accessGrant.defaultExpirationWindow",
    "accessGrant.overlong",
    "accessGrant.rewriteWindows",
    "accessToken.defaultLinkCost",
    "tokenRequest.defaultAudiences",
    "tokenRequest.overlong",
    "tokenRequest.exemptUsernames",
    "tokenRequest.exemptGroups",
];

/// Every case of every page, under its own settings and with each warning made a refusal. Where a field is
/// refused, and would not be without one of the settings, a finding there names that setting.
#[test]
fn a_refusal_that_a_setting_decides_names_the_setting() {
    let mut named = BTreeSet::new();
    let mut codes = BTreeSet::new();
    let mut silent = Vec::new();
    for case in cases_of_pages() {
        let request = case.request();
        for settings in raised(&request, &case.settings()) {
            let verdict = review(&request, &settings);
            for pointer in set(&settings) {
                let key = key_of(&pointer);
                let Some(rest) = without(&settings, &pointer) else {
                    continue;
                };
                let less = review(&request, &rest);
                for finding in denials(&verdict) {
                    let place = finding.pointer();
                    if denials(&less).any(|other| other.pointer() == place) {
                        continue;
                    }
                    let mut there = denials(&verdict).filter(|other| other.pointer() == place);
                    if there.any(|finding| finding.error.detail.contains(&key)) {
                        named.insert(key.split('[').next().unwrap().to_owned());
                        codes.insert(finding.code);
                    } else {
                        silent.push(format!("{}: {finding}: not a word of {key}", case.name));
                    }
                }
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    let keys = SETTINGS.iter().map(|setting| setting.key);
    let expected: BTreeSet<String> = keys
        .filter(|key| !HARMLESS.contains(key))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, expected, "every other setting decides some refusal");
    for rule in catalogue::rules().filter(|rule| rule.severity != Severity::Deny) {
        assert!(codes.contains(rule.code), "{}: never raised", rule.code);
    }
}

fn review(request: &Value, settings: &Value) -> Verdict {
    let payload = json!({"request": request, "settings": settings}).to_string();
    review_payload(payload.as_bytes(), test_support::now())
}

fn denials(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    let findings = verdict.findings.iter();
    findings.filter(|finding| finding.severity == Severity::Deny)
}

/// The settings, and for each rule that warns under them the same with this rule set to deny.
fn raised(request: &Value, settings: &Value) -> Vec<Value> {
    let mut raised = vec![settings.clone()];
    let findings = review(request, settings).findings.into_iter();
    for finding in findings.filter(|finding| finding.severity == Severity::Warn) {
        let mut settings = settings.clone();
        settings["rules"][finding.code] = "deny".into();
        raised.push(settings);
    }
    raised
}

/// The pointers of every setting in the document: keys of the table, and rules.
fn set(settings: &Value) -> Vec<String> {
    let mut pointers = Vec::new();
    collect(settings, String::new(), &mut pointers);
    let is_key = |pointer: &String| {
        let key = key_of(pointer);
        key.starts_with("rules[")
            || SETTINGS
                .iter()
                .any(|setting| setting.key == key && key != "rules")
    };
    pointers.retain(is_key);
    pointers
}

/// `/accessToken/allowedHosts` is `accessToken.allowedHosts`, and `/rules/CODE` is `rules[CODE]`.
fn key_of(pointer: &str) -> String {
    match pointer.strip_prefix("/rules/") {
        Some(code) => format!("rules[{code}]"),
        None => pointer.trim_start_matches('/').replace('/', "."),
    }
}

/// The settings without one of them; `None` where the others contradict themselves then.
fn without(settings: &Value, pointer: &str) -> Option<Value> {
    let mut settings = settings.clone();
    let (parent, name) = pointer.rsplit_once('/')?;
    settings.pointer_mut(parent)?.as_object_mut()?.remove(name);
    Settings::read(&settings).is_ok().then_some(settings)
}
