//! Faults of the embedded ledger, in words for the operator.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Error, ErrorCode, ffi};

use super::{mark, place};
use crate::ledger::LedgerFault;
use crate::system::wording;

/// Reason the embedded ledger cannot be used. Each names the main file.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqliteFault {
    #[error("cannot make the ledger '{}': {}", .0.display(), .1)]
    Making(Arc<Path>, PlaceProblem),
    #[error("cannot open the ledger '{}': {}", .0.display(), .1)]
    Opening(Arc<Path>, OpenProblem),
    /// Nothing was published yet.
    #[error(
        "no service has run on {}, so its URL and CA are not known: run 'redemption-sidecar serve' \
         once", .0.parent().unwrap_or(.0).display()
    )]
    Unserved(Arc<Path>),
    #[error("cannot open the ledger '{}': restore it: {}", .0.display(), wording::io(.1))]
    Missing(Arc<Path>, io::Error),
    #[error("cannot read the ledger '{}': {}", .0.display(), advice(.1))]
    Reading(Arc<Path>, Error),
    #[error("cannot write the ledger '{}': {}", .0.display(), advice(.1))]
    Writing(Arc<Path>, Error),
    /// The files at the paths are not those that are open.
    #[error(
        "the ledger '{file}', '{file}-wal' or '{file}-shm' was removed, restored or replaced while it was in \
         use: stop the service, restore, start it again", file = .0.display()
    )]
    Replaced(Arc<Path>),
    /// There is no connection since the last one failed.
    #[error("the ledger '{}' is not open", .0.display())]
    NotOpen(Arc<Path>),
    /// The ledger lacks so many changes that were durable.
    #[error(
        "the ledger '{file}' lacks its last {changes}: its log '{file}-wal' was lost or damaged, or an \
         older copy took its place. Stop the service and restore the files; if they are lost, revoke \
         what 'redemption-sidecar list' shows as live, and start 'serve' once with --accept-lost-log",
        file = .0.display(), changes = changes(*.1)
    )]
    Lacking(Arc<Path>, u64),
    #[error(
        "cannot use the mark '{}' of the ledger '{}': let this user read and write it and its \
         folder: {}", mark::FILE, .0.display(), wording::io(.1)
    )]
    Marking(Arc<Path>, io::Error),
}

/// Reason a folder cannot hold a ledger.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceProblem {
    #[error("it is on {0}, name a folder on a local disk with --data")]
    FileSystem(&'static str),
    #[error("the disk is full, free some space: {}", wording::io(.0))]
    Full(io::Error),
    #[error(
        "its folder belongs to another user: run as that user, or name another folder with --data"
    )]
    OtherUser,
    #[error("name a folder that this user can write with --data: {}", wording::io(.0))]
    Io(io::Error),
}

/// Reason a file cannot be used as a ledger.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenProblem {
    #[error("it belongs to another application: name another folder with --data")]
    Foreign,
    #[error(
        "its schema {found} is newer than schema {known} of this program: use the newer program"
    )]
    Newer { found: i64, known: i64 },
    /// A commit would not be durable. Holds what was read back.
    #[error(
        "it cannot be made durable (journal mode '{journal}', synchronous {synchronous}): name a \
         folder on a local disk with --data"
    )]
    NotDurable { journal: String, synchronous: i64 },
    #[error("it belongs to another user: run as that user")]
    OtherUser,
    #[error("{}", advice(.0))]
    Sqlite(#[from] Error),
}

impl SqliteFault {
    /// The fault of a file that was not opened.
    pub(super) fn opening(file: &Path, problem: OpenProblem) -> Self {
        let problem = match problem {
            OpenProblem::Sqlite(error) if is_denied(&error) && place::is_of_another_user(file) => {
                OpenProblem::OtherUser
            }
            problem => problem,
        };
        Self::Opening(file.into(), problem)
    }
}

impl From<SqliteFault> for LedgerFault {
    fn from(fault: SqliteFault) -> Self {
        let is_unusable = match &fault {
            SqliteFault::Making(_, problem) => !matches!(problem, PlaceProblem::Full(_)),
            SqliteFault::Opening(_, OpenProblem::Sqlite(error)) => !is_passing(error),
            SqliteFault::Opening(..)
            | SqliteFault::Unserved(_)
            | SqliteFault::Lacking(..)
            | SqliteFault::Marking(..) => true,
            _ => false,
        };
        let cause = Arc::new(fault);
        if is_unusable {
            Self::Unusable(cause)
        } else {
            Self::Unavailable(cause)
        }
    }
}

/// A row that can be read but cannot be true.
pub(super) fn damaged(what: &str) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what.to_owned()))
}

/// True when another connection holds a lock that is needed.
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
    matches!(
        error.sqlite_error_code(),
        Some(DatabaseBusy | DatabaseLocked | DiskFull | OutOfMemory | SystemIoFailure)
    )
}

/// True when it is the store that failed, and not what one statement found in it.
pub(super) fn is_of_store(error: &Error) -> bool {
    let is_no_ledger = error.sqlite_error_code() == Some(ErrorCode::NotADatabase);
    is_no_ledger || is_denied(error) || is_passing(error)
}

fn changes(missing: u64) -> String {
    match missing {
        1 => "change, which may be a counted redemption".to_owned(),
        _ => format!("{missing} changes, and counted redemptions may be among them"),
    }
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

/// The cause in one line: the text of a damaged file may hold anything.
fn cause(error: &Error) -> String {
    let text = match error {
        Error::SqlInputError { msg, .. } => msg.clone(),
        error => error.to_string(),
    };
    text.replace(char::is_control, " ")
}
