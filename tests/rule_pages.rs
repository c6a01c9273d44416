//! Every rule has a page, and every page tells the truth.

use rule_pages::{Case, Outcome};
use skupper_access_policy::finding::{Finding, Severity};
use skupper_access_policy::verdict::Verdict;
use skupper_access_policy::{catalogue, review_payload};
use test_support::cases_of_pages;

#[test]
fn every_rule_has_a_page_with_a_case_that_breaks_it_and_one_that_passes() {
    let pages = rule_pages::of_policy().unwrap();
    let codes: Vec<&str> = pages.iter().map(|page| page.code.as_str()).collect();
    let mut rules: Vec<&str> = catalogue::rules().map(|rule| rule.code).collect();
    rules.sort_unstable();
    assert_eq!(codes, rules);
    for page in &pages {
        assert!(page.why.len() > 40, "{}: says why", page.code);
        let breaks = |case: &Case| case.claims.iter().any(|claim| claim.code == page.code);
        assert!(
            page.cases.iter().any(breaks),
            "{}: no case breaks it",
            page.code
        );
        let passes = |case: &Case| !breaks(case) && case.outcome == Outcome::Accepted;
        assert!(
            page.cases.iter().any(passes),
            "{}: no case passes",
            page.code
        );
    }
}

#[test]
fn every_case_of_every_page_ends_as_it_says() {
    let lies: Vec<String> = cases_of_pages()
        .filter_map(|case| {
            check(&case)
                .err()
                .map(|lie| format!("{}: {lie}", case.name))
        })
        .collect();
    assert!(lies.is_empty(), "{}", lies.join("\n"));
}

fn check(case: &Case) -> Result<(), String> {
    let verdict = review_payload(&case.payload(), test_support::now());
    let mut unclaimed: Vec<&Finding> = verdict.findings.iter().collect();
    for claim in &case.claims {
        let position = unclaimed.iter().position(|finding| {
            finding.code == claim.code
                && finding.severity.name() == claim.severity
                && case.is_at(&finding.pointer(), claim.line)
                && finding.to_string().contains(&claim.text)
        });
        let position = position.ok_or_else(|| {
            let found: Vec<String> = unclaimed.iter().map(ToString::to_string).collect();
            format!("no such finding: {claim:?} in {found:?}")
        })?;
        unclaimed.remove(position);
    }
    if !unclaimed.is_empty() {
        return Err(format!("not claimed: {unclaimed:?}"));
    }
    if outcome(&verdict) != case.outcome {
        return Err(format!("{:?} {:?}", verdict.refusal, verdict.warnings));
    }
    if verdict
        .refusal
        .as_ref()
        .is_some_and(|refusal| refusal.code != 422)
    {
        return Err("refused, but not with code 422".to_owned());
    }
    let written = &case.object.value;
    let edited = verdict.mutated_object();
    let stored = edited.as_ref().unwrap_or(written);
    let object = Some(stored).filter(|_| verdict.is_allowed());
    for claim in &case.stored {
        let pointer = case.pointer_at(claim.line);
        let stored = object.and_then(|object| object.pointer(&pointer));
        if stored != Some(&claim.value) {
            return Err(format!("stored at {pointer}: {stored:?}"));
        }
    }
    Ok(())
}

fn outcome(verdict: &Verdict) -> Outcome {
    let is_warned = |finding: &Finding| finding.severity == Severity::Warn;
    match verdict.is_allowed() {
        false => Outcome::Refused,
        true if verdict.findings.iter().any(is_warned) => Outcome::Warned,
        true => Outcome::Accepted,
    }
}
