//! Which lines of a text may be shown.
//!
//! What a secret is, the policy's one rule of redaction says. Here are only the lines: whatever
//! stands in a line with a secret, or with a field whose value could be one, is not shown.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skupper_access_policy::redaction::redacted;

use crate::judge::Document;
use crate::reader::node::{Content, Entry, Name, NodeId, Span, Target, Tree, parts};

/// What of a document must not be shown.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Stretches whose lines are hidden whole; in order, apart from each other.
    lines: Vec<Span>,
    /// Values that are hidden alone: those of fields that nobody knows, which may be secrets under a
    /// misspelled name.
    values: Vec<Span>,
}

/// A line as it may be shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// Not at all.
    Hidden,
    /// Like this; and where the stretch stands in it.
    Line(String, Span),
}

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

impl Secrets {
    /// Finds the secrets of a document.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let mut secrets = Self::default();
        let tree = &document.tree;
        collect(tree, tree.root, &mut secrets);
        for judged in &document.objects {
            let findings = judged.findings.iter().map(|placed| &placed.finding);
            for finding in findings.filter(|finding| finding.code == "unknown-field") {
                let pointer = judged.object.pointer.clone() + &finding.pointer();
                let value = document.tree.span(&pointer, Target::Value);
                let key = document.tree.span(&pointer, Target::Key);
                secrets.values.extend((value != key).then_some(value));
                // It may stand there twice.
                let name = parts(&pointer).last().unwrap_or_default();
                let parent = tree.place(&pointer).parent;
                let fields = parent.map_or(&[][..], |parent| entries(tree, parent));
                let fields = fields.iter().filter(|field| is_named(field, &name));
                let values = fields.filter_map(|field| written(tree, field.value));
                secrets.values.extend(values);
            }
        }
        // No rule says which fields of these anybody knows.
        for pointer in &document.unknown {
            let fields = entries(tree, tree.place(pointer).value).iter();
            let is_known = |field: &&Entry| {
                ["apiVersion", "kind"]
                    .iter()
                    .any(|name| is_named(field, name))
            };
            let fields = fields.filter(|field| !is_known(field));
            let values = fields.filter_map(|field| written(tree, field.value));
            secrets.values.extend(values);
        }
        secrets.lines = merged(secrets.lines);
        secrets.values = merged(secrets.values);
        secrets
    }

    /// The line at `at`, whose text is `line`, and in it the stretch `span`.
    #[must_use]
    pub fn show(&self, line: &str, at: &Span, span: &Span) -> Shown {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric());
        let is_touched = touching(&self.lines, at).next().is_some();
        if is_touched || words.any(is_name_of_secret) || is_secret(&line.into()) {
            return Shown::Hidden;
        }
        let mut shown = String::with_capacity(line.len());
        let mut from = at.start;
        for value in touching(&self.values, at) {
            // A value of several lines may say anything in each of them, and one before the stretch
            // would move it.
            if value.start < at.start.max(span.end) || value.end > at.end {
                return Shown::Hidden;
            }
            let before = line.get(from - at.start..value.start - at.start);
            shown.push_str(before.unwrap_or_default());
            shown.push_str(HIDDEN);
            from = value.end;
        }
        shown.push_str(line.get(from - at.start..).unwrap_or_default());
        let start = span.start.clamp(at.start, at.end) - at.start;
        let end = span.end.clamp(at.start, at.end) - at.start;
        let span = start..end.max(start);
        hide_comment(&mut shown, span.end);
        Shown::Line(shown, span)
    }
}

/// A comment may say anything, and a secret too. Behind `from` no comment is taken for a value.
fn hide_comment(line: &mut String, from: usize) {
    let behind = line.get(from..).unwrap_or_default();
    let mark = behind.match_indices('#').find(|(at, _)| {
        let before = behind.get(..*at).unwrap_or_default();
        before.ends_with([' ', '\t'])
    });
    if let Some((at, _)) = mark {
        line.truncate(from + at);
        line.push_str("# ***");
    }
}

/// The spans that touch a line, of several in order.
fn touching<'a>(spans: &'a [Span], line: &Span) -> impl Iterator<Item = &'a Span> {
    let first = spans.partition_point(|span| span.end < line.start);
    let end = line.end;
    let spans = spans.get(first..).unwrap_or_default().iter();
    spans.take_while(move |span| span.start <= end)
}

/// The same spans in order, those that touch put together.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.start);
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// The entries of a mapping; none of anything else.
fn entries(tree: &Tree, id: NodeId) -> &[Entry] {
    match tree.node(id).map(|node| &node.content) {
        Some(Content::Mapping(entries)) => entries,
        _ => &[],
    }
}

fn is_named(entry: &Entry, expected: &str) -> bool {
    matches!(&entry.name, Name::Field(name) if name == expected)
}

/// The stretch of a value, where something is written.
fn written(tree: &Tree, id: NodeId) -> Option<Span> {
    let span = tree.node(id).map(|node| node.span.clone())?;
    (!span.is_empty()).then_some(span)
}

fn collect(tree: &Tree, id: NodeId, secrets: &mut Secrets) {
    let Some(node) = tree.node(id) else {
        return;
    };
    match &node.content {
        Content::Scalar(value) => {
            if is_secret(value) {
                secrets.lines.push(node.span.clone());
            }
        }
        Content::Sequence(elements) => {
            for element in elements {
                collect(tree, *element, secrets);
            }
        }
        Content::Mapping(entries) => {
            hide_replaced(tree, entries, &mut secrets.values);
            for entry in entries {
                let is_named = match &entry.name {
                    Name::Field(name) => {
                        let value = tree.node(entry.value).map(|value| &value.content);
                        is_name_of_secret(name) || is_secret_field(name, value)
                    }
                    Name::Merge => false,
                };
                if is_named {
                    hide_entry(tree, entry.key, entry.value, &mut secrets.lines);
                } else {
                    collect(tree, entry.value, secrets);
                }
            }
        }
        Content::Alias(_) => {}
    }
}

/// Hides collections whose key stands again behind them: nobody judges what is in them, and a field in
/// them may be a secret under a misspelled name.
fn hide_replaced(tree: &Tree, entries: &[Entry], values: &mut Vec<Span>) {
    let mut names = BTreeSet::new();
    for entry in entries.iter().rev() {
        let Name::Field(name) = &entry.name else {
            continue;
        };
        let content = tree.node(entry.value).map(|value| &value.content);
        let is_collection = matches!(content, Some(Content::Mapping(_) | Content::Sequence(_)));
        if !names.insert(name) && is_collection {
            values.extend(written(tree, entry.value));
        }
    }
}

/// Hides a field, and where an alias takes its value from.
fn hide_entry(tree: &Tree, key: NodeId, value: NodeId, secrets: &mut Vec<Span>) {
    let span = |id: NodeId| {
        tree.node(id)
            .map(|node| node.span.clone())
            .unwrap_or_default()
    };
    let (key, place) = (span(key), span(value));
    secrets.push(key.start..place.end.max(key.end));
    if let Some(Content::Alias(target)) = tree.node(value).map(|node| &node.content) {
        secrets.push(span(*target));
    }
}

/// True where the rule of redaction hides any value of a field with this name.
fn is_name_of_secret(name: &str) -> bool {
    let field = json!({ name: "x" });
    redacted(&field) != field
}

/// True where it hides this value of the field.
fn is_secret_field(name: &str, value: Option<&Content>) -> bool {
    let Some(Content::Scalar(value @ Value::String(_))) = value else {
        return false;
    };
    let field = json!({ name: value });
    redacted(&field) != field
}

fn is_secret(value: &Value) -> bool {
    value.is_string() && redacted(value) != *value
}
