//! Values of a document that must not be shown.
//!
//! The policy's one rule of redaction says what a secret is; this module finds where it stands. A text
//! without secrets ([`crate::redact`]) and single lines that may be shown ([`lines`]) follow from that.

pub mod lines;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skupper_access_policy::redaction::redacted;

use crate::fix::set;
use crate::reader::node::{Content, Entry, Name, NodeId, Span, Tree};
use crate::reader::objects::of_document;

/// Text in place of a secret.
pub const HIDDEN: &str = "***";

/// A key or a value that must not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Its stretch of the text.
    pub(crate) span: Span,
    /// The value that may stand there.
    pub(crate) shown: Value,
    /// Part of its lines that is hidden with it, where lines are shown.
    pub(crate) reach: Reach,
}

/// Part of the lines with a secret that is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Every line of this stretch: a credential stands there.
    Lines(Span),
    /// The value alone: a field that nobody knows, which may be a secret under a misspelled name.
    Value,
    /// Nothing: a value that another one of the same key replaces.
    Replaced,
}

/// Everything in a document that must not be shown.
pub(crate) fn find(tree: &Tree, document: &Value) -> Vec<Secret> {
    let mut search = Search {
        tree,
        secrets: Vec::new(),
    };
    search.value(None, tree.root, document, &shown(document));
    search.secrets
}

/// The document as it may be shown. Items of a typed list are objects of its kind.
pub(crate) fn shown(document: &Value) -> Value {
    let mut shown = redacted(document);
    for object in of_document(document) {
        let written = document.pointer(&object.pointer).unwrap_or(&Value::Null);
        if object.pointer.is_empty() || *written == object.value {
            continue;
        }
        let mut item = redacted(&object.value);
        if let Value::Object(fields) = &mut item {
            for name in ["apiVersion", "kind"] {
                match written.get(name) {
                    Some(value) => fields.insert(name.to_owned(), value.clone()),
                    None => fields.remove(name),
                };
            }
        }
        let _ = set(&mut shown, &object.pointer, item);
    }
    shown
}

struct Search<'a> {
    tree: &'a Tree,
    secrets: Vec<Secret>,
}

impl<'a> Search<'a> {
    /// Looks for what differs between a value, whose key is `key`, and the same as it may be shown.
    fn value(&mut self, key: Option<(&str, NodeId)>, id: NodeId, before: &Value, after: &Value) {
        let content = match self.content(id) {
            // What is hidden of a collection stands where its anchor is.
            Some(Content::Alias(target)) if before.is_object() || before.is_array() => {
                self.content(*target)
            }
            content => content,
        };
        match (content, before, after) {
            (Some(Content::Mapping(entries)), Value::Object(_), Value::Object(_)) => {
                self.fields(entries, &mut BTreeSet::new(), before, after);
            }
            (Some(Content::Sequence(elements)), Value::Array(before), Value::Array(after)) => {
                for ((id, before), after) in elements.iter().zip(before).zip(after) {
                    self.value(None, *id, before, after);
                }
            }
            _ if before == after => {}
            _ => {
                let is_named = |(name, _): (&str, NodeId)| {
                    let is_scalar = !(before.is_object() || before.is_array());
                    is_name_of_secret(name) || is_scalar && is_secret_field(name, before)
                };
                let is_credential = key.is_some_and(is_named) || is_secret(before);
                self.hide(key.map(|(_, key)| key), id, after, is_credential);
            }
        }
    }

    /// Looks at fields from the last one on, so that what stands again behind is known to be replaced.
    /// `seen` are the names behind.
    fn fields(
        &mut self,
        entries: &'a [Entry],
        seen: &mut BTreeSet<&'a str>,
        before: &Value,
        after: &Value,
    ) {
        for entry in entries.iter().rev() {
            match &entry.name {
                Name::Merge => self.merge(entry.value, seen, before, after),
                Name::Field(name) => {
                    let is_replaced = !seen.insert(name);
                    self.field(name, entry, is_replaced, before, after);
                }
            }
        }
    }

    fn field(
        &mut self,
        name: &str,
        entry: &Entry,
        is_replaced: bool,
        before: &Value,
        after: &Value,
    ) {
        let shown = redacted(&name.into());
        if shown != *name {
            self.hide(Some(entry.key), entry.key, &shown, true);
        }
        let after = shown.as_str().and_then(|shown| after.get(shown));
        let value = before.get(name).unwrap_or(&Value::Null);
        if !is_replaced {
            let key = Some((name, entry.key));
            self.value(key, entry.value, value, after.unwrap_or(&Value::Null));
            return;
        }
        // No object holds it, so that no rule can be asked about what is in it.
        let scalar = match self.content(entry.value) {
            Some(Content::Scalar(scalar)) => Some(scalar),
            _ => None,
        };
        let is_credential =
            scalar.is_some_and(|scalar| is_secret_field(name, scalar)) || is_name_of_secret(name);
        let is_unknown = after.is_some_and(|after| after == HIDDEN);
        let first = self.secrets.len();
        self.hide(Some(entry.key), entry.value, &HIDDEN.into(), is_credential);
        if scalar.is_some() && !is_credential && !is_unknown {
            for secret in self.secrets.iter_mut().skip(first) {
                secret.reach = Reach::Replaced;
            }
        }
    }

    /// Looks at mappings that are written behind `<<`. Of a list the first counts.
    fn merge(&mut self, id: NodeId, seen: &mut BTreeSet<&'a str>, before: &Value, after: &Value) {
        match self.content(id) {
            Some(Content::Mapping(entries)) => self.fields(entries, seen, before, after),
            Some(Content::Sequence(elements)) => {
                for element in elements {
                    self.merge(*element, seen, before, after);
                }
            }
            Some(Content::Alias(target)) => self.names(*target, seen),
            Some(Content::Scalar(_)) | None => {}
        }
    }

    /// Notes the names that an alias brings along; their values are looked at where they stand.
    fn names(&self, id: NodeId, seen: &mut BTreeSet<&'a str>) {
        let Some(Content::Mapping(entries)) = self.content(id) else {
            return;
        };
        for entry in entries {
            match (&entry.name, self.content(entry.value)) {
                (Name::Field(name), _) => {
                    seen.insert(name);
                }
                (Name::Merge, Some(Content::Alias(target))) => self.names(*target, seen),
                (Name::Merge, Some(Content::Sequence(elements))) => {
                    for element in elements {
                        self.names(*element, seen);
                    }
                }
                (Name::Merge, _) => self.names(entry.value, seen),
            }
        }
    }

    /// Hides a key or value, and where an alias takes it from.
    fn hide(&mut self, key: Option<NodeId>, id: NodeId, shown: &Value, is_credential: bool) {
        let span = |id: NodeId| self.tree.node(id).map(|node| node.span.clone());
        let Some(value) = span(id) else {
            return;
        };
        let target = match self.content(id) {
            Some(Content::Alias(target)) => span(*target),
            _ => None,
        };
        let start = key.and_then(span).map_or(value.start, |key| key.start);
        let reach = |stretch: Span| {
            if is_credential {
                Reach::Lines(stretch)
            } else {
                Reach::Value
            }
        };
        let hidden = |span: Span, shown: Value, reach: Reach| Secret { span, shown, reach };
        if let Some(target) = target {
            let secret = hidden(target.clone(), HIDDEN.into(), reach(target));
            self.secrets.push(secret);
        }
        if !value.is_empty() {
            let stretch = start.min(value.start)..value.end;
            self.secrets
                .push(hidden(value, shown.clone(), reach(stretch)));
        }
    }

    fn content(&self, id: NodeId) -> Option<&'a Content> {
        self.tree.node(id).map(|node| &node.content)
    }
}

/// True where the rule of redaction hides any value of a field with this name.
pub(crate) fn is_name_of_secret(name: &str) -> bool {
    is_secret_field(name, &"x".into())
}

/// True where it hides this value of a field because of the field's name.
fn is_secret_field(name: &str, value: &Value) -> bool {
    let field = json!({ name: value });
    redacted(&field) != field
}

/// True for a text that it does not show as it is.
pub(crate) fn is_secret(value: &Value) -> bool {
    value.is_string() && redacted(value) != *value
}
