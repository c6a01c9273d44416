//! A reader of JSON that keeps only those parts of a request that are needed.
//!
//! Most of an admission request is `managedFields`, options and the status, which no rule reads.
//! Building them as values costs more than all the rules together, so they are read past, but read
//! they are: what makes JSON unreadable makes it unreadable anywhere. What is JSON, and which value
//! it has, is what `serde_json` says.

use std::borrow::Cow;
use std::mem;
use std::ops::Range;

use serde_json::{Map, Value};

/// Most entries of a list or map in a spec. No object needs as many; a hundred thousand of them fit into
/// a request, and the values made of them would fill the memory of the host.
pub(crate) const MAX_ENTRIES: usize = 64;

/// Place of a value in a request, which decides what of it is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
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
    /// A text, a number or a word: of a list or map here nothing is kept but its type.
    Scalar,
    /// `resource`.
    Resource,
    /// `userInfo`.
    User,
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
            (Self::Whole, _) | (Self::OldObject, "status") | (Self::User, "groups") => Self::Whole,
            (Self::Object | Self::OldObject, "metadata") => Self::Metadata,
            (Self::Object | Self::OldObject, "spec") => Self::Spec,
            (Self::Spec, _) => Self::SpecField,
            (Self::SpecField, _)
            | (Self::Metadata, "name" | "generateName")
            | (Self::Resource, "resource")
            | (Self::User, "username") => Self::Scalar,
            _ => Self::Nothing,
        }
    }

    /// The place of the elements of a list here.
    fn element(self) -> Self {
        match self {
            Self::Whole => Self::Whole,
            Self::SpecField => Self::Scalar,
            _ => Self::Nothing,
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
/// beyond what the API server sends: 128 levels deep, a number beyond doubles, a lone surrogate.
pub(super) fn read(text: &str, place: Place) -> Option<Value> {
    Reader::read(text, |reader| reader.value(place))
}

/// A position in JSON text.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    at: usize,
    /// Levels of lists and objects that there may still be.
    levels: usize,
    /// True behind an opening bracket.
    is_first: bool,
}

impl<'a> Reader<'a> {
    /// Reads the whole text, of which nothing may be left.
    pub(super) fn read<T>(text: &'a str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut reader = Self {
            text,
            at: 0,
            levels: MAX_LEVELS,
            is_first: false,
        };
        let value = read(&mut reader)?;
        reader.peek().is_none().then_some(value)
    }

    /// Reads the value here and keeps what the place says. What is not kept is `null`; of a value of
    /// another type than the place expects the type is kept, so that it can be refused.
    pub(super) fn value(&mut self, place: Place) -> Option<Value> {
        match self.peek()? {
            b'"' => {
                let text = self.string()?;
                Some(match place {
                    Place::Nothing => Value::Null,
                    _ => Value::String(text.into_owned()),
                })
            }
            b'{' => {
                let mut kept = Map::new();
                self.open()?;
                while self.has_next(b'}')? {
                    let name = self.name()?;
                    let place = place.after(kept.len()).enter(&name);
                    let value = self.value(place)?;
                    if place != Place::Nothing {
                        kept.insert(name.into_owned(), value);
                    }
                }
                Some(Value::Object(kept))
            }
            b'[' => {
                let mut kept = Vec::new();
                self.open()?;
                while self.has_next(b']')? {
                    let place = place.after(kept.len()).element();
                    let element = self.value(place)?;
                    if place != Place::Nothing {
                        kept.push(element);
                    }
                }
                Some(Value::Array(kept))
            }
            _ => self.scalar(),
        }
    }

    /// The same, with the range of the value in the text.
    pub(super) fn value_with_range(&mut self, place: Place) -> Option<(Value, Range<usize>)> {
        self.peek()?;
        let start = self.at;
        let value = self.value(place)?;
        Some((value, start..self.at))
    }

    /// Enters the object here; `None` where there is none.
    pub(super) fn enter(&mut self) -> Option<()> {
        if self.peek()? != b'{' {
            return None;
        }
        self.open()
    }

    /// True before an item of a list or object; false at its end, the bracket `end`, which is passed.
    pub(super) fn has_next(&mut self, end: u8) -> Option<bool> {
        let byte = self.peek()?;
        let is_first = mem::take(&mut self.is_first);
        if byte == end {
            self.levels += 1;
        } else if is_first {
            return Some(true);
        } else if byte != b',' {
            return None;
        }
        self.at += 1;
        Some(byte != end)
    }

    /// Reads the name of a field; its value is read next.
    pub(super) fn name(&mut self) -> Option<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return None;
        }
        let name = self.string()?;
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        Some(name)
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Enters the list or object here.
    fn open(&mut self) -> Option<()> {
        self.levels = self.levels.checked_sub(1)?;
        self.at += 1;
        self.is_first = true;
        Some(())
    }

    /// Reads the text whose quote is here.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let rest = self.text.get(self.at + 1..)?;
        let mut length = 0;
        let mut is_plain = true;
        loop {
            length += plain_length(rest.as_bytes().get(length..)?);
            match rest.as_bytes().get(length)? {
                b'"' => break,
                b'\\' => length += 2,
                _ => return None,
            }
            is_plain = false;
        }
        self.at += length + 2;
        let written = rest.get(..length)?;
        if is_plain {
            Some(Cow::Borrowed(written))
        } else {
            unescaped(written).map(Cow::Owned)
        }
    }

    /// Reads a word or a number.
    fn scalar(&mut self) -> Option<Value> {
        let rest = self.text.get(self.at..)?;
        let is_part =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.bytes().take_while(is_part).count();
        self.at += length;
        Some(match rest.get(..length)? {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            number => Value::Number(number.parse().ok()?),
        })
    }
}

/// The number of bytes before the first quote, backslash or control character, eight at a time.
fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // Sets the highest bit of each byte below the limit, and maybe of bytes behind such a one.
        let below = |limit, word: u64| word.wrapping_sub(repeated(limit)) & !word;
        let quotes = below(1, word ^ repeated(b'"'));
        let backslashes = below(1, word ^ repeated(b'\\'));
        let found = (quotes | backslashes | below(b' ', word)) & repeated(0x80);
        if found != 0 {
            return 8 * index + found.trailing_zeros() as usize / 8;
        }
    }
    let is_plain = |byte: &&u8| **byte >= b' ' && !matches!(**byte, b'"' | b'\\');
    8 * words.len() + rest.iter().take_while(is_plain).count()
}

const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

fn unescaped(written: &str) -> Option<String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escape.chars();
        text.push(match characters.next()? {
            itself @ ('"' | '\\' | '/') => itself,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, rest) = unicode(characters.as_str())?;
                characters = rest.chars();
                character
            }
            _ => return None,
        });
        rest = characters.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// The character behind `\u`, which may be a pair of surrogates, and what follows it.
fn unicode(text: &str) -> Option<(char, &str)> {
    let (first, rest) = code_unit(text)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, rest))
}

fn code_unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unit = u16::from_str_radix(digits, 16).ok()?;
    is_hex.then_some((unit, rest))
}

/// Most lists and objects in each other. Source: `serde_json`, the default recursion limit.
const MAX_LEVELS: usize = 127;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_rule_reads_is_not_kept() {
        let table = [
            (
                Place::Object,
                r#"{"metadata": {"name": "west", "managedFields": [{"a": {}}]}, "spec": {"x": [1, null]}, "status": 1}"#,
                json!({"metadata": {"name": "west"}, "spec": {"x": [1, null]}}),
            ),
            (
                Place::OldObject,
                r#"{"metadata": {"labels": {}}, "spec": null, "status": {"redeemed": true}}"#,
                json!({"metadata": {}, "spec": null, "status": {"redeemed": true}}),
            ),
            (
                Place::User,
                r#"{"username": "n", "extra": {"x": ["y"]}}"#,
                json!({"username": "n"}),
            ),
            (Place::Nothing, r#"{"a": [1, {}]}"#, json!({})),
        ];
        for (place, text, expected) in table {
            assert_eq!(read(text, place), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_type_of_another_value_is_kept_so_that_it_can_be_refused() {
        let table = [
            (Place::Object, r#"["x"]"#, json!([])),
            (Place::Spec, r#"[1, {"a": 1}]"#, json!([])),
            (Place::Scalar, "[1, [2]]", json!([])),
            (Place::Scalar, r#"{"a": 1}"#, json!({})),
            (Place::User, r#""u""#, json!("u")),
            (Place::OldObject, "1.5", json!(1.5)),
        ];
        for (place, text, expected) in table {
            assert_eq!(read(text, place), Some(expected), "{text}");
        }
    }

    #[test]
    fn of_a_list_or_map_in_a_spec_one_entry_more_is_kept_than_there_may_be() {
        let read_spec = |spec: &str| {
            let text = format!(r#"{{"spec": {spec}}}"#);
            let kept = read(&text, Place::Object).unwrap();
            assert_eq!(read(&text, Place::OldObject), Some(kept.clone()));
            kept["spec"].clone()
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
        // The fields themselves are all there: the last may be one that the rules know.
        assert_eq!(read_spec(&map(100)).as_object().unwrap().len(), 100);
    }

    /// Texts that `serde_json` reads or does not read, each with a name.
    const TEXTS: [(&str, &str); 45] = [
        ("nothing", ""),
        ("white space", " \t\r\n"),
        ("other white space", "\u{a0}1"),
        ("a byte order mark", "\u{feff}{}"),
        ("two values", "1 1"),
        ("a value and more", "{} x"),
        ("a word", "true"),
        ("half a word", "tru"),
        ("more than a word", "nulll"),
        ("another word", "None"),
        ("an integer", "-9223372036854775808"),
        ("a large integer", "18446744073709551615"),
        ("a larger integer", "18446744073709551616"),
        ("minus zero", "-0"),
        ("minus", "-"),
        ("plus", "+1"),
        ("a leading zero", "01"),
        ("a fraction", "-1.50E+3"),
        ("half a fraction", "1."),
        ("half an exponent", "1e"),
        ("two signs", "1-1"),
        ("a number beyond doubles", "1e400"),
        ("a number next to nothing", "1e-400"),
        ("a hexadecimal number", "0x1"),
        ("a text", r#""\u00e4\n\/é\ud83d\ude00\"""#),
        ("half a text", r#""a"#),
        ("a text that ends in an escape", r#""a\"#),
        ("an unknown escape", r#""\x""#),
        ("an escaped letter of two bytes", r#""\é""#),
        ("a lone surrogate", r#""\ud800""#),
        ("a lone second surrogate", r#""\udc00""#),
        ("two first surrogates", r#""\ud800\ud800""#),
        ("a surrogate before a letter", r#""\ud800\u0061""#),
        ("a surrogate before text", r#""\ud800x""#),
        ("digits with a sign", r#""\u+061""#),
        ("three digits", r#""\u061""#),
        ("digits in capitals", r#""\u00E4\uD83D\uDE00""#),
        ("every short escape", r#""\b\f\n\r\t\/\\\"""#),
        ("a control character", "\"\u{1}\""),
        ("delete", "\"\u{7f}\""),
        ("a list", "[ 1 , [ ] , { } ]"),
        ("a comma at the end", "[1,]"),
        ("no comma", "[1 2]"),
        ("another bracket", r#"[{"a":1]}"#),
        ("names", r#"{"a":1,"\u0061":2,"":{"b":[]},"b" : 3}"#),
    ];

    fn assert_read_as_by_serde_json(text: &str, name: &str) {
        let expected = serde_json::from_str::<Value>(text).ok();
        assert_eq!(read(text, Place::Whole), expected, "{name}");
        let is_read = read(text, Place::Nothing).is_some();
        assert_eq!(is_read, expected.is_some(), "{name}, not kept");
    }

    #[test]
    fn json_is_what_serde_json_reads_kept_or_not() {
        for (name, text) in TEXTS {
            assert_read_as_by_serde_json(text, name);
            assert_read_as_by_serde_json(&format!("[{text}]"), name);
            assert_read_as_by_serde_json(&format!(r#"{{"a": {text}}}"#), name);
            assert_read_as_by_serde_json(&format!("{{{text}: 1}}"), name);
        }
        for levels in [126, 127, 128, 129, 10_000] {
            let lists = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            assert_read_as_by_serde_json(&lists, "lists");
            let objects = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
            assert_read_as_by_serde_json(&objects, "objects");
        }
    }

    proptest! {
        #[test]
        fn damaged_json_is_read_as_by_serde_json(
            pieces in prop::collection::vec((0..TEXTS.len(), prop::sample::select(vec!["[", "]", "{", "}", ",", ":", "\"", "\\", ""])), 1..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let text: String = pieces.iter().flat_map(|(text, mark)| [mark, TEXTS[*text].1, mark]).collect();
            assert_read_as_by_serde_json(&text, &text);
            let short: String = text.chars().take(cut.index(text.len() + 1)).collect();
            assert_read_as_by_serde_json(&short, &short);
        }
    }
}
