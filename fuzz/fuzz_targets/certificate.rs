//! See `certificate` in the invariants.
#![no_main]

use libfuzzer_sys::fuzz_target;
use test_support::invariants;

fuzz_target!(|text: &str| invariants::values::certificate(text));
