//! The events of the parser -> the nodes of a tree.

use granit_parser::{Event, ScalarStyle, StructureStyle, Tag};

use crate::reader::Unreadable;
use crate::reader::dialect::{self, Piece};
use crate::reader::node::{Content, Entry, Name, Node, NodeId, Span, Style, Tree};
use crate::reader::scalar::Written;
use crate::reader::signs;
use crate::reader::value::DEEPEST;

/// A collection whose end has not come yet.
struct Open {
    id: NodeId,
    /// The key whose value comes next, in a mapping.
    key: Option<(Name, NodeId)>,
}

pub(super) struct Builder<'a> {
    text: &'a str,
    base: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// The node of each anchor, by the parser's number, which grows.
    anchors: Vec<(usize, NodeId)>,
    root: Option<NodeId>,
    /// End of the last scalar.
    read_to: usize,
    /// Number of open collections in flow style.
    flow: usize,
    /// Spans of scalars, and of the outermost collections in flow style.
    covered: Vec<Span>,
    /// True where a node has an anchor or a tag.
    pub(super) has_properties: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str, base: usize) -> Self {
        Self {
            text,
            base,
            read_to: base,
            flow: 0,
            covered: Vec::new(),
            has_properties: false,
            nodes: Vec::new(),
            open: Vec::new(),
            anchors: Vec::new(),
            root: None,
        }
    }

    pub(super) fn take(&mut self, event: Event<'_>, at: Span) -> Result<(), Unreadable> {
        let span = self.base + at.start..self.base + at.end;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), span)
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(Content::Sequence(Vec::new()), style, anchor, span)
            }
            Event::MappingStart(style, anchor, _) => {
                self.open(Content::Mapping(Vec::new()), style, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(&span);
                Ok(())
            }
            Event::Alias(anchor) => {
                let behind = self
                    .anchors
                    .partition_point(|(number, _)| *number <= anchor);
                let last = behind.checked_sub(1).and_then(|at| self.anchors.get(at));
                let target = last.filter(|(number, _)| *number == anchor);
                let Some((_, target)) = target.copied() else {
                    return Err(Unreadable::new(span, "an alias must follow its anchor"));
                };
                self.add(
                    Node {
                        span,
                        style: Style::Alias,
                        content: Content::Alias(target),
                    },
                    None,
                )
            }
            Event::Anchor(..) => {
                self.has_properties = true;
                dialect::check(self.text, &span, Piece::Anchor)
            }
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<(), Unreadable> {
        let style = match style {
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Literal,
            ScalarStyle::Plain => Style::Plain,
        };
        let span = match style {
            Style::Literal => signs::block(self.text, self.read_to, span),
            _ => span,
        };
        self.read_to = span.end;
        match style {
            Style::Double => dialect::check(self.text, &span, Piece::DoubleQuoted)?,
            Style::Literal => dialect::check(self.text, &span, Piece::Block)?,
            Style::Plain if self.flow > 0 => dialect::check(self.text, &span, Piece::PlainInFlow)?,
            _ => {}
        }
        if self.flow == 0 {
            self.covered.push(span.clone());
        }
        let tag = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
        let written = Written {
            text,
            is_plain: style == Style::Plain,
            tag: tag.as_deref(),
        };
        let unreadable = |problem| Unreadable::new(span.clone(), problem);
        let id = self.nodes.len();
        let is_key = self.is_key_next();
        if is_key && style != Style::Literal {
            let piece = if self.flow > 0 {
                Piece::KeyInFlow
            } else {
                Piece::Key
            };
            dialect::check(self.text, &span, piece)?;
        }
        let name = match is_key {
            true if written.is_merge() => Some(Name::Merge),
            true => Some(Name::Field(written.name().map_err(unreadable)?)),
            false => None,
        };
        let value = match &name {
            Some(Name::Field(name)) => name.as_str().into(),
            Some(Name::Merge) => text.into(),
            None => written.value().map_err(unreadable)?,
        };
        // A key may have an anchor, and is then repeated as the value that it would be.
        let value = if is_key && anchor != 0 {
            written.value().unwrap_or(value)
        } else {
            value
        };
        self.anchor(anchor, id);
        self.add(
            Node {
                span: span.clone(),
                style,
                content: Content::Scalar(value),
            },
            name,
        )
    }

    fn open(
        &mut self,
        content: Content,
        style: StructureStyle,
        anchor: usize,
        span: Span,
    ) -> Result<(), Unreadable> {
        if self.open.len() >= DEEPEST {
            return Err(Unreadable::new(
                span,
                format!("nested deeper than {DEEPEST} levels"),
            ));
        }
        if self.is_key_next() {
            return Err(Unreadable::new(span, "a key must be a string"));
        }
        let style = match style {
            StructureStyle::Flow => Style::Flow,
            StructureStyle::Block => Style::Block,
        };
        self.flow += usize::from(style == Style::Flow);
        let span = match (&content, style) {
            (Content::Sequence(_), Style::Block) => signs::dash(self.text, self.read_to, span),
            _ => span,
        };
        let id = self.nodes.len();
        self.anchor(anchor, id);
        self.add(
            Node {
                span,
                style,
                content,
            },
            None,
        )?;
        self.open.push(Open { id, key: None });
        Ok(())
    }

    /// Ends the innermost collection: in flow style at its bracket, else behind its last entry.
    fn close(&mut self, span: &Span) {
        let Some(open) = self.open.pop() else {
            return;
        };
        let Some(node) = self.nodes.get(open.id) else {
            return;
        };
        let last = match &node.content {
            Content::Sequence(elements) => elements.last().copied(),
            Content::Mapping(entries) => entries.last().map(|entry| entry.value),
            Content::Scalar(_) | Content::Alias(_) => None,
        };
        let end = match (node.style, last.and_then(|last| self.nodes.get(last))) {
            (Style::Block, Some(last)) => last.span.end,
            _ => span.end,
        };
        if let Some(node) = self.nodes.get_mut(open.id) {
            node.span.end = end.max(node.span.start);
            if node.style == Style::Flow {
                self.flow -= 1;
                if self.flow == 0 {
                    self.covered.push(node.span.clone());
                }
            }
        }
    }

    fn is_key_next(&self) -> bool {
        self.open.last().is_some_and(|open| {
            let node = self.nodes.get(open.id);
            let is_mapping = matches!(
                node,
                Some(Node {
                    content: Content::Mapping(_),
                    ..
                })
            );
            is_mapping && open.key.is_none()
        })
    }

    fn anchor(&mut self, anchor: usize, id: NodeId) {
        if anchor != 0 {
            self.anchors.push((anchor, id));
        }
    }

    /// Puts a node where it belongs; `name` is what it is called as a key.
    fn add(&mut self, node: Node, name: Option<Name>) -> Result<(), Unreadable> {
        let id = self.nodes.len();
        let is_key = self.is_key_next();
        let name = match (is_key, name) {
            (true, Some(name)) => Some(name),
            (true, None) => Some(Name::Field(self.alias_name(&node)?)),
            (false, _) => None,
        };
        self.nodes.push(node);
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(id);
            return Ok(());
        };
        let parent = self.nodes.get_mut(open.id).map(|node| &mut node.content);
        match (parent, name) {
            (Some(Content::Mapping(_)), Some(name)) => open.key = Some((name, id)),
            (Some(Content::Mapping(entries)), None) => {
                if let Some((name, key)) = open.key.take() {
                    entries.push(Entry {
                        name,
                        key,
                        value: id,
                    });
                }
            }
            (Some(Content::Sequence(elements)), _) => elements.push(id),
            _ => {}
        }
        Ok(())
    }

    /// The name of a key that is an alias.
    fn alias_name(&self, node: &Node) -> Result<String, Unreadable> {
        let unreadable = || Unreadable::new(node.span.clone(), "a key must be a string");
        let Content::Alias(target) = node.content else {
            return Err(unreadable());
        };
        match self.nodes.get(target).map(|node| &node.content) {
            Some(Content::Scalar(serde_json::Value::String(text))) => Ok(text.clone()),
            _ => Err(unreadable()),
        }
    }

    pub(super) fn finish(self, span: Span) -> Result<Option<Tree>, Unreadable> {
        dialect::check_lines(self.text, &span, &self.covered)?;
        let has_properties = self.has_properties;
        let tree = self.root.map(|root| Tree {
            has_properties,
            ..Tree::new(self.text, self.nodes, root, span)
        });
        Ok(tree.filter(|tree| !tree.is_null()))
    }
}
