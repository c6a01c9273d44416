//! Everything the service tells those who run it: logs, metrics, and faults that last.

pub mod keeping;
pub mod log;
pub mod metrics;
pub(crate) mod outage;
