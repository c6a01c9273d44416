//! Findings and edits -> the answer to one request.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::finding::{Finding, write_list};
use crate::kind::Edit;
use crate::printable::printable;
use crate::report::Findings;
use crate::request::{Request, RequestProblem, read_json, with_field};
use crate::settings::SettingsProblems;

/// Answer to one request. It may hold the user's object with its secrets, so it has no
/// `Debug`.
#[derive(Clone, PartialEq)]
pub struct Verdict {
    /// The reason the request is refused; `None` when it is allowed.
    pub refusal: Option<Refusal>,
    /// JSON text of the whole object as it is to be stored, when it differs from the one in the request:
    /// the text in the request with edits in its spec.
    pub mutated_text: Option<String>,
    /// Texts for the user beside the decision: at most 16 of at most 256 characters.
    pub warnings: Vec<String>,
    /// Notes for the audit log: keys and texts.
    pub audit_annotations: Vec<(&'static str, String)>,
    /// Findings of the rules: first what denies, then what warns, at most 32 of each.
    pub findings: Vec<Finding>,
}

/// Reason a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 422 for an object that breaks a rule, 400 for what is no request, 500 for
    /// settings that cannot be read.
    pub code: u16,
    /// Text for the user.
    pub message: String,
}

impl Verdict {
    /// True when the request may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// The whole object as it is to be stored, when it differs from the one in the request.
    #[must_use]
    pub fn mutated_object(&self) -> Option<Value> {
        let text = self.mutated_text.as_ref()?;
        read_json(text.as_bytes())
    }

    /// Allowed, with nothing to say.
    pub(crate) fn unchanged() -> Self {
        Self {
            refusal: None,
            mutated_text: None,
            warnings: Vec::new(),
            audit_annotations: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Allowed, with a note that no rule is about such a request.
    pub(crate) fn not_covered(request: &Request<'_>) -> Self {
        let what = format!(
            "{} {}/{} {}",
            request.operation.name(),
            printable(&request.group),
            printable(&request.version),
            printable(&request.kind),
        );
        Self {
            audit_annotations: vec![("not-covered", what)],
            ..Self::unchanged()
        }
    }

    /// The answer to a payload that is no request.
    #[must_use]
    pub fn of_request_problem(problem: RequestProblem) -> Self {
        Self::refused(400, problem.to_string())
    }

    /// The answer where the settings cannot be used.
    #[must_use]
    pub fn of_settings_problems(problems: &SettingsProblems) -> Self {
        Self::refused(500, problems.to_string())
    }

    /// The answer to an object that nothing denies; `edits` make the stored object of it.
    pub(crate) fn accepted(findings: Findings, edits: &[Edit], request: &Request<'_>) -> Self {
        let mutated_text = (!edits.is_empty()).then(|| edited(request.object_text, edits));
        Self {
            mutated_text,
            ..Self::of_findings(findings)
        }
    }

    /// The answer to an object that is denied; `subject` names it.
    pub(crate) fn denied(subject: &str, findings: Findings) -> Self {
        let denials = List(&findings.denials, findings.more_denials);
        let refusal = Refusal {
            code: 422,
            message: format!("{subject} is invalid: {denials}"),
        };
        Self {
            refusal: Some(refusal),
            ..Self::of_findings(findings)
        }
    }

    fn of_findings(findings: Findings) -> Self {
        let mut audit_annotations = Vec::new();
        if !findings.codes.is_empty() {
            audit_annotations.push(("findings", findings.codes.join(",")));
        }
        let warnings = findings
            .warnings
            .iter()
            .take(MAX_WARNINGS)
            .map(|finding| cut(&finding.to_string(), MAX_WARNING_LENGTH))
            .collect();
        let (denials, warned) = (findings.denials, findings.warnings);
        Self {
            warnings,
            audit_annotations,
            findings: denials.into_iter().chain(warned).collect(),
            ..Self::unchanged()
        }
    }

    fn refused(code: u16, message: String) -> Self {
        Self {
            refusal: Some(Refusal { code, message }),
            ..Self::unchanged()
        }
    }
}

struct List<'a>(&'a [Finding], usize);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0.iter(), self.1)
    }
}

/// Most warnings in one answer.
const MAX_WARNINGS: usize = 16;
/// Longest warning, in characters. Source: kubernetes admission/v1, AdmissionResponse.warnings.
const MAX_WARNING_LENGTH: usize = 256;

fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length - 3).chain("...".chars()).collect()
}

/// The object with the edits made in its spec. All else keeps its bytes, and so what nobody here knows.
fn edited(object: &str, edits: &[Edit]) -> String {
    with_field(object, "spec", |spec| {
        let spec = spec.filter(|spec| *spec != "null").unwrap_or("{}");
        let edited = edits.iter().fold(Cow::Borrowed(spec), |spec, edit| {
            let value = |_: Option<&str>| serde_json::to_string(&edit.value).unwrap_or_default();
            with_field(&spec, edit.field, value).into()
        });
        edited.into_owned()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    /// Texts of one JSON value, with white space, escapes, names that stand twice and numbers that no
    /// double holds.
    fn json_text() -> impl Strategy<Value = String> {
        let scalar = prop::sample::select(vec![
            "null",
            "true",
            "1",
            "-0.0",
            "1.50E+3",
            "123456789012345678901234567890",
            r#""""#,
            r#""{\"spec\":{\"a\":\"}""#,
            r#""\\""#,
            r#""\u00e4\ud83d\ude00é""#,
        ]);
        scalar
            .prop_map(str::to_owned)
            .prop_recursive(3, 24, 5, |value| {
                let list = prop::collection::vec((space(), value.clone()), 0..3);
                let list = list.prop_map(|items| {
                    let items = items
                        .iter()
                        .map(|(space, item)| [space, item.as_str()].concat());
                    format!("[{}]", items.collect::<Vec<_>>().join(","))
                });
                prop_oneof![list, object_text(value)]
            })
    }

    fn object_text(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
        let name =
            prop::sample::select(vec!["spec", "s\\u0070ec", "a", "\\u0061", "b", "x\\\"", ""]);
        let field = (name, space(), space(), value).prop_map(|(name, before, after, value)| {
            format!("{before}\"{name}\"{after}:{before}{value}{after}")
        });
        (prop::collection::vec(field, 0..5), space())
            .prop_map(|(fields, space)| format!("{{{}{space}}}", fields.join(",")))
    }

    fn space() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "", " ", "\n\t", "\r\n"])
    }

    proptest! {
        #[test]
        fn an_edited_text_reads_as_the_edited_value(
            object in object_text(json_text()),
            written in prop::collection::vec((prop::sample::select(vec!["a", "b"]), 0..9), 1..4),
        ) {
            let edits: Vec<Edit> = written
                .iter()
                .map(|(field, value)| Edit { field, value: json!([value]) })
                .collect();
            let mut expected: Value = serde_json::from_str(&object).unwrap();
            let spec = &mut expected["spec"];
            if spec.is_null() {
                *spec = Map::new().into();
            }
            for edit in spec.is_object().then_some(&edits).into_iter().flatten() {
                spec[edit.field] = edit.value.clone();
            }
            let text = edited(&object, &edits);
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        }

        #[test]
        fn what_is_not_edited_keeps_its_bytes(object in object_text(json_text())) {
            let edits = [Edit { field: "a", value: json!("v") }];
            let text = edited(&object, &edits);
            let (mut spec, mut field) = (None, None);
            with_field(&object, "spec", |text| {
                spec = text.map(str::to_owned);
                with_field(text.unwrap_or_default(), "a", |text| {
                    field = text.map(str::to_owned);
                    String::new()
                })
            });
            let is_null = spec.as_deref() == Some("null");
            let replaced = field.or(spec.filter(|_| is_null)).unwrap_or_default();
            let pairs = || text.bytes().zip(object.bytes());
            let same = pairs().take_while(|(new, old)| new == old).count();
            let (new, old) = (text.bytes().rev(), object.bytes().rev());
            let same_at_end = new.zip(old).take_while(|(new, old)| new == old).count();
            prop_assert!(same + same_at_end + replaced.len() >= object.len(), "{}", text);
        }
    }
}
