//! Fields in the text of an object, found and set without building values.
//!
//! Of two fields of the same name the last counts, as for whoever reads the object.

use super::json::{Place, Reader};

/// The text of the value in the field `name`.
pub(crate) fn find<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    split(object, name).map(|(_, value, _)| value)
}

/// The object with another value in the field `name`, made of the present one. All other bytes stay. An
/// object has no white space around it.
pub(crate) fn with_field(
    object: &str,
    name: &str,
    value: impl FnOnce(Option<&str>) -> String,
) -> String {
    // An object may have a megabyte: `concat` takes as much memory as the text, and no more.
    if let Some((before, present, behind)) = split(object, name) {
        return [before, &value(Some(present)), behind].concat();
    }
    let Some(fields) = object.strip_suffix('}') else {
        return object.to_owned();
    };
    let comma = if fields.trim_end() == "{" { "" } else { "," };
    [fields, comma, "\"", name, "\":", &value(None), "}"].concat()
}

/// The texts before, in and behind the field `name`.
fn split<'a>(object: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let range = Reader::read(object, |reader| {
        let mut last = None;
        reader.enter()?;
        while reader.has_next(b'}')? {
            let field = reader.name()?;
            let (_, range) = reader.value_with_range(Place::Nothing)?;
            if field == name {
                last = Some(range);
            }
        }
        last
    })?;
    let (rest, behind) = object.split_at_checked(range.end)?;
    let (before, value) = rest.split_at_checked(range.start)?;
    Some((before, value, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_where_a_reader_of_the_whole_object_finds_it() {
        let cases = [
            (
                "white space",
                " {\n\t\"a\" : [ 1 , {} ] }\r\n",
                "[ 1 , {} ]",
            ),
            (
                "a number as it is written",
                r#"{"a":-1.50E+40}"#,
                "-1.50E+40",
            ),
            ("a name with escapes", r#"{"\u0061":1}"#, "1"),
            ("a name twice", r#"{"a":1,"a":2,"b":3}"#, "2"),
            (
                "names in texts",
                r#"{"x":"\",\"a\":{","y":"\\","a":"\"}"}"#,
                r#""\"}""#,
            ),
            (
                "names further down",
                r#"{"x":{"a":1},"y":[{"a":1}],"a":true}"#,
                "true",
            ),
        ];
        for (name, object, value) in cases {
            assert_eq!(find(object, "a"), Some(value), "{name}");
        }
        for object in [
            "{}",
            r#"{"b":{"a":1}}"#,
            r#"[{"a":1}]"#,
            r#"{"b":"\"a\":1"}"#,
            r#"{"a":"#,
        ] {
            assert_eq!(find(object, "a"), None, "{object}");
        }
    }

    #[test]
    fn a_field_is_set_and_all_else_keeps_its_bytes() {
        let cases = [
            ("into nothing", "{}", r#"{"a":2}"#),
            ("into white space", "{\n}", "{\n\"a\":2}"),
            ("behind others", r#"{"b":1e2 }"#, r#"{"b":1e2 ,"a":2}"#),
            (
                "in its place",
                r#"{"b": 1.00, "a" : {"x": [1]} , "c": "\u00e4"}"#,
                r#"{"b": 1.00, "a" : 2 , "c": "\u00e4"}"#,
            ),
            ("null", r#"{"a":null}"#, r#"{"a":2}"#),
            ("the last of two", r#"{"a":1,"a":1}"#, r#"{"a":1,"a":2}"#),
            ("a name with escapes", r#"{"\u0061":1}"#, r#"{"\u0061":2}"#),
            ("no object", "5", "5"),
        ];
        for (name, object, expected) in cases {
            let edited = with_field(object, "a", |_| "2".to_owned());
            assert_eq!(edited, expected, "{name}");
        }
    }
}
