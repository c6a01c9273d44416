//! Stretches of a text and what is to stand there instead.

use crate::reader::node::Span;

/// A stretch and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    pub(crate) span: Span,
    pub(crate) text: String,
}

/// The text with all patches; those at the same place stand there in their order. `None` where two
/// overlap.
pub(crate) fn apply(text: &str, mut patches: Vec<Patch>) -> Option<String> {
    patches.sort_by_key(|patch| (patch.span.start, patch.span.end));
    let mut new = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for patch in patches {
        new.push_str(text.get(at..patch.span.start)?);
        new.push_str(&patch.text);
        at = patch.span.end;
    }
    new.push_str(text.get(at..)?);
    Some(new)
}
