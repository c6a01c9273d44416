//! Prints what every door to the policy is asked, and what it must answer: [`test_support::cases`] says
//! how.

use std::io::{BufWriter, Write};

use serde_json::json;
use test_support::cases::{self, Question};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    // Debug is RFC 3339; `to_rfc3339` is a feature that only other crates of the workspace ask for.
    let now = format!("{:?}", test_support::now());
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
