//! One JSON value: the policy's answer to every object, and where its findings stand; beside them what
//! the checker finds itself, what cannot be read, and what is not judged.

use serde_json::{Value, json};
use skupper_access_policy::answer;
use skupper_access_policy::redaction::redacted;

use super::{Judged, Pieces, Summary, visible};
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Span;

pub(super) const HEAD: &str = "{\"objects\": [\n";

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>, shows_secrets: bool) -> Pieces {
    let mut pieces = Pieces::default();
    for document in &file.contents.documents {
        for judged in &document.objects {
            let text = |pointer: &str| judged.object.value.pointer(pointer).cloned();
            let answer = if shows_secrets {
                judged.answer.clone()
            } else {
                answer::redacted(&judged.answer)
            };
            let places = judged
                .findings
                .iter()
                .map(|placed| place(lines, &placed.span));
            let object = json!({
                "file": file.path,
                "document": document.index,
                "pointer": judged.object.pointer,
                "line": lines.place(judged.span.start).line,
                "kind": text("/kind"),
                "name": text("/metadata/name").filter(Value::is_string).map(|name| redacted(&name)),
                "answer": answer,
                "places": places.collect::<Vec<_>>(),
            });
            pieces.main.push(visible(&object));
        }
    }
    for document in &file.contents.documents {
        for placed in &document.checks {
            let finding = &placed.finding;
            let about = json!({
                "code": finding.code,
                "severity": finding.severity.name(),
                "path": finding.error.path.to_string(),
                "message": finding.to_string(),
                "document": document.index,
            });
            pieces.checks.push(stated(file, lines, &placed.span, about));
        }
    }
    for unreadable in &file.contents.unreadable {
        let about = json!({"message": unreadable.problem});
        let piece = stated(file, lines, &unreadable.span, about);
        pieces.unreadable.push(piece);
    }
    for note in &file.contents.notes {
        let about = json!({"message": note.reason.to_string(), "objects": note.count});
        pieces.notes.push(stated(file, lines, &note.span, about));
    }
    pieces
}

/// A message about a place in a file.
fn stated(file: &Judged<'_>, lines: &Lines<'_>, span: &Span, mut about: Value) -> String {
    let place = place(lines, span);
    if let (Value::Object(fields), Value::Object(place)) = (&mut about, place) {
        fields.insert("file".to_owned(), file.path.into());
        fields.extend(place);
    }
    visible(&about)
}

pub(super) fn problem(path: Option<&str>, problem: &str) -> String {
    visible(&json!({"file": path, "message": problem}))
}

pub(super) fn tail(rest: &Pieces, summary: &Summary) -> String {
    let summary = json!({
        "files": summary.files, "objects": summary.objects, "refused": summary.refused,
        "denials": summary.denials, "warnings": summary.warnings, "skipped": summary.skipped,
        "notJudged": summary.noted, "unreadable": summary.unreadable, "fixed": summary.fixed,
    });
    let list = |pieces: &[String]| pieces.join(",\n");
    format!(
        "\n], \"findings\": [{}],\n\"unreadable\": [{}],\n\"notes\": [{}],\n\"summary\": {summary}}}\n",
        list(&rest.checks),
        list(&rest.unreadable),
        list(&rest.notes)
    )
}

/// Counted from 1, columns in code points, the end behind the last character.
fn place(lines: &Lines<'_>, span: &Span) -> Value {
    let (start, end) = (lines.place(span.start), lines.place(span.end));
    json!({
        "line": start.line, "column": start.column,
        "endLine": end.line, "endColumn": end.column,
    })
}
