//! Pages are read whole, and what is wrong with one is told with its line.

use rule_pages::{Block, Case, Claim, Outcome, PAGES, Page, Stored, of_checks, of_policy, read};
use serde_json::{Value, json};

const GOOD: &str = "# some-rule

Why.

## Warned: days

A remark.

```yaml settings
accessGrant:
  rewriteWindows: true
```

```yaml object
# warn some-rule: spec: is odd
kind: AccessGrant
spec:
  expirationWindow: 1 day # warn some-rule: write '24h' # stored: \"24h\"
```
";

#[test]
fn a_page_is_read_into_its_parts() {
    let claim = |line: usize, text: &str| Claim {
        line,
        severity: "warn".to_owned(),
        code: "some-rule".to_owned(),
        text: text.to_owned(),
    };
    let block = |text: &str, value: Value| Block {
        text: text.to_owned(),
        value,
    };
    let case = Case {
        name: "some-rule: Warned: days".to_owned(),
        heading: "days".to_owned(),
        outcome: Outcome::Warned,
        remark: "A remark.".to_owned(),
        object: block(
            "kind: AccessGrant\nspec:\n  expirationWindow: 1 day\n",
            json!({"kind": "AccessGrant", "spec": {"expirationWindow": "1 day"}}),
        ),
        written: GOOD.split("object\n").nth(1).unwrap().replace("```\n", ""),
        old: None,
        settings: Some(block(
            "accessGrant:\n  rewriteWindows: true\n",
            json!({"accessGrant": {"rewriteWindows": true}}),
        )),
        user: None,
        claims: vec![claim(1, "spec: is odd"), claim(3, "write '24h'")],
        stored: vec![Stored {
            line: 3,
            value: "24h".into(),
        }],
    };
    let page = Page {
        code: "some-rule".to_owned(),
        why: "Why.".to_owned(),
        cases: vec![case],
    };
    assert_eq!(read("some-rule", GOOD), Ok(page));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn a_broken_page_is_an_error_with_its_line() {
    let end = GOOD.split_once("## Warned").unwrap().1;
    let claim = "a claim is 'deny CODE: TEXT', 'warn CODE: TEXT' or 'stored: JSON'";
    let block = "it must be yaml and one of settings, user, old, object";
    let table = [
        (
            "title of another rule",
            "# some-rule\n",
            "# other-rule\n",
            "1: the first line must be '# some-rule'",
        ),
        (
            "nothing says why",
            "Why.\n",
            "",
            "1: the page must say why the rule is there",
        ),
        (
            "no case",
            &format!("## Warned{end}"),
            "",
            "4: the page must have a case, '## Refused: ...'",
        ),
        (
            "heading without outcome",
            "## Warned: days",
            "## Days",
            "5: the heading must begin with 'Refused: ', 'Warned: ' or 'Accepted: '",
        ),
        (
            "heading of another level",
            "## Warned: days",
            "### Warned: days",
            "5: a heading must begin with '## '",
        ),
        (
            "unknown block",
            "yaml settings",
            "yaml setting",
            &format!("9: unknown block '```yaml setting': {block}"),
        ),
        (
            "block without a name",
            "```yaml settings",
            "```",
            &format!("9: unknown block '```': {block}"),
        ),
        (
            "no object",
            "yaml object",
            "yaml old",
            "5: there must be a block named 'object'",
        ),
        (
            "two of a name",
            "yaml settings",
            "yaml object",
            "14: there must be one block named 'object'",
        ),
        (
            "block within a block",
            "  rewriteWindows: true\n```\n",
            "",
            "9: the block is not closed",
        ),
        (
            "last block not closed",
            "\"24h\"\n```\n",
            "\"24h\"\n",
            "14: the block is not closed",
        ),
        (
            "comment that claims nothing",
            "# warn some-rule: spec: is odd",
            "# a note",
            &format!("15: {claim}: 'a note'"),
        ),
        (
            "second claim that claims nothing",
            "# stored:",
            "# kept:",
            &format!("18: {claim}: 'kept: \"24h\"'"),
        ),
        (
            "stored is no JSON",
            "\"24h\"",
            "24h",
            &format!("18: {claim}: 'stored: 24h'"),
        ),
        (
            "no YAML",
            "rewriteWindows: true",
            "rewriteWindows: [",
            "11: ",
        ),
    ];
    for (name, from, to, expected) in table {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "{name}");
        let error = read("some-rule", &text).unwrap_err().to_string();
        let expected = format!("some-rule.md:{expected}");
        assert!(error.starts_with(&expected), "{name}: {error}");
    }
}

#[test]
fn every_page_of_the_repository_is_read_whole() {
    let mut pages = of_policy().unwrap();
    pages.extend(of_checks().unwrap());
    assert_eq!(pages.len(), PAGES.len());
    let count = |words: &str| -> usize {
        let texts = PAGES.iter().map(|page| page.text.matches(words).count());
        texts.sum()
    };
    let cases = || pages.iter().flat_map(|page| &page.cases);
    assert_eq!(cases().count(), count("\n## "));
    let claims = cases().map(|case| case.claims.len()).sum::<usize>();
    assert_eq!(claims, count("# deny ") + count("# warn "));
    assert_eq!(
        cases().map(|case| case.stored.len()).sum::<usize>(),
        count("# stored: ")
    );
    for (name, block) in [
        (
            "settings",
            (|case| &case.settings) as fn(&Case) -> &Option<Block>,
        ),
        ("user", |case| &case.user),
        ("old", |case| &case.old),
    ] {
        let found = cases().filter(|case| block(case).is_some()).count();
        assert_eq!(found, count(&format!("\n```yaml {name}\n")), "{name}");
    }
    for case in cases() {
        let lines: Vec<&str> = case.object.text.lines().collect();
        let claimed = case.claims.iter().map(|claim| claim.line);
        for line in claimed.chain(case.stored.iter().map(|stored| stored.line)) {
            assert!(!lines[line - 1].trim().is_empty(), "{}", case.name);
        }
        assert!(
            !lines.iter().any(|line| line.ends_with([' ', '\t'])),
            "{}",
            case.name
        );
    }
}
