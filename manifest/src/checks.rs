//! Checks that kubectl, kustomize and the API server make of any object, before or beside the policy: of
//! its type, keys that stand twice, labels, annotations and the namespace.
//!
//! These rules belong to the checker. In a cluster they are Kubernetes' own, so no setting changes them.

mod duplicates;
mod metadata;
mod types;

use std::cell::OnceCell;

use serde_json::Value;
use skupper_access_policy::finding::{FieldError, Finding, Severity, Target};
use skupper_access_policy::rules::Rule;

use crate::place::Lines;
use crate::reader::node::Tree;
use crate::reader::objects::Object;

/// The lines of a text, found when the first is asked for.
pub(crate) struct LineNumbers<'a> {
    text: &'a str,
    lines: OnceCell<Lines<'a>>,
}

impl<'a> LineNumbers<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self {
            text,
            lines: OnceCell::new(),
        }
    }

    /// The line in which a byte stands.
    fn line(&self, at: usize) -> usize {
        let lines = self.lines.get_or_init(|| Lines::of(self.text));
        lines.place(at).line
    }
}

/// Every rule, in the order in which findings are reported.
pub static RULES: [Rule; 7] = [
    TYPE_MISSING,
    UNKNOWN_VERSION,
    UNKNOWN_KIND,
    DUPLICATE_KEY,
    NAMESPACE_FORMAT,
    LABEL_FORMAT,
    ANNOTATION_FORMAT,
];

const TYPE_MISSING: Rule = rule(
    "type-missing",
    "",
    Severity::Deny,
    "an object without `apiVersion` or `kind`",
    "kubernetes apimachinery pkg/apis/meta/v1/unstructured; kubectl refuses it",
);

const UNKNOWN_VERSION: Rule = rule(
    "unknown-version",
    "/apiVersion",
    Severity::Warn,
    "a group or version that does not serve the kind",
    "Skupper's CRDs; kubernetes pkg/apis/authentication",
);

const UNKNOWN_KIND: Rule = rule(
    "unknown-kind",
    "/kind",
    Severity::Warn,
    "a kind that its group does not have",
    "Skupper's CRDs; kubernetes pkg/apis/authentication",
);

const DUPLICATE_KEY: Rule = rule(
    "duplicate-key",
    "",
    Severity::Warn,
    "a key that stands twice in one mapping",
    "YAML 1.2, section 3.2.1.3; kustomize and Flux refuse the file, kubectl takes the last",
);

const NAMESPACE_FORMAT: Rule = rule(
    "namespace-format",
    "/metadata/namespace",
    Severity::Deny,
    "a namespace that is not a DNS-1123 label",
    "kubernetes apimachinery pkg/api/validation, ValidateNamespaceName",
);

const LABEL_FORMAT: Rule = rule(
    "label-format",
    "/metadata/labels",
    Severity::Deny,
    "labels that are not strings, or that the API server does not take",
    "kubernetes apimachinery pkg/apis/meta/v1/validation, ValidateLabels",
);

const ANNOTATION_FORMAT: Rule = rule(
    "annotation-format",
    "/metadata/annotations",
    Severity::Deny,
    "annotations that are not strings, or that the API server does not take",
    "kubernetes apimachinery pkg/api/validation, ValidateAnnotations",
);

const fn rule(
    code: &'static str,
    pointer: &'static str,
    severity: Severity,
    summary: &'static str,
    source: &'static str,
) -> Rule {
    Rule {
        code,
        pointer,
        severity,
        fixed: true,
        summary,
        source,
    }
}

/// Checks the type of an object, whatever its kind.
pub(crate) fn of_type(object: &Object) -> Option<Finding> {
    types::check(&object.value)
}

/// Checks an object that the policy has rules for.
pub(crate) fn of_object(lines: &LineNumbers<'_>, tree: &Tree, object: &Object) -> Vec<Finding> {
    let mut findings = duplicates::check(lines, tree, &object.pointer);
    findings.extend(metadata::check(&object.value));
    findings.truncate(KEPT);
    findings
}

/// Checks that no key stands twice in a value and below.
pub(crate) fn of_keys(lines: &LineNumbers<'_>, tree: &Tree, pointer: &str) -> Vec<Finding> {
    duplicates::check(lines, tree, pointer)
}

/// Checks the list around objects that the policy has rules for.
pub(crate) fn of_list(lines: &LineNumbers<'_>, tree: &Tree) -> Vec<Finding> {
    duplicates::check_root(lines, tree)
}

/// A finding of one of these rules. It shows the value where one is given.
fn finding(rule: &Rule, target: Target, error: FieldError, value: Option<&Value>) -> Finding {
    Finding {
        code: rule.code,
        severity: rule.severity,
        target,
        error: match value {
            Some(value) => error.showing(value),
            None => error,
        },
        fix: None,
    }
}

/// Most findings that are kept of one object.
const KEPT: usize = 32;
