//! The pages of the checker's own rules say what it does: every case of every page.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::examples::{NOW, examples_in};
use crate::folder::Folder;

#[test]
fn every_case_of_every_page_finds_what_it_claims() {
    let mut cases = 0;
    for example in examples_in("rules/manifest") {
        let folder = Folder::with(&[("object.yml", &example.object)]);
        let ended = folder.run(&["-o=json", NOW, "object.yml"]);
        let said: Value = serde_json::from_str(&ended.output).unwrap();
        let found = said["findings"].as_array().unwrap().iter().map(|finding| {
            let line = finding["line"].as_u64().unwrap();
            let severity = finding["severity"].as_str().unwrap();
            let code = finding["code"].as_str().unwrap();
            (
                line,
                format!("{severity} {code}"),
                finding["message"].as_str().unwrap(),
            )
        });
        let found: Vec<(u64, String, &str)> = found.collect();
        let claimed = claims(&example.object);
        let name = &example.name;
        let places = |line: &u64, rule: &str| format!("{line} {rule}");
        let expected: BTreeSet<String> = claimed
            .iter()
            .map(|(line, rule, _)| places(line, rule))
            .collect();
        let told = found.iter().map(|(line, rule, _)| places(line, rule));
        assert_eq!(told.collect::<BTreeSet<String>>(), expected, "{name}");
        for (line, rule, part) in &claimed {
            let is_said = |(at, code, message): &(u64, String, &str)| {
                at == line && code == rule && message.contains(part.as_str())
            };
            assert!(found.iter().any(is_said), "{name}: {part}: {found:?}");
        }
        let heading = name.split(": ").nth(1).unwrap();
        let (severity, code) = match heading {
            "Refused" => ("deny", 1),
            "Warned" => ("warn", 0),
            _ => ("none", 0),
        };
        assert!(
            claimed
                .iter()
                .all(|(_, rule, _)| rule.starts_with(severity)),
            "{name}"
        );
        assert_eq!(claimed.is_empty(), severity == "none", "{name}");
        assert_eq!(ended.code, code, "{name}: {}", ended.output);
        let strict = folder.run(&["--deny-warnings", NOW, "object.yml"]);
        assert_eq!(strict.code, i32::from(!claimed.is_empty()), "{name}");
        cases += 1;
    }
    assert!(cases > 25, "{cases} cases");
}

/// The findings that comments claim: line, severity with code, a part of the message.
fn claims(object: &str) -> Vec<(u64, String, String)> {
    let lines = object.lines().zip(1..);
    let claims = lines.filter_map(|(line, number)| {
        let (_, claim) = line.split_once(" # ")?;
        let (rule, part) = claim.split_once(": ").unwrap_or((claim, ""));
        Some((number, rule.to_owned(), part.to_owned()))
    });
    claims.collect()
}
