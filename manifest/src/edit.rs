//! Edits of a text, all counted in the text before any of them.

use crate::reader::node::Span;

/// A stretch of a text and what is to stand there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The stretch, in bytes; empty where something is inserted.
    pub span: Span,
    /// The new text of the stretch.
    pub text: String,
}

/// The text after the edits. Of two that overlap the one that begins first counts, and of those the
/// longer; what is inserted comes before what is replaced behind it, in the order of the edits.
#[must_use]
pub fn applied(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| {
        let length = edit.span.len();
        (edit.span.start, length > 0, usize::MAX - length)
    });
    let mut new = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for edit in edits {
        if edit.span.start < done {
            continue;
        }
        new.push_str(text.get(done..edit.span.start).unwrap_or_default());
        new.push_str(&edit.text);
        done = edit.span.end;
    }
    new.push_str(text.get(done..).unwrap_or_default());
    new
}

/// A stretch of a text after the edits that lie in it.
#[must_use]
pub fn applied_within(text: &str, span: &Span, edits: &[Edit]) -> String {
    let inside = edits
        .iter()
        .filter(|edit| span.start <= edit.span.start && edit.span.end <= span.end);
    let edits = inside.map(|edit| Edit {
        span: edit.span.start - span.start..edit.span.end - span.start,
        text: edit.text.clone(),
    });
    let edits: Vec<Edit> = edits.collect();
    applied(text.get(span.clone()).unwrap_or_default(), &edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_edits_that_overlap_the_first_and_longest_counts() {
        let edit = |span: Span, text: &str| Edit {
            span,
            text: text.to_owned(),
        };
        let table: [(&str, Vec<Edit>, &str); 6] = [
            ("none", vec![], "abcdef"),
            ("apart", vec![edit(4..5, "E"), edit(0..1, "A")], "AbcdEf"),
            (
                "inserts keep their order",
                vec![edit(2..2, "1"), edit(2..2, "2")],
                "ab12cdef",
            ),
            (
                "an insert before a replacement",
                vec![edit(2..4, "X"), edit(2..2, "1")],
                "ab1Xef",
            ),
            (
                "the longer of two",
                vec![edit(1..2, "x"), edit(1..4, "Y")],
                "aYef",
            ),
            (
                "the first of two",
                vec![edit(3..5, "x"), edit(1..4, "Y")],
                "aYef",
            ),
        ];
        for (name, edits, expected) in table {
            assert_eq!(applied("abcdef", &edits), expected, "{name}");
        }
    }
}
