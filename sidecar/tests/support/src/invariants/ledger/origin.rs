//! The ledgers that are damaged, as bytes.

use std::path::Path;
use std::sync::OnceLock;

use chrono::TimeDelta;
use redemption_sidecar::ledger::{Grants as _, Ledger as _, SqliteLedger};
use redemption_sidecar::redemption::{
    CodeDigest, Decision, Grant, GrantUid, KeyDigest, KeyOrigin, Redemption, Serial,
};

use super::{ram, runtime};
use crate::invariants::{now, soon};

/// A ledger as it was before the damage.
pub(crate) struct Origin {
    /// Whether it has a log that is not copied into the file yet.
    has_log: bool,
    files: OnceLock<Files>,
}

/// The files of a ledger.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) main: Vec<u8>,
    pub(crate) log: Vec<u8>,
}

/// One that was closed, and one that was not.
pub(crate) static ORIGINS: [Origin; 2] = [
    Origin {
        has_log: false,
        files: OnceLock::new(),
    },
    Origin {
        has_log: true,
        files: OnceLock::new(),
    },
];

impl Origin {
    pub(crate) fn files(&self) -> &Files {
        self.files.get_or_init(|| make(self.has_log))
    }

    /// A grant that is read is the one that was stored. When a log is cut off, its end is lost, as
    /// when it was never written.
    pub(crate) fn assert_was_stored(&self, read: &Grant) {
        let mut stored = (0..GRANTS).map(grant).find(|grant| grant.uid == read.uid);
        let stored = stored.as_mut().expect("a grant that was stored");
        if self.has_log && read != stored {
            // One commit less each.
            match stored.revoked {
                Some(_) => stored.revoked = None,
                None => stored.redemptions -= 1,
            }
        }
        assert_eq!(read, stored);
    }
}

impl Files {
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("ledger.db"), &self.main).unwrap();
        if !self.log.is_empty() {
            std::fs::write(folder.join("ledger.db-wal"), &self.log).unwrap();
        }
    }
}

/// Grants to be looked at closely, each with a part of its story in the log: a revoked one, one that
/// is redeemed as often as it allows, one that was never redeemed, and one that was redeemed once.
pub(crate) fn probes() -> [Grant; 4] {
    [REVOKED, 7, 8, 9].map(grant)
}

/// The redemption of a grant with one of many keys.
pub(crate) fn candidate(grant: &Grant, key: u32) -> Redemption {
    let spki = key.to_be_bytes();
    Redemption {
        key: KeyDigest::of_spki(&spki),
        origin: KeyOrigin::Redeemer,
        subject: grant.name.clone(),
        serial: Serial::derive(&grant.uid, &spki),
        at: now(),
        certificate_end: now() + TimeDelta::days(1),
        authority: None,
    }
}

/// A grant as it was stored in the end.
fn grant(number: u32) -> Grant {
    let [a, b, c, d] = number.to_be_bytes();
    let uid = GrantUid::from_random([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    Grant {
        uid,
        name: format!("grant-{number}"),
        code: CodeDigest::of_code(&uid, b"a code of sixteen"),
        redemptions_allowed: 3,
        redemptions: number % 4,
        created: now(),
        expiration_time: now() + TimeDelta::hours(1),
        revoked: (number == REVOKED).then(now),
        issuer: None,
        namespace: None,
        has_short_code: false,
    }
}

fn make(has_log: bool) -> Files {
    let folder = tempfile::tempdir_in(ram()).unwrap();
    let probes = probes();
    let is_probe = |grant: &Grant| probes.iter().any(|probe| probe.uid == grant.uid);
    let runtime = runtime().lock().unwrap();
    let ledger = SqliteLedger::open(folder.path()).unwrap();
    runtime.block_on(async {
        ledger.publish(&super::published()).await.unwrap();
        for grant in (0..GRANTS).map(grant) {
            let fresh = Grant {
                redemptions: 0,
                revoked: None,
                ..grant.clone()
            };
            ledger.insert(&fresh, now()).await.unwrap().unwrap();
            let last = u32::from(is_probe(&grant) && grant.revoked.is_none());
            for key in last..grant.redemptions {
                count(&ledger, &grant, key).await;
            }
        }
    });
    drop(ledger);
    let ledger = SqliteLedger::open(folder.path()).unwrap();
    runtime.block_on(async {
        for probe in &probes {
            match probe.revoked {
                Some(at) => assert_eq!(ledger.revoke(&probe.name, at).await.unwrap().len(), 1),
                None if probe.redemptions == 0 => {}
                None => count(&ledger, probe, 0).await,
            }
        }
    });
    let ledger = Some(ledger).filter(|_| has_log);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap_or_default();
    let files = Files {
        main: read("ledger.db"),
        log: read("ledger.db-wal"),
    };
    drop(ledger);
    files
}

async fn count(ledger: &SqliteLedger, grant: &Grant, key: u32) {
    let counted = ledger
        .count(&grant.uid, candidate(grant, key), now(), soon())
        .await;
    assert_eq!(counted, Ok(Ok(Decision::Count)));
}

/// How many grants there are: enough for trees of two levels.
const GRANTS: u32 = 60;

const REVOKED: u32 = 6;
