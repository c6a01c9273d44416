//! Bad input is refused with the code and the field that the specification names, and never
//! repeated.

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
