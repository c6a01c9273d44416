//! Audiences of a ServiceAccount token, and patterns for them.

use std::fmt;

/// Reason a text is no audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceProblem {
    /// It has no characters.
    Empty,
    /// It has white space or a control character.
    Blank,
}

impl fmt::Display for AudienceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "must not be empty",
            Self::Blank => "must not contain white space or control characters",
        })
    }
}

/// Checks an audience: any text without white space and control characters, usually a URL.
///
/// # Errors
/// Says which demand the text fails.
pub fn parse(text: &str) -> Result<&str, AudienceProblem> {
    if text.is_empty() {
        return Err(AudienceProblem::Empty);
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(AudienceProblem::Blank);
    }
    Ok(text)
}

/// A pattern for audiences: `*` stands for any run of characters, everything else for itself.
///
/// ```
/// use skupper_access_policy::value::audience::AudiencePattern;
///
/// let pattern = AudiencePattern::parse("sts.*").unwrap();
/// assert!(pattern.matches("sts.example.com"));
/// assert!(!pattern.matches("vault.example.com"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudiencePattern(String);

impl AsRef<str> for AudiencePattern {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AudiencePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Fails where no audience could match.
    pub fn parse(text: &str) -> Result<Self, AudienceProblem> {
        parse(text).map(|pattern| Self(pattern.to_owned()))
    }

    /// True when the whole of `audience` matches.
    #[must_use]
    pub fn matches(&self, audience: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = audience.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        // The leftmost place is always good enough for a part between two asterisks.
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_stands_for_any_run_of_characters() {
        let cases = [
            ("vault", "vault", true),
            ("vault", "vault2", false),
            ("*", "anything", true),
            ("sts.*", "sts.", true),
            ("sts.*", "xsts.a", false),
            ("*.example", "a.example", true),
            ("*.example", "a.example.", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("a**b", "ab", true),
        ];
        for (pattern, audience, expected) in cases {
            let parsed = AudiencePattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(audience), expected, "{pattern} {audience}");
        }
    }

    #[test]
    fn an_audience_has_characters_and_no_blanks() {
        let cases = [
            ("https://vault.example.com", Ok(())),
            ("", Err(AudienceProblem::Empty)),
            ("a b", Err(AudienceProblem::Blank)),
            ("a\u{a0}", Err(AudienceProblem::Blank)),
            ("a\0", Err(AudienceProblem::Blank)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|_| ()), expected, "{text:?}");
        }
    }
}
