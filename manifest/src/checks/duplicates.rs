//! Keys that stand twice in one mapping.

use skupper_access_policy::finding::{Cause, FieldError, Finding, Target};
use skupper_access_policy::path::FieldPath;

use super::{DUPLICATE_KEY, KEPT, LineNumbers, finding};
use crate::reader::node::{Content, Entry, Name, NodeId, Tree, parts};

/// Checks every mapping that is written in the object at `pointer`.
pub(super) fn check(lines: &LineNumbers<'_>, tree: &Tree, pointer: &str) -> Vec<Finding> {
    let place = tree.place(pointer);
    // What an alias brings along is written elsewhere.
    if place.depth < parts(pointer).count() {
        return Vec::new();
    }
    let mut search = Search::new(lines, tree);
    search.below(place.value);
    search.findings
}

/// Checks the entries of the outermost mapping alone.
pub(super) fn check_root(lines: &LineNumbers<'_>, tree: &Tree) -> Vec<Finding> {
    let mut search = Search::new(lines, tree);
    if let Some(Content::Mapping(entries)) = tree.node(tree.root).map(|node| &node.content) {
        search.entries(entries);
    }
    search.findings
}

/// A step from a mapping or a list to what it holds.
#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
}

struct Search<'a, 'text> {
    lines: &'a LineNumbers<'text>,
    tree: &'a Tree,
    steps: Vec<Step<'a>>,
    findings: Vec<Finding>,
}

impl<'a, 'text> Search<'a, 'text> {
    fn new(lines: &'a LineNumbers<'text>, tree: &'a Tree) -> Self {
        Self {
            lines,
            tree,
            steps: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn below(&mut self, id: NodeId) {
        let tree = self.tree;
        match tree.node(id).map(|node| &node.content) {
            Some(Content::Sequence(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    self.step(Step::Index(index), *element);
                }
            }
            Some(Content::Mapping(entries)) => {
                self.entries(entries);
                for entry in entries {
                    if let Name::Field(name) = &entry.name {
                        self.step(Step::Field(name), entry.value);
                    }
                }
            }
            Some(Content::Scalar(_) | Content::Alias(_)) | None => {}
        }
    }

    fn step(&mut self, step: Step<'a>, to: NodeId) {
        self.steps.push(step);
        self.below(to);
        self.steps.pop();
    }

    fn entries(&mut self, entries: &'a [Entry]) {
        let names = entries.iter().filter_map(|entry| match &entry.name {
            Name::Field(name) => Some((name.as_str(), entry.key)),
            Name::Merge => None,
        });
        let mut names: Vec<(&str, NodeId)> = names.collect();
        // The sort is stable: keys of one name stay in their order.
        names.sort_by_key(|(name, _)| *name);
        let same = names.chunk_by(|(before, _), (after, _)| before == after);
        for keys in same.filter(|keys| keys.len() > 1) {
            if let ([(name, first), .., (_, last)], true) = (keys, self.findings.len() < KEPT) {
                let finding = self.finding(name, *first, *last);
                self.findings.push(finding);
            }
        }
    }

    fn finding(&self, name: &str, first: NodeId, last: NodeId) -> Finding {
        let line = |key: NodeId| {
            let at = self.tree.node(key).map(|node| node.span.start);
            self.lines.line(at.unwrap_or_default())
        };
        let places = match (line(first), line(last)) {
            (first, last) if first == last => format!("twice in line {first}"),
            (first, last) => format!("in lines {first} and {last}"),
        };
        let path = self
            .steps
            .iter()
            .fold(FieldPath::root(), |path, step| match step {
                Step::Field(name) => path.field(name),
                Step::Index(index) => path.index(*index),
            });
        let detail = format!(
            "stands {places}: kubectl takes the last, kustomize and Flux refuse the file: leave one"
        );
        let error = FieldError::new(path.field(name), Cause::Duplicate, detail);
        finding(&DUPLICATE_KEY, Target::Key, error, None)
    }
}
