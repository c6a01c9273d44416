//! What the fuzzer found, against what holds for every input of the sidecar.

#![expect(clippy::unwrap_used, reason = "the corpus is a folder of files")]

use std::path::Path;

use sidecar_test_support::invariants::{
    answer, certificate_request, http, ledger, namespace, redemption_yaml, token,
};

#[test]
fn every_input_of_the_corpus_keeps_what_holds_for_every_input() {
    replay("http", http);
    replay("certificate_request", certificate_request);
    replay("answer", answer);
    replay("token", token);
    replay("redemption_yaml", redemption_yaml);
    replay("namespace", namespace);
    replay("ledger", ledger);
}

fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let files = std::fs::read_dir(folder.join(target)).unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target}");
    for path in paths {
        // Printed only when a check fails: it names the input that fails.
        println!("{}", path.display());
        check(&std::fs::read(&path).unwrap());
    }
}
