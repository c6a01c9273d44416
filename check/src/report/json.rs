//! One JSON value: the policy's answer to every object, and where its findings stand.

use serde_json::{Value, json};
use skupper_access_policy::redaction::redacted;

use super::{Judged, Pieces, Summary, visible};
use crate::manifest::node::Span;
use crate::place::Lines;

pub(super) const HEAD: &str = "{\"objects\": [\n";

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>, shows_secrets: bool) -> Pieces {
    let mut pieces = Pieces::default();
    for document in &file.contents.documents {
        for judged in &document.objects {
            let text = |pointer: &str| judged.object.value.pointer(pointer).cloned();
            let mut answer = judged.answer.clone();
            if !shows_secrets && let Some(object) = answer.get_mut("mutatedObject") {
                *object = redacted(object);
            }
            let places = judged
                .findings
                .iter()
                .map(|placed| place(lines, &placed.span));
            let object = json!({
                "file": file.name,
                "document": document.index,
                "pointer": judged.object.pointer,
                "line": lines.place(judged.span.start).line,
                "kind": text("/kind"),
                "name": text("/metadata/name").filter(Value::is_string),
                "answer": answer,
                "places": places.collect::<Vec<_>>(),
            });
            pieces.main.push(visible(&object));
        }
    }
    for unreadable in &file.contents.unreadable {
        let mut problem = place(lines, &unreadable.span);
        if let Value::Object(fields) = &mut problem {
            fields.insert("file".to_owned(), file.name.into());
            fields.insert("message".to_owned(), unreadable.problem.as_str().into());
        }
        pieces.unreadable.push(visible(&problem));
    }
    pieces
}

pub(super) fn problem(name: &str, problem: &str) -> String {
    visible(&json!({"file": name, "message": problem}))
}

pub(super) fn tail(unreadable: &[String], summary: &Summary) -> String {
    let summary = json!({
        "files": summary.files, "objects": summary.objects, "refused": summary.refused,
        "denials": summary.denials, "warnings": summary.warnings, "skipped": summary.skipped,
        "unreadable": summary.unreadable, "fixed": summary.fixed,
    });
    let unreadable = unreadable.join(",\n");
    format!("\n], \"unreadable\": [{unreadable}],\n\"summary\": {summary}}}\n")
}

/// Counted from 1, columns in code points, the end behind the last character.
fn place(lines: &Lines<'_>, span: &Span) -> Value {
    let (start, end) = (lines.place(span.start), lines.place(span.end));
    json!({
        "line": start.line, "column": start.column,
        "endLine": end.line, "endColumn": end.column,
    })
}
