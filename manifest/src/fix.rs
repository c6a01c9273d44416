//! Fixes and defaults written into the text of a file.
//!
//! Only the values that change are touched: comments, order and quoting stay. The text that comes
//! out is read again and must hold exactly what was wanted; where it does not, it is not used.

mod plan;
mod render;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use skupper_access_policy::finding::Fix;
use skupper_access_policy::path::FieldPath;
use skupper_access_policy::redaction::{redacted, shown};

use crate::context::Context;
use crate::edit::{Edit, applied};
use crate::judge::{Contents, Document, Judged};
use crate::place::Lines;
use crate::reader::node::{Target, Tree, parts};
use crate::reader::read;

/// Outcome of fixing a text.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The new text, if anything was written.
    pub text: Option<String>,
    /// Values that were written.
    pub written: Vec<Written>,
    /// Objects as they were to be, that could not be written: in YAML, without secrets.
    pub unwritten: Vec<String>,
    /// Every object as it was to be.
    wanted: Vec<String>,
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

/// The wanted changes of one object.
struct Change<'a> {
    document: &'a Document,
    judged: &'a Judged,
    wanted: Value,
    fixes: Vec<Fix>,
    edits: Option<Vec<Edit>>,
}

impl Change<'_> {
    fn shown(&self) -> String {
        render::document(&redacted(&self.wanted))
    }
}

/// The edit of a text that makes one finding go away, where there is a place for it; `object` is the
/// pointer of the object that it is about.
#[must_use]
pub fn edit(text: &str, tree: &Tree, object: &str, fix: &Fix) -> Option<Edit> {
    let fix = Fix {
        pointer: object.to_owned() + &fix.pointer,
        value: fix.value.clone(),
    };
    plan::plan(text, tree, &[fix])?.pop()
}

/// Edits that make the object at a pointer what is stored in its place, without the secrets of either.
/// A field that cannot be written alone is written with the one around it, as a whole.
#[must_use]
pub fn stored(text: &str, tree: &Tree, pointer: &str, object: &Value, stored: &Value) -> Vec<Edit> {
    let (before, after) = (redacted(object), redacted(stored));
    let mut fixes = Vec::new();
    compare(&before, &after, pointer, &mut fixes);
    let whole_fields = || {
        let fields = after.as_object().into_iter().flatten();
        let changed = fields.filter(|(name, value)| before.get(name) != Some(value));
        let fixes: Vec<Fix> = changed
            .map(|(name, value)| Fix {
                pointer: below(pointer, name),
                value: value.clone(),
            })
            .collect();
        plan::plan(text, tree, &fixes)
    };
    let edits = plan::plan(text, tree, &fixes).or_else(whole_fields);
    edits.unwrap_or_default()
}

/// Writes fixes and defaults into `text`, whose `contents` were judged in the same context.
#[must_use]
pub fn fix(text: &str, contents: &Contents, context: &Context<'_>) -> Fixed {
    let mut changes = Vec::new();
    for document in &contents.documents {
        for judged in &document.objects {
            changes.extend(change(text, document, judged, context));
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
            fixed
                .written
                .extend(change.fixes.iter().map(|fix| written(change, fix, &lines)));
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
        .filter(|change| change.edits.is_some())
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
    let mut edits = Vec::new();
    for change in changes {
        let document = change.document;
        let value = expected
            .entry(document.index)
            .or_insert_with(|| document.value.clone());
        for fix in &change.fixes {
            set(value, &fix.pointer, fix.value.clone())?;
        }
        edits.extend(change.edits.iter().flatten().cloned());
    }
    let new = applied(text, &edits);
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

/// The wanted changes of an object, and their edits; `None` where nothing is wanted.
fn change<'a>(
    text: &str,
    document: &'a Document,
    judged: &'a Judged,
    context: &Context<'_>,
) -> Option<Change<'a>> {
    let wanted = wanted(&judged.object.value, context);
    let mut fixes = Vec::new();
    compare(
        &judged.object.value,
        &wanted,
        &judged.object.pointer,
        &mut fixes,
    );
    if fixes.is_empty() {
        return None;
    }
    Some(Change {
        document,
        judged,
        wanted,
        edits: plan::plan(text, &document.tree, &fixes),
        fixes,
    })
}

/// The object with every certain fix, and with defaults where nothing denies it then.
fn wanted(object: &Value, context: &Context<'_>) -> Value {
    let mut object = object.clone();
    // A fix may show the next mistake; four are more than any field has.
    for _ in 0..4 {
        let verdict = context.review(object.clone());
        let before = object.clone();
        for fix in verdict
            .findings
            .iter()
            .filter_map(|finding| finding.fix.as_ref())
        {
            let _ = set(&mut object, &fix.pointer, fix.value.clone());
        }
        if object == before {
            return verdict.mutated_object().unwrap_or(object);
        }
    }
    object
}

/// The values in `new` that `old` has not.
fn compare(old: &Value, new: &Value, pointer: &str, fixes: &mut Vec<Fix>) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        if old != new {
            fixes.push(Fix {
                pointer: pointer.to_owned(),
                value: new.clone(),
            });
        }
        return;
    };
    for (name, value) in after {
        let pointer = below(pointer, name);
        match before.get(name) {
            Some(before) => compare(before, value, &pointer, fixes),
            None => fixes.push(Fix {
                pointer,
                value: value.clone(),
            }),
        }
    }
}

/// The pointer to a field of what a pointer leads to.
fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Puts a value where a pointer leads; the fields above it are made where they are missing.
pub(crate) fn set(object: &mut Value, pointer: &str, value: Value) -> Option<()> {
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

fn written(change: &Change<'_>, fix: &Fix, lines: &Lines<'_>) -> Written {
    let span = change.document.tree.span(&fix.pointer, Target::Key);
    let pointer = fix.pointer.strip_prefix(&change.judged.object.pointer);
    let path = FieldPath::from_pointer(pointer.unwrap_or_default());
    let value = match &fix.value {
        Value::Array(_) | Value::Object(_) => redacted(&fix.value).to_string(),
        scalar => shown(&path, scalar).unwrap_or_else(|| "***".to_owned()),
    };
    Written {
        line: lines.place(span.start).line,
        field: format!("{path}: {value}"),
    }
}
