//! What the fuzzer found, against what holds for every input of the sidecar.

use sidecar_test_support::invariants::{
    answer, certificate_request, client_certificate, http, ledger, namespace, redemption_yaml,
    token,
};
use test_support::corpus::replay;

#[test]
fn every_input_of_the_corpus_keeps_what_holds_for_every_input() {
    replay("http", http);
    replay("certificate_request", certificate_request);
    replay("client_certificate", client_certificate);
    replay("answer", answer);
    replay("token", token);
    replay("redemption_yaml", redemption_yaml);
    replay("namespace", namespace);
    replay("ledger", ledger);
}
