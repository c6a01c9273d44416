//! The floor of the benchmarks: a waPC guest that takes in its request, as any guest must, and
//! accepts it unread.
//!
//! It registers its operations as every Kubewarden policy in Rust does, with `wapc-guest`, but does
//! without the Kubewarden SDK and without JSON. What a policy takes above it is the policy's own.

use wapc_guest::{CallResult, register_function};

/// What a host calls once for every instance, before the first request.
#[expect(unsafe_code, reason = "the waPC host finds the function by this name")]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("validate", |_request| answer(r#"{"accepted":true}"#));
    register_function("validate_settings", |_settings| answer(r#"{"valid":true}"#));
    register_function("protocol_version", |_nothing| answer(r#""v1""#));
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of a waPC operation"
)]
fn answer(json: &str) -> CallResult {
    Ok(json.as_bytes().to_vec())
}
