//! Prints for people: colours on a terminal that wants them, plain text elsewhere.

use std::fmt;
use std::io::{IsTerminal, Write};

use similar::{ChangeTag, TextDiff};
use skupper_access_policy::printable::is_hidden;

/// Standard output, on which verdicts are printed.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    coloured: bool,
}

impl Screen {
    /// Standard output, in colour when it is a terminal and `NO_COLOR` is not set.
    /// Source: <https://no-color.org>.
    pub(crate) fn stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            coloured: wanted && std::io::stdout().is_terminal(),
        }
    }

    /// A title below an empty line.
    pub(crate) fn title(self, text: &str) {
        write_line(format_args!(""));
        write_line(format_args!("{}", self.paint(BOLD, text)));
    }

    pub(crate) fn aside(self, text: &str) {
        write_line(format_args!("  {}", self.paint(DIM, text)));
    }

    pub(crate) fn accepted(self, text: &str) {
        write_line(format_args!("  {}", self.paint(GREEN, text)));
    }

    pub(crate) fn refused(self, text: &str, message: &str) {
        write_line(format_args!("  {}", self.paint(RED, text)));
        prose(message);
    }

    pub(crate) fn warning(self, text: &str, message: &str) {
        write_line(format_args!("  {}", self.paint(YELLOW, text)));
        prose(message);
    }

    /// Lines as they are, set off from the rest.
    pub(crate) fn block(self, text: &str) {
        for line in text.lines() {
            write_line(format_args!("    {}", self.paint(DIM, &visible(line))));
        }
    }

    /// The lines that differ between two texts, with two lines around each change.
    pub(crate) fn diff(self, old: &str, new: &str) {
        let diff = TextDiff::from_lines(old, new);
        for group in diff.grouped_ops(2) {
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let line = visible(change.value().trim_end());
                let line = match change.tag() {
                    ChangeTag::Insert => self.paint(GREEN, &format!("+ {line}")),
                    ChangeTag::Delete => self.paint(RED, &format!("- {line}")),
                    ChangeTag::Equal => self.paint(DIM, &format!("  {line}")),
                };
                write_line(format_args!("    {line}"));
            }
        }
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.coloured {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Prints a line. Nobody needs it who has closed the pipe.
fn write_line(text: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The line with what a terminal would act on written out.
fn visible(line: &str) -> String {
    let mut visible = String::new();
    for character in line.chars() {
        if is_hidden(character) {
            visible.extend(character.escape_unicode());
        } else {
            visible.push(character);
        }
    }
    visible
}

fn prose(text: &str) {
    for line in wrapped(text) {
        write_line(format_args!("    {line}"));
    }
}

/// Breaks `text` at spaces; a word longer than a line gets a line of its own.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Longest line of prose, in characters.
const WIDTH: usize = 88;

/// Parameters of the ANSI escape sequence "select graphic rendition".
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_written_out() {
        assert_eq!(
            visible("a\u{202e}b\u{1b}[31m ä"),
            "a\\u{202e}b\\u{1b}[31m ä"
        );
    }

    #[test]
    fn lines_break_at_spaces_and_lose_no_word() {
        let text = "word ".repeat(100);
        let lines = wrapped(&text);
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        assert_eq!(lines.join(" "), text.trim_end());
        let long = "x".repeat(2 * WIDTH);
        assert_eq!(wrapped(&format!("a {long} b")), ["a", &long, "b"]);
    }
}
