//! Wanted values -> edits of the text.

use serde_json::Value;
use skupper_access_policy::finding::Fix;

use super::render::{self, Quotes};
use crate::edit::Edit;
use crate::reader::node::{Content, Entry, Node, NodeId, Place, Span, Style, Tree, parts};

/// The edits that write every value, if there is a place for each.
pub(crate) fn plan(text: &str, tree: &Tree, wanted: &[Fix]) -> Option<Vec<Edit>> {
    let planner = Planner { text, tree };
    let mut edits = Vec::new();
    let mut inserts: Vec<(NodeId, Vec<(String, &Value)>)> = Vec::new();
    for fix in wanted {
        let place = tree.place(&fix.pointer);
        let depth = parts(&fix.pointer).count();
        let is_merged = |parent: NodeId| {
            let parent = tree.node(parent).map(|node| &node.content);
            place.key.is_none() && matches!(parent, Some(Content::Mapping(_)))
        };
        let parent = match place.parent {
            // What `<<` brings along is replaced by a field behind it.
            Some(parent) if place.depth == depth && is_merged(parent) => parent,
            _ if place.depth == depth => {
                edits.push(planner.replace(&place, &fix.value)?);
                continue;
            }
            _ if place.depth + 1 == depth => place.value,
            _ => return None,
        };
        let field = (parts(&fix.pointer).last()?, &fix.value);
        match inserts.iter_mut().find(|(known, _)| *known == parent) {
            Some((_, fields)) => fields.push(field),
            None => inserts.push((parent, vec![field])),
        }
    }
    for (parent, fields) in inserts {
        edits.push(planner.insert(parent, &fields)?);
    }
    Some(edits)
}

struct Planner<'a> {
    text: &'a str,
    tree: &'a Tree,
}

impl Planner<'_> {
    fn replace(&self, place: &Place, value: &Value) -> Option<Edit> {
        let node = self.tree.node(place.value)?;
        if node.span.is_empty() {
            return self.fill(place, value);
        }
        let quotes = match node.style {
            Style::Double => Quotes::Double,
            Style::Single => Quotes::Single,
            _ if self.is_json(place.key) => Quotes::Double,
            _ => Quotes::Plain,
        };
        let mut text = render::inline(value, quotes);
        if let Some(comment) = self.header_comment(&node.span) {
            text.push(' ');
            text.push_str(comment);
        }
        Some(Edit {
            span: node.span.clone(),
            text,
        })
    }

    /// The comment behind the `|` or `>` of a block scalar.
    fn header_comment(&self, span: &Span) -> Option<&str> {
        let header = self.text.get(span.clone())?.lines().next()?;
        let (_, comment) = header.split_once(" #")?;
        let start = header.len() - comment.len() - 1;
        header
            .starts_with(['|', '>'])
            .then(|| header.get(start..))?
    }

    /// Writes a value behind a key that has none.
    fn fill(&self, place: &Place, value: &Value) -> Option<Edit> {
        let key = self.tree.node(place.key?)?;
        let behind = self.text.get(key.span.end..)?;
        let colon = behind.find(':').filter(|colon| {
            behind
                .get(..*colon)
                .is_some_and(|text| text.trim().is_empty())
        })?;
        let at = key.span.end + colon + 1;
        let rest = self.text.get(at..)?;
        let parent = self.tree.node(place.parent?)?;
        if let Value::Object(fields) = value
            && parent.style == Style::Block
        {
            // A comment stays with its key.
            let at = at + rest.find(['\r', '\n']).unwrap_or(rest.len());
            let fields = fields.iter().map(|(name, value)| (name.clone(), value));
            let fields: Vec<_> = fields.collect();
            let indentation = self.indentation(key) + "  ";
            return Some(Edit {
                span: at..at,
                text: self.lines(&fields, &indentation, Quotes::Plain),
            });
        }
        let text = format!(" {}", render::inline(value, Quotes::Plain));
        // In flow style the blanks before the comma or brace go.
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let is_last = rest.get(blanks..)?.starts_with([',', '}']);
        let end = if is_last { at + blanks } else { at };
        Some(Edit {
            span: at..end,
            text,
        })
    }

    fn insert(&self, parent: NodeId, fields: &[(String, &Value)]) -> Option<Edit> {
        let node = self.tree.node(parent)?;
        let Content::Mapping(entries) = &node.content else {
            return None;
        };
        match node.style {
            Style::Block => self.insert_lines(entries, fields),
            _ => self.insert_inline(node, entries, fields),
        }
    }

    /// Below the last entry, or, where that is a block that keeps the lines below it, above the first.
    fn insert_lines(&self, entries: &[Entry], fields: &[(String, &Value)]) -> Option<Edit> {
        let first = self.tree.node(entries.first()?.key)?;
        let last = entries.last()?;
        let quotes = if first.style == Style::Double {
            Quotes::Double
        } else {
            Quotes::Plain
        };
        let lines = self.lines(fields, &self.indentation(first), quotes);
        let value = self.tree.node(last.value)?;
        let keeps_lines = value.style == Style::Literal
            && self
                .text
                .get(value.span.clone())?
                .lines()
                .next()?
                .contains('+');
        if keeps_lines {
            // The indentation of the first key is there already, and is made anew behind.
            let line_end = self.line_end();
            let indentation = self.indentation(first);
            let lines = lines.trim_start().to_owned() + line_end + &indentation;
            let at = first.span.start;
            return Some(Edit {
                span: at..at,
                text: lines,
            });
        }
        let end = value.span.end.max(self.tree.node(last.key)?.span.end);
        let rest = self.text.get(end..)?;
        let at = end + rest.find(['\r', '\n']).unwrap_or(rest.len());
        Some(Edit {
            span: at..at,
            text: lines,
        })
    }

    fn insert_inline(
        &self,
        node: &Node,
        entries: &[Entry],
        fields: &[(String, &Value)],
    ) -> Option<Edit> {
        let Some(last) = entries.last() else {
            let quotes = self.quotes_of(node);
            let at = node.span.start + 1;
            let text = render::fields(fields, quotes).join(", ");
            return Some(Edit { span: at..at, text });
        };
        let key = self.tree.node(last.key)?;
        let quotes = if key.style == Style::Double {
            Quotes::Double
        } else {
            Quotes::Plain
        };
        let value = self.tree.node(last.value)?;
        let end = self.end_of_entry(&key.span, &value.span)?;
        let separator = match self.blanks_before(key.span.start) {
            Some(blanks) => format!(",{}{blanks}", self.line_end()),
            None => ", ".to_owned(),
        };
        let fields = render::fields(fields, quotes);
        let text = fields
            .into_iter()
            .map(|field| separator.clone() + &field)
            .collect();
        Some(Edit {
            span: end..end,
            text,
        })
    }

    /// Behind the value, or behind the colon where there is none.
    fn end_of_entry(&self, key: &Span, value: &Span) -> Option<usize> {
        if !value.is_empty() {
            return Some(value.end);
        }
        let behind = self.text.get(key.end..)?;
        let is_colon = behind.trim_start().starts_with(':');
        let colon = behind.find(':').filter(|_| is_colon);
        Some(key.end + colon.map_or(0, |colon| colon + 1))
    }

    /// Lines to be put behind a line.
    fn lines(&self, fields: &[(String, &Value)], indentation: &str, quotes: Quotes) -> String {
        let lines = fields
            .iter()
            .flat_map(|(name, value)| render::block(name, value, quotes));
        let lines: Vec<String> = lines.map(|line| [indentation, &line].concat()).collect();
        let line_end = self.line_end();
        [line_end, &lines.join(line_end)].concat()
    }

    /// Text before a key in its line, as blanks.
    fn indentation(&self, key: &Node) -> String {
        let before = self
            .text
            .get(self.line_start(key.span.start)..key.span.start);
        let before = before.unwrap_or_default().chars();
        let blank = |letter: char| if letter == '\t' { letter } else { ' ' };
        before.map(blank).collect()
    }

    /// The blanks before what is the first in its line.
    fn blanks_before(&self, at: usize) -> Option<&str> {
        let before = self.text.get(..at)?;
        let line = before.trim_end_matches([' ', '\t']);
        let is_first = line.ends_with(['\n', '\r']);
        is_first.then(|| before.get(line.len()..)).flatten()
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// The line end that the file uses.
    fn line_end(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
            _ => "\n",
        }
    }

    /// True in JSON, where every string stands in double quotes.
    fn is_json(&self, key: Option<NodeId>) -> bool {
        let root = self.tree.node(self.tree.root);
        let is_flow = root.is_some_and(|root| root.style == Style::Flow);
        let key = key.and_then(|key| self.tree.node(key));
        is_flow && key.is_some_and(|key| key.style == Style::Double)
    }

    /// The quotes of an empty mapping: those of the first key of its document.
    fn quotes_of(&self, node: &Node) -> Quotes {
        let root = self.tree.node(self.tree.root).map(|root| &root.content);
        let first = match root {
            Some(Content::Mapping(entries)) => entries.first().map(|entry| entry.key),
            _ => None,
        };
        if node.style == Style::Flow && self.is_json(first) {
            return Quotes::Double;
        }
        Quotes::Plain
    }
}
