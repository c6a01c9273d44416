//! See `settings` in the invariants.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use skupper_access_policy_fuzz::mutate_json;
use test_support::invariants;

fuzz_target!(|bytes: &[u8]| invariants::values::settings(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed)
});
