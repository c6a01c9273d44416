//! Boundaries of the documents in a text.
//!
//! A stream that begins with a brace is JSON as long as it can be read so, object after object.
//! Everything else is YAML, and a line that begins with `---` ends a document whatever stands
//! around it.

use super::node::{Span, Tree};
use super::{Unreadable, json, yaml};

/// Reads every document of a text, empty ones left out. What cannot be read is in its place.
#[must_use]
pub fn read(text: &str) -> Vec<Result<Tree, Unreadable>> {
    if text.is_empty() || text.ends_with('\n') {
        return read_lines(text);
    }
    // kubectl reads lines and ends each.
    let lines = format!("{text}\n");
    let documents = read_lines(&lines)
        .into_iter()
        .map(|document| match document {
            Ok(tree) => Ok(tree.within(text.len())),
            Err(unreadable) => {
                let within = |span: Span| span.start.min(text.len())..span.end.min(text.len());
                Err(Unreadable {
                    span: within(unreadable.span),
                    document: within(unreadable.document),
                    ..unreadable
                })
            }
        });
    documents.collect()
}

fn read_lines(text: &str) -> Vec<Result<Tree, Unreadable>> {
    let mut documents = Vec::new();
    let unmarked = text.trim_start_matches('\u{feff}');
    let content = unmarked.trim_start();
    let mut rest = text.len() - unmarked.len();
    let mut comment = comment_in_json(text, text.len() - content.len());
    if content.starts_with('{') {
        let mut count = 0;
        loop {
            match json::read(text, rest) {
                Ok(Some(json::Read { document, end })) => {
                    let document = document.map_err(|problem| problem.of_document(rest..end));
                    rest = end;
                    count += 1;
                    documents.extend((!is_null(&document)).then_some(document));
                }
                Ok(None) => return documents,
                // After two objects kubectl takes a stream for JSON, and stops.
                Err(unreadable) if count > 1 => {
                    documents.push(Err(unreadable.of_document(rest..text.len())));
                    return documents;
                }
                Err(unreadable) => {
                    comment = comment_in_json(text, unreadable.span.start);
                    break;
                }
            }
        }
        rest = behind_blanks(text, rest);
        let behind = text.get(rest..).unwrap_or_default();
        if count > 0 && !behind.starts_with("---") {
            let problem = "an object in JSON must be followed by another one or by a line '---'";
            let unreadable = comment.unwrap_or_else(|| Unreadable::new(rest..rest, problem));
            documents.push(Err(unreadable.of_document(rest..text.len())));
            return documents;
        }
    }
    let chunks = chunks(text, rest);
    documents.extend(chunks.into_iter().filter_map(|chunk| match chunk {
        Ok(span) => match (yaml::read(text, span.clone()), comment.take()) {
            (Err(_), Some(comment)) => Some(Err(comment.of_document(span))),
            (Err(unreadable), None) => Some(Err(unreadable.of_document(span))),
            (Ok(tree), _) => tree.map(Ok),
        },
        Err(unreadable) => Some(Err(unreadable)),
    }));
    documents
}

/// Reason a comment of JavaScript that begins at a place cannot be read.
fn comment_in_json(text: &str, at: usize) -> Option<Unreadable> {
    let rest = text.get(at..).unwrap_or_default();
    let comment = ["//", "/*"]
        .into_iter()
        .find(|begin| rest.starts_with(begin))?;
    let problem = format!("JSON with comments, which kubectl does not read: take out '{comment}'");
    Some(Unreadable::new(at..at + comment.len(), problem))
}

fn is_null(document: &Result<Tree, Unreadable>) -> bool {
    document.as_ref().is_ok_and(Tree::is_null)
}

/// Behind the white space up to the next line.
fn behind_blanks(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start().len();
    let line = rest.get(..blank).and_then(|blank| blank.find('\n'));
    from + line.map_or(blank, |line| line + 1)
}

/// The stretches between the lines that begin with `---`.
fn chunks(text: &str, from: usize) -> Vec<Result<Span, Unreadable>> {
    let mut chunks = Vec::new();
    let (mut start, mut at) = (from, from);
    for line in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        if let Some(behind) = line.strip_prefix("---") {
            let behind = behind.trim();
            if !(behind.is_empty() || behind.starts_with('#')) {
                chunks.push(Ok(start..at));
                let span = at..at + line.trim_end().len();
                let problem = "a line that begins with '---' begins a document and must have \
                               nothing else in it: indent it, or write the rest into the next line";
                let end = at + line.len();
                chunks.push(Err(Unreadable::new(span, problem).of_document(at..end)));
                start = at + line.len();
            } else if at > start {
                chunks.push(Ok(start..at));
                start = at + line.len();
            }
        }
        at += line.len();
    }
    chunks.push(Ok(start..at));
    chunks
}
