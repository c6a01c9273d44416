//! What SQLite reports, as a line for the operator.

use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use super::place;
use super::schema::SchemaProblem;
use crate::ledger::LedgerFault;

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
