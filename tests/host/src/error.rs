//! Faults between a host and a guest.

use std::fmt;

/// Reason a module could not be loaded, started or asked. In a Kubewarden host each of these but the
/// first three becomes a rejection with code 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// The bytes are not a WebAssembly module that this host runs; the text says why.
    Unreadable(String),
    /// The module imports something that this host does not offer.
    UnknownImport {
        /// Name of the import's module, such as `wasi_snapshot_preview1`.
        module: String,
        /// Name of the imported item, such as `path_open`.
        name: String,
    },
    /// The module lacks something that waPC asks for: `memory` or `__guest_call`.
    MissingExport(&'static str),
    /// The guest stopped: unreachable code, an exit, memory out of bounds, the stack overflown.
    Trap(String),
    /// The guest used up all its fuel.
    OutOfFuel,
    /// The guest reported an error with `__guest_error`.
    Guest(String),
    /// The guest ended without a response or an error, or returned 0 without an error.
    NoAnswer,
}

impl fmt::Display for HostError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(out, "cannot load the module: {why}"),
            Self::UnknownImport { module, name } => {
                write!(
                    out,
                    "the module imports '{module}::{name}', which no policy host offers"
                )
            }
            Self::MissingExport(name) => write!(out, "the module does not export '{name}'"),
            Self::Trap(why) => write!(out, "the guest trapped: {why}"),
            Self::OutOfFuel => write!(out, "the guest used up its fuel"),
            Self::Guest(why) => write!(out, "the guest reported an error: {why}"),
            Self::NoAnswer => write!(out, "the guest gave no answer"),
        }
    }
}

impl std::error::Error for HostError {}

/// An error while guest code ran.
impl From<wasmi::Error> for HostError {
    fn from(error: wasmi::Error) -> Self {
        match error.as_trap_code() {
            Some(wasmi::TrapCode::OutOfFuel) => Self::OutOfFuel,
            _ => Self::Trap(error.to_string()),
        }
    }
}
