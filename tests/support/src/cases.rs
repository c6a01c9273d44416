//! One list of questions for every door to the policy: the library, the module in Kubewarden, the
//! package for JavaScript. All must give the answer that [`Case::answer`] gives.
//!
//! `cargo run --bin cases` prints them, one JSON object in each line, for doors that are not
//! written in Rust: `name`, `door` (a function of the package), `input`, `settings` and `now`, its
//! arguments, and `answer`, the JSON text that it must return.

use std::path::Path;

use serde_json::{Value, from_str, json};
use skupper_access_policy::admission_request;
use skupper_access_policy::answer;

use crate::settings_documents::{bad, good, nothing};
use crate::{bad_input, cases_of_pages, now};

/// A question, and under which settings it is asked.
pub struct Case {
    /// A name that no other case has.
    pub name: String,
    /// The question.
    pub question: Question,
    /// JSON text.
    pub settings: String,
}

/// JSON text.
pub enum Question {
    /// An AdmissionRequest.
    Request(String),
    /// `{"object": ..., "oldObject": ..., "userInfo": ...}`.
    Change(String),
    /// Settings are themselves what is asked about.
    Settings,
}

impl Case {
    /// The library's answer.
    pub fn answer(&self) -> Value {
        let settings = self.settings.as_bytes();
        match &self.question {
            Question::Request(text) => answer::to_request(text.as_bytes(), settings, now()),
            Question::Change(text) => answer::to_change(text.as_bytes(), settings, now()),
            Question::Settings => answer::to_settings(settings),
        }
    }
}

/// Every case, each with a name of its own.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    rule_pages(&mut cases);
    recorded_reviews(&mut cases);
    durations(&mut cases);
    bad_requests(&mut cases);
    texts(&mut cases);
    settings(&mut cases);
    cases
}

/// As the object of a manifest, and as the request that an API server makes of it.
fn rule_pages(cases: &mut Vec<Case>) {
    for case in cases_of_pages() {
        let settings = case.settings().to_string();
        let request = case.request();
        let part = |name: &str| request[name].clone();
        let change = json!({
            "object": part("object"),
            "oldObject": part("oldObject"),
            "userInfo": part("userInfo"),
        });
        cases.push(Case {
            name: format!("page, {}, as an object", case.name),
            question: Question::Change(change.to_string()),
            settings: settings.clone(),
        });
        cases.push(Case {
            name: format!("page, {}, as a request", case.name),
            question: Question::Request(request.to_string()),
            settings,
        });
    }
}

fn recorded_reviews(cases: &mut Vec<Case>) {
    let folder = tests().join("reviews");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let review: Value = from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        cases.push(Case {
            name: format!("review, {}", path.file_name().unwrap().display()),
            question: Question::Request(review["request"].to_string()),
            settings: "{}".to_owned(),
        });
    }
}

/// Every value of the tables of durations, as the window of a grant; what people write, rewritten, too.
fn durations(cases: &mut Vec<Case>) {
    let rewriting = r#"{"accessGrant":{"rewriteWindows":true}}"#;
    let tables = [
        ("expiration-window-seen.json", "value", "{}"),
        ("expiration-window-seen.json", "value", rewriting),
        ("go-durations.json", "in", "{}"),
    ];
    for (file, key, settings) in tables {
        let path = tests().join("durations").join(file);
        let rows: Vec<Value> = from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for (number, row) in rows.iter().enumerate() {
            let change = json!({"object": {
                "apiVersion": "skupper.io/v2alpha1",
                "kind": "AccessGrant",
                "metadata": {"name": "west"},
                "spec": {"expirationWindow": row[key]},
            }});
            cases.push(Case {
                name: format!("duration, {file}, {number}, {settings}"),
                question: Question::Change(change.to_string()),
                settings: settings.to_owned(),
            });
        }
    }
}

/// Input that nobody should send, where it is text; what cannot be taken apart is a request as it stands.
fn bad_requests(cases: &mut Vec<Case>) {
    for (number, row) in bad_input::rows().into_iter().enumerate() {
        let Ok(payload) = String::from_utf8(row.payload) else {
            continue;
        };
        if payload.len() > LONGEST_BAD_INPUT {
            continue;
        }
        let (request, settings) = match from_str::<Value>(&payload) {
            Ok(Value::Object(parts)) if parts.contains_key("request") => {
                let text = |key: &str| parts.get(key).unwrap_or(&Value::Null).to_string();
                (text("request"), text("settings"))
            }
            _ => (payload, String::new()),
        };
        cases.push(Case {
            name: format!("bad input, {number}, {}", row.name),
            question: Question::Request(request),
            settings,
        });
    }
}

/// Input that only text can say: numbers beyond a double, keys twice, halves of surrogate pairs.
fn texts(cases: &mut Vec<Case>) {
    let specs = [
        (
            "an integer above 2^53",
            r#"{"redemptionsAllowed": 9007199254740993}"#,
        ),
        (
            "the largest integer of 64 bits",
            r#"{"redemptionsAllowed": 9223372036854775807}"#,
        ),
        (
            "an integer beyond 64 bits",
            r#"{"redemptionsAllowed": 18446744073709551616}"#,
        ),
        (
            "a large integer that is kept",
            r#"{"unknown": 9007199254740993}"#,
        ),
        (
            "a whole number with a fraction",
            r#"{"redemptionsAllowed": 3.0}"#,
        ),
        (
            "a number with an exponent",
            r#"{"redemptionsAllowed": 1e0}"#,
        ),
        (
            "a number beyond a double",
            r#"{"redemptionsAllowed": 1e400}"#,
        ),
        ("minus zero", r#"{"redemptionsAllowed": -0}"#),
        (
            "a key twice",
            r#"{"expirationWindow": "1 day", "expirationWindow": "2h"}"#,
        ),
        (
            "a control character",
            r#"{"expirationWindow": "15m\u0000"}"#,
        ),
        (
            "a character outside the first plane",
            r#"{"expirationWindow": "15m \ud83d\ude00"}"#,
        ),
        (
            "half a surrogate pair",
            r#"{"expirationWindow": "15m\ud800"}"#,
        ),
        ("a trailing comma", r#"{"expirationWindow": "15m",}"#),
    ];
    for (name, spec) in specs {
        let object = format!(
            r#"{{"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "metadata": {{"name": "west"}}, "spec": {spec}}}"#
        );
        cases.push(Case {
            name: format!("text, {name}"),
            question: Question::Change(format!(r#"{{"object": {object}}}"#)),
            settings: String::new(),
        });
    }
}

/// The documents themselves, and what a grant is answered under each. Where settings are not JSON,
/// the payload that Kubewarden would send is none either, so nothing is asked under them.
fn settings(cases: &mut Vec<Case>) {
    let texts = [
        ("no text", ""),
        ("an open brace", "{"),
        (
            "a number beyond a double",
            r#"{"accessToken": {"maxLinkCost": 1e400}}"#,
        ),
        (
            "an integer above 2^53",
            r#"{"accessToken": {"maxLinkCost": 9007199254740993}}"#,
        ),
    ];
    for (name, text) in texts {
        cases.push(Case {
            name: format!("settings, text, {name}"),
            question: Question::Settings,
            settings: text.to_owned(),
        });
    }
    let grant = json!({"object": {
        "apiVersion": "skupper.io/v2alpha1",
        "kind": "AccessGrant",
        "metadata": {"name": "west"},
        "spec": {"redemptionsAllowed": 4, "expirationWindow": "3h"},
    }});
    let bad = bad()
        .into_iter()
        .map(|(name, document, _)| (name, document));
    for (name, document) in nothing().into_iter().chain(good()).chain(bad) {
        cases.push(Case {
            name: format!("settings, {name}"),
            question: Question::Settings,
            settings: document.to_string(),
        });
        cases.push(Case {
            name: format!("a grant under settings, {name}"),
            question: Question::Change(grant.to_string()),
            settings: document.to_string(),
        });
    }
}

/// The AdmissionRequest of `{"object": ..., ...}`, as text; `None` where there is no object to build
/// it from.
pub fn request_of(change: &str) -> Option<String> {
    let mut change: Value = from_str(change).ok()?;
    let mut part = |name: &str| Some(change[name].take()).filter(|part| !part.is_null());
    let (object, old, user) = (part("object")?, part("oldObject"), part("userInfo"));
    Some(admission_request(object, old, user).to_string())
}

fn tests() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// In bytes: the rows that are long to be slow are for the tests of the library and the module.
const LONGEST_BAD_INPUT: usize = 100_000;
