//! Findings for people: the line, the caret below the key or value, what to write, the rule's page.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use skupper_access_policy::path::FieldPath;
use skupper_access_policy::printable::{is_hidden, printable};
use skupper_access_policy::redaction::shown;

use super::{Judged, Pieces};
use crate::pages;
use skupper_access_manifest::judge::Placed;
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Span;
use skupper_access_manifest::secrets::HIDDEN;
use skupper_access_manifest::secrets::lines::{Secrets, Shown};

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>, is_coloured: bool) -> Pieces {
    let renderer = if is_coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut pieces = Pieces::default();
    for document in &file.contents.documents {
        let mut secrets = None;
        for placed in document.findings() {
            let secrets = secrets.get_or_insert_with(|| Secrets::of(document));
            let group = finding(file, lines, placed, secrets);
            pieces.main.push(renderer.render(&[group]) + "\n\n");
        }
    }
    for unreadable in &file.contents.unreadable {
        let problem = printable_line(&unreadable.problem);
        let title = Level::ERROR.primary_title(format!("cannot be read: {problem}"));
        let group = title.element(origin(file, lines, &unreadable.span));
        pieces.unreadable.push(renderer.render(&[group]) + "\n\n");
    }
    for note in &file.contents.notes {
        let title = Level::NOTE.primary_title(note.reason.to_string());
        let group = title.element(origin(file, lines, &note.span));
        pieces.notes.push(renderer.render(&[group]) + "\n\n");
    }
    pieces
}

fn origin<'a>(file: &Judged<'a>, lines: &Lines<'_>, span: &Span) -> Origin<'a> {
    let place = lines.place(span.start);
    Origin::path(file.name)
        .line(place.line)
        .char_column(place.column)
}

fn finding<'a>(
    file: &Judged<'a>,
    lines: &Lines<'a>,
    placed: &'a Placed,
    secrets: &Secrets,
) -> Group<'a> {
    let finding = &placed.finding;
    let level = if placed.denies() {
        Level::ERROR
    } else {
        Level::WARNING
    };
    let title = level.primary_title(finding.to_string()).id(finding.code);
    let place = lines.place(placed.span.start);
    let source = source(file.text, lines, &placed.span, secrets);
    let is_hidden = matches!(&source, Some((line, _)) if line.trim_start() == HIDDEN);
    let mut group = match source {
        Some((source, span)) => title.element(
            Snippet::source(source)
                .path(file.name)
                .line_start(place.line)
                .annotation(AnnotationKind::Primary.span(span)),
        ),
        None => title.element(origin(file, lines, &placed.span)),
    };
    if is_hidden {
        group =
            group.element(Level::NOTE.message("the line is hidden: it holds or may hold a secret"));
    }
    if let Some(fix) = &finding.fix {
        let path = FieldPath::from_pointer(&fix.pointer);
        let help = match shown(&path, &fix.value) {
            Some(value) if !value.contains(HIDDEN) => format!("write {path}: {value}"),
            _ => format!("run again with --fix, which mends {path}"),
        };
        group = group.element(Level::HELP.message(help));
    }
    group.element(Level::NOTE.message(pages::address(finding.code)))
}

/// The line in which a stretch begins, as it may be shown, and where the stretch stands in it. `None`
/// for a line that is too long to be shown.
fn source(text: &str, lines: &Lines<'_>, span: &Span, secrets: &Secrets) -> Option<(String, Span)> {
    let place = lines.place(span.start);
    let line = lines.span(place.line);
    if line.len() > LONGEST {
        return None;
    }
    let written = text.get(line.clone())?;
    Some(match secrets.show(written, &line, span) {
        Shown::Line(shown, span) => visible(&shown, &span),
        // In its own column, which the renderer prints.
        Shown::Hidden => {
            let before = place.column - 1;
            (" ".repeat(before) + HIDDEN, before..before + HIDDEN.len())
        }
    })
}

/// A line in which nothing acts on a terminal or hides, and where a stretch of it stands then.
fn visible(line: &str, span: &Span) -> (String, Span) {
    let part = |range: Span| -> String {
        let letters = line.get(range).unwrap_or_default().chars();
        let is_kept = |letter: char| letter == '\t' || !is_hidden(letter);
        letters
            .map(|letter| if is_kept(letter) { letter } else { '\u{fffd}' })
            .collect()
    };
    let (before, inside) = (part(0..span.start), part(span.clone()));
    let shown = before.len()..before.len() + inside.len();
    (before + &inside + &part(span.end..line.len()), shown)
}

/// Longest line that is shown, in bytes.
const LONGEST: usize = 4096;

/// Words of a reader as one line that a terminal may show.
fn printable_line(text: &str) -> String {
    let is_plain = |letter: char| !is_hidden(letter);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    printable(text).to_string()
}
