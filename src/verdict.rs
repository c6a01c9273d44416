//! Findings and edits -> the answer to one request.

use std::fmt;

use serde_json::{Map, Value};

use crate::finding::{Finding, write_list};
use crate::kind::Edit;
use crate::printable::printable;
use crate::report::Findings;
use crate::request::{Request, RequestProblem};
use crate::settings::SettingsProblems;

/// What is answered to one request. It may hold the user's object with its secrets, so it has no
/// `Debug`.
#[derive(Clone, PartialEq)]
pub struct Verdict {
    /// Why the request is refused; `None` when it is allowed.
    pub refusal: Option<Refusal>,
    /// The whole object as it is to be stored, when it differs from the one in the request.
    pub mutated_object: Option<Value>,
    /// What the user is told beside the decision: at most 16 texts of at most 256 characters.
    pub warnings: Vec<String>,
    /// Notes for the audit log: keys and texts.
    pub audit_annotations: Vec<(&'static str, String)>,
    /// What the rules found: first what denies, then what warns, at most 32 of each.
    pub findings: Vec<Finding>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 422 for an object that breaks a rule, 400 for what is no request, 500 for
    /// settings that cannot be read.
    pub code: u16,
    /// What the user is told.
    pub message: String,
}

impl Verdict {
    /// True when the request may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// Allowed, with nothing to say.
    pub(crate) fn unchanged() -> Self {
        Self {
            refusal: None,
            mutated_object: None,
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
    pub(crate) fn accepted(findings: Findings, edits: Vec<Edit>, request: &Request<'_>) -> Self {
        let mutated_object = (!edits.is_empty()).then(|| edited(request.whole_object(), edits));
        Self {
            mutated_object,
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

/// The object with the edits made. Fields that nobody here knows stay as they are.
fn edited(mut object: Value, edits: Vec<Edit>) -> Value {
    if let Value::Object(fields) = &mut object {
        let spec = fields.entry("spec").or_insert(Value::Null);
        if spec.is_null() {
            *spec = Value::Object(Map::new());
        }
        if let Value::Object(spec) = spec {
            for edit in edits {
                spec.insert(edit.field.to_owned(), edit.value);
            }
        }
    }
    object
}
