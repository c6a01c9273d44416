//! Files of a site: on the disk, which remembers what was looked at, or in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::wire::manifest;

/// Files by path.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// It cannot be read, or is longer than [`manifest::MAX_BYTES`].
    fn read(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>>;

    /// The names in a folder that are UTF-8, sorted.
    ///
    /// # Errors
    /// It is no folder, or cannot be read.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
}

/// The text of a file that holds no secret.
pub(super) fn read_text(files: &impl Files, path: &Path) -> io::Result<String> {
    let text = String::from_utf8(files.read(path)?.to_vec());
    text.map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))
}

/// The files of this machine. What is read through it is what [`Disk::fingerprint`] covers.
#[derive(Debug, Default)]
pub struct Disk {
    seen: RefCell<BTreeMap<PathBuf, Option<Stamp>>>,
}

/// Stamps of files when they were read. Two are equal when nobody wrote to the files or put
/// others in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<PathBuf, Option<Stamp>>);

/// Metadata that changes with the content of a file: device, inode, length, and the times of the last
/// modification and the last change, in seconds and nanoseconds.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

impl Disk {
    /// The fingerprint of everything that was read up to now.
    #[must_use]
    pub fn fingerprint(self) -> Fingerprint {
        Fingerprint(self.seen.into_inner())
    }

    /// Keeps the first look at a path: later ones would hide a change in between.
    fn see(&self, path: &Path, stamp: Option<Stamp>) {
        let mut seen = self.seen.borrow_mut();
        seen.entry(path.to_owned()).or_insert(stamp);
    }
}

impl Fingerprint {
    /// The fingerprint of the same files now.
    #[must_use]
    pub fn look_again(&self) -> Self {
        let paths = self.0.keys().cloned();
        Self(paths.map(|path| (path.clone(), look(&path))).collect())
    }
}

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        self.see(path, look(path));
        let file = fs::File::open(path)?;
        // Room for all of it, so that no growth leaves a copy of a key behind.
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut content = Zeroizing::new(Vec::with_capacity(length.min(manifest::MAX_BYTES) + 64));
        file.take(manifest::MAX_BYTES as u64 + 1)
            .read_to_end(&mut content)?;
        if content.len() > manifest::MAX_BYTES {
            let problem = format!("must be at most {} KiB", manifest::MAX_BYTES / 1024);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        Ok(content)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.see(folder, look(folder));
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Files in memory.
impl Files for BTreeMap<PathBuf, Vec<u8>> {
    fn read(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let content = self.get(path).cloned().map(Zeroizing::new);
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let inside = self.keys().filter(|path| path.parent() == Some(folder));
        let names = inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
        Ok(names.collect())
    }
}

fn look(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    let modified = (file.mtime(), file.mtime_nsec());
    let changed = (file.ctime(), file.ctime_nsec());
    Some((file.dev(), file.ino(), file.len(), modified, changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<'a> = (&'a str, &'a dyn Fn(), bool);

    #[test]
    fn a_fingerprint_changes_with_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "1").unwrap();
        fs::write(path("b"), "1").unwrap();
        let fingerprint = || {
            let disk = Disk::default();
            assert_eq!(disk.read(&path("a")).unwrap().as_slice(), b"1");
            assert_eq!(disk.list(folder.path()).unwrap().len(), 2);
            disk.read(&path("c")).unwrap_err();
            disk.fingerprint()
        };
        let cases: [Change<'_>; 5] = [
            ("nothing", &|| {}, false),
            (
                "another file",
                &|| fs::write(path("b"), "22").unwrap(),
                false,
            ),
            (
                "a longer file",
                &|| fs::write(path("a"), "22").unwrap(),
                true,
            ),
            (
                "another file of the same length in its place",
                &|| {
                    fs::write(path("b"), "1").unwrap();
                    fs::rename(path("b"), path("a")).unwrap();
                },
                true,
            ),
            (
                "a file that was missing",
                &|| fs::write(path("c"), "").unwrap(),
                true,
            ),
        ];
        for (name, change, is_other) in cases {
            fs::write(path("a"), "1").unwrap();
            fs::write(path("b"), "1").unwrap();
            let before = fingerprint();
            change();
            assert_eq!(before.look_again() != before, is_other, "{name}");
        }
    }

    #[test]
    fn a_file_without_an_end_is_not_read() {
        let problem = Disk::default().read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::FileTooLarge);
    }
}
