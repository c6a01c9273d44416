//! See `manifest` in the invariants of the checker.
#![no_main]

#[path = "../../check/tests/invariants/mod.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;
use skupper_access_manifest::decode;

fuzz_target!(|bytes: &[u8]| invariants::manifest(&decode(bytes)));
