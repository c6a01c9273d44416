//! Every case of the rule pages, asked as a text: it ends as it says, and the edits do what they say.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a case that cannot be read must fail its test"
)]

use rule_pages::Case;
use serde_json::Value;
use skupper_access_manifest::answer::{self, first_document};
use skupper_access_manifest::edit::{Edit, applied};
use skupper_access_policy::redaction::redacted;
use skupper_access_policy::review_object;
use skupper_access_policy::settings::Settings;
use test_support::{cases_of_pages, now};

fn review(case: &Case, text: &str) -> Value {
    let settings = case.settings.as_ref().map_or("", |block| &block.text);
    let old = case.old.as_ref().map(|block| block.text.as_str());
    let user = case.user.as_ref().map(|block| block.value.clone());
    answer::review(text, settings, old, user, now())
}

/// The text with edits of an answer.
fn edited<'a>(text: &str, edits: impl IntoIterator<Item = &'a Value>) -> String {
    let units = text.chars().flat_map(|letter| {
        let units = letter.len_utf16();
        std::iter::once(letter.len_utf8()).chain((1..units).map(|_| 0))
    });
    let mut bytes = vec![0];
    bytes.extend(units.scan(0, |at, length| {
        *at += length;
        Some(*at)
    }));
    let offset =
        |edit: &Value, end: &str| bytes[usize::try_from(edit[end].as_u64().unwrap()).unwrap()];
    let edits = edits.into_iter().map(|edit| Edit {
        span: offset(edit, "from")..offset(edit, "to"),
        text: edit["insert"].as_str().unwrap().to_owned(),
    });
    applied(text, &edits.collect::<Vec<_>>())
}

#[test]
fn every_case_ends_as_it_says() {
    for case in cases_of_pages() {
        let answer = review(&case, &case.object.text);
        if answer["notes"] != serde_json::json!([]) {
            // What is filled in later is noted instead.
            continue;
        }
        let is_warned = answer["findings"].as_array().unwrap().iter();
        let is_warned = is_warned
            .into_iter()
            .any(|finding| finding["severity"] == "warn");
        let outcome = match answer["objects"][0]["result"].as_str().unwrap() {
            "refused" => "refused",
            _ if is_warned => "warned",
            _ => "accepted",
        };
        assert_eq!(outcome, case.outcome.name(), "{}: {answer}", case.name);
    }
}

#[test]
fn a_fix_ends_the_finding() {
    let mut count = 0;
    for case in cases_of_pages() {
        let text = &case.object.text;
        let answer = review(&case, text);
        for finding in answer["findings"].as_array().unwrap() {
            let Some(fix) = finding.get("fix") else {
                continue;
            };
            let fixed = edited(text, [fix]);
            let again = review(&case, &fixed);
            let mut findings = again["findings"].as_array().unwrap().iter();
            let is_same = |other: &Value| {
                (&other["code"], &other["path"]) == (&finding["code"], &finding["path"])
            };
            assert!(!findings.any(is_same), "{}: {fixed}", case.name);
            count += 1;
        }
    }
    assert!(count > 40, "{count} fixes");
}

#[test]
fn what_is_shown_as_stored_is_what_is_stored() {
    let mut count = 0;
    for case in cases_of_pages() {
        let text = &case.object.text;
        let answer = review(&case, text);
        let block =
            |block: &Option<rule_pages::Block>| block.as_ref().map(|block| block.value.clone());
        let settings = Settings::read(&case.settings()).unwrap();
        let (old, user) = (block(&case.old), block(&case.user));
        let verdict = review_object(case.object.value.clone(), old, user, &settings, now());
        let stored = verdict.mutated_object().unwrap_or(case.object.value);
        let lists = [&answer["hidden"], &answer["objects"][0]["stored"]];
        let edits = lists.into_iter().flat_map(|list| list.as_array().unwrap());
        let shown = first_document(&edited(text, edits)).unwrap();
        // Nothing is hidden where nothing is stored.
        assert_eq!(redacted(&shown), redacted(&stored), "{}", case.name);
        count += usize::from(answer["objects"][0]["result"] == "changed");
    }
    assert!(count > 100, "{count} changes");
}
