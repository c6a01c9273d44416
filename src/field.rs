//! A cursor over JSON that knows its path, and what it finds there.
//!
//! Reading never fails: a value of the wrong JSON type is noted as a [`Mismatch`], and the field
//! is [`Field::WrongType`]. The path is kept as links to the parents and written out only for a
//! mismatch, so reading a good object allocates nothing.
//!
//! `null` and, for strings, `""` are absent, as Kubernetes' own types read them.

use serde_json::{Map, Value};

use crate::finding::{Cause, FieldError, KEPT};
use crate::path::FieldPath;
use crate::redaction::text::type_name;

/// Content of one field: `T` is the checked value, `P` says why a value of the right JSON type
/// is not one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Field<T, P = std::convert::Infallible> {
    /// Not there, `null`, or an empty string.
    Absent,
    /// Of another JSON type; the [`Mismatch`] says which.
    WrongType,
    /// Of the right JSON type, but not such a value.
    Malformed(P),
    /// Read and checked.
    Set(T),
}

impl<T, P> Field<T, P> {
    /// The checked value, if there is one.
    pub(crate) fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            _ => None,
        }
    }

    /// The checked value, or `None` where nothing was written.
    pub(crate) fn read(&self) -> Result<Option<&T>, Unreadable> {
        match self {
            Self::Absent => Ok(None),
            Self::Set(value) => Ok(Some(value)),
            Self::WrongType | Self::Malformed(_) => Err(Unreadable),
        }
    }

    /// The reason the value was not accepted, if it is malformed.
    pub(crate) fn problem(&self) -> Option<&P> {
        match self {
            Self::Malformed(problem) => Some(problem),
            _ => None,
        }
    }

    /// True when nothing was written here.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The checked value, or `default` where nothing was written; `None` for what could not be read.
    pub(crate) fn or_default(&self, default: T) -> Option<T>
    where
        T: Copy,
    {
        match self {
            Self::Absent => Some(default),
            Self::Set(value) => Some(*value),
            Self::WrongType | Self::Malformed(_) => None,
        }
    }
}

impl<T> Field<T> {
    /// Reads the value further, into a type that proves more.
    pub(crate) fn parse<U, P>(self, parse: impl FnOnce(T) -> Result<U, P>) -> Field<U, P> {
        match self {
            Self::Absent => Field::Absent,
            Self::WrongType => Field::WrongType,
            Self::Set(value) => match parse(value) {
                Ok(value) => Field::Set(value),
                Err(problem) => Field::Malformed(problem),
            },
        }
    }
}

/// Something was written in a field that has no value.
pub(crate) struct Unreadable;

/// A value of the wrong JSON type, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Place of the value.
    pub(crate) path: FieldPath,
    /// Type that is written there: `string`, `integer`, ...
    pub(crate) found: &'static str,
    /// Type that must be written there, with its article: `a string`, `an integer`, ...
    pub(crate) expected: &'static str,
}

/// The values of the wrong JSON type in one object.
///
/// Whoever reads an object reads its lists and maps last, so what is only counted stands in a
/// field of which others are kept.
#[derive(Default)]
pub(crate) struct Mismatches {
    /// The first of them, at most [`KEPT`].
    pub(crate) kept: Vec<Mismatch>,
    /// Number of the others.
    pub(crate) more: usize,
}

impl From<Mismatch> for FieldError {
    /// The type that was found is named instead of the value.
    fn from(mismatch: Mismatch) -> Self {
        Self {
            path: mismatch.path,
            cause: Cause::Invalid,
            value: Some(format!("\"{}\"", mismatch.found)),
            detail: format!("must be {}", mismatch.expected),
        }
    }
}

impl Mismatches {
    /// True when a value of the wrong type stands in the field `name` of `spec`.
    pub(crate) fn is_within(&self, name: &str) -> bool {
        let mut paths = self.kept.iter().map(|mismatch| &mismatch.path);
        paths.any(|path| path.names().nth(1) == Some(name))
    }
}

/// A place in a JSON document.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'p, 'a> {
    parent: Option<&'p Cursor<'p, 'a>>,
    step: Step<'a>,
    value: Option<&'a Value>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Key(&'a str),
    Index(usize),
}

impl<'p, 'a> Cursor<'p, 'a> {
    /// The root of a document.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self {
            parent: None,
            step: Step::Root,
            value: Some(value),
        }
    }

    /// The field `name` of the object here; absent when there is no object here.
    pub(crate) fn field(&'p self, name: &'a str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Field(name),
            value: self.value.and_then(|value| value.get(name)),
        }
    }

    /// Visits every text here and below.
    pub(crate) fn for_each_text(&self, visit: &mut dyn FnMut(&Cursor<'_, '_>, &str)) {
        match self.value {
            Some(Value::String(text)) => visit(self, text),
            Some(Value::Array(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    self.child(Step::Index(index), element).for_each_text(visit);
                }
            }
            Some(Value::Object(fields)) => {
                let is_map = matches!(
                    self.step,
                    Step::Field("settings" | "annotations" | "labels")
                );
                for (name, value) in fields {
                    let step = if is_map {
                        Step::Key(name)
                    } else {
                        Step::Field(name)
                    };
                    self.child(step, value).for_each_text(visit);
                }
            }
            _ => {}
        }
    }

    /// The path to this place, written out.
    pub(crate) fn path(&self) -> FieldPath {
        let mut path = self.parent.map_or_else(FieldPath::root, Cursor::path);
        match self.step {
            Step::Root => {}
            Step::Field(name) => path = path.field(name),
            Step::Key(key) => path = path.key(key),
            Step::Index(index) => path = path.index(index),
        }
        path
    }

    /// The JSON value here, `null` being absent.
    pub(crate) fn value(&self) -> Option<&'a Value> {
        self.value.filter(|value| !value.is_null())
    }

    /// A string that is not empty.
    pub(crate) fn text(&self, mismatches: &mut Mismatches) -> Field<&'a str> {
        self.text_such_as("a string", mismatches)
    }

    /// A string that is not empty, where people write something else: `expected` has an example.
    pub(crate) fn text_such_as(
        &self,
        expected: &'static str,
        mismatches: &mut Mismatches,
    ) -> Field<&'a str> {
        match self.value() {
            Some(Value::String(text)) if text.is_empty() => Field::Absent,
            Some(Value::String(text)) => Field::Set(text),
            other => self.other_type(other, expected, mismatches),
        }
    }

    /// A whole number, also when written with a zero fraction. What lies beyond 64 bits is read as
    /// the nearest number that fits: it is out of every range there is.
    pub(crate) fn integer(&self, mismatches: &mut Mismatches) -> Field<i64> {
        let found = self.value();
        match found.and_then(as_integer) {
            Some(number) => Field::Set(number),
            None => self.other_type(found, "an integer", mismatches),
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, mismatches: &mut Mismatches) -> Field<bool> {
        match self.value() {
            Some(Value::Bool(value)) => Field::Set(*value),
            other => self.other_type(other, "a boolean", mismatches),
        }
    }

    /// An object.
    pub(crate) fn object(&self, mismatches: &mut Mismatches) -> Field<&'a Map<String, Value>> {
        match self.value() {
            Some(Value::Object(fields)) => Field::Set(fields),
            other => self.other_type(other, "an object", mismatches),
        }
    }

    /// A map from text to text; an entry of another type is a mismatch of its own.
    pub(crate) fn map_of_texts(
        &self,
        mismatches: &mut Mismatches,
    ) -> Field<&'a Map<String, Value>> {
        for entry in self.entries(mismatches) {
            entry.text(mismatches);
        }
        match self.value() {
            Some(Value::Object(entries)) => Field::Set(entries),
            Some(_) => Field::WrongType,
            None => Field::Absent,
        }
    }

    /// The entries of a map.
    pub(crate) fn entries(
        &'p self,
        mismatches: &mut Mismatches,
    ) -> impl Iterator<Item = Cursor<'p, 'a>> + use<'p, 'a> {
        let fields = self.object(mismatches).set().copied();
        fields
            .into_iter()
            .flatten()
            .map(|(key, value)| self.child(Step::Key(key), value))
    }

    /// The elements of a list.
    pub(crate) fn elements(
        &'p self,
        mismatches: &mut Mismatches,
    ) -> Field<impl ExactSizeIterator<Item = Cursor<'p, 'a>> + use<'p, 'a>> {
        match self.value() {
            Some(Value::Array(elements)) => Field::Set(
                elements
                    .iter()
                    .enumerate()
                    .map(|(index, value)| self.child(Step::Index(index), value)),
            ),
            other => self.other_type(other, "an array", mismatches),
        }
    }

    fn child(&'p self, step: Step<'a>, value: &'a Value) -> Self {
        Self {
            parent: Some(self),
            step,
            value: Some(value),
        }
    }

    fn other_type<T>(
        &self,
        found: Option<&Value>,
        expected: &'static str,
        mismatches: &mut Mismatches,
    ) -> Field<T> {
        let Some(found) = found else {
            return Field::Absent;
        };
        if mismatches.kept.len() < KEPT {
            mismatches.kept.push(Mismatch {
                path: self.path(),
                found: type_name(found),
                expected,
            });
        } else {
            mismatches.more += 1;
        }
        Field::WrongType
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` from f64 saturates, which is what the doc of `integer` promises"
)]
fn as_integer(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    if let Some(integer) = number.as_i64() {
        return Some(integer);
    }
    if number.is_u64() {
        return Some(i64::MAX);
    }
    number
        .as_f64()
        .filter(|double| double.fract() == 0.0)
        .map(|double| double as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_are_read_as_the_api_server_reads_them() {
        let cases = [
            ("an integer", json!(3), Field::Set(3)),
            ("a zero fraction", json!(3.0), Field::Set(3)),
            ("minus zero", json!(-0.0), Field::Set(0)),
            ("a fraction", json!(3.5), Field::WrongType),
            ("beyond 64 bits", json!(u64::MAX), Field::Set(i64::MAX)),
            ("a huge double", json!(1e300), Field::Set(i64::MAX)),
            (
                "a huge negative double",
                json!(-1e300),
                Field::Set(i64::MIN),
            ),
            ("null", Value::Null, Field::Absent),
            ("digits in a string", json!("3"), Field::WrongType),
            ("an empty string", json!(""), Field::WrongType),
            ("a boolean", json!(true), Field::WrongType),
            ("an array", json!([3]), Field::WrongType),
        ];
        for (name, value, expected) in cases {
            assert!(
                Cursor::root(&value).integer(&mut Mismatches::default()) == expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_mismatch_names_its_place_and_both_types() {
        let document =
            json!({"spec": {"settings": {"a.b": 1}, "audiences": ["x", {}], "code": 7.5}});
        let mut mismatches = Mismatches::default();
        let root = Cursor::root(&document);
        let spec = root.field("spec");
        let settings = spec.field("settings");
        for entry in settings.entries(&mut mismatches) {
            entry.text(&mut mismatches);
        }
        let audiences = spec.field("audiences");
        if let Field::Set(elements) = audiences.elements(&mut mismatches) {
            for element in elements {
                element.text(&mut mismatches);
            }
        }
        spec.field("code").text(&mut mismatches);
        spec.field("code").field("deeper").text(&mut mismatches);
        let printed: Vec<String> = mismatches
            .kept
            .iter()
            .map(|m| format!("{} {} {}", m.path, m.found, m.expected))
            .collect();
        assert_eq!(
            printed,
            [
                "spec.settings[a.b] integer a string",
                "spec.audiences[1] object a string",
                "spec.code number a string",
            ]
        );
    }
}
