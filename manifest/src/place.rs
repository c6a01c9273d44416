//! Lines and columns of a text.
//!
//! ```
//! use crate::place::{Lines, Place};
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
    /// How many code points begin before each kibibyte, so that a place in a long line is found at
    /// once.
    counts: Vec<usize>,
}

/// Bytes between two counts.
const STEP: usize = 1024;

impl<'a> Lines<'a> {
    /// Finds the lines of a text, which end with `\n`, `\r` or both.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        let mut counts = Vec::with_capacity(bytes.len() / STEP + 1);
        let mut count = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if at % STEP == 0 {
                counts.push(count);
            }
            count += usize::from(is_first(*byte));
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
            counts,
        }
    }

    /// The place of a byte.
    #[must_use]
    pub fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let before = self.count(at) - self.count(start.unwrap_or_default());
        Place {
            line,
            column: before + 1,
        }
    }

    /// How many code points begin before a byte.
    fn count(&self, at: usize) -> usize {
        let step = (at / STEP).min(self.counts.len().saturating_sub(1));
        let known = self.counts.get(step).copied().unwrap_or_default();
        let rest = self
            .text
            .as_bytes()
            .get(step * STEP..at)
            .unwrap_or_default();
        known + rest.iter().filter(|byte| is_first(**byte)).count()
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

/// True for a byte that begins a code point.
fn is_first(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}
