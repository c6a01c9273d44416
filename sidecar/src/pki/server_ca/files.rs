//! A folder of small files, complete and on the disk before they have their names. Several processes
//! may use it.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::ServerCaProblem;
use crate::system::private_files::{FILE_MODE, FOLDER_MODE, make_folder, sync_folder, write_new};
use crate::system::random;

/// A folder that only its owner may enter.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens a folder, or makes it and those above it.
    pub(super) fn open(path: &Path) -> Result<Self, ServerCaProblem> {
        make_folder(path).map_err(problem("make the folder", path))?;
        keep_to_owner(path, FOLDER_MODE)?;
        Ok(Self(path.to_owned()))
    }

    /// Path of a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The content of a file, when there is one.
    pub(super) fn read(&self, name: &str) -> Result<Option<Content>, ServerCaProblem> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(problem("read", &path))?,
        };
        keep_to_owner(&path, FILE_MODE)?;
        let mut content = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        let read = file.take(limit).read_to_end(&mut content);
        read.map_err(problem("read", &path))?;
        Ok(Some(content))
    }

    /// The content of a file; when there is none, it is made and written. A file is complete and on
    /// the disk before it has its name, and an existing one is never replaced: of several
    /// processes, one writes and all read the same.
    pub(super) fn read_or_write(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>, ServerCaProblem>,
    ) -> Result<Content, ServerCaProblem> {
        if let Some(content) = self.read(name)? {
            return Ok(content);
        }
        let content = Zeroizing::new(make()?);
        let path = self.path(name);
        let temporary = self.temporary(name);
        let linked = write_new(&temporary, &content).and_then(|_| fs::hard_link(&temporary, &path));
        // A file that stays behind holds a key that nothing uses.
        let _ = fs::remove_file(&temporary);
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked.map_err(problem("write", &path))?,
        }
        sync_folder(&self.0).map_err(problem("write", &self.0))?;
        // Those above may be new, too, and may not be readable.
        let _ = self.0.parent().map(sync_folder);
        let missing = || problem("read", &path)(ErrorKind::NotFound.into());
        self.read(name)?.ok_or_else(missing)
    }

    /// Puts another content in the place of a file.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), ServerCaProblem> {
        let path = self.path(name);
        let temporary = self.temporary(name);
        let renamed = write_new(&temporary, content).and_then(|_| fs::rename(&temporary, &path));
        if renamed.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        renamed
            .and_then(|()| sync_folder(&self.0))
            .map_err(problem("write", &path))
    }

    fn temporary(&self, name: &str) -> PathBuf {
        let random = u64::from_be_bytes(random::bytes());
        self.path(&format!(".{name}.{random:016x}.tmp"))
    }
}

/// The content of a file, overwritten when it is not needed any more.
pub(super) type Content = Zeroizing<Vec<u8>>;

/// Takes away permissions that others have: a volume may come with more than were given.
fn keep_to_owner(path: &Path, mode: u32) -> Result<(), ServerCaProblem> {
    let metadata = fs::metadata(path).map_err(problem("read", path))?;
    if metadata.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    let changed = fs::set_permissions(path, Permissions::from_mode(mode));
    changed.map_err(problem(
        "take permissions from others than the owner of",
        path,
    ))
}

fn problem(action: &'static str, path: &Path) -> impl Fn(io::Error) -> ServerCaProblem {
    move |cause| ServerCaProblem::File {
        action,
        path: path.to_owned(),
        cause,
    }
}

const OTHERS: u32 = 0o077;

/// Longest file that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
