//! The times at which the files of a data folder were written, as witnesses of the clock.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, utimensat};

use super::Failure;
use crate::system::clock::{self, Doubt};

/// Accepts a time that can be that of a right clock: neither before this program was made nor before a
/// file of the folder was written.
///
/// # Errors
/// The reason it cannot.
pub(super) fn plausible(folder: &Path, now: DateTime<Utc>) -> Result<(), Doubt> {
    clock::plausible(now)?;
    let written = written(folder).max_by_key(|(_, written)| *written);
    match written {
        Some((path, written)) if now + TOLERANCE < written => {
            Err(Doubt::BeforeFile { now, path, written })
        }
        _ => Ok(()),
    }
}

/// Gives the present time to files that were written while the clock was ahead: it is believed now.
pub(super) fn bring_back(folder: &Path, now: DateTime<Utc>) {
    let of_future = written(folder).filter(|(_, written)| *written > now);
    let time = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: now.timestamp(),
            tv_nsec: 0,
        },
    };
    for (path, _) in of_future {
        // By its name: the ledger must not be opened here, or its locks are lost. A file that keeps
        // its time makes 'issue' ask for the clock, with the name of the file.
        let _ = utimensat(CWD, &path, &time, AtFlags::empty());
    }
}

impl From<Doubt> for Failure {
    fn from(doubt: Doubt) -> Self {
        let what_to_do = match &doubt {
            Doubt::BeforeProgram { .. } => String::new(),
            Doubt::BeforeFile { path, .. } => {
                format!(", or, if it is right, run 'touch {}'", path.display())
            }
        };
        Self::try_again(format!("{doubt}{what_to_do}"))
    }
}

/// The files that are there, with the time of their last change.
fn written(folder: &Path) -> impl Iterator<Item = (PathBuf, DateTime<Utc>)> {
    FILES.iter().filter_map(|name| {
        let path = folder.join(name);
        let written = fs::metadata(&path).and_then(|file| file.modified()).ok()?;
        let since = written.duration_since(std::time::UNIX_EPOCH).ok()?;
        let seconds = i64::try_from(since.as_secs()).ok()?;
        Some((path, DateTime::from_timestamp_secs(seconds)?))
    })
}

/// Files that a service writes into its data folder.
const FILES: [&str; 9] = [
    "ledger.db",
    "ledger.db-wal",
    "server-ca/ca.crt",
    "server-ca/ca.key",
    "server-ca/next/ca.crt",
    "server-ca/next/ca.key",
    "site/ca.crt",
    "site/ca.key",
    "site/redemption.yaml",
];

/// Lag of a clock that does not matter.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_program_or_before_a_file_is_doubted_until_the_file_is_brought_back() {
        let folder = tempfile::tempdir().unwrap();
        let now = clock::now();
        assert_eq!(plausible(folder.path(), now), Ok(()));
        assert!(plausible(folder.path(), clock::EARLIEST - TimeDelta::seconds(1)).is_err());

        fs::create_dir(folder.path().join("server-ca")).unwrap();
        let path = folder.path().join("server-ca/ca.crt");
        fs::write(&path, "").unwrap();
        fs::write(folder.path().join("ledger.db"), "").unwrap();
        let day = TimeDelta::days(1);
        assert_eq!(plausible(folder.path(), now), Ok(()));
        let doubt = plausible(folder.path(), now - day);
        assert!(matches!(doubt, Err(Doubt::BeforeFile { .. })), "{doubt:?}");

        let failure = Failure::from(doubt.unwrap_err());
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().contains("touch"), "{failure}");
        bring_back(folder.path(), now - day);
        assert_eq!(plausible(folder.path(), now - day), Ok(()));
        assert!(plausible(folder.path(), now - day - day).is_err());
        // One that is not of the future keeps its time.
        bring_back(folder.path(), now + day);
        assert!(plausible(folder.path(), now - day).is_ok());
    }
}
