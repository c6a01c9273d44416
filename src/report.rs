//! Findings, and where the checks of the rules report them.
//!
//! A field that is settled (it did not change, or has the wrong type) is not judged any further.

use std::fmt::Display;

use serde_json::Value;

use crate::field::Mismatches;
use crate::finding::{Cause, FieldError, Finding, Fix, KEPT, Severity, Target};
use crate::path::FieldPath;
use crate::rules::Rule;
use crate::value::placeholder::named_or;

/// Everything that the rules found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The first findings that deny.
    pub(crate) denials: Vec<Finding>,
    /// The first findings that warn.
    pub(crate) warnings: Vec<Finding>,
    /// Number of further findings that deny.
    pub(crate) more_denials: usize,
    /// The codes of all findings, each once, in table order.
    pub(crate) codes: Vec<&'static str>,
    settled: Vec<FieldPath>,
}

impl Findings {
    /// Nothing at `path` or below it is judged any further.
    pub(crate) fn settle(&mut self, path: FieldPath) {
        self.settled.push(path);
    }

    fn is_settled(&self, path: &FieldPath) -> bool {
        self.settled.iter().any(|settled| path.is_within(settled))
    }

    fn note(&mut self, code: &'static str) {
        if !self.codes.contains(&code) {
            self.codes.push(code);
        }
    }

    fn push(&mut self, finding: Finding) {
        self.note(finding.code);
        match finding.severity {
            Severity::Warn if self.warnings.len() < KEPT => self.warnings.push(finding),
            Severity::Warn | Severity::Allow => {}
            Severity::Deny if self.denials.len() < KEPT => self.denials.push(finding),
            Severity::Deny => self.more_denials += 1,
        }
    }
}

/// The findings of one rule, as its check reports them.
pub(crate) struct Report<'f> {
    /// The rule.
    pub(crate) rule: &'f Rule,
    /// Its severity under the settings.
    pub(crate) severity: Severity,
    /// True when a setting made the rule deny, which messages name.
    pub(crate) names_setting: bool,
    /// The object as JSON, for the values in messages.
    pub(crate) object: &'f Value,
    /// Everything that was found so far.
    pub(crate) findings: &'f mut Findings,
}

impl Report<'_> {
    /// The field that the rule judges.
    pub(crate) fn path(&self) -> FieldPath {
        FieldPath::from_pointer(self.rule.pointer)
    }

    /// A finding at the rule's field.
    pub(crate) fn find(&mut self, cause: Cause, detail: impl Into<String>) {
        self.find_at(self.path(), cause, detail);
    }

    /// A finding at the rule's field that `value` would mend.
    pub(crate) fn find_with_fix(&mut self, cause: Cause, detail: impl Into<String>, value: Value) {
        let error = self.error(self.path(), cause, detail.into());
        let fix = Fix {
            pointer: self.rule.pointer.to_owned(),
            value,
        };
        self.push(error, target_of(cause), Some(fix));
    }

    /// A finding anywhere.
    pub(crate) fn find_at(&mut self, path: FieldPath, cause: Cause, detail: impl Into<String>) {
        let error = self.error(path, cause, detail.into());
        self.push(error, target_of(cause), None);
    }

    /// A finding about text at the rule's field that its grammar refuses. A placeholder is named
    /// instead of the grammar; `mended` makes of the text what was meant, where that is certain. The
    /// guest answers without fixes and makes none.
    pub(crate) fn find_malformed(
        &mut self,
        problem: &dyn Display,
        mended: fn(&str) -> Option<String>,
    ) {
        let text = self.path().of(self.object).and_then(Value::as_str);
        let text = text.unwrap_or_default();
        let detail = named_or(text, problem);
        let mended = if cfg!(target_os = "wasi") {
            None
        } else {
            mended(text)
        };
        match mended {
            Some(mended) => self.find_with_fix(Cause::Invalid, detail, mended.into()),
            None => self.find(Cause::Invalid, detail),
        }
    }

    /// A finding anywhere, unless one that is as grave says the same of that place, or a graver one
    /// says anything.
    pub(crate) fn find_unless_named(&mut self, path: FieldPath, cause: Cause, detail: String) {
        let findings = self.findings.denials.iter().chain(&self.findings.warnings);
        let is_named = findings
            .filter(|finding| finding.error.path == path)
            .any(|finding| {
                finding.severity > self.severity
                    || finding.severity == self.severity && finding.error.detail == detail
            });
        if !is_named {
            self.find_at(path, cause, detail);
        }
    }

    /// True where findings of another rule with this severity are as grave as those of this one.
    pub(crate) fn is_at_most(&self, severity: Severity) -> bool {
        self.severity <= severity
    }

    /// A finding about a field's name.
    pub(crate) fn find_name(&mut self, path: FieldPath, cause: Cause, detail: impl Into<String>) {
        let error = self.error(path, cause, detail.into());
        self.push(error, Target::Key, None);
    }

    /// A finding about a text that stands in no field as it is: it is made of several.
    pub(crate) fn find_text(&mut self, cause: Cause, text: &str, detail: String) {
        let error = FieldError::new(self.path(), cause, detail).showing(&text.into());
        self.push(error, Target::Value, None);
    }

    /// A finding at an element of the list that the rule judges. The list may be as long as the
    /// request, so the text is made only where somebody reads it.
    pub(crate) fn find_element(
        &mut self,
        index: usize,
        cause: Cause,
        detail: impl FnOnce() -> String,
    ) {
        if self.wants_text() {
            self.find_at(self.path().index(index), cause, detail());
        } else {
            self.count(1);
        }
    }

    /// Findings about values of the wrong JSON type.
    pub(crate) fn find_mismatches(&mut self, mismatches: &Mismatches) {
        for mismatch in &mismatches.kept {
            self.push(mismatch.clone().into(), Target::Value, None);
        }
        let last = mismatches.kept.last();
        if last.is_some_and(|last| !self.findings.is_settled(&last.path)) {
            self.count(mismatches.more);
        }
    }

    /// Nothing at `path` or below it is judged any further.
    pub(crate) fn settle(&mut self, path: FieldPath) {
        self.findings.settle(path);
    }

    /// False once another finding of this rule would only be counted. Then [`Report::count`] does.
    pub(crate) fn wants_text(&self) -> bool {
        let kept = match self.severity {
            Severity::Deny => &self.findings.denials,
            Severity::Warn | Severity::Allow => &self.findings.warnings,
        };
        kept.len() < KEPT
    }

    /// Counts findings whose text nobody will read.
    pub(crate) fn count(&mut self, findings: usize) {
        if findings == 0 {
            return;
        }
        self.findings.note(self.rule.code);
        if self.severity == Severity::Deny {
            self.findings.more_denials += findings;
        }
    }

    fn error(&self, path: FieldPath, cause: Cause, detail: String) -> FieldError {
        let error = FieldError::new(path, cause, detail);
        if !matches!(
            cause,
            Cause::Invalid | Cause::Unsupported | Cause::Duplicate
        ) {
            return error;
        }
        match error.path.of(self.object) {
            Some(value) => error.showing(value),
            None => error,
        }
    }

    fn push(&mut self, mut error: FieldError, target: Target, fix: Option<Fix>) {
        if self.findings.is_settled(&error.path) {
            return;
        }
        if self.names_setting {
            let cause = match error.detail.as_str() {
                "" => "is denied",
                detail => detail,
            };
            error.detail = format!("{cause} (rules[{}])", self.rule.code);
        }
        self.findings.push(Finding {
            code: self.rule.code,
            severity: self.severity,
            target,
            error,
            fix,
        });
    }
}

/// A value that is missing cannot be pointed at.
fn target_of(cause: Cause) -> Target {
    match cause {
        Cause::Required => Target::Key,
        _ => Target::Value,
    }
}
