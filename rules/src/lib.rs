//! The pages of the rules: each is specification, test and documentation of one rule.
//!
//! A page is `# code`, why the rule is there, and cases. A case is a heading, `## Refused: ...`,
//! `## Warned: ...` or `## Accepted: ...`, perhaps a remark, and fenced blocks named `settings`, `user`,
//! `old` and `object`. Comments in `object` claim what is found at their line, or at the line of the
//! object that it is missing from, and what is stored there; they are taken out of its text:
//!
//! ```yaml
//!   expirationWindow: 1 day # deny grant-window-format: write '24h'
//!   redemptionsAllowed: null # stored: 1
//! ```
//!
//! A comment in a line of its own speaks about the line that follows it.

mod read;

use serde_json::{Value, json};
use skupper_access_manifest::checks;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Target;
use skupper_access_manifest::reader::read as read_documents;
use skupper_access_policy::{admission_request, answer};

pub use read::{PageError, Problem, read};

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The time at which every case ends as it says.
pub const NOW: &str = "2026-11-22T00:00:00Z";

/// A page as it is written.
#[derive(Debug)]
pub struct Source {
    /// The code of the rule: the name of the file.
    pub code: &'static str,
    /// The folder in the repository: `rules` for a rule of the policy, `rules/manifest` for a check.
    pub folder: &'static str,
    /// The whole file.
    pub text: &'static str,
}

/// A page, read.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// The code of the rule.
    pub code: String,
    /// Reason for the rule, in Markdown.
    pub why: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// An example of a page.
#[derive(Debug, PartialEq)]
pub struct Case {
    /// The code of the rule and the heading: `grant-window-format: Refused: days`.
    pub name: String,
    /// The heading without the outcome.
    pub heading: String,
    /// Outcome that the heading names.
    pub outcome: Outcome,
    /// Markdown between heading and blocks, or nothing.
    pub remark: String,
    /// The object, without the comments.
    pub object: Block,
    /// The object as the page has it, with the comments.
    pub written: String,
    /// The stored object that it replaces.
    pub old: Option<Block>,
    /// The settings of the policy.
    pub settings: Option<Block>,
    /// The `userInfo` of who asks.
    pub user: Option<Block>,
    /// Findings that the comments claim.
    pub claims: Vec<Claim>,
    /// Stored values that the comments claim.
    pub stored: Vec<Stored>,
}

/// YAML, and what it means.
#[derive(Debug, PartialEq)]
pub struct Block {
    /// As it is written.
    pub text: String,
    /// As kubectl reads it.
    pub value: Value,
}

/// Outcome of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A finding denies it.
    Refused,
    /// Nothing denies it, and the user is warned.
    Warned,
    /// Nothing is found.
    Accepted,
}

/// A finding that a comment claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its line in the object, from 1.
    pub line: usize,
    /// `deny` or `warn`.
    pub severity: String,
    /// The code of the rule.
    pub code: String,
    /// A part of the finding's text.
    pub text: String,
}

/// A value that a comment claims to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The line of its key in the object, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// The pages of the policy's rules, sorted by code.
///
/// # Errors
/// The line at which one cannot be read, and the reason.
pub fn of_policy() -> Result<Vec<Page>, PageError> {
    in_folder("rules")
}

/// The pages of the checks of any object, sorted by code.
///
/// # Errors
/// The line at which one cannot be read, and the reason.
pub fn of_checks() -> Result<Vec<Page>, PageError> {
    in_folder("rules/manifest")
}

fn in_folder(folder: &str) -> Result<Vec<Page>, PageError> {
    let pages = PAGES.iter().filter(|page| page.folder == folder);
    pages.map(|page| read(page.code, page.text)).collect()
}

impl Case {
    /// The settings, `{}` where the case has none.
    #[must_use]
    pub fn settings(&self) -> Value {
        let settings = self.settings.as_ref();
        settings.map_or_else(|| json!({}), |settings| settings.value.clone())
    }

    /// The admission request about the object.
    #[must_use]
    pub fn request(&self) -> Value {
        let value = |block: &Option<Block>| block.as_ref().map(|block| block.value.clone());
        let object = self.object.value.clone();
        admission_request(object, value(&self.old), value(&self.user))
    }

    /// True where the key or the value that a pointer leads to begins in a line of the object; of what is
    /// missing, what it is missing from.
    #[must_use]
    pub fn is_at(&self, pointer: &str, line: usize) -> bool {
        self.begins(pointer, &[Target::Key, Target::Value], line)
    }

    fn begins(&self, pointer: &str, targets: &[Target], line: usize) -> bool {
        let lines = Lines::of(&self.object.text);
        let mut trees = read_documents(&self.object.text).into_iter().flatten();
        let Some(tree) = trees.next() else {
            return false;
        };
        let mut spans = targets.iter().map(|target| tree.span(pointer, *target));
        spans.any(|span| lines.place(span.start).line == line)
    }

    /// The pointer to what begins a line of the object; of a list's element, to the element.
    #[must_use]
    pub fn pointer_at(&self, line: usize) -> String {
        let mut pointers = Vec::new();
        collect(&self.object.value, "", &mut pointers);
        let begins =
            |pointer: &String| self.begins(pointer, &[Target::Key], line) && !pointer.is_empty();
        // Those of a line stand in the order in which they were found: the outermost first.
        pointers.into_iter().find(begins).unwrap_or_default()
    }

    /// The payload of `validate`.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let payload = json!({"request": self.request(), "settings": self.settings()});
        payload.to_string().into_bytes()
    }
}

/// Adds the pointers of a value and of everything in it.
fn collect(value: &Value, pointer: &str, pointers: &mut Vec<String>) {
    pointers.push(pointer.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, &format!("{pointer}/{name}"), pointers);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                collect(value, &format!("{pointer}/{index}"), pointers);
            }
        }
        _ => {}
    }
}

impl Outcome {
    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Warned => "warned",
            Self::Accepted => "accepted",
        }
    }
}

/// Pages as JSON, for programs that are not written in Rust. Blocks are texts; `change` and
/// `settingsJson` are what they mean as JSON text, so that no number loses precision on the way:
///
/// ```text
/// {"now": "2026-11-22T00:00:00Z",
///  "rules": [{"code": "grant-window-format", "kinds": ["AccessGrant"], "severity": "deny", ...}],
///  "pages": [{"code": "grant-window-format", "why": "...", "cases": [{
///      "heading": "days, which Go does not have", "outcome": "refused", "remark": "",
///      "object": "apiVersion: ...", "old": "...", "settings": "...", "user": "...",
///      "change": "{\"object\": ..., \"oldObject\": ..., \"userInfo\": ...}", "settingsJson": "{}",
///      "claims": [{"line": 6, "severity": "deny", "code": "grant-window-format", "text": "..."}],
///      "stored": [{"line": 7, "value": "\"24h\""}]}]}]}
/// ```
///
/// `rules` are those of the policy and the checks, as in [`answer::rules`]; a check has no `kinds`. Blocks
/// that a case does not have are left out.
#[must_use]
pub fn to_json(pages: &[Page]) -> Value {
    let pages = pages.iter().map(|page| {
        let cases: Vec<Value> = page.cases.iter().map(case_to_json).collect();
        json!({"code": page.code, "why": page.why, "cases": cases})
    });
    json!({"now": NOW, "rules": rules(), "pages": pages.collect::<Vec<_>>()})
}

fn rules() -> Value {
    let mut rules = answer::rules();
    let checks = checks::RULES.iter().map(|rule| {
        json!({
            "code": rule.code,
            "kinds": [],
            "pointer": rule.pointer,
            "severity": rule.severity.name(),
            "fixed": rule.fixed,
            "summary": rule.summary,
            "source": rule.source,
            "page": format!("{}.html", rule.code),
        })
    });
    if let Value::Array(rules) = &mut rules {
        rules.extend(checks);
    }
    rules
}

fn case_to_json(case: &Case) -> Value {
    let value = |block: &Option<Block>| block.as_ref().map(|block| block.value.clone());
    let change = json!({
        "object": case.object.value,
        "oldObject": value(&case.old),
        "userInfo": value(&case.user),
    });
    let claims = case.claims.iter().map(|claim| {
        json!({"line": claim.line, "severity": claim.severity, "code": claim.code, "text": claim.text})
    });
    let stored = case.stored.iter();
    let stored =
        stored.map(|stored| json!({"line": stored.line, "value": stored.value.to_string()}));
    let mut fields = json!({
        "heading": case.heading,
        "outcome": case.outcome.name(),
        "remark": case.remark,
        "object": case.object.text,
        "change": change.to_string(),
        "settingsJson": case.settings().to_string(),
        "claims": claims.collect::<Vec<_>>(),
        "stored": stored.collect::<Vec<_>>(),
    });
    let blocks = [
        ("old", &case.old),
        ("settings", &case.settings),
        ("user", &case.user),
    ];
    if let Value::Object(fields) = &mut fields {
        for (name, block) in blocks {
            let text = block.as_ref().map(|block| block.text.as_str().into());
            fields.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
    fields
}
