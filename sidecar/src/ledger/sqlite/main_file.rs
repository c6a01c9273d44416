//! The main file of a ledger as it is without its log.
//!
//! An older file that is copied into this one leaves device and inode as they are, and the log hides
//! it: SQLite reads some pages from there, and all others from the old file. But SQLite only ever copies
//! the log into the main file, so the newest change in it never goes back.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{connection, queries};

/// What is known of a main file.
pub(super) struct MainFile(Mutex<Seen>);

/// A main file when it was looked at last.
struct Seen {
    written: Written,
    /// The number of its newest change.
    number: u64,
}

/// Time of the last write, in seconds and nanoseconds, and length.
type Written = Option<(i64, i64, u64)>;

impl MainFile {
    /// The file as it is now.
    pub(super) fn of(path: &Path) -> Self {
        Self(Mutex::new(Seen {
            written: written(path),
            number: number(path).unwrap_or_default(),
        }))
    }

    /// How many changes it lacks that it had before.
    pub(super) fn missing(&self, path: &Path) -> u64 {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = written(path);
        if seen.written == written {
            return 0;
        }
        let mut missing = 0;
        for look in 0..LOOKS {
            thread::sleep(PAUSE * look);
            // It may take another process any time to copy the log. The next one who asks looks again.
            let Some(number) = number(path) else {
                return 0;
            };
            missing = seen.number.saturating_sub(number);
            if missing == 0 {
                *seen = Seen { written, number };
                break;
            }
        }
        missing
    }
}

fn written(path: &Path) -> Written {
    let file = fs::metadata(path).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.len()))
}

/// The number of the newest change in it. `None` where there is none yet, and while the log is being
/// copied: some pages are newer than others then.
fn number(path: &Path) -> Option<u64> {
    let connection = connection::open_without_log(path).ok()?;
    let number = queries::changes(&connection).ok()?;
    (number > 0).then_some(number)
}

/// How often it is looked at before it is taken for an older one: a page may just be being written.
const LOOKS: u32 = 5;

/// The pause between two looks, which grows by as much.
const PAUSE: Duration = Duration::from_millis(5);
