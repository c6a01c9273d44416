//! Bad input is refused with the code and the field that the specification names, and never
//! repeated.

use serde_json::Value;
use skupper_access_policy::review_payload;
use skupper_access_policy::settings::Settings;
use test_support::bad_input::{self, CANARY};
use test_support::invariants::review::{assert_bounded, code, spoken};
use test_support::now;

#[test]
fn bad_input_is_refused_with_its_code_and_its_field() {
    for row in bad_input::rows() {
        let verdict = review_payload(&row.payload, now());
        let message = verdict.refusal.as_ref().map(|refusal| &refusal.message);
        let message = message.map_or("", String::as_str);
        let name = &row.name;
        assert_eq!(code(&verdict), row.code, "{name}: {message}");
        assert!(message.contains(&row.says), "{name}: {message}");
    }
}

#[test]
fn bad_input_is_never_repeated() {
    for row in bad_input::rows() {
        let verdict = review_payload(&row.payload, now());
        let name = &row.name;
        assert!(!spoken(&verdict).contains(CANARY), "{name}");
        assert_bounded(&verdict, 1024);
    }
}

#[test]
fn a_payload_may_be_as_deep_as_serde_json_reads() {
    let kind = r#""kind": {"group": "skupper.io", "kind": "AccessGrant"}"#;
    let places = [
        r#"{"request": {"operation": "CREATE", KIND, "object": {"metadata": {"name": "west"}, "a": DEEP}}}"#,
        r#"{"request": {"operation": "CREATE", KIND, "options": DEEP, "object": {"metadata": {"name": "west"}}}}"#,
        r#"{"request": {"operation": "CREATE", KIND, "object": {"metadata": {"name": "west"}}}, "a": DEEP}"#,
    ];
    let mut refused = 0;
    for place in places {
        for levels in 120..132 {
            for (open, end) in [("[", "]"), (r#"{"a":"#, "}")] {
                let deep = format!("{}1{}", open.repeat(levels), end.repeat(levels));
                let payload = place.replace("KIND", kind).replace("DEEP", &deep);
                let verdict = review_payload(payload.as_bytes(), now());
                let stored = verdict.mutated_text.as_deref();
                let is_read = serde_json::from_str::<Value>(&payload).is_ok();
                assert_eq!(
                    code(&verdict),
                    (!is_read).then_some(400),
                    "{levels}: {place}"
                );
                let is_stored =
                    stored.is_some_and(|text| serde_json::from_str::<Value>(text).is_ok());
                assert_eq!(is_stored, is_read, "{levels}: {place}");
                refused += usize::from(!is_read);
            }
        }
    }
    assert!((1..3 * 12 * 2).contains(&refused));
}

#[test]
fn what_is_not_utf_8_is_refused_wherever_it_stands() {
    let payload = br#" {"request": {"uid": "u", "operation": "CREATE", "options": {"a": ["b"]},
        "kind": {"group": "skupper.io", "version": "v2alpha1", "kind": "AccessGrant"},
        "object": {"metadata": {"name": "west", "labels": {"a\n": 1.5}},
            "spec": {"code": "0123456789abcdef", "expirationWindow": "\u0031h"}, "status": null}},
        "settings": {"rules": {"placeholder": "deny"}}} "#;
    assert_eq!(code(&review_payload(payload, now())), None);
    let table: [(&str, &[u8]); 6] = [
        ("no first byte", b"\x80"),
        ("half a letter", b"\xe2\x82"),
        ("too long a spelling", b"\xc0\xaf"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"),
        ("another encoding", b"\xff"),
    ];
    for (name, bytes) in table {
        for place in 0..=payload.len() {
            let (before, behind) = payload.split_at(place);
            let payload = [before, bytes, behind].concat();
            let verdict = review_payload(&payload, now());
            let refusal = verdict.refusal.expect(name);
            assert_eq!(refusal.code, 400, "{name} at {place}");
            assert_eq!(
                refusal.message, "the payload is not readable JSON",
                "{name} at {place}"
            );
        }
    }
}

#[test]
fn settings_that_are_no_json_are_refused() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let table: [(&str, &[u8]); 7] = [
        ("a word", b"canary-7c1f0e9d"),
        ("half an object", b"{\"rules\": \"canary-7c1f0e9d"),
        ("a lone surrogate", b"{\"rules\": \"\\ud800\"}"),
        (
            "a number beyond doubles",
            b"{\"accessToken\": {\"maxLinkCost\": 1e400}}",
        ),
        ("two documents", b"{} {}"),
        ("what is not UTF-8", b"{\"rules\": \"\xff\"}"),
        ("10,000 levels", deep.as_bytes()),
    ];
    for (name, text) in table {
        let problems = Settings::from_json(text).expect_err(name);
        let message = "settings are not valid: settings: Invalid value: must be a JSON object";
        assert_eq!(problems.to_string(), message, "{name}");
    }
}
