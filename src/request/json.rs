//! Reading only those parts of a payload that are needed.
//!
//! Most of an admission request is `managedFields`, options and the status, which no rule reads.
//! Building them as values costs more than all the rules together, so they are read past, but read
//! they are: what makes JSON unreadable makes it unreadable anywhere.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Most entries of a list or map in a spec. No object needs as many; a hundred thousand of them fit into
/// a request, and the values made of them would fill the memory of the host.
pub(crate) const MAX_ENTRIES: usize = 64;

/// Where in a payload a value stands, which decides what of it is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `{"request": ..., "settings": ...}`.
    Payload,
    /// The AdmissionRequest.
    Request,
    /// `object`: what the rules read of it.
    Object,
    /// `metadata` of the object.
    Metadata,
    /// `oldObject`: what the rules read of it.
    OldObject,
    /// `spec` of either.
    Spec,
    /// A field of a spec: of a list or map one entry more is kept than there may be, so that it shows.
    SpecField,
    /// An entry of such a list or map: of another list or map nothing is kept but its type.
    Entry,
    /// `resource`.
    Resource,
    /// `userInfo`.
    User,
    /// A payload of which only the object is kept.
    PayloadForObject,
    /// An AdmissionRequest of which only the object is kept.
    RequestForObject,
    /// Everything is kept.
    Whole,
    /// Nothing is kept.
    Nothing,
}

impl Place {
    /// The place of the field `name` of an object here.
    fn enter(self, name: &str) -> Self {
        // Most names stand where nothing is kept: they are compared with none.
        if self == Self::Nothing {
            return self;
        }
        match (self, name) {
            (Self::Whole, _)
            | (Self::Payload, "settings")
            | (Self::Request, "uid" | "operation" | "kind" | "subResource" | "name")
            | (Self::Resource, "resource")
            | (Self::OldObject, "status")
            | (Self::Metadata, "name" | "generateName")
            | (Self::User, "username" | "groups")
            | (Self::RequestForObject, "object") => Self::Whole,
            (Self::Payload, "request") => Self::Request,
            (Self::PayloadForObject, "request") => Self::RequestForObject,
            (Self::Request, "resource") => Self::Resource,
            (Self::Request, "userInfo") => Self::User,
            (Self::Request, "object") => Self::Object,
            (Self::Request, "oldObject") => Self::OldObject,
            (Self::Object | Self::OldObject, "metadata") => Self::Metadata,
            (Self::Object | Self::OldObject, "spec") => Self::Spec,
            (Self::Spec, _) => Self::SpecField,
            (Self::SpecField, _) => Self::Entry,
            _ => Self::Nothing,
        }
    }

    /// The place of the elements of a list here.
    fn element(self) -> Self {
        match self {
            Self::Nothing | Self::Entry => Self::Nothing,
            Self::Spec | Self::SpecField => Self::Entry,
            _ => Self::Whole,
        }
    }

    /// This place, or none once so many entries of a list or map here are kept.
    fn after(self, kept: usize) -> Self {
        match self {
            Self::SpecField if kept > MAX_ENTRIES => Self::Nothing,
            place => place,
        }
    }
}

/// Reads the text as JSON and keeps what the place says. `None` for text that is no JSON, or JSON
/// beyond what the API server sends: deeper than 128 levels, a number beyond doubles, a lone
/// surrogate.
pub(super) fn read(text: &[u8], place: Place) -> Option<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = place.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// What is not kept is `null`; a value of another type than the place expects is kept whole, so
/// that it can be refused.
impl<'de> Visitor<'de> for Place {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(match self {
            Self::Nothing => Value::Null,
            _ => Value::String(value.to_owned()),
        })
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        loop {
            let place = self.after(kept.len()).element();
            match elements.next_element_seed(place)? {
                Some(element) if place != Self::Nothing => kept.push(element),
                Some(_) => {}
                None => return Ok(Value::Array(kept)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some((name, place)) = fields.next_key_seed(Name(self.after(kept.len())))? {
            let value = fields.next_value_seed(place)?;
            if let Some(name) = name {
                kept.insert(name, value);
            }
        }
        Ok(Value::Object(kept))
    }
}

/// A field's name, kept when its value is, with the place of that value.
struct Name(Place);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = (Option<String>, Place);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = (Option<String>, Place);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let place = self.0.enter(name);
        let kept = (place != Place::Nothing).then(|| name.to_owned());
        Ok((kept, place))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_rule_reads_is_not_kept() {
        let text = br#"{"request": {
            "uid": "u", "operation": "UPDATE", "options": {"a": [1, {}]},
            "userInfo": {"username": "n", "extra": {"x": ["y"]}},
            "object": {"metadata": {"name": "west", "managedFields": [{"a": {}}]}, "spec": {"x": [1, null]}, "status": 1},
            "oldObject": {"metadata": {"labels": {}}, "spec": null, "status": {"redeemed": true}}
        }, "settings": {"defaulting": false}, "callback_channel": 1}"#;
        let expected = json!({"request": {
            "uid": "u", "operation": "UPDATE",
            "userInfo": {"username": "n"},
            "object": {"metadata": {"name": "west"}, "spec": {"x": [1, null]}},
            "oldObject": {"metadata": {}, "spec": null, "status": {"redeemed": true}}
        }, "settings": {"defaulting": false}});
        assert_eq!(read(text, Place::Payload), Some(expected));
    }

    #[test]
    fn a_value_of_another_type_is_kept_so_that_it_can_be_refused() {
        let text = br#"{"request": {"object": ["x"], "userInfo": "u", "oldObject": 1.5}}"#;
        let expected = json!({"request": {"object": ["x"], "userInfo": "u", "oldObject": 1.5}});
        assert_eq!(read(text, Place::Payload), Some(expected));
    }

    #[test]
    fn of_a_list_or_map_in_a_spec_one_entry_more_is_kept_than_there_may_be() {
        let read_spec = |spec: &str| {
            let text =
                format!(r#"{{"object": {{"spec": {spec}}}, "oldObject": {{"spec": {spec}}}}}"#);
            let read = read(text.as_bytes(), Place::Request).unwrap();
            assert_eq!(read["object"], read["oldObject"]);
            read["object"]["spec"].clone()
        };
        let list = |length: usize| json!(vec!["x"; length]).to_string();
        let map = |length: usize| {
            let entries = (0..length).map(|number| (format!("k{number:06}"), json!("x")));
            Value::Object(entries.collect()).to_string()
        };
        for (asked, kept) in [(0, 0), (64, 64), (65, 65), (66, 65), (100_000, 65)] {
            let spec = format!(r#"{{"a": {}, "b": {}}}"#, list(asked), map(asked));
            let read = read_spec(&spec);
            assert_eq!(read["a"].as_array().unwrap().len(), kept, "{asked}");
            assert_eq!(read["b"].as_object().unwrap().len(), kept, "{asked}");
        }
        assert_eq!(
            read_spec(
                r#"{"a": [[1, [2]], {"b": [3]}, 4], "c": {"d": {"e": 5}, "f": [6], "g": 7}, "h": 8}"#
            ),
            json!({"a": [[], {}, 4], "c": {"d": {}, "f": [], "g": 7}, "h": 8})
        );
        assert_eq!(read_spec("[[1], 2]"), json!([[], 2]));
        // The fields themselves are all there: the last may be one that the rules know.
        assert_eq!(read_spec(&map(100)).as_object().unwrap().len(), 100);
    }

    #[test]
    fn what_makes_json_unreadable_does_so_where_nothing_is_kept() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let cases = [
            ("too deep", deep.as_str()),
            ("a number beyond doubles", "1e400"),
            ("a lone surrogate", r#""\ud800""#),
            ("a control character", "\"\u{1}\""),
            ("nothing", ""),
            ("two values", "1 1"),
        ];
        for (name, json) in cases {
            let text = format!(r#"{{"request": {{"options": {json}}}}}"#);
            assert_eq!(read(text.as_bytes(), Place::Payload), None, "{name}");
        }
        assert_eq!(
            read(b"{\"request\": {\"uid\": \"\xff\"}}", Place::Payload),
            None
        );
        assert_eq!(read(b"{} x", Place::Payload), None);
    }
}
