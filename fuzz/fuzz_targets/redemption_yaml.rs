//! See `redemption_yaml` in the invariants of the sidecar.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use sidecar_test_support::invariants;
use skupper_access_policy_fuzz::mutate_json;

fuzz_target!(|bytes: &[u8]| invariants::redemption_yaml(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_json(data, size, max_size, seed)
});
