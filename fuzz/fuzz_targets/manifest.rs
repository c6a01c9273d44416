//! See `manifest` and `reports` in the invariants of manifests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skupper_access_manifest::decode;
use test_support::invariants::manifest;

fuzz_target!(|bytes: &[u8]| {
    let text = decode(bytes);
    manifest::manifest(&text);
    manifest::reports(&text);
});
