//! The text of a file -> what the policy says to every object in it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use skupper_access_policy::answer::of_verdict;
use skupper_access_policy::finding::{Finding, Severity};
use skupper_access_policy::review_object;
use skupper_access_policy::settings::Settings;

use crate::manifest::node::{Span, Target, Tree};
use crate::manifest::objects::{Object, of_document};
use crate::manifest::{Unreadable, read};

/// What a file holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The documents with objects of ours, in order.
    pub documents: Vec<Document>,
    /// Documents that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// How many objects are of other kinds.
    pub skipped: usize,
}

/// A document with objects of ours.
#[derive(Debug)]
pub struct Document {
    /// Its number in the file, from 0, empty ones left out.
    pub index: usize,
    /// Where everything stands.
    pub tree: Tree,
    /// The whole document.
    pub value: Value,
    /// Its objects.
    pub objects: Vec<Judged>,
}

/// An object, judged.
#[derive(Debug)]
pub struct Judged {
    /// The object and its place in the document.
    pub object: Object,
    /// Where it begins.
    pub span: Span,
    /// The policy's answer. It holds the user's own values, secrets included.
    pub answer: Value,
    /// True where nothing denies it.
    pub is_allowed: bool,
    /// What the rules found, and where.
    pub findings: Vec<Placed>,
}

/// A finding and where it is shown.
#[derive(Debug)]
pub struct Placed {
    /// The finding.
    pub finding: Finding,
    /// The key or value that it is about.
    pub span: Span,
}

impl Placed {
    /// True where it refuses the object.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.finding.severity == Severity::Deny
    }
}

/// Judges every object of a text as if it were created now, by nobody in particular.
#[must_use]
pub fn judge(text: &str, settings: &Settings, now: DateTime<Utc>) -> Contents {
    let mut contents = Contents::default();
    for (index, document) in read(text).into_iter().enumerate() {
        let read = document.and_then(|tree| {
            let value = tree.value();
            let value = value.map_err(|(span, problem)| Unreadable::new(span, problem))?;
            Ok((tree, value))
        });
        let (tree, value) = match read {
            Ok(read) => read,
            Err(unreadable) => {
                contents.unreadable.push(unreadable);
                continue;
            }
        };
        let mut objects = Vec::new();
        for object in of_document(&value) {
            match judge_object(object, &tree, settings, now) {
                Some(judged) => objects.push(judged),
                None => contents.skipped += 1,
            }
        }
        if !objects.is_empty() {
            contents.documents.push(Document {
                index,
                tree,
                value,
                objects,
            });
        }
    }
    contents
}

/// `None` for an object that no rule is about.
fn judge_object(
    object: Object,
    tree: &Tree,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Option<Judged> {
    if !is_ours(&object.value) {
        return None;
    }
    let verdict = review_object(object.value.clone(), None, None, settings, now);
    let is_allowed = verdict.is_allowed();
    let findings = verdict.findings.iter().map(|finding| Placed {
        span: tree.span(
            &(object.pointer.clone() + &finding.pointer()),
            finding.target,
        ),
        finding: finding.clone(),
    });
    Some(Judged {
        span: tree.span(&object.pointer, Target::Key),
        findings: findings.collect(),
        is_allowed,
        answer: of_verdict(verdict),
        object,
    })
}

/// True for the kinds that have rules, in any version.
fn is_ours(object: &Value) -> bool {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let group = text("apiVersion").and_then(|version| version.split_once('/'));
    let group = group.map(|(group, _)| group);
    matches!(
        (group, text("kind")),
        (Some("skupper.io"), Some("AccessGrant" | "AccessToken"))
            | (Some("authentication.k8s.io"), Some("TokenRequest"))
    )
}
