//! The files of a link's sslProfile, which a router reads at its start and when it is told.
//!
//! A new folder takes the place of the old one in one step, so that key and certificate in it belong
//! together at every instant. It is made beside the old one, in a folder that containers have mounted as a
//! whole, so that they see it with the same labels. Where a file system or a mount does not allow that, each file is renamed into
//! the old folder: `ca.crt` first, which holds the CAs of both certificates, then the certificate and at
//! once the key. A router that starts just then, or after a crash just then, is told again: it is not
//! noted that it was.
//!
//! Root may do this for a user who owns the folders: they are opened once, and never through a link.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, open, openat, renameat, renameat_with,
};
use rustix::io::Errno;
use secrecy::ExposeSecret;

use crate::redeemer::files::MAX_FILE_BYTES;
use crate::redeemer::folder::{self, FolderProblem};
use crate::system::private_files::{FOLDER_MODE, sync_folder};
use crate::wire::objects::TlsSecret;

/// The folder of a profile.
pub(super) struct ProfileFolder {
    path: PathBuf,
    /// A folder beside it for what takes its place.
    new: PathBuf,
}

impl ProfileFolder {
    /// The folder of a profile in the folder of a namespace.
    pub(super) fn of(namespace: &Path, profile: &str) -> Self {
        let certificates = namespace.join("runtime/certs");
        Self {
            path: certificates.join(profile),
            new: certificates.join(format!(".{profile}.new")),
        }
    }

    /// False where the site does not know the link yet.
    pub(super) fn exists(&self) -> Result<bool, FolderProblem> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => Ok(true),
            Ok(_) => Err(self.cannot("write", io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.cannot("look at", error)),
        }
    }

    /// True where its files are those of a Secret.
    pub(super) fn holds(&self, secret: &TlsSecret) -> Result<bool, FolderProblem> {
        for (name, text) in files(secret) {
            let found = folder::read(&self.path.join(name), MAX_FILE_BYTES)?;
            if found.is_none_or(|found| *found.bytes != *text.as_bytes()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes its files those of a Secret. When this returns, they are on the disk.
    pub(super) fn put(&self, secret: &TlsSecret) -> Result<(), FolderProblem> {
        if self.holds(secret)? {
            return Ok(());
        }
        let put = self.make_new().and_then(|new| {
            let is_whole = self.fill(&new, secret)?;
            if !(is_whole && self.exchange()?) {
                self.rename_each(&new)?;
            }
            sync_folder(self.new.parent().unwrap_or(Path::new("/")))
        });
        let removed = remove_folder(&self.new);
        put.and(removed)
            .map_err(|error| self.cannot("write", error))
    }

    fn make_new(&self) -> io::Result<File> {
        remove_folder(&self.new)?;
        DirBuilder::new().mode(FOLDER_MODE).create(&self.new)?;
        open_folder(&self.new)
    }

    /// Fills the new folder, with owners and modes of the old one. False where the old one has more than
    /// files, which cannot move along.
    fn fill(&self, new: &File, secret: &TlsSecret) -> io::Result<bool> {
        let old = fs::symlink_metadata(&self.path)?;
        for (name, text) in files(secret) {
            let of = fs::symlink_metadata(self.path.join(name))
                .ok()
                .filter(fs::Metadata::is_file);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mut file = File::from(openat(new, name, flags, OWNER_ONLY)?);
            file.write_all(text.as_bytes())?;
            adopt(
                &file,
                of.as_ref().unwrap_or(&old),
                of.as_ref().map_or(FILE_MODE, fs::Metadata::mode),
            )?;
            file.sync_all()?;
        }
        let mut is_whole = true;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_ours = FILES.iter().any(|name| entry.file_name() == *name);
            if entry.file_type()?.is_file() && !is_ours {
                linkat(CWD, entry.path(), new, entry.file_name(), AtFlags::empty())?;
            }
            is_whole &= entry.file_type()?.is_file();
        }
        adopt(new, &old, old.mode())?;
        new.sync_all()?;
        Ok(is_whole)
    }

    /// Lets the two folders change their names. False where that cannot be done here.
    fn exchange(&self) -> io::Result<bool> {
        match renameat_with(CWD, &self.new, CWD, &self.path, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::BUSY | Errno::XDEV) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn rename_each(&self, new: &File) -> io::Result<()> {
        let old = open_folder(&self.path)?;
        for name in FILES {
            renameat(new, name, &old, name)?;
        }
        old.sync_all()
    }

    fn cannot(&self, doing: &'static str, error: io::Error) -> FolderProblem {
        FolderProblem::new(doing, &self.path, error)
    }
}

/// The files of a Secret, with their content.
fn files(secret: &TlsSecret) -> [(&'static str, &str); 3] {
    let key = secret.tls_key.as_ref().map(ExposeSecret::expose_secret);
    let [ca, certificate, own_key] = FILES;
    [
        (ca, secret.ca_crt.as_str()),
        (certificate, secret.tls_crt.as_str()),
        (own_key, key.unwrap_or_default()),
    ]
}

/// Opens a folder, and no link to one.
fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(open(path, flags, Mode::empty())?))
}

/// Gives a new file or folder the owner and the mode of another.
fn adopt(file: &File, like: &fs::Metadata, mode: u32) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(mode & 0o7777))
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// In the order in which they are renamed.
const FILES: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

/// The mode of a file until it has that of the one before it.
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// The mode that Skupper gives these files.
const FILE_MODE: u32 = 0o640;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn secret(mark: &str) -> TlsSecret {
        TlsSecret {
            name: "west".to_owned(),
            ca_crt: format!("ca {mark}"),
            tls_crt: format!("certificate {mark}"),
            tls_key: Some(format!("key {mark}").into()),
        }
    }

    #[test]
    fn nothing_is_written_through_a_link_that_takes_the_place_of_a_folder() {
        let namespace = tempfile::tempdir().unwrap();
        let (victim, aside) = (
            namespace.path().join("victim"),
            namespace.path().join("aside"),
        );
        let folder = ProfileFolder::of(namespace.path(), "west-profile");
        fs::create_dir_all(&folder.path).unwrap();
        fs::create_dir(&victim).unwrap();
        fs::set_permissions(&victim, Permissions::from_mode(0o711)).unwrap();

        let new = folder.make_new().unwrap();
        fs::rename(&folder.new, &aside).unwrap();
        symlink(&victim, &folder.new).unwrap();
        assert!(folder.fill(&new, &secret("1")).unwrap());
        assert_eq!(fs::read(aside.join("tls.crt")).unwrap(), b"certificate 1");

        fs::remove_dir(&folder.path).unwrap();
        symlink(&victim, &folder.path).unwrap();
        assert!(folder.rename_each(&new).is_err());
        assert!(folder.exists().is_err());

        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
        assert_eq!(fs::metadata(&victim).unwrap().mode() & 0o7777, 0o711);
    }

    #[test]
    fn files_are_replaced_with_all_else_of_their_folder_as_it_was() {
        for has_folder in [false, true] {
            let namespace = tempfile::tempdir().unwrap();
            let folder = ProfileFolder::of(namespace.path(), "west-profile");
            assert!(!folder.exists().unwrap());
            fs::create_dir_all(&folder.path).unwrap();
            fs::write(folder.path.join("other"), "x").unwrap();
            if has_folder {
                fs::create_dir(folder.path.join("folder")).unwrap();
            }
            fs::write(folder.path.join("tls.key"), "old").unwrap();
            let mode = |name: &str, mode| {
                let path = folder.path.join(name);
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            };
            mode("tls.key", 0o604);
            mode("", 0o751);
            // What a keeper that was killed has left.
            fs::create_dir_all(folder.new.join("tls.crt")).unwrap();
            let inode = fs::metadata(&folder.path).unwrap().ino();
            folder.put(&secret("1")).unwrap();
            let is_same = fs::metadata(&folder.path).unwrap().ino() == inode;
            assert_eq!(is_same, has_folder, "exchanged where that can be done");
            for mark in ["2", "2"] {
                folder.put(&secret(mark)).unwrap();
                assert!(folder.exists().unwrap() && folder.holds(&secret(mark)).unwrap());
                assert!(!folder.holds(&secret("3")).unwrap());
            }
            assert_eq!(fs::read(folder.path.join("other")).unwrap(), b"x");
            assert_eq!(folder.path.join("folder").is_dir(), has_folder);
            let modes = ["tls.key", "tls.crt", ""].map(|name| {
                let metadata = fs::metadata(folder.path.join(name)).unwrap();
                metadata.mode() & 0o7777
            });
            assert_eq!(modes, [0o604, FILE_MODE, 0o751], "{has_folder}");
            assert!(!folder.new.exists());
        }
    }
}
