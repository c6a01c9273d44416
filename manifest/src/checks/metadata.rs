//! Labels, annotations and the namespace.

use serde_json::{Map, Value};
use skupper_access_policy::finding::{Cause, FieldError, Finding, Target};
use skupper_access_policy::path::FieldPath;
use skupper_access_policy::rules::Rule;
use skupper_access_policy::value::name::SubdomainName;

use super::{ANNOTATION_FORMAT, KEPT, LABEL_FORMAT, NAMESPACE_FORMAT, finding};

pub(super) fn check(object: &Value) -> Vec<Finding> {
    let Some(Value::Object(metadata)) = object.get("metadata") else {
        return Vec::new();
    };
    let at = |name: &str| FieldPath::root().field("metadata").field(name);
    let mut findings = Vec::new();
    if let Some(problem) = metadata.get("namespace").and_then(namespace_problem) {
        let value = metadata.get("namespace");
        findings.push(invalid(
            &NAMESPACE_FORMAT,
            Target::Value,
            at("namespace"),
            value,
            problem,
        ));
    }
    for (rule, name, is_label) in [
        (&LABEL_FORMAT, "labels", true),
        (&ANNOTATION_FORMAT, "annotations", false),
    ] {
        match metadata.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => {
                findings.extend(entry_findings(rule, &at(name), entries, is_label));
            }
            Some(other) => {
                let problem = "must be a mapping of strings".to_owned();
                findings.push(invalid(rule, Target::Value, at(name), Some(other), problem));
            }
        }
    }
    findings
}

/// Source: kubernetes apimachinery pkg/util/validation, `IsDNS1123Label`.
fn namespace_problem(namespace: &Value) -> Option<String> {
    let problem = match namespace {
        Value::Null => return None,
        Value::String(name) if name.is_empty() => return None,
        Value::String(name) if is_label(name) => return None,
        Value::String(_) => {
            "must consist of letters 'a' to 'z', digits and '-', begin and end with a letter or a \
             digit, and be at most 63 characters long"
        }
        _ => "must be a string",
    };
    Some(problem.to_owned())
}

/// Findings about labels or annotations, as far as they are kept.
fn entry_findings(
    rule: &Rule,
    at: &FieldPath,
    entries: &Map<String, Value>,
    is_label: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut length = 0;
    for (key, value) in entries {
        let path = at.clone().key(key);
        // The API server compares the names of annotations in lower case.
        let name = if is_label {
            key.clone()
        } else {
            key.to_ascii_lowercase()
        };
        if !is_qualified_name(&name) {
            findings.push(invalid(
                rule,
                Target::Key,
                path,
                None,
                QUALIFIED_NAME.to_owned(),
            ));
            continue;
        }
        let problem = match value {
            Value::Null => None,
            Value::String(text) => {
                length += key.len() + text.len();
                (is_label && !is_label_value(text)).then(|| LABEL_VALUE.to_owned())
            }
            Value::Bool(_) | Value::Number(_) => {
                Some("must be a string: put it in quotes".to_owned())
            }
            Value::Array(_) | Value::Object(_) => Some("must be a string".to_owned()),
        };
        findings.extend(
            problem.map(|problem| invalid(rule, Target::Value, path, Some(value), problem)),
        );
        if findings.len() >= KEPT {
            return findings;
        }
    }
    if !is_label && length > LONGEST_ANNOTATIONS {
        let problem = format!("must be at most {LONGEST_ANNOTATIONS} bytes, all of them together");
        findings.push(invalid(rule, Target::Key, at.clone(), None, problem));
    }
    findings
}

fn invalid(
    rule: &Rule,
    target: Target,
    path: FieldPath,
    value: Option<&Value>,
    problem: String,
) -> Finding {
    let error = FieldError::new(path, Cause::Invalid, problem);
    finding(rule, target, error, value)
}

const QUALIFIED_NAME: &str = "the name must be letters, digits, '-', '_' and '.', begin and end with a letter \
     or a digit, and be at most 63 characters long, behind a DNS subdomain and '/' where there is one";

const LABEL_VALUE: &str = "must be empty or letters, digits, '-', '_' and '.', begin and end with a letter or a \
     digit, and be at most 63 characters long";

/// Most bytes of all annotations of an object.
///
/// Source: kubernetes apimachinery pkg/api/validation, `TotalAnnotationSizeLimitB`.
const LONGEST_ANNOTATIONS: usize = 256 << 10;

/// Source: kubernetes apimachinery pkg/util/validation, `IsQualifiedName`.
fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => SubdomainName::parse(prefix).is_ok() && is_word(name),
        None => is_word(key),
    }
}

/// Source: kubernetes apimachinery pkg/util/validation, `IsValidLabelValue`.
fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_word(value)
}

fn is_word(text: &str) -> bool {
    let is_end = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let is_inner = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.len() <= 63
        && is_end(text.chars().next())
        && is_end(text.chars().next_back())
        && text.chars().all(is_inner)
}

fn is_label(name: &str) -> bool {
    name.len() <= 63 && !name.contains('.') && SubdomainName::parse(name).is_ok()
}
