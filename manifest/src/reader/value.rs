//! A tree -> the value that kubectl makes of it: aliases and merges resolved, within bounds.
//!
//! Source: go.yaml.in/yaml/v2 decode.go, unmarshal, merge and `allowedAliasRatio`.

use serde_json::{Map, Value};

use super::Unreadable;
use super::node::{Content, Entry, Name, NodeId, Span, Tree};

impl Tree {
    /// The value of the document, aliases and merges resolved.
    ///
    /// # Errors
    /// No JSON can be made of an alias of what holds it, of a merge of something else than
    /// mappings, or aliases that repeat too much.
    pub fn value(&self) -> Result<Value, (Span, &'static str)> {
        Expansion::of(self).value(self.root, 0)
    }

    /// The same, with a problem as that of its document.
    pub(crate) fn readable_value(&self) -> Result<Value, Unreadable> {
        self.value().map_err(|(span, problem)| {
            Unreadable::new(span, problem).of_document(self.span.clone())
        })
    }
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

    /// Merges the mappings behind `<<`: they replace fields before it, and fields behind it replace them.
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
