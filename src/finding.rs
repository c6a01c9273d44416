//! Findings, which print like Kubernetes' field errors.
//!
//! ```text
//! spec.expirationWindow: Invalid value: "1 day": must be a Go duration: write '24h'
//! ```
//!
//! Source: kubernetes apimachinery pkg/util/validation/field, Error.

use std::fmt;

use serde_json::Value;

use crate::path::FieldPath;
use crate::printable::printable;
use crate::redaction::text::shown;

/// Most findings that are kept of one severity; the others are only counted.
pub(crate) const KEPT: usize = 32;

/// Kubernetes' closed set of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing is there, and something must be.
    Required,
    /// The value cannot be used.
    Invalid,
    /// Not one of a fixed set of values.
    Unsupported,
    /// Not allowed, whatever the value.
    Forbidden,
    /// There already.
    Duplicate,
    /// Longer than may be.
    TooLong,
    /// More elements than may be.
    TooMany,
    /// Shorter than may be.
    TooShort,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Unsupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::TooShort => "Too short",
        })
    }
}

/// Mistake in one field. It holds only text that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub path: FieldPath,
    /// Kind of the mistake.
    pub cause: Cause,
    /// The value as it may be shown, quoted if it is text.
    pub value: Option<String>,
    /// The values that are allowed, and advice; empty where the cause says it all.
    pub detail: String,
}

impl FieldError {
    /// An error that shows no value.
    #[must_use]
    pub fn new(path: FieldPath, cause: Cause, detail: impl Into<String>) -> Self {
        Self {
            path,
            cause,
            value: None,
            detail: detail.into(),
        }
    }

    /// The same error with the value that stands there, as far as it may be shown.
    #[must_use]
    pub fn showing(mut self, value: &Value) -> Self {
        self.value = shown(&self.path, value);
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.cause)?;
        if let Some(value) = &self.value {
            write!(f, ": {value}")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// The detail of an [`Cause::Unsupported`]: what is supported, at most 16 values of it.
pub(crate) fn supported_values<T: AsRef<str>>(values: &[T]) -> String {
    let mut shown: Vec<String> = values
        .iter()
        .take(SUPPORTED)
        .map(|value| format!("\"{}\"", printable(value.as_ref())))
        .collect();
    if let Some(more @ 1..) = values.len().checked_sub(SUPPORTED) {
        shown.push(format!("and {more} more"));
    }
    format!("supported values: {}", shown.join(", "))
}

/// Most supported values that a message names.
const SUPPORTED: usize = 16;

/// Consequence of a finding, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing: the finding is not even reported.
    Allow,
    /// It is accepted, and the user is told.
    Warn,
    /// It is refused.
    Deny,
}

impl Severity {
    /// The severity that the settings call `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Allow, Self::Warn, Self::Deny]
            .into_iter()
            .find(|severity| severity.name() == name)
    }

    /// The name in the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// Part of a field that a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The field's name: it should not be there, or it is missing.
    Key,
    /// The field's value.
    Value,
}

/// A change that makes a finding go away. The value is the user's own, so it has a `Debug` that shows
/// as much of it as a message may.
#[derive(Clone, PartialEq)]
pub struct Fix {
    /// JSON pointer of the value to replace.
    pub pointer: String,
    /// The new value.
    pub value: Value,
}

impl fmt::Debug for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = FieldPath::from_pointer(&self.pointer);
        let shown = shown(&path, &self.value).unwrap_or_default();
        write!(f, "Fix({path}: {shown})")
    }
}

/// One mistake in one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's code: stable, kebab-case.
    pub code: &'static str,
    /// Consequence for the request.
    pub severity: Severity,
    /// Name or value.
    pub target: Target,
    /// Place and mistake.
    pub error: FieldError,
    /// A value that mends it, where one is certain.
    pub fix: Option<Fix>,
}

impl Finding {
    /// JSON pointer of the field.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.error.path.to_pointer()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Writes one thing as it is, several in brackets, and how many more there are.
pub(crate) fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    shown: impl ExactSizeIterator<Item = T>,
    more: usize,
) -> fmt::Result {
    if shown.len() == 1 && more == 0 {
        return shown.into_iter().try_for_each(|one| one.fmt(f));
    }
    f.write_str("[")?;
    for (position, one) in shown.enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        write!(f, "{separator}{one}")?;
    }
    if more > 0 {
        write!(f, ", and {more} more")?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_prints_as_kubernetes_does() {
        let at = |pointer| FieldPath::from_pointer(pointer);
        let cases = [
            (
                FieldError::new(at("/spec/code"), Cause::Required, ""),
                "spec.code: Required value",
            ),
            (
                FieldError::new(at("/spec/linkCost"), Cause::Invalid, "must be at least 1")
                    .showing(&json!(0)),
                "spec.linkCost: Invalid value: 0: must be at least 1",
            ),
            (
                FieldError::new(at("/spec/expirationWindow"), Cause::Invalid, "no")
                    .showing(&json!("1\n\"day\"")),
                "spec.expirationWindow: Invalid value: \"1\\n\\\"day\\\"\": no",
            ),
            (
                FieldError::new(at("/spec/url"), Cause::Forbidden, "host 'a' is denied"),
                "spec.url: Forbidden: host 'a' is denied",
            ),
            (
                FieldError::new(at("/spec/code"), Cause::Invalid, "no").showing(&json!("s3cr3t")),
                "spec.code: Invalid value: \"***\": no",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }
}
