//! See `manifest` in the invariants of the checker.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skupper_access_manifest::decode;
use test_support::invariants;

fuzz_target!(|bytes: &[u8]| invariants::manifest::manifest(&decode(bytes)));
