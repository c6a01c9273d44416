//! Kubernetes object names: DNS-1123 subdomains.
//!
//! ```
//! use skupper_access_policy::value::name::{NameProblem, SubdomainName};
//!
//! assert_eq!(SubdomainName::parse("west.example")?.as_str(), "west.example");
//! assert_eq!(SubdomainName::parse("West"), Err(NameProblem::NotASubdomain));
//! # Ok::<(), NameProblem>(())
//! ```
//!
//! Source: kubernetes apimachinery `pkg/util/validation`, `IsDNS1123Subdomain`. It limits the
//! whole and not each label: a label of more than 63 characters is a valid object name.

use std::fmt;

/// Longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 253;

/// A name that Kubernetes accepts for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubdomainName<'a>(&'a str);

impl<'a> SubdomainName<'a> {
    /// Reads a name.
    ///
    /// # Errors
    /// Too long, or not a DNS-1123 subdomain.
    pub fn parse(text: &'a str) -> Result<Self, NameProblem> {
        if text.len() > MAX_NAME_BYTES {
            return Err(NameProblem::TooLong);
        }
        if !text.split('.').all(is_label) {
            return Err(NameProblem::NotASubdomain);
        }
        Ok(Self(text))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// A `generateName`: what becomes a name when letters and digits are appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamePrefix<'a>(&'a str);

impl<'a> NamePrefix<'a> {
    /// Reads a prefix. Its own length counts, without what is appended: the API server cuts it
    /// before it appends.
    ///
    /// # Errors
    /// Too long, or not the beginning of a DNS-1123 subdomain.
    pub fn parse(text: &'a str) -> Result<Self, NameProblem> {
        if text.len() > MAX_NAME_BYTES {
            return Err(NameProblem::TooLong);
        }
        let (labels, last) = text.rsplit_once('.').unwrap_or(("a", text));
        // What is appended ends the last label well, so that it must only begin well.
        let begins = last.bytes().all(is_inner) && !last.starts_with('-');
        if !begins || !labels.split('.').all(is_label) {
            return Err(NameProblem::NotAPrefix);
        }
        Ok(Self(text))
    }

    /// The prefix as it was written.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Problem with a name or a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameProblem {
    /// More than [`MAX_NAME_BYTES`].
    TooLong,
    /// Not a DNS-1123 subdomain.
    NotASubdomain,
    /// Not a DNS-1123 subdomain either when letters and digits are appended.
    NotAPrefix,
}

impl fmt::Display for NameProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooLong => "must be at most 253 characters",
            Self::NotASubdomain => {
                "must be a lower case RFC 1123 subdomain of at most 253 characters: letters, \
                 digits, '-' and '.', each part between dots beginning and ending with a letter \
                 or digit"
            }
            Self::NotAPrefix => {
                "must be the beginning of a lower case RFC 1123 subdomain: letters, digits, '-' \
                 and '.', each part between dots beginning and ending with a letter or digit, \
                 where the last part may end in '-'"
            }
        })
    }
}

fn is_label(label: &str) -> bool {
    label.bytes().all(is_inner)
        && !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_inner(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_judged_as_kubernetes_judges_them() {
        let long = "a".repeat(254);
        let longest = "a".repeat(253);
        let multibyte = "é".repeat(127);
        let table = [
            ("one letter", "a", None),
            ("one digit", "0", None),
            ("labels", "a-b.0--1.c", None),
            ("number", "127.0.0.1", None),
            ("label of 253", longest.as_str(), None),
            ("254", long.as_str(), Some(NameProblem::TooLong)),
            (
                "254 bytes in 127 characters",
                multibyte.as_str(),
                Some(NameProblem::TooLong),
            ),
            ("empty", "", Some(NameProblem::NotASubdomain)),
            ("upper case", "West", Some(NameProblem::NotASubdomain)),
            ("underscore", "a_b", Some(NameProblem::NotASubdomain)),
            ("begins with a dash", "-a", Some(NameProblem::NotASubdomain)),
            ("ends with a dash", "a-", Some(NameProblem::NotASubdomain)),
            (
                "label begins with a dash",
                "a.-b",
                Some(NameProblem::NotASubdomain),
            ),
            (
                "label ends with a dash",
                "a-.b",
                Some(NameProblem::NotASubdomain),
            ),
            ("empty label", "a..b", Some(NameProblem::NotASubdomain)),
            ("dot first", ".a", Some(NameProblem::NotASubdomain)),
            ("dot last", "a.", Some(NameProblem::NotASubdomain)),
            ("line end", "a\n", Some(NameProblem::NotASubdomain)),
            ("not ASCII", "zürich", Some(NameProblem::NotASubdomain)),
        ];
        for (name, text, problem) in table {
            assert_eq!(SubdomainName::parse(text).err(), problem, "{name}");
        }
    }

    #[test]
    fn a_prefix_need_not_end_well() {
        let long = "a".repeat(254);
        let table = [
            ("dash last", "west-", None),
            ("dot last", "west.", None),
            ("dashes last", "west--", None),
            ("a name", "west.example", None),
            ("254", long.as_str(), Some(NameProblem::TooLong)),
            ("dash alone", "-", Some(NameProblem::NotAPrefix)),
            ("dot alone", ".", Some(NameProblem::NotAPrefix)),
            (
                "label begins with a dash",
                "a.-",
                Some(NameProblem::NotAPrefix),
            ),
            (
                "label ends with a dash",
                "a-.b",
                Some(NameProblem::NotAPrefix),
            ),
            ("upper case", "West-", Some(NameProblem::NotAPrefix)),
        ];
        for (name, text, problem) in table {
            assert_eq!(NamePrefix::parse(text).err(), problem, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_prefix_is_what_becomes_a_name_with_a_letter_appended(text in "[a-b.\\-_A]{1,8}") {
            let appended = format!("{text}x");
            prop_assert_eq!(
                NamePrefix::parse(&text).is_ok(),
                SubdomainName::parse(&appended).is_ok()
            );
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = SubdomainName::parse(&text);
            let _ = NamePrefix::parse(&text);
        }
    }
}
