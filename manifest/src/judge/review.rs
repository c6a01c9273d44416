//! One object: the policy's answer, without what it says about values that are filled in later.

use serde_json::Value;
use skupper_access_policy::answer::of_verdict;
use skupper_access_policy::finding::{Finding, Severity};
use skupper_access_policy::verdict::Verdict;

use super::{Judged, Placed};
use crate::checks::{self, LineNumbers};
use crate::context::Context;
use crate::reader::node::{Target, Tree};
use crate::reader::objects::Object;
use crate::unfinished::{self, Note, Reason};

/// An object of ours that is to be judged.
pub(super) struct Review<'a, 'text> {
    pub(super) lines: &'a LineNumbers<'text>,
    pub(super) tree: &'a Tree,
    pub(super) object: Object,
    /// Finding about its version.
    pub(super) mistake: Option<Placed>,
}

impl Review<'_, '_> {
    /// Judges it: the answer, what the checker finds itself, and a note about values that are filled in
    /// later.
    pub(super) fn judge(self, context: &Context<'_>) -> (Judged, Vec<Placed>, Option<Note>) {
        let object = self.object;
        let place = |finding| Placed::new(finding, self.tree, &object.pointer);
        let mut open = Vec::new();
        let verdict = context.review(object.value.clone());
        let verdict = without_open(verdict, &object.value, &mut open);
        let checks = checks::of_object(self.lines, self.tree, &object);
        let checks = split(checks, &object.value, &mut open).into_iter();
        let checks: Vec<Placed> = self.mistake.into_iter().chain(checks.map(place)).collect();
        let mut open: Vec<Placed> = open.into_iter().map(place).collect();
        open.sort_by_key(|placed| placed.span.start);
        let note = open.first().map(|first| Note {
            span: first.span.clone(),
            reason: Reason::FilledInLater(fields(&open)),
            count: 0,
        });
        let denial = checks.iter().find(|placed| placed.denies());
        let judged = Judged {
            span: self.tree.span(&object.pointer, Target::Key),
            findings: verdict.findings.iter().cloned().map(place).collect(),
            refusal: (verdict
                .refusal
                .as_ref()
                .map(|refusal| refusal.message.clone()))
            .or_else(|| denial.map(|placed| placed.finding.to_string())),
            is_update: context.old_object(&object.value).is_some(),
            answer: of_verdict(verdict),
            object,
        };
        (judged, checks, note)
    }
}

/// The verdict without what it says about values that are filled in later: that is moved to `open`.
fn without_open(mut verdict: Verdict, object: &Value, open: &mut Vec<Finding>) -> Verdict {
    let findings = std::mem::take(&mut verdict.findings);
    // Of more findings than are kept the others are unknown.
    let is_whole = findings.len() < KEPT;
    verdict.findings = split(findings, object, open);
    let denies = |finding: &Finding| finding.severity == Severity::Deny;
    if !open.is_empty() && is_whole && !verdict.findings.iter().any(denies) {
        verdict.refusal = None;
    }
    let is_dropped = |warning: &String| open.iter().any(|found| found.to_string() == *warning);
    verdict.warnings.retain(|warning| !is_dropped(warning));
    verdict
}

/// Moves the findings about values that are filled in later to `open`, and returns the others.
fn split(findings: Vec<Finding>, object: &Value, open: &mut Vec<Finding>) -> Vec<Finding> {
    let is_open = |finding: &Finding| {
        let value = object.pointer(&finding.pointer());
        finding.target == Target::Value && value.is_some_and(unfinished::is_filled_in_later)
    };
    let (found, others): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(is_open);
    open.extend(found);
    others
}

/// The fields of findings, each once.
fn fields(findings: &[Placed]) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for placed in findings {
        let field = placed.finding.error.path.to_string();
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
}

/// Most findings that the policy keeps of one severity.
const KEPT: usize = 32;
