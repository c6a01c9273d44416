//! The text of a page -> its parts.

use serde_json::Value;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader;
use thiserror::Error;

use crate::{Block, Case, Claim, Outcome, Page, Stored};

/// Reason a page cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}.md:{line}: {problem}")]
pub struct PageError {
    /// The code of the rule.
    pub code: String,
    /// The line of the page, from 1.
    pub line: usize,
    /// The problem in this line.
    pub problem: Problem,
}

/// Problem of a page.
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
/// The line at which it cannot be read, and the reason.
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

/// Line of a page, and its problem.
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
