//! The secret code of a grant.
//!
//! The redemption request carries the code as its raw body, so white space at an end or a control
//! character would be sent as it stands and is nearly always a slip (a line end from a file).

use std::fmt;

/// Longest code, in bytes. A redemption service reads a short body only.
pub const MAX_LENGTH: usize = 1024;

/// A code that can be sent and compared byte by byte. It has neither `Debug` nor `Display`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code<'a>(&'a str);

impl<'a> Code<'a> {
    /// Reads a code.
    ///
    /// # Errors
    /// Says which demand the text fails, never the text.
    pub fn parse(text: &'a str) -> Result<Self, CodeProblem> {
        if text.is_empty() {
            return Err(CodeProblem::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(CodeProblem::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(CodeProblem::Control);
        }
        if text.trim().len() != text.len() {
            return Err(CodeProblem::WhiteSpace);
        }
        Ok(Self(text))
    }

    /// Its length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a code is never empty")]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// The code itself, to be compared or sent.
    #[must_use]
    pub fn reveal(self) -> &'a str {
        self.0
    }
}

/// Reason a text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeProblem {
    /// It has no characters.
    Empty,
    /// It has more than [`MAX_LENGTH`] bytes.
    TooLong,
    /// It has a control character.
    Control,
    /// It begins or ends with white space.
    WhiteSpace,
}

impl fmt::Display for CodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::TooLong => write!(f, "must be at most {MAX_LENGTH} bytes"),
            Self::Control => f.write_str("must not contain control characters such as a line end"),
            Self::WhiteSpace => f.write_str("must not begin or end with white space"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_what_can_be_sent_as_it_stands() {
        let longest = "x".repeat(MAX_LENGTH);
        let too_long = "x".repeat(MAX_LENGTH + 1);
        let cases = [
            ("letters and digits", "yGjWKJmEJ4jRbz7BzZ2dnbQm", Ok(())),
            ("inner blanks", "correct horse battery staple", Ok(())),
            ("other scripts", "ключ", Ok(())),
            ("the longest", longest.as_str(), Ok(())),
            (
                "one byte more",
                too_long.as_str(),
                Err(CodeProblem::TooLong),
            ),
            ("nothing", "", Err(CodeProblem::Empty)),
            ("a line end", "s3cr3t\n", Err(CodeProblem::Control)),
            ("a NUL", "s3\0cr3t", Err(CodeProblem::Control)),
            (
                "a blank at the end",
                "s3cr3t ",
                Err(CodeProblem::WhiteSpace),
            ),
            (
                "a wide blank in front",
                "\u{3000}s3cr3t",
                Err(CodeProblem::WhiteSpace),
            ),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Code::parse(text).map(|_| ()), expected, "{name}");
        }
    }
}
