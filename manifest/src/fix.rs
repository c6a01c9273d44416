//! Fixes and defaults written into the text of a file.
//!
//! Only the values that change are touched: comments, order and quoting stay. The text that comes
//! out is read again and must hold exactly what was wanted; where it does not, it is not used.

mod patch;
mod plan;
mod render;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use skupper_access_policy::path::FieldPath;
use skupper_access_policy::redaction::{redacted, shown};
use skupper_access_policy::review_object;
use skupper_access_policy::settings::Settings;

use crate::judge::{Contents, Document, Judged};
use crate::place::Lines;
use crate::reader::node::{Target, parts};
use crate::reader::read;
use patch::Patch;

/// What became of a file.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The new text, if anything was written.
    pub text: Option<String>,
    /// What was written.
    pub written: Vec<Written>,
    /// Objects as they were to be, that could not be written; without secrets.
    pub unwritten: Vec<Value>,
    /// Every object as it was to be.
    wanted: Vec<Value>,
}

impl Fixed {
    /// The same where the file cannot be written.
    #[must_use]
    pub fn unwritten(self) -> Self {
        Self {
            text: None,
            written: Vec::new(),
            unwritten: self.wanted.clone(),
            ..self
        }
    }
}

/// A value that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The line in the old text.
    pub line: usize,
    /// The field and its value, as far as it may be shown: `spec.linkCost: 1`.
    pub field: String,
}

/// A value that is to stand at a pointer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edit {
    pub(crate) pointer: String,
    pub(crate) value: Value,
}

/// The wanted changes of one object.
struct Change<'a> {
    document: &'a Document,
    judged: &'a Judged,
    wanted: Value,
    edits: Vec<Edit>,
    patches: Option<Vec<Patch>>,
}

impl Change<'_> {
    fn shown(&self) -> Value {
        redacted(&self.wanted)
    }
}

/// Writes fixes and defaults into `text`, whose `contents` were judged with the same settings.
#[must_use]
pub fn fix(text: &str, contents: &Contents, settings: &Settings, now: DateTime<Utc>) -> Fixed {
    let mut changes = Vec::new();
    for document in &contents.documents {
        for judged in &document.objects {
            changes.extend(change(text, document, judged, settings, now));
        }
    }
    let mut fixed = Fixed::default();
    if changes.is_empty() {
        return fixed;
    }
    let lines = Lines::of(text);
    let writable: Vec<&Change<'_>> = writable(text, &changes);
    if !writable.is_empty() {
        fixed.text = attempt(text, &writable);
    }
    for change in &changes {
        if writable
            .iter()
            .any(|writable| std::ptr::eq(*writable, change))
        {
            fixed.written.extend(
                change
                    .edits
                    .iter()
                    .map(|edit| written(change, edit, &lines)),
            );
        } else {
            fixed.unwritten.push(change.shown());
        }
        fixed.wanted.push(change.shown());
    }
    fixed
}

/// The changes that can be written: all, or those that can be written each by itself.
fn writable<'a, 'b>(text: &str, changes: &'b [Change<'a>]) -> Vec<&'b Change<'a>> {
    let all: Vec<&Change<'_>> = changes
        .iter()
        .filter(|change| change.patches.is_some())
        .collect();
    if attempt(text, &all).is_some() {
        return all;
    }
    let alone = all
        .into_iter()
        .filter(|change| attempt(text, &[change]).is_some());
    let alone: Vec<&Change<'_>> = alone.collect();
    match attempt(text, &alone) {
        Some(_) => alone,
        None => Vec::new(),
    }
}

/// The text with these changes, if it then holds what was wanted and nothing else has changed.
fn attempt(text: &str, changes: &[&Change<'_>]) -> Option<String> {
    let mut expected: BTreeMap<usize, Value> = BTreeMap::new();
    let mut patches = Vec::new();
    for change in changes {
        let document = change.document;
        let value = expected
            .entry(document.index)
            .or_insert_with(|| document.value.clone());
        for edit in &change.edits {
            set(value, &edit.pointer, edit.value.clone())?;
        }
        patches.extend(change.patches.iter().flatten().cloned());
    }
    let new = patch::apply(text, patches)?;
    let (before, after) = (read(text), read(&new));
    if before.len() != after.len() {
        return None;
    }
    for (index, (before, after)) in before.into_iter().zip(after).enumerate() {
        let is_same = match (before, after) {
            (Ok(before), Ok(after)) => {
                let wanted = expected.remove(&index).or_else(|| before.value().ok());
                after.value().ok() == wanted
            }
            (Err(before), Err(after)) => before.problem == after.problem,
            _ => false,
        };
        if !is_same {
            return None;
        }
    }
    Some(new)
}

/// What is wanted of an object, and how to write it; `None` where nothing is.
fn change<'a>(
    text: &str,
    document: &'a Document,
    judged: &'a Judged,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Option<Change<'a>> {
    let wanted = wanted(&judged.object.value, settings, now);
    let mut edits = Vec::new();
    compare(
        &judged.object.value,
        &wanted,
        &judged.object.pointer,
        &mut edits,
    );
    if edits.is_empty() {
        return None;
    }
    Some(Change {
        document,
        judged,
        wanted,
        patches: plan::plan(text, &document.tree, &edits),
        edits,
    })
}

/// The object with every certain fix, and with defaults where nothing denies it then.
fn wanted(object: &Value, settings: &Settings, now: DateTime<Utc>) -> Value {
    let mut object = object.clone();
    // A fix may show the next mistake; four are more than any field has.
    for _ in 0..4 {
        let verdict = review_object(object.clone(), None, None, settings, now);
        let before = object.clone();
        for fix in verdict
            .findings
            .iter()
            .filter_map(|finding| finding.fix.as_ref())
        {
            let _ = set(&mut object, &fix.pointer, fix.value.clone());
        }
        if object == before {
            return verdict.mutated_object.unwrap_or(object);
        }
    }
    object
}

/// The values in `new` that `old` has not.
fn compare(old: &Value, new: &Value, pointer: &str, edits: &mut Vec<Edit>) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        if old != new {
            edits.push(Edit {
                pointer: pointer.to_owned(),
                value: new.clone(),
            });
        }
        return;
    };
    for (name, value) in after {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match before.get(name) {
            Some(before) => compare(before, value, &pointer, edits),
            None => edits.push(Edit {
                pointer,
                value: value.clone(),
            }),
        }
    }
}

/// Puts a value where a pointer leads; the fields above it are made where they are missing.
fn set(object: &mut Value, pointer: &str, value: Value) -> Option<()> {
    let mut place = object;
    for part in parts(pointer) {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = match place {
            Value::Object(fields) => fields.entry(part).or_insert(Value::Null),
            Value::Array(elements) => elements.get_mut(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    *place = value;
    Some(())
}

fn written(change: &Change<'_>, edit: &Edit, lines: &Lines<'_>) -> Written {
    let span = change.document.tree.span(&edit.pointer, Target::Key);
    let pointer = edit.pointer.strip_prefix(&change.judged.object.pointer);
    let path = FieldPath::from_pointer(pointer.unwrap_or_default());
    let value = match &edit.value {
        Value::Array(_) | Value::Object(_) => redacted(&edit.value).to_string(),
        scalar => shown(&path, scalar).unwrap_or_else(|| "***".to_owned()),
    };
    Written {
        line: lines.place(span.start).line,
        field: format!("{path}: {value}"),
    }
}
