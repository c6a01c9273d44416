//! A document as a tree whose every node knows where it was written.
//!
//! ```
//! use skupper_access_manifest::reader::node::Target;
//! use skupper_access_manifest::reader::read;
//!
//! let text = "kind: AccessGrant\nspec: {expirationWindow: 1 day}\n";
//! let documents = read(text);
//! let document = documents[0].as_ref().unwrap();
//! let span = document.span("/spec/expirationWindow", Target::Value);
//! assert_eq!(&text[span], "1 day");
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

pub use skupper_access_policy::finding::Target;

/// A stretch of the text, in bytes.
pub type Span = Range<usize>;

/// The number of a node in its tree.
pub(crate) type NodeId = usize;

/// Form in which a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A scalar without quotes, or nothing at all.
    Plain,
    /// A scalar in single quotes.
    Single,
    /// A scalar in double quotes.
    Double,
    /// A scalar behind `|` or `>`.
    Literal,
    /// A collection in brackets or braces.
    Flow,
    /// A collection whose entries stand on lines of their own.
    Block,
    /// `*name`.
    Alias,
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// From its first to behind its last character, without anchor and tag; empty where nothing is
    /// written.
    pub span: Span,
    /// The form in which it was written.
    pub style: Style,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Scalar(Value),
    Sequence(Vec<NodeId>),
    Mapping(Vec<Entry>),
    Alias(NodeId),
}

/// Meaning of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// The name that it has in JSON.
    Field(String),
    /// `<<`, which takes over the entries of other mappings.
    Merge,
}

/// An entry of a mapping.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Name,
    pub(crate) key: NodeId,
    pub(crate) value: NodeId,
}

/// A document: its nodes, and the value that they make.
#[derive(Debug)]
pub struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
    /// Stretch of the text that the document was read from.
    pub span: Span,
    /// The first line with something in it, without comment.
    pub(crate) first_line: Span,
    /// True where a node has an anchor or a tag.
    pub(crate) has_properties: bool,
}

/// Target of a pointer: a node, or the nearest one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The key under which the node stands, unless it is the root or an element of a list.
    pub(crate) key: Option<NodeId>,
    /// The node.
    pub(crate) value: NodeId,
    /// The mapping or list in which it stands.
    pub(crate) parent: Option<NodeId>,
    /// Number of parts of the pointer that lead to it.
    pub(crate) depth: usize,
}

impl Tree {
    /// Puts a document together.
    pub(crate) fn new(text: &str, nodes: Vec<Node>, root: NodeId, span: Span) -> Self {
        let first_line = first_line(text, &nodes, root);
        Self {
            nodes,
            root,
            span,
            first_line,
            has_properties: false,
        }
    }

    /// True where everything is what it looks like: no anchor, alias, merge key or tag, and no key that
    /// stands twice.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        let is_literal = |node: &Node| match &node.content {
            Content::Mapping(entries) => {
                let names = entries.iter().map(|entry| match &entry.name {
                    Name::Field(name) => Some(name),
                    Name::Merge => None,
                });
                let names: Option<BTreeSet<&String>> = names.collect();
                names.is_some_and(|names| names.len() == entries.len())
            }
            Content::Alias(_) => false,
            Content::Scalar(_) | Content::Sequence(_) => true,
        };
        !self.has_properties && self.nodes.iter().all(is_literal)
    }

    /// The same tree of a text that ends at `end`.
    pub(crate) fn within(mut self, end: usize) -> Self {
        let spans = self.nodes.iter_mut().map(|node| &mut node.span);
        for span in spans.chain([&mut self.span, &mut self.first_line]) {
            *span = span.start.min(end)..span.end.min(end);
        }
        self
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// True where the whole document is null, which is as good as none.
    pub(crate) fn is_null(&self) -> bool {
        let root = self.node(self.root).map(|node| &node.content);
        matches!(root, Some(Content::Scalar(Value::Null)))
    }

    /// The span of the key or value that `pointer` shows. Where there is none, it is that of the
    /// nearest one above; behind an alias it is the alias; where nothing is written, it is the key.
    #[must_use]
    pub fn span(&self, pointer: &str, target: Target) -> Span {
        let place = self.place(pointer);
        let span_of = |id: NodeId| self.node(id).map(|node| node.span.clone());
        let key = place.key.and_then(span_of);
        let value = span_of(place.value).filter(|span| !span.is_empty());
        let is_alias = (self.node(place.value)).is_some_and(|node| node.style == Style::Alias);
        let is_beyond = is_alias && place.depth < parts(pointer).count();
        let found = match target {
            Target::Key if place.parent.is_none() => Some(self.first_line.clone()),
            Target::Key if !is_beyond => key.or(value),
            _ => value.or(key),
        };
        found.unwrap_or_else(|| self.first_line.clone())
    }

    /// Follows `pointer` as far as there is something.
    pub(crate) fn place(&self, pointer: &str) -> Place {
        let mut place = Place {
            key: None,
            value: self.root,
            parent: None,
            depth: 0,
        };
        for part in parts(pointer) {
            let Some((key, value)) = self.child(place.value, &part) else {
                break;
            };
            place = Place {
                key,
                value,
                parent: Some(place.value),
                depth: place.depth + 1,
            };
        }
        place
    }

    /// The key and the value of what `part` of a pointer names in a node.
    fn child(&self, node: NodeId, part: &str) -> Option<(Option<NodeId>, NodeId)> {
        match &self.node(node)?.content {
            Content::Sequence(elements) => {
                let element = elements.get(part.parse::<usize>().ok()?)?;
                Some((None, *element))
            }
            Content::Mapping(entries) => entries.iter().rev().find_map(|entry| match &entry.name {
                Name::Field(name) => (name == part).then_some((Some(entry.key), entry.value)),
                Name::Merge => self.merged(entry, part),
            }),
            Content::Scalar(_) | Content::Alias(_) => None,
        }
    }

    /// Source from which a `<<` takes the entry `part`, if it does: a mapping that is written there, or an
    /// alias.
    fn merged(&self, entry: &Entry, part: &str) -> Option<(Option<NodeId>, NodeId)> {
        let source = |id: NodeId| match self.node(id)?.content {
            Content::Mapping(_) => self.child(id, part),
            Content::Alias(target) => {
                let _ = self.child(target, part)?;
                Some((None, id))
            }
            Content::Scalar(_) | Content::Sequence(_) => None,
        };
        match &self.node(entry.value)?.content {
            // The first of several mappings wins.
            Content::Sequence(elements) => elements.iter().find_map(|element| source(*element)),
            _ => source(entry.value),
        }
    }
}

/// From the beginning of the root to the end of the line, or of what stands before a comment.
fn first_line(text: &str, nodes: &[Node], root: NodeId) -> Span {
    let root = nodes
        .get(root)
        .map(|node| node.span.clone())
        .unwrap_or_default();
    let rest = text.get(root.clone()).unwrap_or_default();
    let line = rest.split(['\r', '\n']).next().unwrap_or_default();
    let end = root.start + line.len();
    // A comment is no part of any node: what ends last in this line is what stands before it.
    let nodes = nodes.iter().filter(|node| node.span.start < end);
    let last = nodes
        .map(|node| node.span.end)
        .filter(|at| *at <= end)
        .max();
    let has_comment = line.contains(" #") || line.contains("\t#");
    let end = if has_comment {
        last.unwrap_or(end)
    } else {
        end
    };
    root.start
        ..root.start
            + text
                .get(root.start..end)
                .unwrap_or_default()
                .trim_end()
                .len()
}

/// The parts of a JSON pointer.
pub(crate) fn parts(pointer: &str) -> impl Iterator<Item = String> + '_ {
    let parts = pointer.split('/').skip(1);
    parts.map(|part| part.replace("~1", "/").replace("~0", "~"))
}
