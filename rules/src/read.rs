//! The text of a page -> its parts.

use serde_json::Value;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader;
use thiserror::Error;

use crate::{Block, Case, Claim, Outcome, Page, Stored};

/// Why a page cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}.md:{line}: {problem}")]
pub struct PageError {
    /// The code of the rule.
    pub code: String,
    /// The line of the page, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// The first line is another one.
    #[error("the first line must be '# {0}'")]
    Title(String),
    /// No text stands before the first case.
    #[error("the page must say why the rule is there")]
    NoReason,
    /// There is no case.
    #[error("the page must have a case, '## Refused: ...'")]
    NoCase,
    /// A heading is of another level.
    #[error("a heading must begin with '## '")]
    Level,
    /// A heading does not say what becomes of the object.
    #[error("the heading must begin with 'Refused: ', 'Warned: ' or 'Accepted: '")]
    Outcome,
    /// A block does not end.
    #[error("the block is not closed")]
    Open,
    /// A block has another name.
    #[error("unknown block '{0}': it must be yaml and one of settings, user, old, object")]
    UnknownBlock(String),
    /// A block is missing.
    #[error("there must be a block named 'object'")]
    NoObject,
    /// A block stands twice.
    #[error("there must be one block named '{0}'")]
    Twice(&'static str),
    /// A comment is no claim.
    #[error("a claim is 'deny CODE: TEXT', 'warn CODE: TEXT' or 'stored: JSON': '{0}'")]
    Claim(String),
    /// A block is not one document that kubectl reads.
    #[error("{0}")]
    Yaml(String),
}

/// Reads the page of the rule `code`.
///
/// # Errors
/// Where and why it cannot be read.
pub fn read(code: &str, text: &str) -> Result<Page, PageError> {
    let at = |(line, problem)| PageError {
        code: code.to_owned(),
        line,
        problem,
    };
    let lines: Vec<&str> = text.lines().collect();
    if lines.first() != Some(&format!("# {code}").as_str()) {
        return Err(at((1, Problem::Title(code.to_owned()))));
    }
    let sections = sections(&lines).map_err(at)?;
    let (head, cases) = sections
        .split_first()
        .map_or((&[][..], &[][..]), |(head, cases)| (head.lines, cases));
    let why = prose(head.iter().skip(1));
    if why.is_empty() {
        return Err(at((1, Problem::NoReason)));
    }
    if cases.is_empty() {
        return Err(at((lines.len(), Problem::NoCase)));
    }
    let cases = cases.iter().map(|section| case(code, section).map_err(at));
    Ok(Page {
        code: code.to_owned(),
        why,
        cases: cases.collect::<Result<_, _>>()?,
    })
}

/// What is wrong, and in which line of the page.
type Wrong = (usize, Problem);

/// A heading and what stands below it.
struct Section<'a> {
    /// The line of the heading, from 1.
    at: usize,
    lines: &'a [&'a str],
}

/// A block whose YAML is not read yet.
struct Fence {
    name: &'static str,
    /// The line of its fence, from 1.
    at: usize,
    text: String,
}

/// Cuts a page at its headings. A block may hold what looks like one: a comment of YAML.
fn sections<'a>(lines: &'a [&'a str]) -> Result<Vec<Section<'a>>, Wrong> {
    let mut starts = vec![0];
    let mut fence = None;
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with("```") {
            fence = match fence {
                Some(open) if *line != "```" => return Err((open, Problem::Open)),
                Some(_) => None,
                None => Some(index + 1),
            };
        }
        let is_heading = line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
        if fence.is_none() && index > 0 && is_heading {
            if !line.starts_with("## ") {
                return Err((index + 1, Problem::Level));
            }
            starts.push(index);
        }
    }
    if let Some(open) = fence {
        return Err((open, Problem::Open));
    }
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let sections = starts.iter().zip(ends).map(|(start, end)| Section {
        at: start + 1,
        lines: lines.get(*start..end).unwrap_or_default(),
    });
    Ok(sections.collect())
}

fn case(code: &str, section: &Section<'_>) -> Result<Case, Wrong> {
    let title = section
        .lines
        .first()
        .and_then(|line| line.strip_prefix("## "));
    let title = title.unwrap_or_default();
    let (outcome, heading) = match title.split_once(": ") {
        Some(("Refused", heading)) => (Outcome::Refused, heading),
        Some(("Warned", heading)) => (Outcome::Warned, heading),
        Some(("Accepted", heading)) => (Outcome::Accepted, heading),
        _ => return Err((section.at, Problem::Outcome)),
    };
    let (fences, remark) = fences(section)?;
    let fence = |name: &'static str| {
        let mut named = fences.iter().filter(|fence| fence.name == name);
        match (named.next(), named.next()) {
            (_, Some(second)) => Err((second.at, Problem::Twice(name))),
            (first, None) => Ok(first),
        }
    };
    let object = fence("object")?.ok_or((section.at, Problem::NoObject))?;
    let block = |name| {
        fence(name)?
            .map(|fence| block(fence.at, &fence.text))
            .transpose()
    };
    let (text, claims, stored) = claims(object)?;
    Ok(Case {
        name: format!("{code}: {title}"),
        heading: heading.to_owned(),
        outcome,
        remark,
        object: self::block(object.at, &text)?,
        written: object.text.clone(),
        old: block("old")?,
        settings: block("settings")?,
        user: block("user")?,
        claims,
        stored,
    })
}

/// The blocks of a section, and the text around them.
fn fences(section: &Section<'_>) -> Result<(Vec<Fence>, String), Wrong> {
    let mut fences: Vec<Fence> = Vec::new();
    let mut rest = Vec::new();
    let mut is_open = false;
    for (line, at) in section.lines.iter().zip(section.at..).skip(1) {
        match line.strip_prefix("```") {
            Some("") if is_open => is_open = false,
            Some(words) => {
                let name = words.strip_prefix("yaml ").unwrap_or_default();
                let known = BLOCKS.iter().find(|known| **known == name);
                let unknown = || (at, Problem::UnknownBlock((*line).to_owned()));
                fences.push(Fence {
                    name: known.ok_or_else(unknown)?,
                    at,
                    text: String::new(),
                });
                is_open = true;
            }
            None => match fences.last_mut().filter(|_| is_open) {
                Some(fence) => {
                    fence.text.push_str(line);
                    fence.text.push('\n');
                }
                None => rest.push(line),
            },
        }
    }
    Ok((fences, prose(rest.into_iter())))
}

/// The object without its comments, and what they claim.
fn claims(object: &Fence) -> Result<(String, Vec<Claim>, Vec<Stored>), Wrong> {
    let (mut kept, mut claims, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    for (text, at) in object.text.lines().zip(object.at + 1..) {
        let line = kept.len() + 1;
        let Some((content, comments)) = text.split_once("# ") else {
            kept.push(text);
            continue;
        };
        let content = content.trim_end();
        kept.extend((!content.is_empty()).then_some(content));
        for comment in comments.split(" # ").map(str::trim) {
            let wrong = || (at, Problem::Claim(comment.to_owned()));
            let (head, text) = comment.split_once(": ").ok_or_else(wrong)?;
            match head.split_once(' ') {
                Some((severity @ ("deny" | "warn"), code)) => claims.push(Claim {
                    line,
                    severity: severity.to_owned(),
                    code: code.to_owned(),
                    text: text.to_owned(),
                }),
                None if head == "stored" => stored.push(Stored {
                    line,
                    value: serde_json::from_str(text).map_err(|_| wrong())?,
                }),
                _ => return Err(wrong()),
            }
        }
    }
    Ok((kept.join("\n") + "\n", claims, stored))
}

/// Reads the YAML of a block whose fence stands in the line `at`.
fn block(at: usize, text: &str) -> Result<Block, Wrong> {
    let lines = Lines::of(text);
    let yaml = |start: usize, why: &str| {
        let line = at + lines.place(start).line;
        (line, Problem::Yaml(why.to_owned()))
    };
    let mut documents = reader::read(text).into_iter();
    let value = match (documents.next(), documents.next()) {
        (None, _) => Value::Null,
        (Some(Ok(tree)), None) => tree.value().map_err(|(span, why)| yaml(span.start, why))?,
        (Some(Err(why)), _) | (Some(Ok(_)), Some(Err(why))) => {
            return Err(yaml(why.span.start, &why.problem));
        }
        (Some(Ok(_)), Some(Ok(second))) => {
            return Err(yaml(second.span.start, "a block must be one document"));
        }
    };
    Ok(Block {
        text: text.to_owned(),
        value,
    })
}

fn prose<'a>(lines: impl Iterator<Item = &'a &'a str>) -> String {
    let lines: Vec<&str> = lines.copied().collect();
    lines.join("\n").trim().to_owned()
}

const BLOCKS: [&str; 4] = ["settings", "user", "old", "object"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let mut pages = crate::of_policy().unwrap();
        pages.extend(crate::of_checks().unwrap());
        assert_eq!(pages.len(), crate::PAGES.len());
        let count = |words: &str| -> usize {
            let texts = crate::PAGES
                .iter()
                .map(|page| page.text.matches(words).count());
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
}
