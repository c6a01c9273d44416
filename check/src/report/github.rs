//! Annotations of GitHub Actions.
//!
//! Source: GitHub's workflow commands, `::error file=...,line=...::message`.

use super::{Judged, Pieces};
use crate::manifest::node::Span;
use crate::pages;
use crate::place::Lines;

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>) -> Pieces {
    let mut pieces = Pieces::default();
    for document in &file.contents.documents {
        for placed in document.objects.iter().flat_map(|judged| &judged.findings) {
            let finding = &placed.finding;
            let command = if placed.denies() { "error" } else { "warning" };
            let text = format!("{finding}\n{}", pages::address(finding.code));
            let at = place(file.name, lines, &placed.span);
            let title = property(finding.code);
            pieces
                .main
                .push(format!("::{command} {at},title={title}::{}\n", data(&text)));
        }
    }
    for unreadable in &file.contents.unreadable {
        let at = place(file.name, lines, &unreadable.span);
        let text = format!("cannot be read: {}", unreadable.problem);
        pieces
            .unreadable
            .push(format!("::error {at}::{}\n", data(&text)));
    }
    pieces
}

pub(super) fn problem(problem: &str) -> String {
    format!("::error ::{}\n", data(problem))
}

/// GitHub takes columns only where a place lies in one line.
fn place(name: &str, lines: &Lines<'_>, span: &Span) -> String {
    let (start, end) = (lines.place(span.start), lines.place(span.end));
    let place = format!(
        "file={},line={},endLine={}",
        property(name),
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
