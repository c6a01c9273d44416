//! See `ledger` in the invariants of the sidecar.
#![no_main]
#![expect(dead_code, reason = "the other targets use the other invariants")]

#[path = "../../sidecar/tests/invariants/mod.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| invariants::ledger::ledger(bytes));
