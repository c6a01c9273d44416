//! Connections that read. They see what was committed and wait for no writer.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::Connection;

use super::connection;
use super::fault::SqliteFault;
use crate::ledger::LedgerFault;

/// A fixed number of connections, each opened when it is first needed.
pub(super) struct Readers {
    file: Arc<Path>,
    slots: Vec<Mutex<Option<Connection>>>,
    next: AtomicUsize,
    patience: Duration,
}

impl Readers {
    /// Each waits no longer than the patience for a lock.
    pub(super) fn new(file: Arc<Path>, slots: usize, patience: Duration) -> Self {
        Self {
            file,
            slots: std::iter::repeat_with(Mutex::default).take(slots).collect(),
            next: AtomicUsize::new(0),
            patience,
        }
    }

    /// Reads with a connection that nobody else uses meanwhile.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerFault> {
        let mut slot = self.slot()?;
        // A connection that failed is not used again.
        let connection = match slot.take() {
            Some(connection) => connection,
            None => connection::open_for_reading(&self.file, self.patience)?,
        };
        let found = read(&connection)
            .map_err(|error| SqliteFault::Reading(Arc::clone(&self.file), error))?;
        *slot = Some(connection);
        Ok(found)
    }

    fn slot(&self) -> Result<MutexGuard<'_, Option<Connection>>, LedgerFault> {
        let free = self.slots.iter().find_map(|slot| match slot.try_lock() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        if let Some(slot) = free {
            return Ok(slot);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.slots
            .get(turn % self.slots.len().max(1))
            .map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner))
            .ok_or_else(|| SqliteFault::NotOpen(Arc::clone(&self.file)).into())
    }
}
