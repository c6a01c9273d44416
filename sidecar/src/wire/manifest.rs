//! Manifests that hold one object, which may be a secret: read within bounds, as kubectl and the checker
//! read them, and never repeated in a message.

use serde_json::Value;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::{decode, whole};
use thiserror::Error;

/// Longest file, in bytes: a manifest of a cluster has at most 1.5 MiB, and none of ours comes
/// near.
pub const MAX_BYTES: usize = 256 * 1024;

/// Reads the one object of a kind that a manifest holds, in any of several documents or in Lists.
/// Objects of other kinds are passed over, unless there is nothing else: then the one that is there is
/// returned.
///
/// # Errors
/// The place where the text cannot be read, or that it does not hold one object of the kind.
pub fn object_of_kind(bytes: &[u8], kind: &'static str) -> Result<Value, ManifestProblem> {
    let text = decode(bytes);
    if text.len().max(bytes.len()) > MAX_BYTES {
        return Err(ManifestProblem::TooLong);
    }
    let mut objects = whole::objects(&text).map_err(|unreadable| {
        let place = Lines::of(&text).place(unreadable.span.start);
        ManifestProblem::Unreadable {
            line: place.line,
            column: place.column,
            problem: unreadable.problem,
        }
    })?;
    let has = |object: &Value, field| object.get(field).is_some_and(Value::is_string);
    let is_typed = |object: &Value| has(object, "apiVersion") && has(object, "kind");
    if objects.len() > 1 && !objects.iter().all(is_typed) {
        return Err(ManifestProblem::Untyped);
    }
    let count = objects.len();
    if count > 1 {
        objects.retain(|object| object.get("kind").and_then(Value::as_str) == Some(kind));
    }
    match <[Value; 1]>::try_from(objects) {
        Ok([object]) if object.is_object() => Ok(object),
        Ok(_) => Err(ManifestProblem::NoObject),
        Err(_) if count == 0 => Err(ManifestProblem::Empty),
        Err(none) if none.is_empty() => Err(ManifestProblem::OtherKinds { kind, count }),
        Err(several) => Err(ManifestProblem::Several {
            kind,
            count: several.len(),
        }),
    }
}

/// Reason a text is not the manifest of one object. Holds nothing of its values.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ManifestProblem {
    /// More than [`MAX_BYTES`].
    #[error("must be at most {} KiB", MAX_BYTES / 1024)]
    TooLong,
    /// The text cannot be read from a place on.
    #[error("line {line}, column {column}: {problem}")]
    Unreadable {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in code points.
        column: usize,
        /// The words of the reader.
        problem: String,
    },
    /// There is nothing in it.
    #[error("must hold an object, and is empty")]
    Empty,
    /// It holds something else than an object.
    #[error("must be an object with apiVersion and kind")]
    NoObject,
    /// Something beside the objects has no type.
    #[error("must hold objects with apiVersion and kind only")]
    Untyped,
    /// None of several objects is of the kind.
    #[error("must hold one {kind}, and holds {count} objects of other kinds")]
    OtherKinds {
        /// The kind that is looked for.
        kind: &'static str,
        /// The number of objects.
        count: usize,
    },
    /// Several objects are of the kind.
    #[error("must hold one {kind} only, and holds {count}: give each its own file")]
    Several {
        /// The kind that is looked for.
        kind: &'static str,
        /// The number of objects of this kind.
        count: usize,
    },
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
                "must hold one AccessToken, and holds 2 objects of other kinds",
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
                let message = read(&bytes).unwrap_err().to_string();
                assert!(message.starts_with(expected), "{name}: {message}");
                assert!(!message.contains("canary"), "{name}: {message}");
            }
        }
        assert_eq!(read(b"a: 017\n").unwrap()["a"], 15);
        let other = read(b"kind: AccessGrant\n").unwrap();
        assert_eq!(
            other["kind"], "AccessGrant",
            "the caller says what is wrong with it"
        );
    }

    #[test]
    fn a_text_that_cannot_be_read_is_never_repeated() {
        let cases = [
            (
                "a key twice",
                "code: canary\ncode: canary\n",
                2,
                "code: Duplicate value",
            ),
            ("an open bracket", "code: [canary\n", 1, "unclosed bracket"),
            ("a bomb", "a: &a [canary]\nb: &b [*a,*a]\nc: *z\n", 3, ""),
            (
                "a template",
                "a: {{ .canary }}\n",
                1,
                "a template cannot be read",
            ),
            (
                "a number that is none",
                "a: !!int canary\n",
                1,
                "what is tagged",
            ),
            (
                "JSON with comments",
                "{\n// canary\n}\n",
                2,
                "JSON with comments",
            ),
        ];
        for (name, text, expected, start) in cases {
            let problem = object_of_kind(text.as_bytes(), "AccessToken").unwrap_err();
            assert!(!problem.to_string().contains("canary"), "{name}: {problem}");
            let ManifestProblem::Unreadable { line, problem, .. } = problem else {
                panic!("{name}: {problem}");
            };
            assert_eq!(line, expected, "{name}: {problem}");
            assert!(problem.starts_with(start), "{name}: {problem}");
        }
    }
}
