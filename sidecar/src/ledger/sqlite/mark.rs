//! The high-water mark of a ledger: the number of its newest change, outside SQLite's files.
//!
//! A write-ahead log that was removed, cut or damaged reads like one that never held more: SQLite
//! opens it and the count is lower. So the number of each change is noted here once its commit is
//! durable, and a ledger whose own number is below the mark has lost something.
//!
//! The mark is not synced. It is written after the commit and kept by the kernel, so a process that
//! is killed leaves it exact; after a power failure it may be behind the ledger, never ahead.
//!
//! It says which main file it is of, too, and what that one had without its log: the log of one file
//! must never be read into another, nor into an older copy of it.
//!
//! Every process holds a shared lock. The last one that closes the ledger has everything in the main
//! file, and takes the mark back: a ledger that was closed may be replaced by its backup.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The name of the file. It does not begin with that of the ledger, whose `-wal` and `-shm` people
/// remove together.
pub(super) const FILE: &str = "ledger.mark";

/// Each number has a place of its own among these, so that processes that commit one after the
/// other may note their numbers in any order.
const PLACES: u64 = 64;
const PLACE: usize = size_of::<u64>();
const LENGTH: usize = 64 * PLACE;

/// Behind the places: which file the mark is, and of which main file.
const OWNER: u64 = LENGTH as u64;
const OWNER_LENGTH: usize = 4 * PLACE;

/// Behind them: the number of the newest change that the main file had without its log.
const MAIN: u64 = OWNER + OWNER_LENGTH as u64;
const WHOLE: u64 = MAIN + PLACE as u64;

/// Device and inode of a file.
pub(super) type FileId = (u64, u64);

/// The mark of an open ledger.
pub(super) struct Mark {
    file: File,
    /// The write-ahead log of the ledger.
    log: PathBuf,
    /// Number of changes that the ledger lacks.
    missing: AtomicU64,
    is_kept: AtomicBool,
}

impl Mark {
    /// Opens the mark of a folder, or makes one without a number. `log` is the write-ahead log.
    pub(super) fn open(folder: &Path, log: PathBuf) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = match options.mode(0o600).open(&path) {
            // Whoever may only read the ledger may read its mark.
            Err(error) if is_of_reader(&error) => File::open(&path).map_err(|_| error),
            file => file,
        }?;
        file.lock_shared()?;
        let length = file.metadata()?.len();
        if length < WHOLE {
            // Writing to it needs no room on the disk any more. What a shorter one says stays.
            file.set_len(WHOLE)?;
            let rest = usize::try_from(WHOLE - length.max(OWNER)).unwrap_or_default();
            file.write_all_at(&vec![0; rest], length.max(OWNER))?;
        }
        Ok(Self {
            file,
            log,
            missing: AtomicU64::new(0),
            is_kept: AtomicBool::new(false),
        })
    }

    /// The highest number that was noted; 0 for none.
    pub(super) fn highest(&self) -> io::Result<u64> {
        let mut places = [0; LENGTH];
        self.file.read_exact_at(&mut places, 0)?;
        let (numbers, _) = places.as_chunks::<PLACE>();
        let numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
        Ok(numbers.max().unwrap_or_default())
    }

    /// The number that the main file had without its log, one copy of the log ago; 0 for none.
    pub(super) fn main_number(&self) -> io::Result<u64> {
        let mut number = [0; PLACE];
        self.file.read_exact_at(&mut number, MAIN)?;
        Ok(u64::from_le_bytes(number))
    }

    /// Notes that number, unless another process knows a higher one.
    pub(super) fn note_main(&self, number: u64) -> io::Result<()> {
        if number <= self.main_number()? {
            return Ok(());
        }
        self.file.write_all_at(&number.to_le_bytes(), MAIN)
    }

    /// True when the mark is of another main file than this one. False for a mark that is new or
    /// was copied, as whole folders are.
    pub(super) fn is_of_other(&self, main: FileId) -> io::Result<bool> {
        let mut said = [0; OWNER_LENGTH];
        self.file.read_exact_at(&mut said, OWNER)?;
        let owner = self.owner(main)?;
        let ((said_mark, said_main), (mark, main)) =
            (said.split_at(2 * PLACE), owner.split_at(2 * PLACE));
        Ok(said_mark == mark && said_main != main)
    }

    /// Says of which main file the mark is, unless it says so.
    pub(super) fn set_main(&self, main: FileId) -> io::Result<()> {
        let owner = self.owner(main)?;
        let mut said = [0; OWNER_LENGTH];
        self.file.read_exact_at(&mut said, OWNER)?;
        if said == *owner {
            return Ok(());
        }
        self.file.write_all_at(&owner, OWNER)
    }

    fn owner(&self, main: FileId) -> io::Result<Vec<u8>> {
        let mark = self.file.metadata()?;
        let owner = [mark.dev(), mark.ino(), main.0, main.1];
        Ok(owner.map(u64::to_le_bytes).concat())
    }

    /// Number of changes that the ledger lacks.
    pub(super) fn missing(&self) -> u64 {
        self.missing.load(Ordering::Relaxed)
    }

    /// Keeps the number of changes that the ledger lacks. Later numbers are noted as if it had them: the mark
    /// stays as far ahead as it is, in every process, until the loss is accepted.
    pub(super) fn set_missing(&self, missing: u64) {
        self.missing.store(missing, Ordering::Relaxed);
    }

    /// Notes the number of a change that is durable.
    pub(super) fn note(&self, number: u64) -> io::Result<()> {
        let number = number.saturating_add(self.missing());
        let place = number % PLACES * PLACE as u64;
        self.file.write_all_at(&number.to_le_bytes(), place)
    }

    /// Takes the ledger as it is, with this number.
    pub(super) fn accept(&self, number: u64) -> io::Result<()> {
        self.clear()?;
        self.set_missing(0);
        self.note(number)?;
        self.file.sync_data()
    }

    /// Lets the mark stay when the ledger is closed: its files are not those that were opened.
    pub(super) fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    fn clear(&self) -> io::Result<()> {
        self.file.write_all_at(&[0; PLACE], MAIN)?;
        self.file.write_all_at(&[0; LENGTH], 0)?;
        self.file.sync_data()
    }

    /// True when the ledger is closed, by everybody, and whole.
    fn is_closed(&self) -> bool {
        self.missing() == 0
            && !self.is_kept.load(Ordering::Relaxed)
            && self.file.try_lock().is_ok()
            && matches!(self.log.try_exists(), Ok(false))
    }
}

fn is_of_reader(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// Dropped after every connection of this process.
impl Drop for Mark {
    fn drop(&mut self) {
        if self.highest().is_ok_and(|highest| highest > 0) && self.is_closed() {
            // A mark that stays says no more than the ledger holds.
            let _ = self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(folder: &Path) -> Mark {
        Mark::open(folder, folder.join("ledger.db-wal")).unwrap()
    }

    #[test]
    fn the_highest_number_is_found_in_whatever_order_they_were_noted() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [mark(folder.path()), mark(folder.path())];
        assert_eq!(one.highest().unwrap(), 0);
        for (numbers, expected) in [
            ([1, 2].as_slice(), 2),
            (&[4, 3], 4),
            (&[64, 63, 65], 65),
            (&[130, 129, 128, 70], 130),
            (&[u64::MAX, 5], u64::MAX),
        ] {
            for (number, mark) in numbers.iter().zip([&one, &other].into_iter().cycle()) {
                mark.note(*number).unwrap();
            }
            assert_eq!(other.highest().unwrap(), expected, "{numbers:?}");
        }
    }

    #[test]
    fn another_main_file_is_told_unless_the_mark_was_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (main, other) = ((1, 2), (1, 3));
        let new = mark(folder.path());
        assert!(!new.is_of_other(main).unwrap(), "new");
        new.set_main(main).unwrap();
        assert!(!new.is_of_other(main).unwrap(), "the same");
        assert!(new.is_of_other(other).unwrap(), "another");
        let elsewhere = folder.path().join("copy");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::copy(folder.path().join(FILE), elsewhere.join(FILE)).unwrap();
        assert!(!mark(&elsewhere).is_of_other(other).unwrap(), "a copy");
    }

    #[test]
    fn the_number_of_the_main_file_grows_until_the_mark_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        // As versions made it that did not know of that number.
        let new = mark(folder.path());
        new.set_main((1, 2)).unwrap();
        new.file.set_len(MAIN).unwrap();
        let mark = mark(folder.path());
        assert!(mark.is_of_other((1, 3)).unwrap(), "what it said stays");
        for (number, expected) in [(0, 0), (7, 7), (5, 7), (9, 9)] {
            mark.note_main(number).unwrap();
            assert_eq!(mark.main_number().unwrap(), expected, "{number}");
        }
        mark.accept(8).unwrap();
        assert_eq!(mark.main_number().unwrap(), 0);
    }

    #[test]
    fn the_last_one_to_close_takes_the_mark_of_a_whole_ledger_back() {
        type Before = fn(&Path, &Mark);
        let table: [(&str, Before, u64); 4] = [
            ("no log is left", |_, _| (), 0),
            (
                "a log is left",
                |folder, _| std::fs::write(folder.join("ledger.db-wal"), "").unwrap(),
                7,
            ),
            ("changes are missing", |_, mark| mark.set_missing(1), 7),
            ("other files", |_, mark| mark.keep(), 7),
        ];
        for (name, before, expected) in table {
            let folder = tempfile::tempdir().unwrap();
            let [one, other] = [mark(folder.path()), mark(folder.path())];
            one.note(7).unwrap();
            drop(one);
            assert_eq!(other.highest().unwrap(), 7, "{name}: not the last one");
            before(folder.path(), &other);
            drop(other);
            let highest = mark(folder.path()).highest().unwrap();
            assert_eq!(highest, expected, "{name}");
        }
    }

    #[test]
    fn a_loss_stays_as_large_until_it_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let mark = mark(folder.path());
        mark.note(9).unwrap();
        // The ledger is at 7, and goes on to 8.
        mark.set_missing(2);
        mark.note(8).unwrap();
        assert_eq!(mark.highest().unwrap(), 10);
        mark.accept(8).unwrap();
        assert_eq!((mark.highest().unwrap(), mark.missing()), (8, 0));
    }
}
