//! The folder of a run: sites, ledgers, and the requests that redeem what is in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::ledger::{Ledger, SqliteLedger};
use redemption_sidecar::pki::issuer::{self, Issuer};
use redemption_sidecar::redemption::{CodeDigest, Grant, GrantUid};
use redemption_sidecar::system::clock;
use redemption_sidecar::system::random;
use secrecy::ExposeSecret as _;

use redemption_bench::Fault;

/// A folder on a disk. It is removed with the value.
pub(crate) struct Room {
    folder: PathBuf,
    /// What kind of file system it is on.
    pub(crate) file_system: String,
    ledgers: std::cell::Cell<usize>,
}

impl Room {
    /// Makes the folder, and the sites in it.
    ///
    /// # Errors
    /// It would lie in memory, where nothing is durable.
    pub(crate) fn make(parent: &Path) -> Result<Self, Fault> {
        let folder = parent.join(format!("redemption-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .map_err(|why| format!("cannot make {}: {why}", folder.display()))?;
        let kind = rustix::fs::statfs(&folder)?.f_type;
        let room = Self {
            folder,
            file_system: name_of(u64::try_from(kind)?)?,
            ledgers: std::cell::Cell::new(0),
        };
        let now = clock::now();
        let (certificate, key) = issuer::new_site_ca("bench", now)?;
        let site = room.site(Site::Ec);
        room.write_site(&site)?;
        fs::write(site.with_file_name("ca.crt"), certificate)?;
        fs::write(site.with_file_name("ca.key"), key.expose_secret())?;
        let site = room.site(Site::Rsa);
        room.write_site(&site)?;
        rsa_ca(&site)?;
        Ok(room)
    }

    /// The description of a site.
    pub(crate) fn site(&self, site: Site) -> PathBuf {
        let folder = match site {
            Site::Ec => "ec",
            Site::Rsa => "rsa",
        };
        self.folder.join(folder).join("redemption.yaml")
    }

    /// The CA of a site, which makes certificates here, too.
    pub(crate) fn issuer(&self, site: Site) -> Result<Issuer, Fault> {
        let file = |name| fs::read(self.site(site).with_file_name(name));
        let issuer = Issuer::load(&file("ca.crt")?, &file("ca.key")?, clock::now());
        Ok(issuer?)
    }

    /// A folder for the data of one service.
    pub(crate) fn data(&self) -> PathBuf {
        let number = self.ledgers.replace(self.ledgers.get() + 1);
        self.folder.join(format!("data-{number}"))
    }

    fn write_site(&self, file: &Path) -> Result<(), Fault> {
        fs::create_dir_all(file.parent().unwrap_or(&self.folder))?;
        fs::write(file, SITE)?;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Err(why) = fs::remove_dir_all(&self.folder) {
            eprintln!("cannot remove {}: {why}", self.folder.display());
        }
    }
}

/// A site, by the key of its CA.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Site {
    /// P-256.
    Ec,
    /// RSA with 2048 bits, as Skupper's sites have it.
    Rsa,
}

/// Makes this many grants that every redeemer can use as often as it likes.
pub(crate) async fn grants(data: &Path, count: usize) -> Result<Vec<GrantUid>, Fault> {
    let ledger = std::sync::Arc::new(SqliteLedger::open(data)?);
    let now = clock::now();
    let uids: Vec<GrantUid> = (0..count)
        .map(|_| GrantUid::from_random(random::bytes()))
        .collect();
    // As many as share a commit.
    for (chunk, uids) in uids.chunks(256).enumerate() {
        let orders: Vec<_> = uids
            .iter()
            .enumerate()
            .map(|(index, uid)| {
                let grant = grant(*uid, &format!("grant-{chunk}-{index}"), now);
                let ledger = std::sync::Arc::clone(&ledger);
                tokio::spawn(async move { ledger.insert(&grant, now).await })
            })
            .collect();
        for order in orders {
            order.await??.map_err(|_| "two grants of one name")?;
        }
    }
    Ok(uids)
}

/// How many redemptions the ledger has counted for a grant.
pub(crate) async fn counted(data: &Path, uid: &GrantUid) -> Result<u32, Fault> {
    let entry = SqliteLedger::open(data)?.look(uid, None).await?;
    Ok(entry.map_err(|_| "the grant is gone")?.grant.redemptions)
}

fn grant(uid: GrantUid, name: &str, now: DateTime<Utc>) -> Grant {
    Grant {
        uid,
        name: name.to_owned(),
        code: CodeDigest::of_code(&uid, CODE.as_bytes()),
        redemptions_allowed: i32::MAX.unsigned_abs(),
        redemptions: 0,
        created: now,
        expiration_time: now + TimeDelta::days(1),
        revoked: None,
        issuer: None,
        namespace: None,
        has_short_code: false,
    }
}

/// A redemption as Skupper's clients ask for it: the server makes the key.
pub(crate) fn plain_request(uid: &GrantUid) -> Vec<u8> {
    with_code(uid, CODE)
}

/// A guess.
pub(crate) fn wrong_request(uid: &GrantUid) -> Vec<u8> {
    with_code(uid, "not-the-code-of-the-grant")
}

fn with_code(uid: &GrantUid, code: &str) -> Vec<u8> {
    format!(
        "POST /{uid} HTTP/1.1\r\nhost: bench\r\nname: west\r\nsubject: west\r\n\
         content-length: {}\r\n\r\n{code}",
        code.len()
    )
    .into_bytes()
}

/// Makes an RSA CA beside the description of a site.
fn rsa_ca(site: &Path) -> Result<(), Fault> {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "365",
        ])
        .args(["-subj", "/CN=bench"])
        .args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"])
        .arg("-keyout")
        .arg(site.with_file_name("ca.key"))
        .arg("-out")
        .arg(site.with_file_name("ca.crt"))
        .stderr(Stdio::null())
        .status();
    match made {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("openssl made no CA: {status}").into()),
        Err(why) => Err(format!("cannot run openssl, install it: {why}").into()),
    }
}

/// The name of a file system.
///
/// Source: Linux `include/uapi/linux/magic.h`.
fn name_of(kind: u64) -> Result<String, Fault> {
    Ok(match kind {
        0xEF53 => "ext4".to_owned(),
        0x5846_5342 => "xfs".to_owned(),
        0x9123_683E => "btrfs".to_owned(),
        0x794C_7630 => "overlayfs".to_owned(),
        0x0102_1994 | 0x8584_58F6 => {
            return Err(
                "the folder is in memory, where nothing is durable: name one on a disk \
                        with --folder"
                    .into(),
            );
        }
        other => format!("a file system of type {other:#x}"),
    })
}

/// The code of every grant.
pub(crate) const CODE: &str = "code-of-every-bench-grant";

const SITE: &str = "\
name: bench
issuers:
  default: {cert: ca.crt, key: ca.key}
endpoints:
- {name: inter-router, host: 192.0.2.1, port: 55671, group: skupper-router}
- {name: edge, host: 192.0.2.1, port: 45671, group: skupper-router}
";
