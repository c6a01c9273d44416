//! Places of values in an object.
//!
//! A path prints as Kubernetes prints field paths (`spec.settings[a.b]`, `spec.audiences[1]`) and
//! as a JSON pointer (`/spec/settings/a.b`, RFC 6901).
//! Source: kubernetes apimachinery pkg/util/validation/field, Path.

use std::fmt;

use serde_json::Value;

use crate::printable::printable;

/// A place in an object, from its root. Its names are the user's own, so its `Debug` shows as much of
/// them as a message may.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<Segment>);

#[derive(Clone, PartialEq, Eq)]
enum Segment {
    Field(String),
    Key(String),
    Index(usize),
}

impl FieldPath {
    /// The object itself.
    #[must_use]
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// The place that a JSON pointer of plain field names shows: `/spec/url`.
    #[must_use]
    pub fn from_pointer(pointer: &str) -> Self {
        Self(
            pointer
                .split('/')
                .skip(1)
                .map(|name| Segment::Field(unescape(name)))
                .collect(),
        )
    }

    /// The field `name` of the object here.
    #[must_use]
    pub fn field(mut self, name: &str) -> Self {
        self.0.push(Segment::Field(name.to_owned()));
        self
    }

    /// The entry `key` of the map here.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.to_owned()));
        self
    }

    /// The element number `index`, from 0, of the list here.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// This place as a JSON pointer; the root is the empty text.
    #[must_use]
    pub fn to_pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.0 {
            pointer.push('/');
            match segment {
                Segment::Field(name) | Segment::Key(name) => push_escaped(name, &mut pointer),
                Segment::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }

    /// The value that stands here in `object`.
    pub(crate) fn of<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0
            .iter()
            .try_fold(object, |value, segment| match segment {
                Segment::Field(name) | Segment::Key(name) => value.get(name.as_str()),
                Segment::Index(index) => value.get(*index),
            })
    }

    /// True when this place is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The first `length` steps of this path.
    pub(crate) fn truncated(&self, length: usize) -> Self {
        Self(self.0.iter().take(length).cloned().collect())
    }

    /// The names from the root, list indices left out.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Field(name) | Segment::Key(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        })
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldPath({self})")
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{}", printable(name))?;
                }
                Segment::Key(key) => write!(f, "[{}]", printable(key))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn push_escaped(name: &str, pointer: &mut String) {
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            plain => pointer.push(plain),
        }
    }
}

fn unescape(name: &str) -> String {
    let mut parts = name.split('~');
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match (part.strip_prefix('1'), part.strip_prefix('0')) {
            (Some(rest), _) => ('/', rest),
            (None, Some(rest)) => ('~', rest),
            (None, None) => ('~', part),
        };
        unescaped.push(character);
        unescaped.push_str(rest);
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_as_kubernetes_does_and_as_a_pointer() {
        let spec = || FieldPath::from_pointer("/spec");
        let cases = [
            (FieldPath::root(), "", ""),
            (spec().field("url"), "spec.url", "/spec/url"),
            (
                spec().field("settings").key("a/b~"),
                "spec.settings[a/b~]",
                "/spec/settings/a~1b~0",
            ),
            (
                spec().field("audiences").index(1),
                "spec.audiences[1]",
                "/spec/audiences/1",
            ),
            (spec().field("a\nb"), "spec.a\\nb", "/spec/a\nb"),
        ];
        for (path, printed, pointer) in cases {
            assert_eq!(path.to_string(), printed);
            assert_eq!(path.to_pointer(), pointer);
        }
    }

    #[test]
    fn a_place_lies_within_itself_and_its_parents_only() {
        let url = FieldPath::from_pointer("/spec/url");
        assert!(url.is_within(&url));
        assert!(url.is_within(&FieldPath::from_pointer("/spec")));
        assert!(!FieldPath::from_pointer("/spec").is_within(&url));
        assert!(!FieldPath::from_pointer("/spec/urls").is_within(&url));
    }
}
