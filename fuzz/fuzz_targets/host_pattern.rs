//! See `host_pattern` in the invariants.
#![no_main]

use libfuzzer_sys::fuzz_target;
use test_support::invariants;

fuzz_target!(|text: &str| invariants::values::host_pattern(text));
