//! The place of a ledger: its folder, its file, and the file systems that are refused.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fsync, mknodat, open, statfs};

use super::fault::{PlaceProblem, SqliteFault};
use crate::ledger::LedgerFault;

/// The name of the file. SQLite adds `ledger.db-wal` and `ledger.db-shm`.
const FILE: &str = "ledger.db";

/// File systems whose processes do not all share memory, which the write-ahead log needs: those of a
/// network, those that several machines mount at once, and those that lead out of a virtual machine.
/// virtiofs, `GlusterFS`, `SSHFS` and others that are not in the kernel have the number of FUSE.
///
/// Source: linux/magic.h; `SMB2_SUPER_MAGIC` in fs/smb/common/smb2pdu.h; GNU coreutils, src/stat.c,
/// `human_fstype`, and what it calls remote.
const REFUSED: &[(u32, &str)] = &[
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x00C3_6400, "CephFS"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x7461_636F, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x786F_4256, "vboxsf"),
    (0xBACB_ACBC, "vmhgfs"),
    (0x7C7C_6673, "prl_fs"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564C, "NCP"),
    (0x1983_0326, "BeeGFS"),
    (0x2003_0528, "OrangeFS"),
    (0xAAD7_AAEA, "PanFS"),
    (0xBEEF_DEAD, "SNFS"),
    (0x6163_6673, "ACFS"),
    (0x0131_11A8, "IBRIX"),
];

/// Makes the folder (0700) and an empty file (0600) in it, when they are missing. Any number of
/// processes may do so at once.
pub(super) fn make(folder: &Path) -> Result<PathBuf, LedgerFault> {
    let file = folder.join(FILE);
    let fault = |error: io::Error| {
        let problem = problem(error, is_of_another_user(folder));
        SqliteFault::Making(file.as_path().into(), problem)
    };
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(fault)?;
    let kind = statfs(folder).map_err(|error| fault(error.into()))?.f_type;
    if let Some(name) = refused(kind) {
        let problem = PlaceProblem::FileSystem(name);
        return Err(SqliteFault::Making(file.as_path().into(), problem).into());
    }
    // A file that is opened and closed by this process outside SQLite loses the locks that its
    // other connections hold. Source: SQLite, "How To Corrupt An SQLite Database File", 2.2.
    match mknodat(
        CWD,
        &file,
        FileType::RegularFile,
        Mode::RUSR | Mode::WUSR,
        0,
    ) {
        Ok(()) => open(
            folder,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .and_then(fsync)
        .map_err(|error| fault(error.into()))?,
        Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(fault(error.into()).into()),
    }
    Ok(file)
}

/// True when there is a ledger in a folder. Makes nothing.
///
/// # Errors
/// The folder cannot be looked into.
pub(super) fn exists(folder: &Path) -> io::Result<bool> {
    folder.join(FILE).try_exists()
}

/// True when a file or folder has another owner than this process. False when that cannot be told.
pub(super) fn is_of_another_user(path: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    path.metadata().is_ok_and(|metadata| metadata.uid() != user)
}

fn problem(error: io::Error, is_of_another_user: bool) -> PlaceProblem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PlaceProblem::Full(error),
        io::ErrorKind::PermissionDenied if is_of_another_user => PlaceProblem::OtherUser,
        _ => PlaceProblem::Io(error),
    }
}

/// The name of a file system that is refused. The kernel's type is wider on some machines.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers have 32 bits on every machine"
)]
fn refused(kind: rustix::fs::FsWord) -> Option<&'static str> {
    let found = REFUSED.iter().find(|(magic, _)| *magic == kind as u32)?;
    Some(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_that_cannot_be_made_says_what_to_do_and_whether_it_may_pass() {
        let cases = [
            (io::ErrorKind::StorageFull, false, true, "free some space"),
            (io::ErrorKind::QuotaExceeded, true, true, "free some space"),
            (
                io::ErrorKind::PermissionDenied,
                true,
                false,
                "belongs to another user: run as that user",
            ),
            (
                io::ErrorKind::PermissionDenied,
                false,
                false,
                "name a folder that this user can write with --data",
            ),
        ];
        for (kind, is_of_another_user, is_passing, says) in cases {
            let problem = problem(kind.into(), is_of_another_user);
            let fault = SqliteFault::Making(Path::new("/data").into(), problem).into();
            assert_eq!(
                matches!(fault, LedgerFault::Unavailable(_)),
                is_passing,
                "{fault}"
            );
            assert!(fault.to_string().contains(says), "{fault}");
        }
        assert!(!is_of_another_user(&std::env::temp_dir().join("none")));
    }

    #[test]
    fn file_systems_that_share_files_and_not_memory_are_refused() {
        let cases = [
            ("ext4", 0xEF53, None),
            ("xfs", 0x5846_5342, None),
            ("btrfs", 0x9123_683E, None),
            ("overlayfs", 0x794C_7630, None),
            ("tmpfs", 0x0102_1994, None),
            ("NFS", 0x6969, Some("NFS")),
            ("the oldest SMB", 0x517B, Some("SMB")),
            ("CIFS", 0xFF53_4D42, Some("CIFS")),
            ("SMB 2 and 3", 0xFE53_4D42, Some("SMB")),
            ("9p", 0x0102_1997, Some("9p")),
            ("FUSE and virtiofs", 0x6573_5546, Some("FUSE")),
            ("ZFS", 0x2FC1_2FC1, None),
            ("f2fs", 0xF2F5_2010, None),
            ("bcachefs", 0xCA45_1A4E, None),
            ("CephFS", 0x00C3_6400, Some("CephFS")),
            ("Lustre", 0x0BD0_0BD0, Some("Lustre")),
            ("GPFS", 0x4750_4653, Some("GPFS")),
            ("OCFS2", 0x7461_636F, Some("OCFS2")),
            ("GFS2", 0x0116_1970, Some("GFS2")),
            ("shared folders of VirtualBox", 0x786F_4256, Some("vboxsf")),
            ("shared folders of VMware", 0xBACB_ACBC, Some("vmhgfs")),
            ("shared folders of Parallels", 0x7C7C_6673, Some("prl_fs")),
            ("OpenAFS", 0x5346_414F, Some("AFS")),
            ("the kernel's AFS", 0x6B41_4653, Some("AFS")),
            ("Coda", 0x7375_7245, Some("Coda")),
            ("BeeGFS", 0x1983_0326, Some("BeeGFS")),
        ];
        for (name, kind, expected) in cases {
            assert_eq!(refused(kind), expected, "{name}");
        }
        for (index, (magic, name)) in REFUSED.iter().enumerate() {
            let mut others = REFUSED.iter().take(index);
            assert!(
                others.all(|(other, _)| other != magic),
                "{name} is there twice"
            );
        }
    }
}
