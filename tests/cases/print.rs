//! Prints what every door to the policy is asked, and what it must answer: `tests/cases/mod.rs` says
//! how.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a case that cannot be read must fail its test"
)]

#[expect(dead_code, reason = "what is answered is for another test")]
#[path = "../common/bad_input.rs"]
mod bad_input;
#[expect(dead_code, reason = "a part of it is for the tests in Rust")]
#[path = "mod.rs"]
mod cases;
#[expect(dead_code, reason = "what the pages claim is for another test")]
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/settings_documents.rs"]
mod settings_documents;

use std::io::{BufWriter, Write};

use cases::Question;
use serde_json::json;

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    // Debug is RFC 3339; `to_rfc3339` is a feature that only other crates of the workspace ask for.
    let now = format!("{:?}", common::now());
    for case in cases::all() {
        let (door, input) = match &case.question {
            Question::Request(text) => ("review", text),
            Question::Change(text) => ("reviewObject", text),
            Question::Settings => ("checkSettings", &case.settings),
        };
        let line = json!({
            "name": case.name,
            "door": door,
            "input": input,
            "settings": case.settings,
            "now": now,
            "answer": case.answer().to_string(),
        });
        writeln!(out, "{line}")?;
    }
    out.flush()
}
