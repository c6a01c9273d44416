//! Bytes of a file -> text.

use std::borrow::Cow;

/// Decodes the text of a file as kubectl does: a byte order mark says that it is UTF-16, one of UTF-8 is
/// left out, and what is no character becomes U+FFFD.
///
/// The text is borrowed, and as long as the bytes, only where the file holds exactly this text.
///
/// Source: k8s.io/cli-runtime pkg/resource/visitor.go, `FileVisitor`, with golang.org/x/text
/// encoding/unicode, `BOMOverride`.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes).into(),
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes).into(),
        text => String::from_utf8_lossy(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    const UNKNOWN: char = char::REPLACEMENT_CHARACTER;
    let units = bytes.chunks(2).map(|pair| match pair {
        [first, second] => unit([*first, *second]),
        _ => UNKNOWN as u16,
    });
    let letters = char::decode_utf16(units);
    letters.map(|letter| letter.unwrap_or(UNKNOWN)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_as_kubectl_sees_it() {
        let table: [(&str, &[u8], &str, bool); 9] = [
            ("UTF-8", "ä: 1".as_bytes(), "ä: 1", true),
            ("nothing", b"", "", true),
            ("a mark of UTF-8", b"\xef\xbb\xbfa: 1", "a: 1", false),
            (
                "UTF-16, little end first",
                b"\xff\xfea\0\xe4\0",
                "aä",
                false,
            ),
            ("UTF-16, big end first", b"\xfe\xff\0a\0\xe4", "aä", false),
            (
                "a pair of units",
                b"\xff\xfe\x3d\xd8\x00\xde",
                "\u{1f600}",
                false,
            ),
            ("half a pair", b"\xff\xfe\x3d\xd8a\0", "\u{fffd}a", false),
            ("half a unit", b"\xff\xfea\0b", "a\u{fffd}", false),
            ("no UTF-8", b"a\xffb", "a\u{fffd}b", false),
        ];
        for (name, bytes, expected, is_exact) in table {
            let text = decode(bytes);
            assert_eq!(text, expected, "{name}");
            let is_borrowed = matches!(text, Cow::Borrowed(text) if text.len() == bytes.len());
            assert_eq!(is_borrowed, is_exact, "{name}");
        }
    }
}
