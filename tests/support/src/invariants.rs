//! Claims that hold for every input, one function for each place where untrusted bytes come in. The fuzz
//! targets call them with what the fuzzer makes up, `fuzz_corpus.rs` with what it found.

pub mod manifest;
pub mod review;
pub mod values;

/// Longest text of one finding: a path of four names and a value, each cut at 64 characters and
/// each character escaped at worst to ten, and what a rule says about it.
const MAX_FINDING_LENGTH: usize = 4 * 1024;

/// Most findings that one message names.
const MAX_FINDINGS: usize = 32;

/// Text for people: no character in it may act on a terminal or hide its neighbours.
fn assert_printable(text: &str) {
    let hidden = text.chars().find(|character| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    });
    assert_eq!(hidden, None, "in {text:?}");
}
