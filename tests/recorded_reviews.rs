//! Requests that an API server really sends, wrapped as Kubewarden does it, and their answers.

#![expect(
    clippy::unwrap_used,
    reason = "a table that cannot be read must fail its test"
)]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skupper_access_policy::finding::Severity;
use skupper_access_policy::review_payload;

/// Outcome of a request: fields of `spec` that are written, what refuses it, what warns.
struct Answer {
    file: &'static str,
    edits: Value,
    denied: &'static [&'static str],
    warned: &'static [&'static str],
}

#[test]
fn every_recorded_review_is_answered_as_it_should_be() {
    for answer in answers() {
        let file = answer.file;
        let review = read(file);
        let payload = json!({"request": review["request"], "settings": {}}).to_string();
        let verdict = review_payload(payload.as_bytes(), test_support::now());
        let codes = |severity| -> Vec<&str> {
            let findings = verdict.findings.iter();
            findings
                .filter(|finding| finding.severity == severity)
                .map(|finding| finding.code)
                .collect()
        };
        assert_eq!(codes(Severity::Deny), answer.denied, "{file}");
        assert_eq!(codes(Severity::Warn), answer.warned, "{file}");
        assert_eq!(verdict.warnings.len(), answer.warned.len(), "{file}");
        let refusal = verdict.refusal.as_ref().map(|refusal| refusal.code);
        assert_eq!(
            refusal,
            (!answer.denied.is_empty()).then_some(422),
            "{file}"
        );
        assert!(
            verdict
                .audit_annotations
                .iter()
                .all(|(key, _)| *key != "not-covered"),
            "{file}"
        );
        let edited = answer.edits.as_object().map(|fields| {
            let mut object = review["request"]["object"].clone();
            for (name, value) in fields {
                object["spec"][name] = value.clone();
            }
            object
        });
        assert!(
            verdict.mutated_object() == edited,
            "{file}: {:?}",
            verdict.mutated_object()
        );
    }
}

#[test]
fn no_recorded_review_is_left_out() {
    let mut recorded: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    recorded.sort();
    let answered: Vec<&str> = answers().iter().map(|answer| answer.file).collect();
    assert_eq!(answered, recorded);
}

fn answers() -> Vec<Answer> {
    let allowed = |file| Answer {
        file,
        edits: Value::Null,
        denied: &[],
        warned: &[],
    };
    let edited = |file, edits| Answer {
        edits,
        ..allowed(file)
    };
    let refused = |file, denied| Answer {
        denied,
        ..allowed(file)
    };
    let without_audience = |file| Answer {
        warned: &["audience-missing"],
        ..allowed(file)
    };
    let defaults = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});
    vec![
        allowed("01-accessgrant-create.json"),
        edited("02-accessgrant-create-min.json", defaults.clone()),
        edited("03-accessgrant-create-nospec.json", defaults),
        edited(
            "04-accessgrant-create-generatename.json",
            json!({"expirationWindow": "15m"}),
        ),
        allowed("05-accessgrant-create-dryrun.json"),
        allowed("06-accessgrant-update-patch.json"),
        allowed("07-accessgrant-update-apply.json"),
        allowed("11-accessgrant-status-update.json"),
        allowed("13-accessgrant-delete.json"),
        // The recorded tokens hold no real CA.
        refused("14-accesstoken-create.json", &["token-ca-format"]),
        refused(
            "15-accesstoken-create-generatename.json",
            &["token-ca-format"],
        ),
        allowed("17-accesstoken-update.json"),
        allowed("19-accesstoken-status-update.json"),
        allowed("20-accesstoken-delete.json"),
        without_audience("24-token-default.json"),
        without_audience("25-token-duration.json"),
        allowed("26-token-audience.json"),
        allowed("27-token-audiences2-duration.json"),
        without_audience("28-token-bound-secret.json"),
        without_audience("29-token-bound-pod.json"),
        allowed("31-token-kubelet-projected.json"),
        allowed("35-token-kcm-controller.json"),
        without_audience("36-token-dryrun.json"),
        Answer {
            denied: &["expiration-range"],
            ..without_audience("40-token-599.json")
        },
        without_audience("43-token-2e32.json"),
        without_audience("49-token-audiences-empty-list.json"),
        Answer {
            denied: &["bound-kind"],
            ..without_audience("53-token-bound-kind-bad.json")
        },
    ]
}

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews")
}
