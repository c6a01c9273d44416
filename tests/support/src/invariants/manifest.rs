//! Claims that hold for every text in a file. The fuzz target calls it with what the fuzzer makes up.

use chrono::DateTime;
use skupper_access_check::args::OutputFormat;
use skupper_access_check::report::{Judged, Style};
use skupper_access_manifest::context::Context;
use skupper_access_manifest::fix::fix;
use skupper_access_manifest::judge::judge;
use skupper_access_manifest::reader::node::Target;
use skupper_access_manifest::reader::read;
use skupper_access_policy::printable::is_hidden;
use skupper_access_policy::settings::Settings;

/// Every document is judged or refused, every place lies inside the text, no output holds what is no
/// text for a terminal, and what is fixed once is not fixed twice.
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
        let said = pieces.map(|pieces| pieces.concat()).concat();
        let acts = |letter: char| is_hidden(letter) && letter != '\n';
        assert!(!said.contains(acts), "{said:?}");
    }
    let fixed = fix(text, &contents, &context);
    if let Some(text) = fixed.text {
        let again = fix(&text, &judge(&text, &context), &context);
        assert!(again.text.is_none(), "a second fix changes {text:?}");
    }
}
