//! A document as a tree whose every node knows where it was written.
//!
//! ```
//! use skupper_access_check::manifest::node::Target;
//! use skupper_access_check::manifest::read;
//!
//! let text = "kind: AccessGrant\nspec: {expirationWindow: 1 day}\n";
//! let documents = read(text);
//! let document = documents[0].as_ref().unwrap();
//! let span = document.span("/spec/expirationWindow", Target::Value);
//! assert_eq!(&text[span], "1 day");
//! ```

use std::ops::Range;

use serde_json::{Map, Value};

pub use skupper_access_policy::finding::Target;

/// A stretch of the text, in bytes.
pub type Span = Range<usize>;

/// The number of a node in its tree.
pub(crate) type NodeId = usize;

/// How a value was written.
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
    /// How it was written.
    pub style: Style,
    /// True where an anchor or a tag stands before it.
    pub has_properties: bool,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Scalar(Value),
    Sequence(Vec<NodeId>),
    Mapping(Vec<Entry>),
    Alias(NodeId),
}

/// What a key means.
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
}

/// Where a pointer leads: to a node, or to the nearest one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The key under which the node stands, unless it is the root or an element of a list.
    pub(crate) key: Option<NodeId>,
    /// The node.
    pub(crate) value: NodeId,
    /// The mapping or list in which it stands.
    pub(crate) parent: Option<NodeId>,
    /// How many parts of the pointer lead to it.
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
        }
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

    /// From the key that `pointer` shows to the end of its value.
    #[must_use]
    pub fn entry_span(&self, pointer: &str) -> Span {
        let (key, value) = (
            self.span(pointer, Target::Key),
            self.span(pointer, Target::Value),
        );
        key.start.min(value.start)..key.end.max(value.end)
    }

    /// Where `pointer` leads, or the nearest place above.
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

    /// Where a `<<` takes the entry `part` from, if it does: a mapping that is written there, or an
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

    /// The value of the document, aliases and merges resolved.
    ///
    /// # Errors
    /// What no JSON can be made of: an alias of what holds it, a merge of something else than
    /// mappings, or aliases that repeat too much.
    pub fn value(&self) -> Result<Value, (Span, &'static str)> {
        Expansion::of(self).value(self.root, 0)
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

/// The deepest nesting that is read: the policy answers what is deeper with code 400.
pub(crate) const DEEPEST: usize = 120;

/// Most bytes of text that aliases may repeat.
const REPEATED: usize = 16 << 20;

/// A document on its way to a value, with what aliases have cost so far.
///
/// Source: go.yaml.in/yaml/v2 decode.go, unmarshal and `allowedAliasRatio`.
struct Expansion<'a> {
    tree: &'a Tree,
    read: usize,
    repeated: usize,
    repeated_bytes: usize,
    aliases: Vec<NodeId>,
}

type Expanded<T> = Result<T, (Span, &'static str)>;

impl<'a> Expansion<'a> {
    fn of(tree: &'a Tree) -> Self {
        Self {
            tree,
            read: 0,
            repeated: 0,
            repeated_bytes: 0,
            aliases: Vec::new(),
        }
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Expanded<Value> {
        let Some(node) = self.tree.node(id) else {
            return Ok(Value::Null);
        };
        let problem = |text| Err((node.span.clone(), text));
        if depth > DEEPEST {
            return problem("nested deeper than 120 levels");
        }
        self.read += 1;
        if !self.aliases.is_empty() {
            self.repeated += 1;
            if let Content::Scalar(Value::String(text)) = &node.content {
                self.repeated_bytes += text.len();
            }
        }
        if self.is_too_much() {
            return problem("aliases repeat too much");
        }
        match &node.content {
            Content::Scalar(value) => Ok(value.clone()),
            Content::Sequence(elements) => elements
                .iter()
                .map(|element| self.value(*element, depth + 1))
                .collect(),
            Content::Mapping(entries) => {
                let mut fields = Map::new();
                self.fill(entries, depth, &mut fields)?;
                Ok(fields.into())
            }
            Content::Alias(target) => {
                if self.aliases.contains(target) {
                    return problem("an alias must not stand inside what it repeats");
                }
                self.aliases.push(*target);
                let value = self.value(*target, depth);
                self.aliases.pop();
                value
            }
        }
    }

    fn fill(
        &mut self,
        entries: &[Entry],
        depth: usize,
        fields: &mut Map<String, Value>,
    ) -> Expanded<()> {
        for entry in entries {
            match &entry.name {
                Name::Field(name) => {
                    let value = self.value(entry.value, depth + 1)?;
                    fields.insert(name.clone(), value);
                }
                Name::Merge => self.merge(entry.value, depth, fields)?,
            }
        }
        Ok(())
    }

    /// What `<<` names replaces what stands before it, and is replaced by what stands behind.
    fn merge(
        &mut self,
        source: NodeId,
        depth: usize,
        fields: &mut Map<String, Value>,
    ) -> Expanded<()> {
        match self.tree.node(source).map(|node| &node.content) {
            Some(Content::Sequence(elements)) => elements
                .iter()
                .rev()
                .try_for_each(|element| self.merge_mapping(*element, depth, fields)),
            _ => self.merge_mapping(source, depth, fields),
        }
    }

    fn merge_mapping(
        &mut self,
        source: NodeId,
        depth: usize,
        fields: &mut Map<String, Value>,
    ) -> Expanded<()> {
        let content = |id: NodeId| self.tree.node(id).map(|node| &node.content);
        let is_mapping = match content(source) {
            Some(Content::Alias(target)) => matches!(content(*target), Some(Content::Mapping(_))),
            other => matches!(other, Some(Content::Mapping(_))),
        };
        if !is_mapping {
            let span = self.tree.node(source).map(|node| node.span.clone());
            let problem = "'<<' must be followed by a mapping or by a list of mappings";
            return Err((span.unwrap_or_default(), problem));
        }
        if let Value::Object(merged) = self.value(source, depth)? {
            fields.extend(merged);
        }
        Ok(())
    }

    /// kubectl's own bound, and one on bytes.
    fn is_too_much(&self) -> bool {
        let (repeated, read) = (self.repeated, self.read);
        if self.repeated_bytes > REPEATED {
            return true;
        }
        // 99 % of up to 400,000 values may be repeated, 10 % of 4,000,000 and more.
        let percent = match read {
            ..=400_000 => 99,
            4_000_000.. => 10,
            _ => 99 - 89 * (read - 400_000) / 3_600_000,
        };
        repeated > 100 && read > 1000 && repeated * 100 > read * percent
    }
}
