//! What SQLite reports, as a line for the operator.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use super::schema::SchemaProblem;
use super::{mark, place};
use crate::ledger::LedgerFault;
use crate::system::wording;

pub(super) fn opening(file: &Path, problem: &SchemaProblem) -> LedgerFault {
    let because = match problem {
        SchemaProblem::Foreign => {
            "it belongs to another application: name another folder with --data".to_owned()
        }
        SchemaProblem::Newer { found, known } => format!(
            "its schema {found} is newer than schema {known} of this program: use the newer program"
        ),
        SchemaProblem::NotDurable {
            journal,
            synchronous,
        } => format!(
            "it cannot be made durable (journal mode '{journal}', synchronous {synchronous}): name \
             a folder on a local disk with --data"
        ),
        SchemaProblem::Sqlite(error) if is_denied(error) && place::is_of_another_user(file) => {
            "it belongs to another user: run as that user".to_owned()
        }
        SchemaProblem::Sqlite(error) => advice(error),
    };
    let message = format!("cannot open the ledger '{}': {because}", file.display());
    match problem {
        SchemaProblem::Sqlite(error) if is_passing(error) => LedgerFault::passing(message),
        _ => LedgerFault::new(message),
    }
}

pub(super) fn reading(file: &Path, error: &Error) -> LedgerFault {
    LedgerFault::new(format!(
        "cannot read the ledger '{}': {}",
        file.display(),
        advice(error)
    ))
}

pub(super) fn writing(file: &Path, error: &Error) -> LedgerFault {
    LedgerFault::new(format!(
        "cannot write the ledger '{}': {}",
        file.display(),
        advice(error)
    ))
}

/// The files at the paths are not those that are open.
pub(super) fn replaced(file: &Path) -> LedgerFault {
    LedgerFault::passing(format!(
        "the ledger '{0}', '{0}-wal' or '{0}-shm' was removed, restored or replaced while it was in \
         use: stop the service, restore, start it again",
        file.display()
    ))
}

/// There is no file.
pub(super) fn missing(file: &Path, error: &io::Error) -> LedgerFault {
    LedgerFault::passing(format!(
        "cannot open the ledger '{}': restore it: {}",
        file.display(),
        wording::io(error)
    ))
}

/// There is no connection since the last one failed.
pub(super) fn not_open(file: &Path) -> LedgerFault {
    LedgerFault::passing(format!("the ledger '{}' is not open", file.display()))
}

/// The ledger lacks changes that were durable.
pub(super) fn lacking(file: &Path, missing: u64) -> LedgerFault {
    let changes = match missing {
        1 => "change, which may be a counted redemption".to_owned(),
        _ => format!("{missing} changes, and counted redemptions may be among them"),
    };
    LedgerFault::new(format!(
        "the ledger '{0}' lacks its last {changes}: its log '{0}-wal' was lost or damaged, or an older copy took its place. Stop the \
         service and restore the files; if they are lost, revoke what 'redemption-sidecar list' \
         shows as live, and start 'serve' once with --accept-lost-log",
        file.display()
    ))
}

/// The file of the mark could not be used.
pub(super) fn marking(file: &Path, error: &io::Error) -> LedgerFault {
    LedgerFault::new(format!(
        "cannot use the mark '{}' of the ledger '{}': let this user read and write it and its \
         folder: {}",
        mark::FILE,
        file.display(),
        wording::io(error)
    ))
}

/// A row that can be read but cannot be true.
pub(super) fn damaged(what: &str) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what.to_owned()))
}

/// Whether another connection holds a lock that is needed.
pub(super) fn is_locked(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn is_denied(error: &Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(
        error.sqlite_error_code(),
        Some(CannotOpen | PermissionDenied | ReadOnly)
    )
}

fn is_passing(error: &Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, SystemIoFailure};
    let code = error.sqlite_error_code();
    let passing = [
        DatabaseBusy,
        DatabaseLocked,
        DiskFull,
        OutOfMemory,
        SystemIoFailure,
    ];
    code.is_some_and(|code| passing.contains(&code))
}

/// Whether it is the store that failed, and not what one statement found in it.
pub(super) fn is_of_store(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::NotADatabase
        )
    )
}

fn advice(error: &Error) -> String {
    let what_to_do = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process keeps it locked, try again"
        }
        Some(ErrorCode::DiskFull) => "the disk is full, free some space",
        Some(ErrorCode::ReadOnly) => "it is read-only, let this user write it and its folder",
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "let this user read and write it and its folder"
        }
        Some(ErrorCode::SystemIoFailure) => "look at the disk",
        Some(ErrorCode::OutOfMemory) => "free some memory",
        Some(ErrorCode::ConstraintViolation) => "nothing was written, try again",
        Some(ErrorCode::NotADatabase) => "it is no ledger, name another folder with --data",
        _ => "it is damaged, restore it or move it away to begin an empty one",
    };
    format!("{what_to_do}: {}", cause(error))
}

/// The cause in one line. The text of a damaged file may hold anything.
fn cause(error: &Error) -> String {
    let text = match error {
        Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    };
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}
