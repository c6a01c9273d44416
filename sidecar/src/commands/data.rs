//! The data folder, and the ledger in it.

use std::path::{Path, PathBuf};

use super::{Failure, tell};
use crate::args::Data;
use crate::ledger::SqliteLedger;
use crate::site::skupper_namespace;
use crate::wording;

/// The folder of the option, or the one every command uses by default.
///
/// Source: XDG Base Directory Specification; Filesystem Hierarchy Standard.
pub(super) fn folder(data: &Data) -> Result<PathBuf, Failure> {
    if let Some(folder) = &data.folder {
        return Ok(folder.clone());
    }
    base().map(|base| base.join("redemption-sidecar"))
}

/// Where applications keep their data: `/var/lib` for root, `$XDG_DATA_HOME` for others.
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

/// The ledger that `serve` keeps in a folder. None is made: the folder may be a slip of the pen.
pub(super) fn ledger(folder: &Path) -> Result<SqliteLedger, Failure> {
    let shown = folder.display();
    match SqliteLedger::is_in(folder) {
        Ok(true) => {
            let ledger = open(folder)?;
            if let Err(fault) = ledger.check_whole() {
                tell(format_args!("warning: {fault}"));
            }
            Ok(ledger)
        }
        Ok(false) => Err(Failure::usage(format!(
            "there is no ledger in {shown}: run 'redemption-sidecar serve' as this user, or name \
             its --data"
        ))),
        Err(error) => Err(Failure::usage(wording::unreadable(folder, &error))),
    }
}

/// The ledger of a data folder. It is made when it is missing.
pub(super) fn open(folder: &Path) -> Result<SqliteLedger, Failure> {
    SqliteLedger::open(folder).map_err(|fault| {
        if fault.is_passing() {
            fault.into()
        } else {
            Failure::usage(fault.to_string())
        }
    })
}
