//! See `duration` in the invariants.
#![no_main]
#![expect(dead_code, reason = "the other targets use the other invariants")]

#[path = "../../tests/common/invariants/mod.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| invariants::values::duration(text));
