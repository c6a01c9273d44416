//! A small waPC host: it loads a Kubewarden policy and asks it questions, with every input from
//! outside (time, randomness, fuel, memory) chosen by the caller, so that a test or a demonstration
//! gives the same answer every time.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let module = policy_host::Module::load(&std::fs::read("annotated-policy.wasm")?)?;
//! let answer = module.instantiate()?.call("protocol_version", b"")?;
//! assert_eq!(answer.bytes, br#""v1""#);
//! # Ok(())
//! # }
//! ```
//!
//! As policy-server does it, a module is compiled once and every request gets a fresh instance.
//!
//! Source: the waPC protocol, <https://wapc.io/docs/spec/>; WASI preview 1,
//! <https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md>.

mod error;
mod guest;
mod instance;
mod module;
mod wapc;
mod wasi;

pub use error::HostError;
pub use guest::Environment;
pub use instance::{Answer, Instance};
pub use module::{CustomSection, Module};
