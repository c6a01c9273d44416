//! Which lines of a text may be shown.
//!
//! What a secret is, the policy's one rule of redaction says. Here are only the lines: whatever
//! stands in a line with a secret, or with a field whose value could be one, is not shown.

use serde_json::{Value, json};
use skupper_access_policy::redaction::redacted;

use crate::judge::Document;
use crate::manifest::node::{Content, NodeId, Span, Tree};

/// The stretches of a document that must not be shown.
#[must_use]
pub fn of_document(document: &Document) -> Vec<Span> {
    let mut secrets = Vec::new();
    collect(&document.tree, document.tree.root, &mut secrets);
    // The value of a field that nobody knows may be a secret under a misspelled name.
    for judged in &document.objects {
        for placed in &judged.findings {
            if placed.finding.code == "unknown-field" {
                let pointer = judged.object.pointer.clone() + &placed.finding.pointer();
                secrets.push(document.tree.entry_span(&pointer));
            }
        }
    }
    secrets
}

/// True where a line may be shown: no secret stands in it, and no word of it, in a comment perhaps,
/// is the name of a field for secrets.
#[must_use]
pub fn may_be_shown(line: &str, span: &Span, secrets: &[Span]) -> bool {
    let is_touched = |secret: &Span| secret.start <= span.end && span.start <= secret.end;
    let mut words = line.split(|letter: char| !letter.is_alphanumeric());
    !(secrets.iter().any(is_touched) || words.any(is_name_of_secret) || is_secret(&line.into()))
}

fn collect(tree: &Tree, id: NodeId, secrets: &mut Vec<Span>) {
    let Some(node) = tree.node(id) else {
        return;
    };
    match &node.content {
        Content::Scalar(value) => {
            if is_secret(value) {
                secrets.push(node.span.clone());
            }
        }
        Content::Sequence(elements) => {
            for element in elements {
                collect(tree, *element, secrets);
            }
        }
        Content::Mapping(entries) => {
            for entry in entries {
                let is_named = (entry.name.as_deref()).is_some_and(|name| {
                    let value = tree.node(entry.value).map(|value| &value.content);
                    is_name_of_secret(name) || is_secret_field(name, value)
                });
                if is_named {
                    hide_entry(tree, entry.key, entry.value, secrets);
                } else {
                    collect(tree, entry.value, secrets);
                }
            }
        }
        Content::Alias(_) => {}
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
