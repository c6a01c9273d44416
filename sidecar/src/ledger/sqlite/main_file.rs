//! The main file of a ledger as it is without its log.
//!
//! An older file that is copied into this one leaves device and inode as they are, and the log hides
//! it: SQLite reads some pages from there, and all others from the old file. But SQLite only ever copies
//! the log into the main file, so the newest change in it never goes back.
//!
//! The mark knows the number for the next process, one copy of the log behind: the pages of the newest
//! copy may not be on the disk yet when they can be read.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::mark::Mark;
use super::{connection, queries};

/// A main file as it was looked at last.
pub(super) struct MainFile(Mutex<Seen>);

struct Seen {
    written: Option<Written>,
    /// The number of its newest change.
    number: u64,
}

/// The last write to a file: its time, in seconds and nanoseconds, and the length since.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Written(i64, i64, u64);

impl Written {
    pub(super) fn of(file: &Metadata) -> Self {
        Self(file.mtime(), file.mtime_nsec(), file.len())
    }
}

impl MainFile {
    /// The file as it is now. It should have the changes up to a number.
    pub(super) fn of(path: &Path, expected: u64) -> Self {
        let written = path.metadata().ok().as_ref().map(Written::of);
        let number = settled(path, expected).unwrap_or_default();
        Self(Mutex::new(Seen { written, number }))
    }

    /// Number of changes, up to one, that it lacked when it was looked at.
    pub(super) fn missing_since(&self, number: u64) -> u64 {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        number.saturating_sub(seen.number)
    }

    /// Number of changes that it had before and lacks now. The mark gets the number that it had.
    pub(super) fn check(
        &self,
        path: &Path,
        written: Option<Written>,
        mark: &Mark,
    ) -> io::Result<u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.written == written {
            return Ok(0);
        }
        // Another process may be copying the log. The next one who asks looks again.
        let Some(number) = settled(path, seen.number) else {
            return Ok(0);
        };
        let missing = seen.number.saturating_sub(number);
        if missing == 0 {
            mark.note_main(seen.number)?;
            *seen = Seen { written, number };
        }
        Ok(missing)
    }
}

/// The number of the newest change in a main file that should have one: a lower number is looked at
/// again, because a page may just be being written. `None` where there is none yet, and while the log
/// is being copied.
fn settled(path: &Path, expected: u64) -> Option<u64> {
    let mut found = None;
    for look in 0..LOOKS {
        thread::sleep(PAUSE * look);
        found = number(path);
        if found.unwrap_or_default() >= expected {
            break;
        }
    }
    found
}

/// Some pages are newer than others while the log is being copied.
fn number(path: &Path) -> Option<u64> {
    let connection = connection::open_without_log(path).ok()?;
    let number = queries::changes(&connection).ok()?;
    (number > 0).then_some(number)
}

/// Number of looks at a file before it is taken for an older one.
const LOOKS: u32 = 5;

/// The pause between two looks, which grows by as much.
const PAUSE: Duration = Duration::from_millis(5);
