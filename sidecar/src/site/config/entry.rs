//! Values of a configuration, with their places.

use std::fmt::Display;

use serde_json::{Map, Value};
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::{Target, Tree};
use skupper_access_policy::printable::printable;

use super::{ConfigCause, ConfigProblem};

/// The text of a configuration, and the tree that was read from it.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) lines: &'a Lines<'a>,
    pub(super) tree: &'a Tree,
}

/// A value of the file.
pub(super) struct Entry<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) value: &'a Value,
    pub(super) pointer: String,
    /// Its name in messages.
    pub(super) field: String,
}

impl<'a> Entry<'a> {
    /// The entry below it, unless there is none.
    pub(super) fn child(&self, part: &str, field: String) -> Option<Self> {
        let part = part.replace('~', "~0").replace('/', "~1");
        Some(Self {
            source: self.source,
            value: self.value.pointer(&format!("/{part}"))?,
            pointer: format!("{}/{part}", self.pointer),
            field,
        })
    }

    pub(super) fn field_of(&self, name: &str) -> String {
        let name = printable(name);
        match self.field.as_str() {
            "" => name.to_string(),
            field => format!("{field}.{name}"),
        }
    }

    /// The field of a name, unless it is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let child = self.child(name, self.field_of(name));
        child.filter(|child| !child.value.is_null())
    }

    /// Its entries, each with a name that is known.
    pub(super) fn fields(&self, known: &[&'static str]) -> Result<(), ConfigProblem> {
        let fields = self.mapping()?;
        let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) else {
            return Ok(());
        };
        let unknown = self.child(unknown, self.field_of(unknown));
        let cause = ConfigCause::Unknown(known.to_vec());
        Err(unknown
            .as_ref()
            .unwrap_or(self)
            .problem_at(Target::Key, cause))
    }

    pub(super) fn mapping(&self) -> Result<&'a Map<String, Value>, ConfigProblem> {
        let shape = "must be a mapping of the form 'key: value'";
        self.value.as_object().ok_or_else(|| self.malformed(shape))
    }

    pub(super) fn list(&self) -> Result<&'a [Value], ConfigProblem> {
        let shape = "must be a list of entries that begin with '-'";
        let list = self.value.as_array().map(Vec::as_slice);
        list.ok_or_else(|| self.malformed(shape))
    }

    /// The text, and that of a number as it is written.
    fn text(&self) -> Result<&'a str, ConfigProblem> {
        let malformed = || self.malformed("must be a text");
        match self.value {
            Value::String(text) => Ok(text),
            Value::Bool(_) | Value::Number(_) => {
                let span = self.source.tree.span(&self.pointer, Target::Value);
                self.source.text.get(span).ok_or_else(malformed)
            }
            _ => Err(malformed()),
        }
    }

    fn malformed(&self, shape: &str) -> ConfigProblem {
        self.problem(ConfigCause::Malformed(shape.to_owned()))
    }

    pub(super) fn problem(&self, cause: ConfigCause) -> ConfigProblem {
        self.problem_at(Target::Value, cause)
    }

    fn problem_at(&self, target: Target, cause: ConfigCause) -> ConfigProblem {
        let start = self.source.tree.span(&self.pointer, target).start;
        ConfigProblem {
            line: u64::try_from(self.source.lines.place(start).line).ok(),
            field: self.field.clone(),
            cause,
        }
    }

    pub(super) fn missing(&self, name: &str) -> ConfigProblem {
        let problem = self.problem(ConfigCause::Missing);
        ConfigProblem {
            // What is missing in the file as a whole is in no line.
            line: problem.line.filter(|_| !self.field.is_empty()),
            field: self.field_of(name),
            ..problem
        }
    }

    pub(super) fn optional<T, P: Display>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, P>,
    ) -> Result<Option<T>, ConfigProblem> {
        let Some(entry) = self.get(name) else {
            return Ok(None);
        };
        let read = read(entry.text()?).map(Some);
        read.map_err(|problem| entry.problem(ConfigCause::Invalid(problem.to_string())))
    }

    /// The texts of a list; none where it is absent.
    pub(super) fn texts<T, P: Display>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, P>,
    ) -> Result<Vec<T>, ConfigProblem> {
        let Some(list) = self.get(name) else {
            return Ok(Vec::new());
        };
        let mut texts = Vec::new();
        for index in 0..list.list()?.len() {
            let field = format!("{}[{index}]", list.field);
            if let Some(entry) = list.child(&index.to_string(), field) {
                let text = read(entry.text()?);
                let invalid = |problem: P| entry.problem(ConfigCause::Invalid(problem.to_string()));
                texts.push(text.map_err(invalid)?);
            }
        }
        Ok(texts)
    }

    pub(super) fn required<T, P: Display>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, P>,
    ) -> Result<T, ConfigProblem> {
        self.optional(name, read)?.ok_or_else(|| self.missing(name))
    }
}
