//! The rule pages of `rules`: each is specification, test and documentation of one rule.
//!
//! A page is `# code`, why the rule is there, and cases. A case is a heading, `## Refused: ...`,
//! `## Warned: ...` or `## Accepted: ...`, and fenced blocks named `settings`, `user`, `old` and
//! `object`. Every finding is claimed by a comment at its line, or at the line of the object that
//! it is missing from:
//!
//! ```yaml
//!   expirationWindow: 1 day # deny grant-window-format: write '24h'
//! ```
//!
//! `# stored: "24h"` claims what stands there once the object is stored.

use std::path::Path;

use serde_json::{Value, json};
use skupper_access_policy::admission_request;

/// One rule's page.
pub struct Page {
    /// The rule's code: the file's name.
    pub code: String,
    /// The first line.
    pub title: String,
    /// The text before the first case.
    pub why: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// One example of a page.
pub struct Case {
    /// `code: heading`.
    pub name: String,
    /// The claim of the heading.
    pub outcome: Outcome,
    /// The settings, `{}` when the case has none.
    pub settings: Value,
    /// The AdmissionRequest.
    pub request: Value,
    /// The findings that the comments claim.
    pub claims: Vec<Claim>,
    /// The stored values that the comments claim: pointer and value.
    pub stored: Vec<(String, Value)>,
}

/// Outcome that a case's heading claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is stored.
    Refused,
    /// It is stored, and something is said about it.
    Warned,
    /// It is stored, and nothing is said.
    Accepted,
}

/// A finding that a comment claims.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Pointer of the line with the comment.
    pub line: String,
    /// `deny` or `warn`.
    pub severity: String,
    /// The rule's code.
    pub code: String,
    /// A part of the finding's text.
    pub text: String,
}

impl Case {
    /// The payload of `validate`.
    pub fn payload(&self) -> Vec<u8> {
        json!({"request": self.request, "settings": self.settings})
            .to_string()
            .into_bytes()
    }
}

/// Every page, sorted by code.
pub fn all() -> Vec<Page> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Page {
    let code = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let (head, cases) = text.split_once("\n## ").unwrap_or((&text, ""));
    let (title, why) = head.split_once('\n').unwrap_or((head, ""));
    let cases = cases
        .split("\n## ")
        .filter(|case| !case.trim().is_empty())
        .map(|case| read_case(&code, case))
        .collect();
    Page {
        title: title.to_owned(),
        why: why.trim().to_owned(),
        code,
        cases,
    }
}

fn read_case(code: &str, text: &str) -> Case {
    let (heading, body) = text.split_once('\n').unwrap();
    let name = format!("{code}: {heading}");
    let outcome = match heading.split(':').next() {
        Some("Refused") => Outcome::Refused,
        Some("Warned") => Outcome::Warned,
        Some("Accepted") => Outcome::Accepted,
        _ => panic!("{name}: the heading must begin with Refused:, Warned: or Accepted:"),
    };
    let blocks = blocks(&name, body);
    let block = |wanted: &str| {
        let mut found = blocks.iter().filter(|(kind, _)| *kind == wanted);
        let yaml = found.next().map(|(_, yaml)| yaml);
        assert!(found.next().is_none(), "{name}: two blocks named {wanted}");
        yaml
    };
    let parse = |yaml: &String| -> Value {
        serde_saphyr::from_str(yaml).unwrap_or_else(|why| panic!("{name}: {why}\n{yaml}"))
    };
    let object = block("object").unwrap_or_else(|| panic!("{name}: no block named object"));
    let (claims, stored) = claims(&name, object);
    Case {
        settings: block("settings").map_or_else(|| json!({}), parse),
        request: admission_request(
            parse(object),
            block("old").map(parse),
            block("user").map(parse),
        ),
        name,
        outcome,
        claims,
        stored,
    }
}

/// The fenced blocks: name and text. The name follows the language: ```` ```yaml object ````.
fn blocks(name: &str, body: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for line in body.lines() {
        match line.strip_prefix("```") {
            Some("") => is_open = false,
            Some(info) => {
                let kind = info
                    .strip_prefix("yaml ")
                    .filter(|kind| ["settings", "user", "old", "object"].contains(kind))
                    .unwrap_or_else(|| panic!("{name}: unknown block {info}"));
                blocks.push((kind.to_owned(), String::new()));
                is_open = true;
            }
            None if is_open => {
                let (_, text) = blocks.last_mut().unwrap();
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    assert!(!is_open, "{name}: a block is not closed");
    blocks
}

/// The claims in the comments of a block-style manifest, each with the pointer of its line.
fn claims(name: &str, yaml: &str) -> (Vec<Claim>, Vec<(String, Value)>) {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut items: Vec<(usize, usize)> = Vec::new();
    let mut claims = Vec::new();
    let mut stored = Vec::new();
    for line in yaml.lines() {
        let (content, comments) = match line.split_once("# ") {
            Some((content, comments)) => (content, Some(comments)),
            None => (line, None),
        };
        let indent = content.len() - content.trim_start().len();
        let content = content.trim();
        if !content.is_empty() {
            path.retain(|(depth, _)| *depth < indent);
            items.retain(|(depth, _)| *depth <= indent);
            if content.starts_with("- ") {
                match items.last_mut().filter(|(depth, _)| *depth == indent) {
                    Some((_, index)) => *index += 1,
                    None => items.push((indent, 0)),
                }
                path.push((indent, items.last().unwrap().1.to_string()));
            } else if let Some((key, _)) = content.split_once(':') {
                items.retain(|(depth, _)| *depth < indent);
                path.push((indent, key.trim_matches(['"', '\'']).to_owned()));
            }
        }
        let line = path
            .iter()
            .fold(String::new(), |line, (_, key)| line + "/" + key);
        for comment in comments
            .into_iter()
            .flat_map(|comments| comments.split(" # "))
        {
            let (head, text) = comment
                .split_once(": ")
                .unwrap_or_else(|| panic!("{name}: no claim: {comment}"));
            match head.split_once(' ') {
                Some((severity @ ("deny" | "warn"), code)) => claims.push(Claim {
                    line: line.clone(),
                    severity: severity.to_owned(),
                    code: code.to_owned(),
                    text: text.trim().to_owned(),
                }),
                None if head == "stored" => {
                    stored.push((line.clone(), serde_json::from_str(text).unwrap()));
                }
                _ => panic!(
                    "{name}: a claim is 'deny CODE: TEXT', 'warn CODE: TEXT' or 'stored: JSON': {comment}"
                ),
            }
        }
    }
    (claims, stored)
}
