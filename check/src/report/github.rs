//! Annotations of GitHub Actions.
//!
//! Source: GitHub's workflow commands, `::error file=...,line=...::message`.

use super::{Judged, Pieces};
use crate::pages;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Span;

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>) -> Pieces {
    let mut pieces = Pieces::default();
    for document in &file.contents.documents {
        for placed in document.findings() {
            let finding = &placed.finding;
            let command = if placed.denies() { "error" } else { "warning" };
            let text = format!("{finding}\n{}", pages::address(finding.code));
            let title = Some(finding.code);
            let line = annotation(command, file, lines, &placed.span, title, &text);
            pieces.main.push(line);
        }
    }
    for unreadable in &file.contents.unreadable {
        let text = format!("cannot be read: {}", unreadable.problem);
        let line = annotation("error", file, lines, &unreadable.span, None, &text);
        pieces.unreadable.push(line);
    }
    for note in &file.contents.notes {
        let text = note.reason.to_string();
        let line = annotation("notice", file, lines, &note.span, None, &text);
        pieces.notes.push(line);
    }
    pieces
}

pub(super) fn problem(problem: &str) -> String {
    format!("::error ::{}\n", data(problem))
}

/// One annotation. What stands on standard input has no file to stand at.
fn annotation(
    command: &str,
    file: &Judged<'_>,
    lines: &Lines<'_>,
    span: &Span,
    title: Option<&str>,
    text: &str,
) -> String {
    let title = title.map(|title| format!("title={}", property(title)));
    let place = file.path.map(|path| place(path, lines, span));
    let text = if place.is_some() {
        data(text)
    } else {
        let line = lines.place(span.start).line;
        data(&format!("{}, line {line}: {text}", file.name))
    };
    let properties: Vec<String> = place.into_iter().chain(title).collect();
    format!("::{command} {}::{text}\n", properties.join(","))
}

/// GitHub takes columns only where a place lies in one line.
fn place(path: &str, lines: &Lines<'_>, span: &Span) -> String {
    let (start, end) = (lines.place(span.start), lines.place(span.end));
    let place = format!(
        "file={},line={},endLine={}",
        property(path),
        start.line,
        end.line
    );
    if start.line != end.line || start.column == end.column {
        return place;
    }
    format!("{place},col={},endColumn={}", start.column, end.column)
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
