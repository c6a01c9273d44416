//! The key of a redemption, which outlives the process: `.redeem-<uid>.key` in the output folder.
//!
//! It is on the disk before the first byte of a request is sent, every later run uses it again, and
//! it goes when the Link is in place. So a redeemer that is stopped at any point repeats the same
//! redemption and never uses up another one.

use std::os::unix::fs::MetadataExt;

use secrecy::ExposeSecret;
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use super::destination::PendingKey;
use super::folder::Folder;
use super::origin::stem;
use super::problem::RedeemProblem;

/// The key that an earlier run made for a URL.
pub(super) fn find(
    folder: &Folder,
    url: &RedemptionUrl,
) -> Result<Option<PendingKey>, RedeemProblem> {
    let name = name(url);
    let Some(found) = folder.read(&name, MAX_KEY_BYTES)? else {
        return Ok(None);
    };
    if found.metadata.mode() & OTHERS != 0 {
        return Err(RedeemProblem::ExposedKey(folder.path_of(&name)));
    }
    let text = std::str::from_utf8(&found.bytes).unwrap_or_default();
    let key = PendingKey::read(text, found.metadata.mtime());
    let damaged = || RedeemProblem::DamagedKey(folder.path_of(&name));
    key.ok_or_else(damaged).map(Some)
}

/// The key for a URL, made when there is none yet.
pub(super) fn open(folder: &Folder, url: &RedemptionUrl) -> Result<PendingKey, RedeemProblem> {
    if let Some(found) = find(folder, url)? {
        return Ok(found);
    }
    let pending = PendingKey::generate();
    let pem = pending.key.to_pem();
    folder.write(&name(url), pem.expose_secret().as_bytes())?;
    Ok(pending)
}

/// The name of the key's file.
pub(super) fn name(url: &RedemptionUrl) -> String {
    format!(".redeem-{}.key", stem(url))
}

const MAX_KEY_BYTES: usize = 16 * 1024;

/// The bits of a file's mode that are not the owner's.
const OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use chrono::DateTime;

    use super::*;
    use crate::pki::key::{KeyKind, PrivateKey};

    fn url(text: &str) -> RedemptionUrl {
        RedemptionUrl::parse(text).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_keeps_the_time_of_its_first_use() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        let url = url("https://a.example/6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10");
        assert!(find(&folder, &url).unwrap().is_none());
        let made = open(&folder, &url).ok().unwrap();
        assert_eq!(made.made_before, None);
        let path = folder.path_of(".redeem-6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10.key");
        let permissions = fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        let then = SystemTime::UNIX_EPOCH + Duration::from_mins(29_750_000);
        fs::File::open(&path).unwrap().set_modified(then).unwrap();
        for _ in 0..2 {
            let again = open(&folder, &url).ok().unwrap();
            assert_eq!(again.key.spki(), made.key.spki());
            assert_eq!(
                again.made_before,
                DateTime::from_timestamp(1_785_000_000, 0)
            );
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_says_what_to_do_and_is_kept() {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::open(base.path()).unwrap();
        let url = url("https://a.example/b");
        let path = folder.path_of(&name(&url));
        let rsa = PrivateKey::generate(KeyKind::Rsa2048);
        let rsa = rsa.to_pem();
        let good = PrivateKey::generate(KeyKind::P256);
        let good = good.to_pem();
        let half = good.expose_secret().get(..80).unwrap();
        let table = [
            ("empty", "", 0o600, "is damaged: restore /"),
            ("half", half, 0o600, "is damaged: restore /"),
            (
                "another kind",
                rsa.expose_secret(),
                0o600,
                "is damaged: restore /",
            ),
            (
                "for the group",
                good.expose_secret(),
                0o640,
                "others may read",
            ),
            ("for all", good.expose_secret(), 0o644, "others may read"),
        ];
        for (name, content, mode, expected) in table {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let message = open(&folder, &url).err().unwrap().to_string();
            assert!(message.contains(expected), "{name}: {message}");
            // The name of the folder is random, and may hold anything.
            let message = message.replace(&*base.path().to_string_lossy(), "");
            assert!(!message.contains("MI"), "{name}: {message}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content, "{name}");
        }
    }
}
