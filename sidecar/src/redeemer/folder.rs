//! The output folder: one redeemer at a time, and files that are there as a whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::system::private_files::{FILE_MODE, sync_folder, write_new};
use crate::system::wording;

/// A folder that this process has for itself, as far as redeemers go.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: Lock,
}

impl Folder {
    /// Makes the folder where it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderProblem> {
        make(path).map_err(|error| FolderProblem::new("make the folder", path, error))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: Lock::take(path, LOCK)?,
        })
    }

    /// The path of a file in it.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// True where there is anything of this name.
    pub(crate) fn has(&self, name: &str) -> Result<bool, FolderProblem> {
        let path = self.path_of(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(FolderProblem::new("look at", &path, error)),
        }
    }

    /// A regular file, as [`read`] reads it.
    pub(crate) fn read(
        &self,
        name: &str,
        limit: usize,
    ) -> Result<Option<StoredFile>, FolderProblem> {
        read(&self.path_of(name), limit)
    }

    /// Writes a file that only its owner can read, which is that of the file before it. When this
    /// returns, it is on the disk; until then the file of this name stays as it was.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderProblem> {
        let path = self.path_of(name);
        self.replace(name, &path, content)
            .map_err(|error| FolderProblem::new("write", &path, error))
    }

    /// Removes a file, on the disk, too. That there is none is fine.
    pub(crate) fn remove(&self, name: &str) -> Result<(), FolderProblem> {
        let path = self.path_of(name);
        remove(&path)
            .and_then(|()| sync_folder(&self.path))
            .map_err(|error| FolderProblem::new("remove", &path, error))
    }

    fn replace(&self, name: &str, path: &Path, content: &[u8]) -> io::Result<()> {
        // Skupper reads every file that ends in '.yaml' or '.yml'. What a killed redeemer left
        // under this name is of no use.
        let new = self.path_of(&format!(".{}.new", name.trim_start_matches('.')));
        remove(&new)?;
        let file = write_new(&new, content)?;
        keep_owner(&file, path)?;
        fs::rename(&new, path)?;
        sync_folder(&self.path)
    }
}

/// A file that one process at a time has locked, and that goes with the lock.
pub(crate) struct Lock {
    path: PathBuf,
    /// Holds the lock until it is closed.
    _file: File,
}

impl Lock {
    /// Locks a file in a folder.
    pub(crate) fn take(folder: &Path, name: &str) -> Result<Self, FolderProblem> {
        let path = folder.join(name);
        let cannot = |error| FolderProblem::new("lock", &path, error);
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(FILE_MODE)
                .custom_flags(WITH_CARE)
                .open(&path)
                .map_err(cannot)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Err(FolderProblem::InUse(folder.to_owned())),
                Err(error) => return Err(cannot(error.into())),
            }
            // The process before us may have removed the file between our two steps.
            if file.metadata().map_err(cannot)?.nlink() > 0 {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    /// Removes the file while it is locked, so that nothing stays behind.
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

/// A file that was read. No `Debug`: it may hold a key.
pub(crate) struct StoredFile {
    /// Its content.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Its mode and times.
    pub(crate) metadata: fs::Metadata,
}

/// A regular file with its bytes, at most one more than `limit` of them. `None` when there is no such file.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Option<StoredFile>, FolderProblem> {
    let cannot = |error| FolderProblem::new("read", path, error);
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(WITH_CARE)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err(cannot(io::Error::other("not a regular file")));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(CAPACITY));
    let mut bounded = file.take(limit as u64 + 1);
    bounded.read_to_end(&mut bytes).map_err(cannot)?;
    Ok(Some(StoredFile { bytes, metadata }))
}

/// A failure in the folder.
#[derive(Debug, Error)]
pub enum FolderProblem {
    /// Another redeemer is at work in it.
    #[error("another redeemer is at work in {0}: try again when it is done")]
    InUse(PathBuf),
    /// A file could not be read or written.
    #[error("cannot {doing} {path}: {}{}", wording::io(.error), advice(.error))]
    File {
        /// The attempt, such as `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        error: io::Error,
    },
}

impl FolderProblem {
    /// True where the same command may go well later: the disk is full, or somebody else is at work.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::InUse(_) => true,
            Self::File { error, .. } => matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::Interrupted
            ),
        }
    }

    pub(crate) fn new(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::File {
            doing,
            path: path.to_owned(),
            error,
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            ": links are not followed, put the file itself there"
        }
        io::ErrorKind::PermissionDenied => ": run as the user who began, or choose another '--out'",
        _ => "",
    }
}

/// Makes a folder and those above it, on the disk, too.
fn make(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    make(parent)?;
    match DirBuilder::new().create(path) {
        Ok(()) => sync_folder(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Gives a new file the owner of the one that it replaces: root may keep the files of a user, who could
/// put a link to any other file in the place of its name.
fn keep_owner(new: &File, old: &Path) -> io::Result<()> {
    let Ok(old) = fs::symlink_metadata(old) else {
        return Ok(());
    };
    match new.metadata()? {
        new if new.uid() == old.uid() => Ok(()),
        _ => fchown(new, Some(old.uid()), Some(old.gid())),
    }
}

const LOCK: &str = ".redeem.lock";

/// A name in a folder that others can write may be a link to anywhere, or a pipe that never ends.
#[expect(clippy::cast_possible_wrap, reason = "a flag, not a number")]
const WITH_CARE: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits() as i32;

/// Room for most files, so that reading leaves no copies of a key behind.
const CAPACITY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::Barrier;

    use super::*;

    /// Somebody who is not root.
    const USER: u32 = 65534;

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_made_and_its_lock_leaves_nothing_behind() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        let folder = Folder::open(&path).unwrap();
        assert!(matches!(Folder::open(&path), Err(FolderProblem::InUse(_))));
        assert_eq!(names(&path), [LOCK]);
        drop(folder);
        assert_eq!(names(&path), [""; 0]);
        fs::write(path.join(LOCK), "").unwrap();
        drop(Folder::open(&path).unwrap());
        assert_eq!(names(&path), [""; 0]);
    }

    #[test]
    fn at_no_time_do_two_have_a_folder() {
        let base = tempfile::tempdir().unwrap();
        let start = Barrier::new(4);
        let turns: u32 = std::thread::scope(|scope| {
            let one = || {
                start.wait();
                let mut turns = 0;
                for _ in 0..500 {
                    let Ok(folder) = Folder::open(base.path()) else {
                        continue;
                    };
                    let mark = folder.path_of("mark");
                    File::create_new(&mark).unwrap();
                    fs::remove_file(&mark).unwrap();
                    turns += 1;
                }
                turns
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|one| one.join().unwrap()).sum()
        });
        assert!(turns > 0);
        assert_eq!(names(base.path()), [""; 0]);
    }

    #[test]
    fn a_file_is_the_owners_alone_and_replaces_what_was_there() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        fs::write(folder.path_of("a.yaml"), "old").unwrap();
        fs::write(
            folder.path_of(".a.yaml.new"),
            "of a redeemer that was killed",
        )
        .unwrap();
        folder.write("a.yaml", b"new").unwrap();
        let found = folder.read("a.yaml", 3).unwrap().unwrap();
        assert_eq!(*found.bytes, b"new");
        assert_eq!(found.metadata.permissions().mode() & 0o777, FILE_MODE);
        assert_eq!(names(base.path()), [LOCK, "a.yaml"]);
        folder.remove("a.yaml").unwrap();
        folder.remove("a.yaml").unwrap();
        assert!(!folder.has("a.yaml").unwrap());
    }

    #[test]
    fn the_owner_of_a_file_goes_to_what_was_written_and_not_to_what_took_its_name() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let path = |name| base.path().join(name);
        let (old, new, victim) = (path("old"), path("new"), path("victim"));
        fs::write(&old, "").unwrap();
        fs::write(&victim, "").unwrap();
        std::os::unix::fs::chown(&old, Some(USER), Some(USER)).unwrap();
        let file = write_new(&new, b"new").unwrap();
        fs::remove_file(&new).unwrap();
        symlink(&victim, &new).unwrap();
        keep_owner(&file, &old).unwrap();
        let owner = |metadata: fs::Metadata| (metadata.uid(), metadata.gid());
        assert_eq!(owner(file.metadata().unwrap()), (USER, USER));
        assert_eq!(owner(fs::metadata(&victim).unwrap()), (0, 0));
    }

    #[test]
    fn nothing_but_a_regular_file_is_read() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        assert!(folder.read("missing", 9).unwrap().is_none());
        fs::create_dir(folder.path_of("folder")).unwrap();
        fs::write(folder.path_of("file"), "0123456789").unwrap();
        symlink(folder.path_of("file"), folder.path_of("link")).unwrap();
        let pipe = folder.path_of("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, FILE_MODE.into()).unwrap();
        for name in ["folder", "link", "pipe"] {
            let read = folder.read(name, 9);
            assert!(matches!(read, Err(FolderProblem::File { .. })), "{name}");
            assert!(folder.has(name).unwrap(), "{name}");
        }
        let cut = folder.read("file", 4).unwrap().unwrap();
        assert_eq!(*cut.bytes, b"01234", "one byte more than the limit tells");
    }

    #[test]
    fn a_problem_says_what_and_where_and_whether_it_passes() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        let problem = Folder::open(&file.join("out")).err().unwrap();
        let message = problem.to_string();
        assert!(message.starts_with("cannot make the folder /"), "{message}");
        assert!(!problem.is_passing());
        let full = FolderProblem::new("write", &file, io::ErrorKind::StorageFull.into());
        assert!(full.is_passing());
        let denied = FolderProblem::new("lock", &file, io::ErrorKind::PermissionDenied.into());
        let message = denied.to_string();
        assert!(message.contains("run as the user who began"), "{message}");
        let link = base.path().join("link");
        symlink(&file, &link).unwrap();
        let message = read(&link, 9).err().unwrap().to_string();
        assert!(message.contains("put the file itself there"), "{message}");
    }
}
