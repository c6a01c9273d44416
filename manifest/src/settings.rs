//! The policy's settings from a text: as they are, or inside a Kubewarden policy.

use serde_json::Value;
use skupper_access_policy::finding::Cause;
use skupper_access_policy::settings::Settings;

use crate::checks::{self, LineNumbers};
use crate::reader::node::{Span, Target, Tree};
use crate::reader::read as read_documents;

/// A problem of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stretch of the text; `None` for what is about the whole text.
    pub span: Option<Span>,
    /// The problem, and what to write instead.
    pub text: String,
}

/// Reads settings, as JSON and checked: a document with nothing else, or `spec.settings` of the one
/// `ClusterAdmissionPolicy` or `AdmissionPolicy`.
///
/// # Errors
/// Every problem, in the order of the text.
pub fn read(text: &str) -> Result<(Value, Settings), Vec<Problem>> {
    let at = |span: Span, text: &str| {
        vec![Problem {
            span: Some(span),
            text: text.to_owned(),
        }]
    };
    let mut documents = Vec::new();
    for document in read_documents(text) {
        let tree = document.map_err(|why| at(why.span, &why.problem))?;
        let value = tree.value().map_err(|(span, why)| at(span, why))?;
        documents.push((tree, value));
    }
    let (tree, value, prefix) = chosen(&documents).map_err(|why| {
        vec![Problem {
            span: None,
            text: why.to_owned(),
        }]
    })?;
    let twice = checks::of_keys(&LineNumbers::of(text), tree, prefix);
    if let Some(finding) = twice.first() {
        let span = tree.span(&(prefix.to_owned() + &finding.pointer()), Target::Key);
        return Err(at(span, &finding.to_string()));
    }
    let settings = Settings::read(value).map_err(|problems| {
        let problems = problems.problems().iter().map(|error| {
            let pointer = error.path.to_pointer();
            let pointer = Some(pointer.as_str())
                .filter(|pointer| *pointer != "/settings")
                .unwrap_or_default();
            let target = match error.cause {
                Cause::Forbidden | Cause::Required => Target::Key,
                _ => Target::Value,
            };
            let span = tree.span(&format!("{prefix}{pointer}"), target);
            Problem {
                span: Some(span),
                text: error.to_string(),
            }
        });
        let mut problems: Vec<Problem> = problems.collect();
        let start = |problem: &Problem| problem.span.as_ref().map(|span| span.start);
        problems.sort_by(|a, b| (start(a), &a.text).cmp(&(start(b), &b.text)));
        problems
    })?;
    Ok((value.clone(), settings))
}

/// The settings among the documents of a file, and the pointer to them.
fn chosen(documents: &[(Tree, Value)]) -> Result<(&Tree, &Value, &'static str), &'static str> {
    let mut policies = documents.iter().filter(|(_, value)| is_policy(value));
    match (policies.next(), policies.next(), documents) {
        (Some(_), Some(_), _) => {
            Err("holds several policies: leave the one whose settings are meant")
        }
        (Some((tree, value)), None, _) => {
            let settings = value.pointer(IN_POLICY).unwrap_or(&Value::Null);
            Ok((tree, settings, IN_POLICY))
        }
        (None, _, [(tree, value)]) => Ok((tree, value, "")),
        (None, _, []) => Err("holds no settings: write '{}' for none"),
        (None, ..) => Err("holds several documents: leave the one with the settings"),
    }
}

/// Pointer to the settings in a policy.
const IN_POLICY: &str = "/spec/settings";

fn is_policy(value: &Value) -> bool {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_kubewarden = text("apiVersion").starts_with("policies.kubewarden.io/");
    is_kubewarden && matches!(text("kind"), "ClusterAdmissionPolicy" | "AdmissionPolicy")
}
