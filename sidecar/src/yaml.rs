//! YAML files that hold secrets: read within bounds, and never repeated in a message.

use serde_json::Value;

/// Longest file, in bytes: a manifest of a cluster has at most 1.5 MiB, and none of ours comes
/// near.
pub const MAX_BYTES: usize = 256 * 1024;

/// The one object that a text holds. Empty documents around it are passed over.
///
/// # Errors
/// In one line, where the text stops being YAML, or that it does not hold one object.
pub fn single_object(text: &str) -> Result<Value, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("may not be more than {} KiB", MAX_BYTES / 1024));
    }
    // kubectl reads `017` as 15.
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let objects: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| unreadable(&error))?;
    let mut objects = objects.into_iter().filter(|object| !object.is_null());
    match (objects.next(), objects.next()) {
        (Some(object), None) if object.is_object() => Ok(object),
        (Some(_), None) => Err("must be an object with apiVersion and kind".to_owned()),
        (None, _) => Err("must hold an object, and is empty".to_owned()),
        (Some(_), Some(_)) => Err("must hold one object only".to_owned()),
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
            ("too long", &long, Err("may not be more than 256 KiB")),
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
