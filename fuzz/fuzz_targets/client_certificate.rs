//! See `client_certificate` in the invariants of the sidecar.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidecar_test_support::invariants;

fuzz_target!(|bytes: &[u8]| invariants::client_certificate(bytes));
