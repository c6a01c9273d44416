//! Verdicts, settings and rules as JSON, for the shells that hand them to other programs: the
//! command line and JavaScript. Questions are JSON text, too, so that no number loses precision on
//! the way; what cannot be read is in the answer, as it is for the API server.
//!
//! ```text
//! {"allowed": false, "code": 422, "message": "...", "warnings": [], "auditAnnotations": {...},
//!  "findings": [{"code": "grant-window-format", "severity": "deny", "pointer": "/spec/expirationWindow",
//!                "path": "spec.expirationWindow", "target": "value", "cause": "Invalid value",
//!                "value": "\"1 day\"", "detail": "must be a Go duration: write '24h'", "text": "...",
//!                "fix": {"pointer": "/spec/expirationWindow", "value": "24h"}}]}
//! ```
//!
//! Fields that do not apply are left out: `code` and `message` of what is allowed, `mutatedObject` where
//! nothing changes, `value` where none is shown, `fix` where none is certain.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, from_slice, json};

use crate::catalogue;
use crate::finding::{FieldError, Finding, Target};
use crate::path::FieldPath;
use crate::redaction;
use crate::request::{Request, RequestProblem};
use crate::settings::{Settings, SettingsProblems};
use crate::verdict::Verdict;

/// The verdict on an AdmissionRequest under these settings.
#[must_use]
pub fn to_request(request: &[u8], settings: &[u8], now: DateTime<Utc>) -> Value {
    of_verdict(match Request::from_json(request) {
        Ok(request) => under(settings, |settings| crate::review(&request, settings, now)),
        Err(problem) => Verdict::of_request_problem(problem),
    })
}

/// The verdict on `{"object": ..., "oldObject": ..., "userInfo": ...}`: the object as it is
/// created, or, with an old one, updated, by this user.
#[must_use]
pub fn to_change(change: &[u8], settings: &[u8], now: DateTime<Utc>) -> Value {
    of_verdict(match from_slice::<Map<String, Value>>(change) {
        Ok(mut change) => under(settings, |settings| {
            let mut take = |name| change.remove(name).filter(|value| !value.is_null());
            let object = take("object").unwrap_or_default();
            crate::review_object(object, take("oldObject"), take("userInfo"), settings, now)
        }),
        Err(_) => Verdict::of_request_problem(RequestProblem::Unreadable),
    })
}

/// The problems of settings.
#[must_use]
pub fn to_settings(settings: &[u8]) -> Value {
    of_settings(Settings::from_json(settings).err().as_ref())
}

/// A copy of a verdict's answer that may be printed: what the user's own values are in it, the objects
/// and the fixes, is redacted.
#[must_use]
pub fn redacted(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(object) = answer.get_mut("mutatedObject") {
        *object = redaction::redacted(object);
    }
    let findings = answer.get_mut("findings").and_then(Value::as_array_mut);
    for finding in findings.into_iter().flatten() {
        if let Some(Value::String(pointer)) = finding.get_mut("pointer")
            && redaction::hides_name(&FieldPath::from_pointer(pointer))
        {
            redaction::text::HIDDEN.clone_into(pointer);
        }
        if let Some(fix) = finding.get_mut("fix") {
            let pointer = fix.get("pointer").and_then(Value::as_str);
            let path = FieldPath::from_pointer(pointer.unwrap_or_default());
            if let Some(value) = fix.get_mut("value") {
                *value = redaction::redacted_at(&path, value);
            }
        }
    }
    answer
}

/// A verdict. `mutatedObject` holds the user's own values, secrets included.
#[must_use]
pub fn of_verdict(verdict: Verdict) -> Value {
    let object = verdict.mutated_object();
    let mut answer = Map::new();
    answer.insert("allowed".to_owned(), verdict.is_allowed().into());
    if let Some(refusal) = verdict.refusal {
        answer.insert("code".to_owned(), refusal.code.into());
        answer.insert("message".to_owned(), refusal.message.into());
    }
    if let Some(object) = object {
        answer.insert("mutatedObject".to_owned(), object);
    }
    let annotations = verdict.audit_annotations.into_iter();
    let annotations: Map<String, Value> = annotations
        .map(|(key, text)| (key.to_owned(), text.into()))
        .collect();
    answer.insert("warnings".to_owned(), verdict.warnings.into());
    answer.insert("auditAnnotations".to_owned(), annotations.into());
    let findings = verdict.findings.into_iter().map(of_finding);
    answer.insert("findings".to_owned(), findings.collect());
    answer.into()
}

/// The problems of settings: `valid`, and where they are not, the `message` of the policy and the
/// `findings`, each as in a verdict without `code`, `severity`, `target` and `fix`.
#[must_use]
pub fn of_settings(problems: Option<&SettingsProblems>) -> Value {
    let Some(problems) = problems else {
        return json!({"valid": true, "findings": []});
    };
    let findings = problems.problems().iter().map(of_error);
    json!({
        "valid": false,
        "message": problems.to_string(),
        "findings": findings.map(Value::Object).collect::<Vec<_>>(),
    })
}

/// Every rule, in table order: `code`, `kinds`, `pointer`, `severity`, `fixed` (the settings cannot
/// change the severity), `summary`, `source` and `page`, the file name of its page.
#[must_use]
pub fn rules() -> Value {
    let entries = catalogue::entries().into_iter().map(|entry| {
        json!({
            "code": entry.rule.code,
            "kinds": entry.kinds,
            "pointer": entry.rule.pointer,
            "severity": entry.rule.severity.name(),
            "fixed": entry.rule.fixed,
            "summary": entry.rule.summary,
            "source": entry.rule.source,
            "page": format!("{}.html", entry.rule.code),
        })
    });
    entries.collect()
}

fn under(settings: &[u8], review: impl FnOnce(&Settings) -> Verdict) -> Verdict {
    match Settings::from_json(settings) {
        Ok(settings) => review(&settings),
        Err(problems) => Verdict::of_settings_problems(&problems),
    }
}

fn of_finding(finding: Finding) -> Value {
    let mut fields = of_error(&finding.error);
    let target = match finding.target {
        Target::Key => "key",
        Target::Value => "value",
    };
    fields.insert("code".to_owned(), finding.code.into());
    fields.insert("severity".to_owned(), finding.severity.name().into());
    fields.insert("target".to_owned(), target.into());
    if let Some(fix) = finding.fix {
        let fix = json!({"pointer": fix.pointer, "value": fix.value});
        fields.insert("fix".to_owned(), fix);
    }
    fields.into()
}

fn of_error(error: &FieldError) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("pointer".to_owned(), error.path.to_pointer().into());
    fields.insert("path".to_owned(), error.path.to_string().into());
    fields.insert("cause".to_owned(), error.cause.to_string().into());
    if let Some(value) = &error.value {
        fields.insert("value".to_owned(), value.as_str().into());
    }
    fields.insert("detail".to_owned(), error.detail.as_str().into());
    fields.insert("text".to_owned(), error.to_string().into());
    fields
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::review_object;
    use crate::settings::Settings;

    fn review(object: Value) -> Value {
        let settings = Settings::default();
        of_verdict(review_object(
            object,
            None,
            None,
            &settings,
            DateTime::UNIX_EPOCH,
        ))
    }

    #[test]
    fn an_answer_says_everything_that_there_is_and_leaves_out_what_there_is_not() {
        let grant = |spec: Value| {
            json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant",
                "metadata": {"name": "west"}, "spec": spec})
        };
        let text =
            "spec.expirationWindow: Invalid value: \"1 day\": must be a Go duration: write '24h'";
        let refused = json!({
            "allowed": false,
            "code": 422,
            "message": format!("AccessGrant.skupper.io \"west\" is invalid: {text}"),
            "warnings": [],
            "auditAnnotations": {"findings": "grant-window-format"},
            "findings": [{
                "code": "grant-window-format", "severity": "deny", "target": "value",
                "pointer": "/spec/expirationWindow", "path": "spec.expirationWindow",
                "cause": "Invalid value", "value": "\"1 day\"",
                "detail": "must be a Go duration: write '24h'", "text": text,
                "fix": {"pointer": "/spec/expirationWindow", "value": "24h"},
            }],
        });
        let complete = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});
        let cases = [
            ("refused", json!({"expirationWindow": "1 day"}), refused),
            (
                "defaulted",
                json!({}),
                json!({"allowed": true, "mutatedObject": grant(complete.clone()),
                    "warnings": [], "auditAnnotations": {}, "findings": []}),
            ),
            (
                "complete",
                complete,
                json!({"allowed": true, "warnings": [], "auditAnnotations": {}, "findings": []}),
            ),
        ];
        for (name, spec, expected) in cases {
            assert_eq!(review(grant(spec)), expected, "{name}");
        }
    }

    #[test]
    fn an_answer_to_be_printed_holds_no_secret() {
        let object = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessToken",
            "metadata": {"name": "west"}, "spec": {
                "url": "canary.example/canary", "code": "canary", "https://u:canary@h/": 1}});
        let printed = redacted(&review(object)).to_string();
        assert!(!printed.contains("u:canary"), "{printed}");
        let fixed = json!({"findings": [{"pointer": "/spec/ca",
            "fix": {"pointer": "/spec/ca", "value": "canary"}}], "mutatedObject": {"code": "canary"}});
        let expected = json!({"findings": [{"pointer": "/spec/ca",
            "fix": {"pointer": "/spec/ca", "value": "***"}}], "mutatedObject": {"code": "***"}});
        assert_eq!(redacted(&fixed), expected);
    }

    #[test]
    fn settings_are_valid_or_every_problem_has_its_place() {
        let bad = Settings::from_json(br#"{"accessGrant": {"maxRedemptionsAllowed": 0}}"#);
        let bad = of_settings(bad.err().as_ref());
        assert_eq!(bad["valid"], false);
        assert_eq!(
            bad["findings"][0]["pointer"],
            "/accessGrant/maxRedemptionsAllowed"
        );
        let text = bad["findings"][0]["text"].as_str().unwrap();
        assert!(bad["message"].as_str().unwrap().contains(text));
        assert_eq!(of_settings(None), json!({"valid": true, "findings": []}));
    }

    #[test]
    fn every_rule_is_listed_once_with_its_page() {
        let rules = rules();
        let rules = rules.as_array().unwrap();
        assert_eq!(rules.len(), catalogue::rules().count());
        for rule in rules {
            let page = format!("{}.html", rule["code"].as_str().unwrap());
            assert_eq!(rule["page"], page);
        }
    }
}
