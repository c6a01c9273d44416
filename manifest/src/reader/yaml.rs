//! One YAML document -> a tree.

mod builder;

use granit_parser::{Event, Parser};

use super::Unreadable;
use super::dialect::{self, Piece};
use super::node::{Span, Tree};
use super::value::DEEPEST;
use builder::Builder;

/// Reads the first document in a stretch of `text`; `None` where there is none, or only null.
///
/// # Errors
/// The place at which it cannot be read, and the reason.
pub(crate) fn read(text: &str, span: Span) -> Result<Option<Tree>, Unreadable> {
    let chunk = text.get(span.clone()).unwrap_or_default();
    let options = granit_parser::options! {
        emit_comments: false,
        disallow_directives: true,
        emit_anchor_events: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut builder = Builder::new(text, span.start);
    let mut has_ended = false;
    for event in Parser::new_from_str_with_options(chunk, options) {
        let (event, place) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(chunk.len());
            let at = span.start + at.min(chunk.len());
            Unreadable::new(at..at, error.info())
        })?;
        let at = place.byte_range().unwrap_or_default();
        if let Some(tag) = place.tag_span().and_then(|tag| tag.byte_range()) {
            builder.has_properties = true;
            dialect::check(
                text,
                &(span.start + tag.start..span.start + tag.end),
                Piece::Tag,
            )?;
        }
        match event {
            // kubectl does not look behind `...`.
            Event::DocumentEnd if !at.is_empty() => break,
            Event::DocumentEnd => has_ended = true,
            Event::DocumentStart(..) if has_ended => {
                let at = span.start + at.start;
                let problem = "kubectl does not read what stands here: begin a document with '---'";
                return Err(Unreadable::new(at..at, problem));
            }
            event => builder.take(event, at)?,
        }
    }
    builder.finish(span)
}
