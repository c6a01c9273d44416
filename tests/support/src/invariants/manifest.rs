//! Claims that hold for every text in a file. The fuzz target calls it with what the fuzzer makes up.

use chrono::DateTime;
use serde_json::Value;
use skupper_access_check::args::OutputFormat;
use skupper_access_check::report::{Judged, Style};
use skupper_access_manifest::answer;
use skupper_access_manifest::context::Context;
use skupper_access_manifest::fix::fix;
use skupper_access_manifest::judge::judge;
use skupper_access_manifest::reader::node::Target;
use skupper_access_manifest::reader::read;
use skupper_access_manifest::redact::redact;
use skupper_access_policy::printable::is_hidden;
use skupper_access_policy::settings::Settings;

/// Every document is judged or refused, every place lies inside the text, what is redacted or fixed once
/// is not changed again.
pub fn manifest(text: &str) {
    let settings = Settings::default();
    let context = Context::new(&settings, DateTime::UNIX_EPOCH);
    for document in read(text) {
        match document {
            Ok(document) => {
                for pointer in ["", "/spec", "/spec/code", "/a/0/b", "/~1"] {
                    for target in [Target::Key, Target::Value] {
                        let span = document.span(pointer, target);
                        assert!(text.get(span.clone()).is_some(), "{span:?}");
                    }
                }
            }
            Err(unreadable) => assert!(text.get(unreadable.span).is_some()),
        }
    }
    let contents = judge(text, &context);
    let given = redact(text);
    if text.len() < 4096 {
        assert_eq!(redact(&given.text).text, given.text, "{text:?}");
    }
    let length = text.encode_utf16().count() as u64;
    let answer = answer::review(text, "", Some(text), None, DateTime::UNIX_EPOCH);
    assert_in_text(&answer, length);
    let fixed = fix(text, &contents, &context);
    if let Some(text) = fixed.text {
        let again = fix(&text, &judge(&text, &context), &context);
        assert!(again.text.is_none(), "a second fix changes {text:?}");
    }
}

/// Every stretch that an answer names lies in the text.
fn assert_in_text(answer: &Value, length: u64) {
    match answer {
        Value::Object(fields) => {
            if let (Some(from), Some(to)) = (fields.get("from"), fields.get("to")) {
                let (from, to) = (from.as_u64().unwrap(), to.as_u64().unwrap());
                assert!(from <= to && to <= length, "{answer}");
            }
            for value in fields.values() {
                assert_in_text(value, length);
            }
        }
        Value::Array(elements) => {
            for value in elements {
                assert_in_text(value, length);
            }
        }
        _ => {}
    }
}

/// No report of the checker holds what is no text for a terminal.
pub fn reports(text: &str) {
    let settings = Settings::default();
    let contents = judge(text, &Context::new(&settings, DateTime::UNIX_EPOCH));
    for format in [
        OutputFormat::Text,
        OutputFormat::Json,
        OutputFormat::Sarif,
        OutputFormat::Github,
    ] {
        let style = Style {
            format,
            is_coloured: false,
            shows_secrets: false,
        };
        let pieces = style.file(&Judged {
            name: "a.yml",
            path: Some("a.yml"),
            text,
            contents: &contents,
        });
        let pieces = [pieces.main, pieces.checks, pieces.unreadable, pieces.notes];
        let report = pieces.map(|pieces| pieces.concat()).concat();
        let acts = |letter: char| is_hidden(letter) && letter != '\n';
        assert!(!report.contains(acts), "{report:?}");
    }
}

/// Pieces of manifests, put together at random.
pub const PIECES: &[&str] = &[
    "apiVersion: skupper.io/v2alpha1\n",
    "kind: AccessGrant\n",
    "kind: AccessToken\n",
    "metadata: {name: west}\n",
    "apiVersion: skupper.io/v1\n",
    "apiVersion: v1\n",
    "kind: AccesGrant\n",
    "metadata: {name: west, namespace: A, labels: {a: 1}}\n",
    "$patch: delete\n",
    "sops: {mac: a}\n",
    "{{ .a }}",
    "{% if a %}\n",
    "${A}",
    "// a",
    "spec:\n",
    "spec: {",
    "}",
    "[",
    "]",
    "  expirationWindow: 1 day",
    "  expirationWindow: ",
    "redemptionsAllowed: 0",
    "  code: |\n    abc\n",
    "  linkCost: 0x1F",
    "  url: https://a.example/b",
    "---\n",
    "...\n",
    "--- ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "  ",
    " ",
    "- ",
    "? ",
    ": ",
    ", ",
    "# c\n",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!",
    "\"",
    "'",
    "|",
    ">",
    "|+2\n",
    "\\",
    "{\"kind\": ",
    "null",
    "~",
    "017",
    "a: &a [*a, *a]\n",
    "items:\n",
    "kind: List\n",
    "\u{feff}",
    "\u{85}",
    "ä😀",
    "\0",
    "%YAML 1.1\n",
    "yes",
    "1e400",
    "\"\\ud83d\"",
];
