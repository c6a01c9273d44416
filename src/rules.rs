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

/// Text that only documentation shows. The guest shows it to nobody and does without: it is a
/// twentieth of the module.
pub(crate) const fn documentation(text: &'static str) -> &'static str {
    if cfg!(target_os = "wasi") { "" } else { text }
}
