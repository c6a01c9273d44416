//! Opens the file of a ledger: every connection has the same durability, and it is read back.
//!
//! Source: SQLite, "PRAGMA statements", "Write-Ahead Logging" and "Defense Against The Dark Arts".

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::{OpenProblem, SqliteFault, is_locked};
use super::schema;
use crate::ledger::LedgerFault;

/// Longest wait of a connection for a lock that another one holds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The longest pause between two attempts to get a lock. Commits follow each other without a gap
/// under load, so a pause that grows would wait for a gap that never comes.
const PAUSE: Duration = Duration::from_millis(2);

/// The page cache of a connection, in KiB. The file system caches the rest.
const CACHE: i64 = 1024;

/// After how many pages the log is copied into the file. A commit waits for it, so it is small: with
/// SQLite's 1,000 pages the slowest of a hundred redemptions takes several milliseconds.
const CHECKPOINT: i64 = 128;

/// A connection to an existing file, which may be empty. The schema is the newest afterwards.
pub(super) fn open(file: &Path) -> Result<Connection, LedgerFault> {
    open_with(file, PATIENCE)
}

fn open_with(file: &Path, patience: Duration) -> Result<Connection, LedgerFault> {
    let mut wait = wait_for_lock(patience);
    let mut attempts = 0;
    loop {
        match connect(file, patience) {
            // A change of the journal mode reports a lock without asking the busy handler.
            Err(OpenProblem::Sqlite(error)) if is_locked(&error) && wait(attempts) => {
                attempts += 1;
            }
            outcome => return Ok(outcome.map_err(|problem| SqliteFault::opening(file, problem))?),
        }
    }
}

/// The same, for reading only. It waits no longer than the patience for each lock.
pub(super) fn open_for_reading(file: &Path, patience: Duration) -> Result<Connection, LedgerFault> {
    let connection = open_with(file, patience)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(|error| SqliteFault::Reading(file.into(), error))?;
    Ok(connection)
}

/// The main file alone, without its log and without locks. Source: SQLite, "Uniform Resource
/// Identifiers", `immutable`.
pub(super) fn open_without_log(file: &Path) -> rusqlite::Result<Connection> {
    // Every byte may be escaped.
    let path = file.as_os_str().as_encoded_bytes().iter();
    let path: Vec<String> = path.map(|byte| format!("%{byte:02x}")).collect();
    let uri = format!("file:{}?immutable=1", path.concat());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(uri, flags)
}

/// Empties the write-ahead log. `false` when others used it all the time.
pub(super) fn shorten_log(connection: &mut Connection) -> rusqlite::Result<bool> {
    connection.busy_handler(Some(wait_for_lock(PATIENCE / 100)))?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    connection.busy_handler(Some(wait_for_lock(PATIENCE)))?;
    is_busy.map(|is_busy: bool| !is_busy)
}

fn connect(file: &Path, patience: Duration) -> Result<Connection, OpenProblem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_handler(Some(wait_for_lock(patience)))?;
    // Else a statement is compiled again whenever its parameters change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Else damage could bring back the row of a grant as it was before its last redemption.
    connection.pragma_update(None, "secure_delete", true)?;
    // Temporary files would need a folder of their own that can be written.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    // Before anything is changed: the file may be another application's.
    schema::identify(&connection)?;
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if journal != "wal" || synchronous != 2 {
        return Err(OpenProblem::NotDurable {
            journal,
            synchronous,
        });
    }
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Sleeps for a moment at each call, of another length each time; `false` when the patience since
/// call 0 is at its end.
fn wait_for_lock(patience: Duration) -> impl FnMut(i32) -> bool + Send + 'static {
    let random = RandomState::new();
    let mut began = Instant::now();
    move |attempts| {
        if attempts == 0 {
            began = Instant::now();
        }
        if began.elapsed() >= patience {
            return false;
        }
        let eighths = u32::try_from(random.hash_one(attempts) % 8).unwrap_or(0) + 1;
        std::thread::sleep(PAUSE / 8 * eighths);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_waited_for_until_the_patience_ends() {
        let patience = Duration::from_millis(20);
        let mut wait = wait_for_lock(patience);
        for name in ["the first lock", "another one"] {
            let began = Instant::now();
            let attempts = (0..1_000).take_while(|&attempts| wait(attempts)).count();
            assert!(began.elapsed() >= patience, "{name}");
            assert!((1..=80).contains(&attempts), "{name}: {attempts} attempts");
        }
    }
}
