//! A rule, apart from its check.

use crate::finding::Severity;

/// A rule, as settings and documentation know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, kebab-case: settings, audit annotations and the rule's page use it.
    pub code: &'static str,
    /// JSON pointer of the field it judges.
    pub pointer: &'static str,
    /// Consequence of a finding, unless the settings say otherwise.
    pub severity: Severity,
    /// True when the settings may not change the severity: what it refuses would be unreadable to
    /// Skupper, or harm the whole cluster.
    pub fixed: bool,
    /// The mistake, in one line.
    pub summary: &'static str,
    /// Source of the demand.
    pub source: &'static str,
}

impl Rule {
    /// A rule whose severity the settings may change.
    pub(crate) const fn new(
        code: &'static str,
        pointer: &'static str,
        severity: Severity,
        summary: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            code,
            pointer,
            severity,
            fixed: false,
            summary: documentation(summary),
            source: documentation(source),
        }
    }

    /// A rule that always denies.
    pub(crate) const fn fixed(
        code: &'static str,
        pointer: &'static str,
        summary: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            code,
            pointer,
            severity: Severity::Deny,
            fixed: true,
            summary: documentation(summary),
            source: documentation(source),
        }
    }
}

/// Text that only documentation shows. The guest shows it to nobody and does without: it is a
/// twentieth of the module.
pub(crate) const fn documentation(text: &'static str) -> &'static str {
    if cfg!(target_os = "wasi") { "" } else { text }
}
