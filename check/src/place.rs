//! Lines and columns of a text.
//!
//! ```
//! use skupper_access_check::place::{Lines, Place};
//!
//! let lines = Lines::of("a: 1\nä: 2\n");
//! assert_eq!(lines.place(6), Place { line: 2, column: 1 });
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
}

impl<'a> Lines<'a> {
    /// Finds the lines of a text, which end with `\n`, `\r` or both.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let is_end = |at: usize| match bytes.get(at) {
            Some(b'\n') => true,
            Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = (0..bytes.len()).filter(|at| is_end(*at)).map(|at| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// The place of a byte.
    #[must_use]
    pub fn place(&self, at: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let before = self.text.get(start.unwrap_or_default()..at);
        Place {
            line,
            column: before.unwrap_or_default().chars().count() + 1,
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
