//! The files of a ledger while they are in use: they must stay those that were opened, and hold
//! everything that was committed.
//!
//! A file that is renamed, deleted, restored or mounted over leaves SQLite with the one that it
//! opened: redemptions would be counted where nobody looks. So device and inode of the file, its
//! log and its index are compared with those at their paths. When they differ every connection is
//! closed before another is opened: SQLite shares an index among the connections of a process.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::fault::SqliteFault;
use super::main_file::{MainFile, Written};
use super::mark::{FileId, Mark};
use super::readers::Readers;
use super::{connection, queries};
use crate::ledger::LedgerFault;

/// Most connections that answer `look`; no more than the machine has cores.
const LOOKS: usize = 16;

/// Most connections for reports: one goes on while a long list is read.
const REPORTS: usize = 2;

/// Longest wait of `look` for a lock: the threads that serve everybody wait with it. Readers of a
/// write-ahead log meet a lock only while it is being recovered or its file is replaced.
const LOOK_PATIENCE: Duration = Duration::from_millis(50);

/// Time for which readers trust a comparison of the files.
const TRUST: Duration = Duration::from_millis(10);

/// Shortest time between two attempts to open the files that readers ask for.
const PAUSE: Duration = Duration::from_secs(1);

/// The files of a ledger, shared by those who read and the one who writes.
pub(super) struct Files {
    file: Arc<Path>,
    began: Instant,
    /// Time of the last comparison of the files, in milliseconds since the beginning.
    compared: AtomicU64,
    /// The number of the newest change that this process has seen.
    newest: AtomicU64,
    opened: RwLock<Option<Opened>>,
    /// Time at which readers asked for the files to be opened anew.
    asked: Mutex<Option<Instant>>,
    is_mark_failing: AtomicBool,
}

/// The open files. Its fields are dropped in this order: the mark outlives every connection.
pub(super) struct Opened {
    /// The connections that answer `look`.
    pub(super) looks: Readers,
    /// The connections for everything that may take longer.
    pub(super) reports: Readers,
    /// Stays open, so that another connection which is closed is never the last one: that would
    /// remove the log.
    anchor: Mutex<Connection>,
    mark: Mark,
    paths: [PathBuf; 3],
    identity: Identity,
    main: MainFile,
}

/// Device and inode of the main file, the log and the index.
type Identity = [Option<FileId>; 3];

/// The files at their paths, at one moment.
struct Look {
    identity: Identity,
    /// The last write to the main file.
    written: Option<Written>,
    /// The length of the log, in bytes.
    log_length: u64,
}

impl Files {
    /// Opens the files of a ledger, whose main file is there. They may lack changes: see
    /// [`Files::check_whole`].
    pub(super) fn open(file: Arc<Path>) -> Result<Self, LedgerFault> {
        let (opened, number) = Opened::open(&file, 0)?;
        Ok(Self {
            file,
            began: Instant::now(),
            compared: AtomicU64::new(0),
            newest: AtomicU64::new(number),
            opened: RwLock::new(Some(opened)),
            asked: Mutex::default(),
            is_mark_failing: AtomicBool::new(false),
        })
    }

    /// The path of the main file.
    pub(super) fn file(&self) -> &Arc<Path> {
        &self.file
    }

    /// Uses what is open, when it is what was at the paths a moment ago. Waits for nothing.
    pub(super) fn with_current<T>(
        &self,
        act: impl FnOnce(&Opened) -> Result<T, LedgerFault>,
    ) -> Result<T, LedgerFault> {
        let opened = self.try_read();
        let opened = opened.as_deref().and_then(Option::as_ref);
        let opened = opened.ok_or_else(|| self.not_open())?;
        let now = self.began.elapsed();
        let compared = Duration::from_millis(self.compared.load(Ordering::Relaxed));
        if now.saturating_sub(compared) >= TRUST {
            if !opened.is_same() {
                return Err(self.replaced());
            }
            let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            self.compared.store(now, Ordering::Relaxed);
        }
        act(opened)
    }

    /// Finds out with one look whether the files are those that were opened, and whether an older one
    /// was copied into the main file. Returns the length of the log, in bytes.
    pub(super) fn check(&self) -> Result<u64, LedgerFault> {
        self.with_opened(|opened| {
            let look = opened.look();
            if look.identity != opened.identity {
                return Err(self.replaced());
            }
            let checked = opened.main.check(&self.file, look.written, &opened.mark);
            let missing = checked.map_err(|error| self.marking(error))?;
            if missing == 0 {
                return Ok(look.log_length);
            }
            opened.mark.set_missing(missing);
            // Also for the next process: the number in the log would say that nothing is missing.
            let noted = opened.mark.note(self.newest.load(Ordering::Relaxed));
            noted.map_err(|error| self.marking(error))?;
            Err(self.lacking(missing))
        })
    }

    /// Tells whether readers need the files to be opened anew, and nobody has just tried.
    pub(super) fn is_renewal_due(&self) -> bool {
        let is_current = match self.try_read().as_deref() {
            Some(opened) => opened.as_ref().is_some_and(Opened::is_same),
            // They are being opened.
            None => true,
        };
        if is_current {
            return false;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = asked.is_none_or(|at| at.elapsed() >= PAUSE);
        if is_due {
            *asked = Some(Instant::now());
        }
        is_due
    }

    /// Opens what is at the paths when it is not what is open. The one who writes calls it, after
    /// closing its connection. Files that lack a change which this process has seen are not used.
    pub(super) fn renew(&self) -> Result<(), LedgerFault> {
        if self.with_opened(|opened| Ok(opened.is_same())) == Ok(true) {
            return Ok(());
        }
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *opened = None;
        let newest = self.newest.load(Ordering::Relaxed);
        let (found, number) = Opened::open(&self.file, newest)?;
        let missing = found.mark.missing();
        if missing > 0 {
            return Err(self.lacking(missing));
        }
        self.newest.store(number, Ordering::Relaxed);
        *opened = Some(found);
        Ok(())
    }

    /// Finds out whether a ledger at this number holds every change that this process has seen.
    pub(super) fn check_newest(&self, number: u64) -> Result<(), LedgerFault> {
        match self.newest.load(Ordering::Relaxed).saturating_sub(number) {
            0 => Ok(()),
            missing => Err(self.lacking(missing)),
        }
    }

    /// Notes the number of a change that is durable.
    pub(super) fn note(&self, number: u64) {
        self.newest.fetch_max(number, Ordering::Relaxed);
        let noted = self.with_opened(|opened| {
            let noted = opened.mark.note(number);
            noted.map_err(|error| self.marking(error))
        });
        let is_failing = noted.is_err();
        let was_failing = self.is_mark_failing.swap(is_failing, Ordering::Relaxed);
        if let Err(fault) = noted
            && !was_failing
        {
            tracing::error!(%fault, "the loss of a log would not be noticed");
        }
    }

    /// Finds out whether the ledger lacks changes, as far as it is open. Waits for nothing.
    pub(super) fn check_whole(&self) -> Result<(), LedgerFault> {
        let opened = self.try_read();
        let opened = opened.as_deref().and_then(Option::as_ref);
        match opened.map_or(0, |opened| opened.mark.missing()) {
            0 => Ok(()),
            missing => Err(self.lacking(missing)),
        }
    }

    /// Takes the ledger as it is.
    pub(super) fn accept_loss(&self) -> Result<(), LedgerFault> {
        self.with_opened(|opened| {
            let number = opened.number(&self.file)?;
            let accepted = opened.mark.accept(number);
            accepted.map_err(|error| self.marking(error))
        })
    }

    fn not_open(&self) -> LedgerFault {
        SqliteFault::NotOpen(Arc::clone(&self.file)).into()
    }

    fn replaced(&self) -> LedgerFault {
        SqliteFault::Replaced(Arc::clone(&self.file)).into()
    }

    fn lacking(&self, missing: u64) -> LedgerFault {
        SqliteFault::Lacking(Arc::clone(&self.file), missing).into()
    }

    fn marking(&self, error: io::Error) -> LedgerFault {
        SqliteFault::Marking(Arc::clone(&self.file), error).into()
    }

    fn try_read(&self) -> Option<RwLockReadGuard<'_, Option<Opened>>> {
        match self.opened.try_read() {
            Ok(opened) => Some(opened),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn with_opened<T>(
        &self,
        act: impl FnOnce(&Opened) -> Result<T, LedgerFault>,
    ) -> Result<T, LedgerFault> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().map_or_else(|| Err(self.not_open()), act)
    }
}

impl Opened {
    /// Opens a file, and finds out what it lacks: it must have the changes up to the newest one and up
    /// to the mark, and without its log those that it had without one before. Returns the number of its own newest change, too.
    fn open(file: &Arc<Path>, newest: u64) -> Result<(Self, u64), LedgerFault> {
        let marking = |error: io::Error| SqliteFault::Marking(Arc::clone(file), error);
        // SQLite puts its files beside what a symbolic link leads to.
        let real = fs::canonicalize(file)
            .map_err(|error| SqliteFault::Missing(Arc::clone(file), error))?;
        let paths = [
            file.to_path_buf(),
            beside(&real, "-wal"),
            beside(&real, "-shm"),
        ];
        let [_, log, _] = &paths;
        let folder = file.parent().unwrap_or(Path::new(""));
        let mark = Mark::open(folder, log.clone()).map_err(marking)?;
        let before = identity(file);
        if let Some(main) = before {
            set_aside(folder, &paths, &mark, main).map_err(marking)?;
        }
        let behind = mark.main_number().map_err(marking)?;
        let main = MainFile::of(file, behind);
        let anchor = connection::open(file)?;
        let cores = available_parallelism().map_or(1, usize::from);
        let opened = Self {
            looks: Readers::new(Arc::clone(file), cores.min(LOOKS), LOOK_PATIENCE),
            reports: Readers::new(Arc::clone(file), REPORTS, connection::PATIENCE),
            anchor: Mutex::new(anchor),
            mark,
            identity: paths.each_ref().map(|path| identity(path)),
            main,
            paths,
        };
        if opened.identity.first() != Some(&before) {
            return Err(SqliteFault::Replaced(Arc::clone(file)).into());
        }
        // In this order: others go on meanwhile, and a mark is never ahead of its ledger.
        let highest = opened.mark.highest().map_err(marking)?.max(newest);
        let number = opened.number(file)?;
        let missing = opened.main.missing_since(behind);
        opened
            .mark
            .set_missing(missing.max(highest.saturating_sub(number)));
        if missing > 0 {
            // The log hides it once it is copied.
            opened.mark.note(number).map_err(marking)?;
        }
        Ok((opened, number))
    }

    fn look(&self) -> Look {
        let files = self.paths.each_ref().map(|path| fs::metadata(path).ok());
        let [main, log, _] = &files;
        Look {
            written: main.as_ref().map(Written::of),
            log_length: log.as_ref().map_or(0, fs::Metadata::len),
            identity: files.each_ref().map(|file| file.as_ref().map(id)),
        }
    }

    fn is_same(&self) -> bool {
        self.look().identity == self.identity
    }

    /// The number of the newest change in the file.
    fn number(&self, file: &Path) -> Result<u64, LedgerFault> {
        let anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(queries::changes(&anchor).map_err(|error| SqliteFault::Reading(file.into(), error))?)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let [main, ..] = &self.paths;
        let holds_all = match (self.mark.highest(), self.number(main)) {
            (Ok(highest), Ok(number)) => number >= highest,
            _ => false,
        };
        if !holds_all || !self.is_same() {
            self.mark.keep();
        }
    }
}

/// Takes the log and the index away that belong to another main file than this one: SQLite would read
/// them into it. They stay beside it under other names.
fn set_aside(folder: &Path, paths: &[PathBuf; 3], mark: &Mark, main: FileId) -> io::Result<()> {
    // One process after the other: the next one finds the log of this file.
    let alone = fs::File::open(folder)?;
    alone.lock()?;
    if mark.is_of_other(main)? {
        let [_, log, index] = paths;
        for path in [log, index] {
            let Some((_, inode)) = identity(path) else {
                continue;
            };
            let aside = beside(path, &format!(".{inode}"));
            fs::rename(path, &aside)?;
            tracing::warn!(
                "'{}' was left by another file than the ledger that is here now, and is set aside \
                 as '{}'",
                path.display(),
                aside.display()
            );
        }
    }
    mark.set_main(main)
}

fn identity(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().as_ref().map(id)
}

fn id(file: &fs::Metadata) -> FileId {
    (file.dev(), file.ino())
}

/// A file whose name is that of another one with an ending. Source: SQLite, "Temporary Files Used
/// By SQLite".
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
