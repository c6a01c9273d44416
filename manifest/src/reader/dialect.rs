//! Differences between YAML 1.2, which the parser reads, and kubectl's YAML 1.1.
//!
//! Text that kubectl would refuse or read in another way is refused here, with what to write instead, so
//! that nothing is ever judged as something else than what kubectl sends. A few oddities that
//! kubectl reads and the parser does not are refused, too: `tests/kubectl.rs` names them.
//!
//! Source: go.yaml.in/yaml/v2 scannerc.go.

use super::Unreadable;
use super::node::Span;

/// A scalar, an anchor or a bracket of the text, to be looked at.
#[derive(Clone, Copy)]
pub(crate) enum Piece {
    /// A plain scalar inside braces or brackets.
    PlainInFlow,
    /// A scalar in double quotes.
    DoubleQuoted,
    /// A scalar behind `|` or `>`.
    Block,
    /// An anchor, with its `&`.
    Anchor,
    /// A tag.
    Tag,
    /// A key that stands before its colon, not behind a question mark.
    Key,
    /// Such a key inside braces or brackets.
    KeyInFlow,
}

/// Checks one piece.
///
/// # Errors
/// Text that kubectl refuses, or reads in another way.
pub(crate) fn check(text: &str, span: &Span, piece: Piece) -> Result<(), Unreadable> {
    let written = text.get(span.clone()).unwrap_or_default();
    let behind = text.get(span.end..).unwrap_or_default();
    let problem = match piece {
        Piece::PlainInFlow if written.contains('?') => {
            "in braces and brackets '?' ends a word: write it in quotes"
        }
        Piece::PlainInFlow if written.starts_with(':') || is_colon_part(behind) => {
            "in braces and brackets ':' must follow a key and be followed by a blank"
        }
        Piece::DoubleQuoted if has_json_escape(written) => {
            "must not contain '\\/' or half of a surrogate pair: write the character itself"
        }
        Piece::Block if has_tab_in_indentation(written) => {
            "a block must be indented with blanks, not with tabs"
        }
        Piece::Tag | Piece::Anchor
            if !behind.is_empty() && !behind.starts_with(char::is_whitespace) =>
        {
            "an anchor or a tag must be followed by a blank"
        }
        Piece::Tag if written.contains('#') => "a tag must not contain '#'",
        Piece::Key | Piece::KeyInFlow if written.contains(['\n', '\r']) => {
            "a key must stand in one line"
        }
        Piece::KeyInFlow if begins_line(behind) => "a key must stand in one line with its colon",
        Piece::Anchor if !written.bytes().skip(1).all(is_of_anchor) => {
            "the name of an anchor must consist of letters 'a' to 'z', digits, '-' and '_'"
        }
        _ => return Ok(()),
    };
    Err(Unreadable::new(span.clone(), problem))
}

/// Checks the lines of a document; `covered` are the spans of its scalars and of its collections in
/// flow style, in order.
///
/// # Errors
/// A tab where kubectl wants blanks, a line end that only kubectl knows.
pub(crate) fn check_lines(text: &str, span: &Span, covered: &[Span]) -> Result<(), Unreadable> {
    let document = text.get(span.clone()).unwrap_or_default();
    let first = document.lines().find(|line| {
        let line = line.trim();
        !(line.is_empty() || line.starts_with('#') || line == "---" || line.starts_with("--- "))
    });
    if first.is_some_and(|line| line.starts_with("...")) {
        let problem = "a document must not begin with '...'";
        return Err(Unreadable::new(span.start..span.start, problem));
    }
    if let Some((at, end)) = document
        .char_indices()
        .find(|(_, letter)| is_rare_end(*letter))
    {
        let at = span.start + at;
        let problem = format!(
            "kubectl takes U+{:04X} for the end of a line: write it as an escape in double quotes",
            u32::from(end)
        );
        return Err(Unreadable::new(at..at + end.len_utf8(), problem));
    }
    if !document.contains('\t') {
        return Ok(());
    }
    let mut covered = covered.iter().peekable();
    let mut at = span.start;
    for line in document.split_inclusive(['\n', '\r']) {
        let start = at;
        at += line.len();
        while covered.next_if(|covered| covered.end <= start).is_some() {}
        if covered.peek().is_some_and(|covered| covered.start < start) {
            continue;
        }
        if let Some(tab) = tab_before_content(line) {
            let tab = start + tab;
            let problem = "a tab must not stand before keys and list elements: write blanks";
            return Err(Unreadable::new(tab..tab + 1, problem));
        }
    }
    Ok(())
}

/// The place of a tab in the indentation of a line, or behind the dashes that begin it.
fn tab_before_content(line: &str) -> Option<usize> {
    let mut letters = line.bytes().enumerate().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            b' ' => {}
            b'\t' => return Some(at),
            b'-' | b'?' | b':' if matches!(letters.peek(), Some((_, b' ' | b'\t'))) => {}
            _ => return None,
        }
    }
    None
}

/// True where nothing follows in the line.
fn begins_line(behind: &str) -> bool {
    behind
        .trim_start_matches([' ', '\t'])
        .starts_with(['\n', '\r', '#'])
}

/// True where kubectl takes the colon behind a word for a part of it.
fn is_colon_part(behind: &str) -> bool {
    let mut letters = behind.chars();
    letters.next() == Some(':')
        && letters
            .next()
            .is_some_and(|next| !(next.is_ascii_whitespace()))
}

/// True for `\/` and `\ud800` to `\udfff`.
fn has_json_escape(quoted: &str) -> bool {
    let mut letters = quoted.bytes();
    while let Some(letter) = letters.next() {
        if letter != b'\\' {
            continue;
        }
        match letters.next() {
            Some(b'/') => return true,
            Some(b'u') => {
                let high = (letters.next(), letters.next());
                if let (Some(b'd' | b'D'), Some(b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F')) = high {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// True where a tab stands before the column in which the text of a block begins.
fn has_tab_in_indentation(block: &str) -> bool {
    if !block.contains('\t') {
        return false;
    }
    let mut lines = block.split(['\n', '\r']);
    let head = lines.next().unwrap_or_default();
    let head = head.split('#').next().unwrap_or_default();
    let is_explicit = head.bytes().any(|letter| letter.is_ascii_digit());
    let mut indentation = if is_explicit { Some(0) } else { None };
    lines.any(|line| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let is_tab = line.as_bytes().get(blanks) == Some(&b'\t');
        let is_before = indentation.is_none_or(|indentation| blanks < indentation);
        if indentation.is_none() && blanks < line.len() && !is_tab {
            indentation = Some(blanks);
        }
        is_tab && is_before
    })
}

fn is_of_anchor(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || b"-_".contains(&letter)
}

/// Line ends of YAML 1.1 that are none in YAML 1.2.
fn is_rare_end(letter: char) -> bool {
    matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}')
}
