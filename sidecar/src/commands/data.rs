//! The data folder, and those of Skupper's namespaces.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::Failure;
use crate::args::Data;
use crate::site::skupper_namespace;
use crate::system::wording;

/// The folder of the option, or the one every command uses by default.
///
/// Source: XDG Base Directory Specification; Filesystem Hierarchy Standard.
pub(super) fn folder(data: &Data) -> Result<PathBuf, Failure> {
    if let Some(folder) = &data.folder {
        return Ok(folder.clone());
    }
    base().map(|base| base.join("redemption-sidecar"))
}

/// The folder in which applications keep their data: `/var/lib` for root, `$XDG_DATA_HOME` for others.
fn base() -> Result<PathBuf, Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib"));
    }
    let absolute = |variable| {
        let path = std::env::var_os(variable).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or_else(|| Failure::usage("neither XDG_DATA_HOME nor HOME is set: name --data"))
}

/// The folder of Skupper's namespaces on this machine.
pub(super) fn namespaces_folder() -> Option<PathBuf> {
    skupper_namespace::namespaces_folder(
        rustix::process::geteuid().is_root(),
        std::env::var_os("XDG_DATA_HOME").as_deref(),
        std::env::var_os("HOME").as_deref(),
    )
}

/// Takes permissions from others than the owner of what must be private in a data folder: a restored
/// file, or a volume, may come with more. What is not there is passed over.
pub(super) fn keep_private(folder: &Path) {
    for (name, allowed) in PRIVATE {
        let path = folder.join(name);
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        let mode = metadata.permissions().mode() & 0o7777;
        let private = mode & allowed;
        if private == mode {
            continue;
        }
        let shown = path.display();
        match fs::set_permissions(&path, Permissions::from_mode(private)) {
            Ok(()) => warn!(
                "others than the owner could read or change {shown} (mode {mode:04o}), which now has \
                 mode {private:04o}: see that it is what you put there, and replace a key that others \
                 may have"
            ),
            Err(error) => warn!(
                "others than the owner can read or change {shown} (mode {mode:04o}), keep it to its \
                 owner: {}",
                wording::io(&error)
            ),
        }
    }
}

/// The private files of a data folder, and the permissions that they may have.
const PRIVATE: [(&str, u32); 9] = [
    ("ledger.db", 0o600),
    ("ledger.db-wal", 0o600),
    ("ledger.db-shm", 0o600),
    ("ledger.mark", 0o600),
    ("site/ca.key", 0o600),
    ("site/ca.crt", 0o644),
    ("site/redemption.yaml", 0o644),
    ("server-ca/ca.key", 0o600),
    ("server-ca/next/ca.key", 0o600),
];
