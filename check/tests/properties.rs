//! Whatever stands in a file, no report acts on a terminal.

use proptest::prelude::*;
use skupper_access_manifest::decode;
use test_support::corpus::replay;
use test_support::invariants::manifest::{PIECES, reports};

#[test]
fn every_input_of_the_corpus_is_reported() {
    replay("manifest", |bytes| reports(&decode(bytes)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_are_reported(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..24)) {
        reports(&pieces.concat());
    }

    #[test]
    fn any_text_is_reported(text in "\\PC{0,60}") {
        reports(&text);
        reports(&format!("apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nspec:\n  {text}\n"));
        reports(&format!("apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nspec: {{expirationWindow: {text}}}\n"));
    }
}
