//! More findings than anybody reads: the rest is counted, and no code is left out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "tables are written with json!, and read better without a borrow at each row"
)]

use serde_json::{Map, Value, json};
use skupper_access_policy::admission_request;
use skupper_access_policy::review_payload;

/// The message and the audit annotation for an object with this spec.
fn answer(api_version: &str, kind: &str, spec: Value, settings: Value) -> (String, String) {
    let object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": {"name": "west"}, "spec": spec});
    let request = admission_request(object, None, None);
    let payload = json!({"request": request, "settings": settings}).to_string();
    let verdict = review_payload(payload.as_bytes(), test_support::now());
    let mut annotations = verdict.audit_annotations.into_iter();
    let codes = annotations.find(|(key, _)| *key == "findings");
    (
        verdict
            .refusal
            .map(|refusal| refusal.message)
            .unwrap_or_default(),
        codes.map(|(_, codes)| codes).unwrap_or_default(),
    )
}

#[test]
fn wrong_entries_of_a_map_beyond_32_are_counted_with_those_of_later_rules() {
    let entries: Map<String, Value> = (0..40).map(|n| (format!("k{n}"), json!(n))).collect();
    let (message, codes) = answer(
        "skupper.io/v2alpha1",
        "AccessGrant",
        json!({"redemptionsAllowed": "1", "settings": entries, "extra": 1}),
        json!({"rules": {"unknown-field": "deny"}}),
    );
    assert!(message.ends_with(", and 10 more]"), "{message}");
    assert_eq!(message.matches("Invalid value").count(), 32);
    assert_eq!(codes, "wrong-type,unknown-field");
}

#[test]
fn every_audience_counts_and_a_list_with_a_wrong_type_is_not_judged_further() {
    let table = [
        (
            "empty ones",
            vec![json!(""); 40],
            "and 8 more]",
            "audience-format",
        ),
        (
            "repeated ones",
            vec![json!("a"); 40],
            "and 7 more]",
            "audience-duplicate",
        ),
        ("numbers", vec![json!(1); 40], "and 8 more]", "wrong-type"),
        (
            "a number among repeated ones",
            vec![json!("a"), json!("a"), json!(""), json!(1)],
            "spec.audiences[3]: Invalid value: \"integer\": must be a string",
            "wrong-type",
        ),
    ];
    for (name, audiences, end, expected) in table {
        let (message, codes) = answer(
            "authentication.k8s.io/v1",
            "TokenRequest",
            json!({"audiences": audiences}),
            json!({"rules": {"audience-duplicate": "deny"}}),
        );
        assert!(message.ends_with(end), "{name}: {message}");
        assert_eq!(codes, expected, "{name}");
    }
}
