//! Text from a request as it may stand in a message: without what the rule of redaction hides, cut,
//! and without characters that a terminal or a log reader would act on.

use std::borrow::Cow;
use std::{fmt, io};

use crate::redaction::text::{HIDDEN, visible};

/// Longest piece of a request that a message repeats, in characters.
const SHOWN: usize = 64;

/// `text` as far as it may be shown, with control, bidirectional and other invisible characters,
/// quotes and backslashes escaped, cut after 64 characters.
#[must_use]
pub fn printable(text: &str) -> impl fmt::Display + '_ {
    Printable(visible(text).unwrap_or(Cow::Borrowed(HIDDEN)))
}

/// The same for text in which nothing is hidden any more.
pub(crate) fn escaped(text: &str) -> impl fmt::Display + '_ {
    Printable(Cow::Borrowed(text))
}

/// An error of input or output in a message: lower case, without the number of the system.
#[must_use]
pub fn io_error(error: &io::Error) -> String {
    let text = error.to_string();
    let words = match text.rsplit_once(" (os error ") {
        Some((words, number)) if number.ends_with(')') => words,
        _ => &text,
    };
    let mut letters = words.chars();
    let first = letters.next();
    let rest = letters.as_str();
    // "I/O" and the names of protocols stay as they are.
    if !rest.starts_with(|letter: char| letter.is_lowercase() || letter == ' ') {
        return words.to_owned();
    }
    first
        .into_iter()
        .flat_map(char::to_lowercase)
        .chain(rest.chars())
        .collect()
}

/// The first paragraph of a text in one line, such as an error of a command line up to its hints.
#[must_use]
pub fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    words.join(" ")
}

struct Printable<'a>(Cow<'a, str>);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN) {
            match character {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                hidden if is_hidden(hidden) => write!(f, "\\u{{{:x}}}", u32::from(hidden))?,
                plain => write!(f, "{plain}")?,
            }
        }
        if characters.next().is_some() {
            f.write_str("...")?;
        }
        Ok(())
    }
}

/// True for control characters, and those that reorder, join or hide their neighbours.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_is_repeated() {
        let cases = [
            ("plain text", "1 day", "1 day"),
            ("other scripts", "٣m", "٣m"),
            ("a line end", "15m\n", "15m\\n"),
            ("quotes and backslashes", "\"\\", "\\\"\\\\"),
            ("an escape sequence", "\u{1b}[31m", "\\u{1b}[31m"),
            ("a right-to-left override", "a\u{202e}b", "a\\u{202e}b"),
            ("a zero-width space", "a\u{200b}b", "a\\u{200b}b"),
            ("a C1 control", "\u{9b}", "\\u{9b}"),
            (
                "a password in a URL",
                "https://u:canary@h.example/x",
                "https://h.example/x",
            ),
            ("a URL that cannot be read", "https://u:canary@h x", "***"),
        ];
        for (name, text, expected) in cases {
            assert_eq!(printable(text).to_string(), expected, "{name}");
        }
    }

    #[test]
    fn long_text_is_cut_after_64_characters() {
        assert_eq!(printable(&"ä".repeat(64)).to_string(), "ä".repeat(64));
        assert_eq!(
            printable(&"ä".repeat(65)).to_string(),
            format!("{}...", "ä".repeat(64))
        );
    }

    #[test]
    fn an_error_of_the_system_reads_like_our_own_words() {
        let of_system = io::Error::from_raw_os_error;
        let table = [
            (of_system(111), "connection refused"),
            (of_system(21), "is a directory"),
            (of_system(5), "input/output error"),
            (of_system(7), "argument list too long"),
            (io::ErrorKind::TimedOut.into(), "timed out"),
            (io::Error::other("not a regular file"), "not a regular file"),
            (io::Error::other("A port (os error)"), "a port (os error)"),
            (io::Error::other("TLS is not spoken"), "TLS is not spoken"),
            (io::Error::other("I/O error"), "I/O error"),
            (io::Error::other(""), ""),
        ];
        for (error, expected) in table {
            assert_eq!(io_error(&error), expected);
        }
    }
}
