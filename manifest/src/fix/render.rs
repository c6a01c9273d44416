//! Values as YAML.

use crate::reader::scalar::Scalar;
use serde_json::Value;

/// The quotes that a text gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// None, where the text can do without.
    Plain,
    /// Single ones, where the text can stand in them.
    Single,
    /// Double ones, keys too: JSON.
    Double,
}

/// A value in one line.
pub(crate) fn inline(value: &Value, quotes: Quotes) -> String {
    match value {
        Value::String(text) => quoted(text, quotes),
        Value::Array(elements) => {
            let elements: Vec<String> = elements
                .iter()
                .map(|element| inline(element, within(quotes)))
                .collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<(String, &Value)> = entries
                .iter()
                .map(|(name, value)| (name.clone(), value))
                .collect();
            format!("{{{}}}", fields(&entries, within(quotes)).join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// Fields, each in one line.
pub(crate) fn fields(fields: &[(String, &Value)], quotes: Quotes) -> Vec<String> {
    let fields = fields.iter();
    let fields =
        fields.map(|(name, value)| format!("{}: {}", quoted(name, quotes), inline(value, quotes)));
    fields.collect()
}

/// A field in block style: its lines, without indentation.
pub(crate) fn block(name: &str, value: &Value, quotes: Quotes) -> Vec<String> {
    let key = quoted(name, quotes);
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let below = entries
                .iter()
                .flat_map(|(name, value)| block(name, value, quotes));
            let below = below.map(|line| format!("  {line}"));
            std::iter::once(format!("{key}:")).chain(below).collect()
        }
        _ => vec![format!("{key}: {}", inline(value, Quotes::Plain))],
    }
}

/// An object in block style.
pub(crate) fn document(object: &Value) -> String {
    let fields = object.as_object().into_iter().flatten();
    let lines = fields.flat_map(|(name, value)| block(name, value, Quotes::Plain));
    lines.map(|line| line + "\n").collect()
}

/// Quotes of a single scalar say nothing about the texts inside a list.
fn within(quotes: Quotes) -> Quotes {
    match quotes {
        Quotes::Double => Quotes::Double,
        Quotes::Plain | Quotes::Single => Quotes::Plain,
    }
}

fn quoted(text: &str, quotes: Quotes) -> String {
    let is_simple = |letter: char| letter == ' ' || letter.is_ascii_graphic();
    match quotes {
        Quotes::Plain if is_plain(text) => text.to_owned(),
        Quotes::Single if text.chars().all(is_simple) => format!("'{}'", text.replace('\'', "''")),
        _ => Value::from(text).to_string(),
    }
}

/// True for what is read as the same text without quotes, anywhere.
fn is_plain(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    Scalar::of(text) == Scalar::Text
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(is_word)
}
