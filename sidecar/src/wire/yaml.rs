//! YAML files that hold secrets: read within bounds, and never repeated in a message.

use std::borrow::Cow;

use serde_json::Value;
use skupper_access_manifest::decode;
use zeroize::Zeroize as _;

/// Longest file, in bytes: a manifest of a cluster has at most 1.5 MiB, and none of ours comes
/// near.
pub const MAX_BYTES: usize = 256 * 1024;

/// The one object of a kind that a manifest holds, read as kubectl does: in UTF-8 or UTF-16, in any of
/// several documents, in Lists. Objects of other kinds are passed over, unless there is nothing else:
/// then the one that is there is returned.
///
/// # Errors
/// In one line, where the text stops being YAML, or that it does not hold one object of the kind.
pub fn object_of_kind(bytes: &[u8], kind: &str) -> Result<Value, String> {
    let text = decode(bytes);
    let read = documents(&text);
    if let Cow::Owned(mut copy) = text {
        copy.zeroize();
    }
    let mut objects = Vec::new();
    for document in read? {
        flatten(document, &mut objects);
    }
    let has = |object: &Value, field| object.get(field).is_some_and(Value::is_string);
    let is_typed = |object: &Value| has(object, "apiVersion") && has(object, "kind");
    if objects.len() > 1 && !objects.iter().all(is_typed) {
        return Err("must hold objects with apiVersion and kind only".to_owned());
    }
    let of_kind = |object: &Value| object.get("kind").and_then(Value::as_str) == Some(kind);
    let count = objects.iter().filter(|object| of_kind(object)).count();
    if count == 0 {
        return match <[Value; 1]>::try_from(objects) {
            Ok([object]) if object.is_object() => Ok(object),
            Ok(_) => Err("must be an object with apiVersion and kind".to_owned()),
            Err(none) if none.is_empty() => Err("must hold an object, and is empty".to_owned()),
            Err(several) => Err(format!(
                "must hold an {kind}, and holds {} objects of other kinds",
                several.len()
            )),
        };
    }
    let mut found = objects.into_iter().filter(of_kind);
    match (found.next(), count) {
        (Some(object), 1) => Ok(object),
        _ => Err(format!(
            "must hold one {kind} only, and holds {count}: give each its own file"
        )),
    }
}

/// The one object that a text holds. Empty documents around it are passed over.
///
/// # Errors
/// In one line, where the text stops being YAML, or that it does not hold one object.
pub fn single_object(text: &str) -> Result<Value, String> {
    let mut objects = documents(text)?.into_iter();
    match (objects.next(), objects.next()) {
        (Some(object), None) if object.is_object() => Ok(object),
        (Some(_), None) => Err("must be an object with apiVersion and kind".to_owned()),
        (None, _) => Err("must hold an object, and is empty".to_owned()),
        (Some(_), Some(_)) => Err("must hold one object only".to_owned()),
    }
}

/// The documents of a text that are not empty.
fn documents(text: &str) -> Result<Vec<Value>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("must be at most {} KiB", MAX_BYTES / 1024));
    }
    // kubectl reads `017` as 15.
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let mut documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| unreadable(&error))?;
    documents.retain(|document| !document.is_null());
    Ok(documents)
}

/// Takes Lists apart, and Lists in them.
fn flatten(mut object: Value, objects: &mut Vec<Value>) {
    let kind = object.get("kind").and_then(Value::as_str);
    if !kind.is_some_and(|kind| kind.ends_with("List")) {
        return objects.push(object);
    }
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items.into_iter().for_each(|item| flatten(item, objects)),
        _ => objects.push(object),
    }
}

/// Where a text stops being YAML. The parser's own message repeats the lines around the place, and
/// with them a code.
#[must_use]
pub fn unreadable(error: &serde_saphyr::Error) -> String {
    match error.location() {
        Some(place) => format!(
            "line {}, column {}: not readable as YAML: look for a missing quote, a wrong indent or \
             a key written twice",
            place.line(),
            place.column()
        ),
        None => "not readable as YAML".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text in UTF-16 with its byte order mark.
    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let units = std::iter::once('\u{feff}').chain(text.chars());
        units
            .flat_map(|letter| letter.encode_utf16(&mut [0; 2]).to_vec())
            .flat_map(bytes)
            .collect()
    }

    #[test]
    fn an_object_of_a_kind_is_read_as_kubectl_reads_it() {
        let token = "apiVersion: a\nkind: AccessToken\nname: canary-ü\n";
        let item = "{apiVersion: a, kind: AccessToken, name: canary-ü}";
        let list = format!("kind: List\nitems: [{item}]\n");
        let nested = format!("kind: List\nitems: [{{kind: List, items: [{item}]}}]\n");
        let read = |bytes: &[u8]| object_of_kind(bytes, "AccessToken");
        let good: [(&str, Vec<u8>); 10] = [
            ("UTF-8", token.into()),
            ("a byte order mark", format!("\u{feff}{token}").into()),
            (
                "UTF-16, as PowerShell writes it",
                utf16(token, u16::to_le_bytes),
            ),
            (
                "UTF-16, the other way round",
                utf16(token, u16::to_be_bytes),
            ),
            ("Windows line ends", token.replace('\n', "\r\n").into()),
            (
                "JSON",
                r#"{"kind": "AccessToken", "name": "canary-ü"}"#.into(),
            ),
            ("a List", list.clone().into()),
            ("a List in a List", nested.into()),
            (
                "a List of its kind",
                list.replace("List", "AccessTokenList").into(),
            ),
            (
                "behind another object",
                format!("apiVersion: v1\nkind: Namespace\n---\n---\n{token}---\n").into(),
            ),
        ];
        for (name, bytes) in good {
            let object = read(&bytes).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            assert_eq!(object["name"], "canary-ü", "{name}");
        }
        let bad: [(&str, String, &str); 8] = [
            (
                "nothing",
                String::new(),
                "must hold an object, and is empty",
            ),
            (
                "an empty List",
                "kind: List\nitems: []\n".into(),
                "must hold an object, and is empty",
            ),
            (
                "a text",
                "canary".into(),
                "must be an object with apiVersion and kind",
            ),
            (
                "something that is no object behind it",
                format!("{token}---\na: canary\n"),
                "must hold objects with apiVersion and kind only",
            ),
            (
                "two of the kind",
                format!("{token}---\n{list}"),
                "must hold one AccessToken only, and holds 2: give each its own file",
            ),
            (
                "two of other kinds",
                "{apiVersion: a, kind: canary}\n---\n{apiVersion: a, kind: b}\n".into(),
                "must hold an AccessToken, and holds 2 objects of other kinds",
            ),
            ("no YAML", format!("{token}---\n[canary"), "line "),
            (
                "too long",
                format!("a: {}", "x".repeat(MAX_BYTES)),
                "must be at most 256 KiB",
            ),
        ];
        for (name, text, expected) in bad {
            for bytes in [text.clone().into_bytes(), utf16(&text, u16::to_le_bytes)] {
                let message = read(&bytes).unwrap_err();
                assert!(message.starts_with(expected), "{name}: {message}");
                assert!(!message.contains("canary"), "{name}: {message}");
            }
        }
        let other = read(b"kind: AccessGrant\n").unwrap();
        assert_eq!(
            other["kind"], "AccessGrant",
            "the caller says what is wrong with it"
        );
    }

    #[test]
    fn a_file_holds_one_object_and_its_text_is_never_repeated() {
        let long = format!("a: {}", "x".repeat(MAX_BYTES));
        let cases = [
            ("one", "a: 1\n", Ok("a")),
            (
                "empty documents around it",
                "---\n---\na: 1\n---\n",
                Ok("a"),
            ),
            ("an octal number", "a: 017\n", Ok("a")),
            (
                "nothing",
                "# nothing\n",
                Err("must hold an object, and is empty"),
            ),
            ("two", "a: 1\n---\na: 1\n", Err("must hold one object only")),
            ("a text", "canary\n", Err("must be an object")),
            (
                "a key twice",
                "code: canary\ncode: canary\n",
                Err("line 2, column "),
            ),
            ("an open bracket", "code: [canary\n", Err("line ")),
            (
                "a bomb",
                "a: &a [canary]\nb: &b [*a,*a]\nc: *z\n",
                Err("line "),
            ),
            ("too long", &long, Err("must be at most 256 KiB")),
        ];
        for (name, text, expected) in cases {
            match (single_object(text), expected) {
                (Ok(object), Ok(field)) => assert!(object.get(field).is_some(), "{name}"),
                (Err(message), Err(start)) => {
                    assert!(message.starts_with(start), "{name}: {message}");
                    assert!(!message.contains("canary"), "{name}: {message}");
                }
                (got, _) => panic!("{name}: {got:?}"),
            }
        }
    }
}
