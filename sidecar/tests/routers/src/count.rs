//! Counts of a router since its start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Handshakes of a router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// Those that both sides completed.
    pub done: u64,
    /// Those that either side refused.
    pub refused: u64,
}

/// Flows of the connecting router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// Those whose first bytes came back.
    pub done: u64,
    /// Those that found no connection, or lost theirs before the first bytes came back.
    pub failed: u64,
    /// Streams whose connection ended while they were kept.
    pub broken: u64,
}

#[derive(Default)]
pub(crate) struct HandshakeCount {
    pub(crate) done: Count,
    pub(crate) refused: Count,
}

impl HandshakeCount {
    pub(crate) fn read(&self) -> Handshakes {
        Handshakes {
            done: self.done.read(),
            refused: self.refused.read(),
        }
    }
}

#[derive(Default)]
pub(crate) struct FlowCount {
    pub(crate) done: Count,
    pub(crate) failed: Count,
    pub(crate) broken: Count,
}

impl FlowCount {
    pub(crate) fn read(&self) -> Flows {
        Flows {
            done: self.done.read(),
            failed: self.failed.read(),
            broken: self.broken.read(),
        }
    }
}

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::SeqCst);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
