//! Findings for people: the line, the caret below the key or value, what to write, the rule's page.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use skupper_access_policy::path::FieldPath;
use skupper_access_policy::printable::printable;
use skupper_access_policy::redaction::shown;

use super::{Judged, Pieces};
use crate::judge::Placed;
use crate::manifest::node::Span;
use crate::pages;
use crate::place::Lines;
use crate::secrets;

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>, is_coloured: bool) -> Pieces {
    let renderer = match is_coloured {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let mut pieces = Pieces::default();
    for document in &file.contents.documents {
        let secrets = secrets::of_document(document);
        for placed in document.objects.iter().flat_map(|judged| &judged.findings) {
            let group = finding(file, lines, placed, &secrets);
            pieces.main.push(renderer.render(&[group]) + "\n\n");
        }
    }
    for unreadable in &file.contents.unreadable {
        let problem = printable_line(&unreadable.problem);
        let place = lines.place(unreadable.span.start);
        let origin = Origin::path(file.name)
            .line(place.line)
            .char_column(place.column);
        let title = Level::ERROR.primary_title(format!("cannot be read: {problem}"));
        pieces
            .unreadable
            .push(renderer.render(&[title.element(origin)]) + "\n\n");
    }
    pieces
}

fn finding<'a>(
    file: &Judged<'a>,
    lines: &Lines<'a>,
    placed: &'a Placed,
    secrets: &[Span],
) -> Group<'a> {
    let finding = &placed.finding;
    let place = lines.place(placed.span.start);
    let line = lines.span(place.line);
    let text = file.text.get(line.clone()).unwrap_or_default();
    let (source, span) = match secrets::may_be_shown(text, &line, secrets) {
        true => window(
            text,
            placed.span.start - line.start,
            placed.span.end.min(line.end) - line.start,
        ),
        false => (HIDDEN, 0..HIDDEN.len()),
    };
    let level = if placed.denies() {
        Level::ERROR
    } else {
        Level::WARNING
    };
    let mut group = level
        .primary_title(finding.to_string())
        .id(finding.code)
        .element(
            Origin::path(file.name)
                .line(place.line)
                .char_column(place.column),
        )
        .element(
            Snippet::source(source)
                .line_start(place.line)
                .annotation(AnnotationKind::Primary.span(span)),
        );
    if let Some(fix) = &finding.fix {
        let path = FieldPath::from_pointer(&fix.pointer);
        let value = shown(&path, &fix.value).unwrap_or_default();
        group = group.element(Level::HELP.message(format!("write {path}: {value}")));
    }
    group.element(Level::NOTE.message(pages::address(finding.code)))
}

/// What stands in place of a line with a secret.
const HIDDEN: &str = "***";

/// Longest line that is shown whole, in bytes.
const LONGEST: usize = 400;

/// A line, or of a long one what stands around the span.
fn window(text: &str, start: usize, end: usize) -> (&str, Span) {
    if text.len() <= LONGEST {
        return (text, start..end.max(start));
    }
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = boundary(start.saturating_sub(LONGEST / 4));
    let to = boundary(from + LONGEST).max(start);
    let end = end.min(to).max(start);
    (
        text.get(from..to).unwrap_or_default(),
        start - from..end - from,
    )
}

/// Words of a reader as one line that a terminal may show.
fn printable_line(text: &str) -> String {
    let is_plain = |letter: char| !skupper_access_policy::printable::is_hidden(letter);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => printable(text).to_string(),
    }
}
