//! One JSON object of a stream -> a tree.

use serde_json::Value;

use super::Unreadable;
use super::node::{Content, Entry, Name, Node, NodeId, Span, Style, Tree};
use super::value::DEEPEST;

/// A value of a stream that is JSON, and where it ends.
pub(crate) struct Read {
    /// The tree, or why kubectl refuses what is JSON all the same.
    pub(crate) document: Result<Tree, Unreadable>,
    pub(crate) end: usize,
}

/// Reads the value at `from`; `None` at the end of the text.
///
/// # Errors
/// The place at which it is no JSON.
pub(crate) fn read(text: &str, from: usize) -> Result<Option<Read>, Unreadable> {
    let mut reader = Reader {
        text,
        at: from,
        nodes: Vec::new(),
        out_of_range: None,
    };
    reader.skip_blanks();
    let start = reader.at;
    if start == text.len() {
        return Ok(None);
    }
    let root = reader.value(0)?;
    let tree = Tree::new(text, reader.nodes, root, start..reader.at);
    let document = reader.out_of_range.map_or(Ok(tree), Err);
    let end = reader.at;
    Ok(Some(Read { document, end }))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: Vec<Node>,
    /// The first number that is no double.
    out_of_range: Option<Unreadable>,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<NodeId, Unreadable> {
        if depth > DEEPEST {
            return Err(self.problem("nested deeper than 120 levels"));
        }
        let start = self.at;
        let id = self.add(start..start, Style::Flow, Content::Scalar(Value::Null));
        let (style, content) = match self.peek() {
            Some(b'{') => (Style::Flow, Content::Mapping(self.entries(depth)?)),
            Some(b'[') => (Style::Flow, Content::Sequence(self.elements(depth)?)),
            Some(b'"') => (Style::Double, Content::Scalar(self.string()?.into())),
            _ => (Style::Plain, Content::Scalar(self.literal()?)),
        };
        let span = start..self.at;
        if let Some(node) = self.nodes.get_mut(id) {
            *node = Node {
                span,
                style,
                content,
            };
        }
        Ok(id)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Unreadable> {
        let mut entries = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(entries);
        }
        loop {
            self.skip_blanks();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.problem("a key must stand in double quotes"));
            }
            let name = self.string()?;
            let content = Content::Scalar(name.as_str().into());
            let key = self.add(start..self.at, Style::Double, content);
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.problem("a key must be followed by ':'"));
            }
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            let name = Name::Field(name);
            entries.push(Entry { name, key, value });
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(entries);
            }
            if !self.take(b',') {
                return Err(self.problem("an entry must be followed by ',' or '}'"));
            }
        }
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<NodeId>, Unreadable> {
        let mut elements = Vec::new();
        self.at += 1;
        self.skip_blanks();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            self.skip_blanks();
            elements.push(self.value(depth + 1)?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(elements);
            }
            if !self.take(b',') {
                return Err(self.problem("an element must be followed by ',' or ']'"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start + 1..).unwrap_or_default();
        let mut is_escaped = false;
        let end = rest.iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let Some(end) = end else {
            return Err(self.problem("a string must end with '\"'"));
        };
        self.at = start + end + 2;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        match serde_json::from_str(quoted) {
            Ok(text) => Ok(text),
            Err(_) => unpaired(quoted)
                .ok_or_else(|| Unreadable::new(start..self.at, "must be a JSON string")),
        }
    }

    /// A number, `true`, `false` or `null`.
    fn literal(&mut self) -> Result<Value, Unreadable> {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
        let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let span = start..start + length;
        self.at = span.end;
        let word = self.text.get(span.clone()).unwrap_or_default();
        let value = match serde_json::from_str::<Value>(word) {
            Ok(value) => value,
            Err(_) if word.parse::<f64>().is_ok_and(f64::is_infinite) => {
                let problem = Unreadable::new(span, "must be a number that fits into 64 bits");
                self.out_of_range.get_or_insert(problem);
                Value::Null
            }
            Err(_) => return Err(Unreadable::new(span, "must be a JSON value")),
        };
        // Kubernetes knows integers of 63 bits and doubles, and `1.0` is a double to it.
        Ok(match value.as_f64() {
            Some(_) if word == "-0" => 0.into(),
            Some(float) if value.as_i64().is_none() => float.into(),
            _ => value,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: u8) -> bool {
        let is_there = self.peek() == Some(expected);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn add(&mut self, span: Span, style: Style, content: Content) -> NodeId {
        self.nodes.push(Node {
            span,
            style,
            content,
        });
        self.nodes.len() - 1
    }

    fn problem(&self, problem: &str) -> Unreadable {
        Unreadable::new(self.at..self.at, problem)
    }
}

/// Reads a string in which half of a surrogate pair stands alone: Go puts U+FFFD there.
fn unpaired(quoted: &str) -> Option<String> {
    let mut mended = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at_checked(at)?;
        mended.push_str(before);
        let unit = |from: usize| {
            let escape = escape.get(from..)?.strip_prefix("\\u")?;
            u16::from_str_radix(escape.get(..4)?, 16).ok()
        };
        let length = match (unit(0), unit(6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                mended.push_str("\\ufffd");
                rest = escape.get(6..)?;
                continue;
            }
            _ => 2,
        };
        mended.push_str(escape.get(..length)?);
        rest = escape.get(length..)?;
    }
    mended.push_str(rest);
    serde_json::from_str(&mended).ok()
}
