//! What measures a redemption service from outside: connections, load, times, and tables of figures
//! beside their goals.

pub mod client;
pub mod keys;
pub mod links;
pub mod load;
pub mod options;
pub mod samples;
pub mod sidecar;
pub mod table;

/// Why a run ended early.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;
