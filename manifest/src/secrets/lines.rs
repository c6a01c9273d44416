//! Lines of a text that may be shown: whatever stands in a line with a secret, or with a field whose
//! value could be one, is not shown.

use super::{HIDDEN, Reach, find, is_name_of_secret, is_secret};
use crate::judge::Document;
use crate::reader::node::{Content, Entry, Name, NodeId, Span, Target, Tree, parts};

/// Stretches of a document's lines that must not be shown.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Stretches whose lines are hidden whole; in order, apart from each other.
    lines: Vec<Span>,
    /// Values that are hidden alone.
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

impl Secrets {
    /// Finds the secrets of a document.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let mut secrets = Self::default();
        let tree = &document.tree;
        for secret in find(tree, &document.value) {
            match secret.reach {
                Reach::Lines(stretch) => secrets.lines.push(stretch),
                Reach::Value => secrets.values.push(secret.span),
                Reach::Replaced => {}
            }
        }
        for judged in &document.objects {
            let findings = judged.findings.iter().map(|placed| &placed.finding);
            for finding in findings.filter(|finding| finding.code == "unknown-field") {
                // It may stand there twice.
                let pointer = judged.object.pointer.clone() + &finding.pointer();
                let name = parts(&pointer).last().unwrap_or_default();
                let parent = tree.place(&pointer).parent;
                let fields = parent.map_or(&[][..], |parent| entries(tree, parent));
                let fields = fields.iter().filter(|field| is_named(field, &name));
                let values = fields.filter_map(|field| written(tree, field.value));
                secrets.values.extend(values);
                let value = tree.span(&pointer, Target::Value);
                let key = tree.span(&pointer, Target::Key);
                secrets.values.extend((value != key).then_some(value));
            }
        }
        // No rule says which fields of these anybody knows.
        for unknown in &document.unknown {
            let fields = entries(tree, tree.place(&unknown.pointer).value).iter();
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
