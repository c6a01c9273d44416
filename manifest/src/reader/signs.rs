//! The signs before a value that the parser leaves out of its place.

use super::node::Span;

/// From `|` or `>` to the last letter of a block, whatever empty lines belong to it; `span` is that of
/// the text only, and what stands before it is read up to `from`.
pub(crate) fn block(text: &str, from: usize, span: Span) -> Span {
    let before = text.get(from..span.start).unwrap_or_default();
    let mut start = from;
    let mut sign = None;
    for line in before.split_inclusive(['\n', '\r']) {
        let code = without_comment(line).trim_end();
        let word = code.rfind([' ', '\t', ':']).map_or(0, |blank| blank + 1);
        if let Some(word) = code.get(word..).filter(|word| word.starts_with(['|', '>'])) {
            sign = Some(start + code.len() - word.len()..start + code.len());
            break;
        }
        start += line.len();
    }
    let written = text.get(span.clone()).unwrap_or_default();
    let end = span.start + written.trim_end().len();
    match sign {
        Some(sign) if written.trim().is_empty() => sign,
        Some(sign) => sign.start..end,
        None => span.start..end,
    }
}

/// The same for a list that is not indented: it begins at its dash, not at its first element.
pub(crate) fn dash(text: &str, from: usize, span: Span) -> Span {
    let is_dash = text
        .get(span.start..)
        .is_some_and(|text| text.starts_with('-'));
    let before = text.get(from..span.start).unwrap_or_default();
    match before.rfind('-') {
        Some(dash) if !is_dash => from + dash..span.end,
        _ => span,
    }
}

/// A line between two values up to its comment.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    let comment = line.char_indices().find(|(_, letter)| {
        let is_comment = *letter == '#' && before.is_whitespace();
        before = *letter;
        is_comment
    });
    let end = comment.map_or(line.len(), |(at, _)| at);
    line.get(..end).unwrap_or_default()
}
