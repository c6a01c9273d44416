//! The invariants of a review.

use serde_json::{Value, json};
use skupper_access_policy::finding::{Finding, Severity};
use skupper_access_policy::verdict::Verdict;
use skupper_access_policy::{catalogue, review_payload};

use super::{MAX_FINDING_LENGTH, MAX_FINDINGS, assert_printable};
use crate::now;

/// Any bytes are answered within the documented bounds; no secret is in the answer; a review of
/// what the answer makes of the object has nothing to add.
pub fn review(payload: &[u8]) {
    let verdict = review_payload(payload, now());
    assert_bounded(&verdict, payload.len());
    let Ok(payload) = serde_json::from_slice::<Value>(payload) else {
        return assert_eq!(code(&verdict), Some(400));
    };
    assert_silent(&payload, &verdict);
    assert_settled(&payload, &verdict);
}

/// The answer to a payload.
pub fn answer(payload: &Value) -> Verdict {
    review_payload(payload.to_string().as_bytes(), now())
}

/// The code of a refusal.
pub fn code(verdict: &Verdict) -> Option<u16> {
    verdict.refusal.as_ref().map(|refusal| refusal.code)
}

/// Everything in an answer that people or logs get to see.
pub fn spoken(verdict: &Verdict) -> String {
    let message = verdict.refusal.as_ref().map(|refusal| &refusal.message);
    format!(
        "{}\n{}\n{:?}\n{:?}",
        message.map_or("", String::as_str),
        verdict.warnings.join("\n"),
        verdict.audit_annotations,
        verdict.findings
    )
}

/// The codes and places of all findings.
pub fn places(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let place = |finding: &Finding| (finding.code, finding.pointer());
    verdict.findings.iter().map(place).collect()
}

/// Every part of the answer is as long as documented at most, and parts that exclude each other
/// are not there together. `length` is the payload's: the settings' own lists of names are
/// repeated in full.
pub fn assert_bounded(verdict: &Verdict, length: usize) {
    let of = |severity| {
        let findings = verdict.findings.iter();
        findings.filter(move |finding| finding.severity == severity)
    };
    let (denials, warnings) = (of(Severity::Deny).count(), of(Severity::Warn).count());
    assert!(denials <= MAX_FINDINGS && warnings <= MAX_FINDINGS);
    assert_eq!(denials + warnings, verdict.findings.len());
    assert_eq!(denials > 0, code(verdict) == Some(422));
    assert!(matches!(code(verdict), None | Some(400 | 422 | 500)));
    assert_eq!(
        verdict.mutated_text.is_some(),
        verdict.mutated_object().is_some()
    );
    if let Some(refusal) = &verdict.refusal {
        assert!(verdict.mutated_text.is_none());
        let longest = (MAX_FINDINGS + 1) * MAX_FINDING_LENGTH + 2 * length;
        assert!(refusal.message.len() <= longest);
        assert_printable(&refusal.message);
    }
    assert!(verdict.warnings.len() <= 16);
    for warning in &verdict.warnings {
        assert!(warning.chars().count() <= 256, "{warning}");
        assert_printable(warning);
    }
    for (key, text) in &verdict.audit_annotations {
        assert!(matches!(*key, "findings" | "not-covered"), "{key}");
        assert!(text.len() <= MAX_FINDING_LENGTH);
        assert_printable(text);
        let is_code = |code: &str| catalogue::rules().any(|rule| rule.code == code);
        assert!(*key != "findings" || text.split(',').all(is_code), "{text}");
    }
}

/// No secret of the request is in the answer.
///
/// A secret may well be a piece of a fixed text or stand in a field that is no secret. So where one
/// seems to be printed, the review is repeated with another secret: a text that does not change
/// with it does not come from it.
fn assert_silent(payload: &Value, verdict: &Verdict) {
    let spoken_text = spoken(verdict);
    for pointer in SECRETS {
        let Some(secret) = payload.pointer(pointer).and_then(Value::as_str) else {
            continue;
        };
        let needle: String = secret.chars().take(32).collect();
        if needle.chars().count() < 8 || !spoken_text.contains(&needle) {
            continue;
        }
        let mut other = payload.clone();
        for pointer in SECRETS {
            if let Some(Value::String(secret)) = other.pointer_mut(pointer) {
                *secret = secret.chars().map(other_letter).collect();
            }
        }
        assert!(
            spoken(&answer(&other)).contains(&needle),
            "{pointer} is printed: {spoken_text}"
        );
    }
}

/// Another letter for a letter, another digit for a digit: what the rules say about the text stays
/// the same.
fn other_letter(character: char) -> char {
    let moved = |first: u8, count: u8| {
        let place = u32::from(character) - u32::from(first);
        char::from(first + u8::try_from((place + 5) % u32::from(count)).unwrap())
    };
    match character {
        'a'..='z' => moved(b'a', 26),
        'A'..='Z' => moved(b'A', 26),
        '0'..='9' => moved(b'0', 10),
        other => other,
    }
}

/// The answer applied and reviewed again changes nothing and finds nothing new; so does the same
/// file once more, when the object is stored.
pub fn assert_settled(payload: &Value, verdict: &Verdict) {
    if !verdict.is_allowed() {
        return;
    }
    let edited = verdict.mutated_object();
    let stored = match &edited {
        Some(stored) => stored,
        None => match payload.pointer("/request/object") {
            Some(object) => object,
            None => return,
        },
    };
    let applied = answer(&with(payload, "object", stored.clone()));
    assert_adds_nothing(verdict, &applied, "applied");
    assert!(applied.mutated_text.is_none(), "applied: changed again");

    let is_skupper = payload.pointer("/request/kind/group") == Some(&json!("skupper.io"));
    let is_write = matches!(
        payload
            .pointer("/request/operation")
            .and_then(Value::as_str),
        Some("CREATE" | "UPDATE")
    );
    if !is_skupper || !is_write {
        return;
    }
    let mut old = stored.clone();
    let status = payload.pointer("/request/oldObject/status").cloned();
    if let (Some(status), Some(old)) = (status, old.as_object_mut()) {
        old.insert("status".to_owned(), status);
    }
    let mut again = with(payload, "operation", "UPDATE".into());
    again = with(&again, "oldObject", old);
    let reapplied = answer(&again);
    assert_adds_nothing(verdict, &reapplied, "re-applied");
    let file = payload.pointer("/request/object");
    let result = reapplied.mutated_object();
    assert_eq!(
        fields(result.as_ref().or(file)),
        fields(Some(stored)),
        "re-applied: the spec drifts"
    );
}

/// The value in the spec; `null` and, for a known field, "" are absent.
fn fields(object: Option<&Value>) -> Vec<(&String, &Value)> {
    let spec = object.and_then(|object| object.get("spec")?.as_object());
    spec.into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null() && *value != "")
        .collect()
}

fn assert_adds_nothing(first: &Verdict, again: &Verdict, name: &str) {
    assert_eq!(again.refusal, None, "{name}");
    let known = places(first);
    let new: Vec<&Finding> = again
        .findings
        .iter()
        .filter(|finding| !known.contains(&(finding.code, finding.pointer())))
        .collect();
    // What is beyond the first 32 may move up when an announcement is gone.
    assert!(
        new.is_empty() || first.findings.len() == MAX_FINDINGS,
        "{name}: {new:?}"
    );
}

fn with(payload: &Value, field: &str, value: Value) -> Value {
    let mut payload = payload.clone();
    if let Some(request) = payload
        .pointer_mut("/request")
        .and_then(Value::as_object_mut)
    {
        request.insert(field.to_owned(), value);
    }
    payload
}

/// Places of the secrets in a request.
const SECRETS: [&str; 7] = [
    "/request/object/spec/code",
    "/request/object/spec/ca",
    "/request/object/status/code",
    "/request/oldObject/spec/code",
    "/request/oldObject/spec/ca",
    "/request/oldObject/status/code",
    "/request/oldObject/status/ca",
];
