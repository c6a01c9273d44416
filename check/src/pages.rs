//! The rules and their pages.

use rule_pages::{PAGES, REPOSITORY, Source};
use skupper_access_manifest::checks;
use skupper_access_policy::catalogue;
use skupper_access_policy::nearest;
use skupper_access_policy::rules::Rule;

/// The page of a rule.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    source(code).map(|page| page.text)
}

/// Every rule: those of the policy, and those that the checker has beside them.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    catalogue::rules().chain(&checks::RULES)
}

/// Address at which the page of a rule is published.
#[must_use]
pub fn address(code: &str) -> String {
    let folder = source(code).map_or("rules", |page| page.folder);
    format!("{REPOSITORY}/blob/main/{folder}/{code}.md")
}

fn source(code: &str) -> Option<&'static Source> {
    PAGES.iter().find(|page| page.code == code)
}

/// The rule whose code is nearest to what was written.
#[must_use]
pub fn nearest(written: &str) -> Option<&'static str> {
    let codes: Vec<&'static str> = rules().map(|rule| rule.code).collect();
    nearest::nearest(written, &codes)
}

/// Every rule in a line: code, severity, summary.
#[must_use]
pub fn table() -> String {
    let rules: Vec<_> = rules().collect();
    let width = rules.iter().map(|rule| rule.code.len()).max().unwrap_or(0);
    let lines = rules.iter().map(|rule| {
        let severity = rule.severity.name();
        format!("{:width$}  {severity:5}  {}\n", rule.code, rule.summary)
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_page() {
        for rule in rules() {
            let first = format!("# {}\n", rule.code);
            assert!(
                page(rule.code).unwrap().starts_with(&first),
                "{}",
                rule.code
            );
        }
        assert_eq!(PAGES.len(), rules().count());
    }

    #[test]
    fn a_slip_finds_the_nearest_rule_and_rubbish_finds_none() {
        assert_eq!(nearest("grant-window-fromat"), Some("grant-window-format"));
        assert_eq!(nearest("window"), None);
        assert_eq!(nearest(&"a".repeat(1 << 20)), None);
    }
}
