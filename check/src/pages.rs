//! The rules' pages, as they stand in `tests/rules`.

use skupper_access_policy::catalogue;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The page of a rule.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    let page = PAGES.iter().find(|(name, _)| *name == code);
    page.map(|(_, text)| *text)
}

/// Where the page of a rule is published.
#[must_use]
pub fn address(code: &str) -> String {
    format!("{SOURCE}/blob/main/tests/rules/{code}.md")
}

/// Where the source is published.
#[must_use]
pub fn source() -> &'static str {
    SOURCE
}

/// The rule whose code is nearest to what was written.
#[must_use]
pub fn nearest(written: &str) -> Option<&'static str> {
    // A code is short; what is long is no slip of the pen.
    if written.len() > 64 {
        return None;
    }
    let codes = catalogue::rules().map(|rule| rule.code);
    let distances = codes.map(|code| (strsim::osa_distance(written, code), code));
    let (distance, code) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= code.len() / 3).then_some(code)
}

/// Every rule in a line: code, severity, summary.
#[must_use]
pub fn table() -> String {
    let rules: Vec<_> = catalogue::rules().collect();
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
        for rule in catalogue::rules() {
            let first = format!("# {}\n", rule.code);
            assert!(
                page(rule.code).unwrap().starts_with(&first),
                "{}",
                rule.code
            );
        }
        assert_eq!(PAGES.len(), catalogue::rules().count());
    }

    #[test]
    fn a_slip_finds_the_nearest_rule_and_rubbish_finds_none() {
        assert_eq!(nearest("grant-window-fromat"), Some("grant-window-format"));
        assert_eq!(nearest("window"), None);
        assert_eq!(nearest(&"a".repeat(1 << 20)), None);
    }
}
