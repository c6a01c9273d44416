//! The fuzzer's finds, and every case of the rule pages, against the claims that hold for every input.

use test_support::cases_of_pages;
use test_support::corpus::replay;
use test_support::invariants::{review, values};

#[test]
fn every_input_of_the_corpus_keeps_what_holds_for_every_input() {
    replay("review", review::review);
    replay("settings", values::settings);
    replay("duration", |bytes| as_text(bytes, values::duration));
    replay("url", |bytes| as_text(bytes, values::url));
    replay("certificate", |bytes| as_text(bytes, values::certificate));
    replay("host_pattern", |bytes| as_text(bytes, values::host_pattern));
}

#[test]
fn every_case_of_every_page_keeps_what_holds_for_every_review() {
    for case in cases_of_pages() {
        println!("{}", case.name);
        review::review(&case.payload());
    }
}

/// As libFuzzer does, what is no text is passed over.
fn as_text(bytes: &[u8], check: impl Fn(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
}
