//! The pages of the checker's own rules say what it does: every case of every page.

use std::collections::BTreeSet;

use rule_pages::{Claim, Outcome, of_checks};
use serde_json::Value;

use crate::examples::NOW;
use crate::folder::Folder;

#[test]
fn every_case_of_every_page_finds_what_it_claims() {
    let mut cases = 0;
    for case in of_checks().unwrap().into_iter().flat_map(|page| page.cases) {
        let name = &case.name;
        let folder = Folder::with(&[("object.yml", &case.object.text)]);
        let ended = folder.run(&["-o=json", NOW, "object.yml"]);
        let said: Value = serde_json::from_str(&ended.output).unwrap();
        let found = said["findings"].as_array().unwrap().iter().map(|finding| {
            let text = |field: &str| finding[field].as_str().unwrap().to_owned();
            Claim {
                line: usize::try_from(finding["line"].as_u64().unwrap()).unwrap(),
                severity: text("severity"),
                code: text("code"),
                text: text("message"),
            }
        });
        let found: Vec<Claim> = found.collect();
        let places = |claims: &[Claim]| -> BTreeSet<String> {
            let place = |claim: &Claim| format!("{} {} {}", claim.line, claim.severity, claim.code);
            claims.iter().map(place).collect()
        };
        assert_eq!(places(&found), places(&case.claims), "{name}");
        for claim in &case.claims {
            let is_said = |said: &Claim| {
                let is_same = (said.line, &said.code) == (claim.line, &claim.code);
                is_same && said.text.contains(&claim.text)
            };
            assert!(found.iter().any(is_said), "{name}: {claim:?}: {found:?}");
        }
        let (severity, code) = match case.outcome {
            Outcome::Refused => ("deny", 1),
            Outcome::Warned => ("warn", 0),
            Outcome::Accepted => ("none", 0),
        };
        let mut claims = case.claims.iter();
        assert!(claims.all(|claim| claim.severity == severity), "{name}");
        assert_eq!(case.claims.is_empty(), severity == "none", "{name}");
        assert_eq!(ended.code, code, "{name}: {}", ended.output);
        let strict = folder.run(&["--deny-warnings", NOW, "object.yml"]);
        assert_eq!(strict.code, i32::from(!case.claims.is_empty()), "{name}");
        cases += 1;
    }
    assert!(cases > 25, "{cases} cases");
}
