//! Lines and columns of a text.
//!
//! ```
//! use skupper_access_manifest::place::{Lines, Place};
//!
//! let lines = Lines::of("a: 1\nä: 2\n");
//! assert_eq!(lines.place(5), Place { line: 2, column: 1 });
//! assert_eq!(lines.place(7), Place { line: 2, column: 2 });
//! ```

use std::ops::Range;

/// A place in a text, counted from 1; columns in code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A text and where its lines begin.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// So that a place in a long line is found at once.
    code_points: Counts<'a>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of a text, which end with `\n`, `\r` or both.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let is_end = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if is_end {
                starts.push(at + 1);
            }
        }
        Self {
            text,
            starts,
            code_points: Counts::of(text, code_points),
        }
    }

    /// The place of a byte.
    #[must_use]
    pub fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let count = |at: usize| self.code_points.before(at);
        let before = count(at) - count(start.unwrap_or_default());
        Place {
            line,
            column: before + 1,
        }
    }

    /// The bytes of a line, its end left out; lines are counted from 1.
    #[must_use]
    pub fn span(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let start = start.unwrap_or(self.text.len());
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        let text = self.text.get(start..end).unwrap_or_default();
        start..start + text.trim_end_matches(['\r', '\n']).len()
    }
}

/// A text and where its bytes stand in UTF-16, in which JavaScript counts.
#[derive(Debug, Clone)]
pub struct Utf16<'a>(Counts<'a>);

impl<'a> Utf16<'a> {
    /// Counts a text once.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self(Counts::of(text, units))
    }

    /// Number of UTF-16 code units before a byte.
    #[must_use]
    pub fn offset(&self, at: usize) -> usize {
        self.0.before(at)
    }
}

/// Number of code points, or of code units, before each kibibyte of a text.
#[derive(Debug, Clone)]
struct Counts<'a> {
    text: &'a str,
    /// Number that begins with a byte.
    of_byte: fn(u8) -> usize,
    before_steps: Vec<usize>,
}

impl<'a> Counts<'a> {
    fn of(text: &'a str, of_byte: fn(u8) -> usize) -> Self {
        let mut count = 0;
        let chunks = text.as_bytes().chunks(STEP).map(|chunk| {
            let before = count;
            count += chunk.iter().copied().map(of_byte).sum::<usize>();
            before
        });
        Self {
            before_steps: chunks.collect(),
            text,
            of_byte,
        }
    }

    fn before(&self, at: usize) -> usize {
        let step = (at / STEP).min(self.before_steps.len().saturating_sub(1));
        let known = self.before_steps.get(step).copied().unwrap_or_default();
        let rest = self.text.as_bytes().get(step * STEP..at);
        let rest = rest.unwrap_or_default().iter().copied();
        known + rest.map(self.of_byte).sum::<usize>()
    }
}

/// Bytes between two counts.
const STEP: usize = 1024;

/// Code points that begin with a byte.
fn code_points(byte: u8) -> usize {
    usize::from(byte & 0b1100_0000 != 0b1000_0000)
}

/// UTF-16 code units of the character that begins with a byte.
fn units(byte: u8) -> usize {
    code_points(byte) + usize::from(byte >= 0b1111_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_offset_in_utf_16() {
        let text = "aä\u{1f600}b".repeat(1000);
        let utf16 = Utf16::of(&text);
        let mut expected = 0;
        for (at, letter) in text.char_indices() {
            assert_eq!(utf16.offset(at), expected, "byte {at}");
            expected += letter.len_utf16();
        }
        assert_eq!(utf16.offset(text.len()), expected);
    }
}
