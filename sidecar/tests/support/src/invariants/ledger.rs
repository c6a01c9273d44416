//! A ledger file after damage.

mod origin;

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use chrono::TimeDelta;
use redemption_sidecar::ledger::{Grants, Ledger, LedgerFault, Published, SqliteLedger};
use redemption_sidecar::redemption::{Decision, Grant, GrantUid, Refusal};
use tokio::runtime::Runtime;

use super::{assert_is_a_line, now, soon};
use origin::{Files, ORIGINS, Origin, candidate, probes};

/// The first byte chooses between the files of a ledger that was closed and of one that was cut off
/// while it had a log. The others damage them, six bytes and more each time: what to do, in which
/// page, from which of its bytes on (two of them), with how many bytes, and these.
///
/// The ledger says that it is damaged, or it works; a grant that it shows is the one that was
/// stored, and it never counts more than that one allows.
pub fn ledger(bytes: &[u8]) {
    let (first, damages) = bytes.split_first().unwrap_or((&0, &[]));
    let origin = &ORIGINS[usize::from(*first) % ORIGINS.len()];
    let mut files = origin.files().clone();
    damage(&mut files, damages);
    let folder = tempfile::tempdir_in(ram()).unwrap();
    files.write(folder.path());

    let runtime = runtime().lock().unwrap();
    let Some(ledger) = silent(SqliteLedger::open(folder.path())) else {
        return;
    };
    let counted = runtime.block_on(read_and_redeem(&ledger, origin));
    drop(ledger);
    let Some(ledger) = silent(SqliteLedger::open(folder.path())) else {
        return;
    };
    runtime.block_on(async {
        for (uid, redemptions) in counted {
            if let Some(Ok(entry)) = silent(ledger.look(&uid, None).await) {
                assert!(entry.grant.redemptions >= redemptions);
            }
        }
        for probe in probes() {
            revoke(&ledger, &probe).await;
        }
        silent(ledger.publish(&published()).await);
        silent(ledger.add_service_time(TimeDelta::hours(1), now()).await);
        silent(ledger.prune(TimeDelta::zero(), now() + SECOND).await);
    });
}

pub(crate) fn published() -> Published {
    Published {
        url: "https://grants.example:9090".parse().unwrap(),
        ca: "a CA".to_owned(),
    }
}

/// Reads all there is and redeems what is left. Returns how often grants are redeemed now.
async fn read_and_redeem(ledger: &SqliteLedger, origin: &Origin) -> Vec<(GrantUid, u32)> {
    for record in silent(ledger.list().await).unwrap_or_default() {
        origin.assert_was_stored(&record.grant.unwrap());
    }
    silent(ledger.tally(now()).await);
    silent(ledger.published().await);
    let mut counted = Vec::new();
    for probe in probes() {
        for record in silent(ledger.find(&probe.name).await).unwrap_or_default() {
            origin.assert_was_stored(&record.grant.unwrap());
        }
        let looked = silent(ledger.look(&probe.uid, None).await).and_then(Result::ok);
        let more = redeem(ledger, &probe).await;
        match looked.map(|entry| entry.grant) {
            Some(grant) => {
                origin.assert_was_stored(&grant);
                let left = grant.redemptions_allowed - grant.redemptions;
                assert!(more <= left, "{more} of {left}");
                counted.push((grant.uid, grant.redemptions + more));
            }
            None => assert!(more <= probe.redemptions_allowed),
        }
    }
    counted
}

/// Redeems with more keys than there are redemptions, twice with each; says how many redemptions
/// were counted.
async fn redeem(ledger: &SqliteLedger, grant: &Grant) -> u32 {
    let mut counted = 0;
    for key in 0..=grant.redemptions_allowed {
        let candidate = candidate(grant, 1000 + key);
        let first = ledger.count(&grant.uid, candidate.clone(), now(), soon());
        if silent(first.await) != Some(Ok(Decision::Count)) {
            continue;
        }
        counted += 1;
        let again = ledger.count(&grant.uid, candidate.clone(), now(), soon());
        if let Some(again) = silent(again.await) {
            assert_eq!(again, Ok(Decision::Again(candidate)));
        }
    }
    counted
}

/// Who is told that a grant is revoked can rely on it.
async fn revoke(ledger: &SqliteLedger, probe: &Grant) {
    let revoked = silent(ledger.revoke(&probe.name, now()).await);
    for record in revoked.unwrap_or_default() {
        let grant = record.grant.unwrap();
        assert_eq!(grant.name, probe.name);
        let again = ledger
            .count(&grant.uid, candidate(&grant, 2000), now(), soon())
            .await;
        if let Some(decision) = silent(again) {
            assert_eq!(decision, Err(Refusal::Ended));
        }
    }
}

/// What was answered; a fault must be a line for the operator.
fn silent<T>(outcome: Result<T, LedgerFault>) -> Option<T> {
    outcome
        .map_err(|fault| assert_is_a_line(&fault.to_string(), 1024))
        .ok()
}

fn damage(files: &mut Files, mut damages: &[u8]) {
    while let [act, page, high, low, length, rest @ ..] = damages {
        let file = if act & 0x80 == 0 {
            &mut files.main
        } else {
            &mut files.log
        };
        let page = usize::from(*page) * PAGE;
        let at = page + usize::from(u16::from_be_bytes([*high, *low])) % PAGE;
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        match act % 4 {
            // A write that failed.
            0 => overwrite(file, at, bytes),
            // A file that was cut off.
            1 => file.truncate(at),
            // A write that went elsewhere.
            2 => {
                let from = usize::from(*length) * PAGE;
                let copied = file.get(from..from + PAGE).unwrap_or_default().to_vec();
                overwrite(file, page, &copied);
            }
            // A flipped bit.
            _ => {
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << (length % 8);
                }
            }
        }
        damages = if act % 4 == 0 { rest } else { &damages[5..] };
    }
}

fn overwrite(file: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in file.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

fn runtime() -> &'static Mutex<Runtime> {
    static RUNTIME: OnceLock<Mutex<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Mutex::new(runtime.unwrap())
    })
}

/// A folder in memory, where there is one.
fn ram() -> &'static Path {
    let shared = Path::new("/dev/shm");
    let is_there = shared.is_dir();
    if is_there { shared } else { Path::new("/tmp") }
}

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The page of SQLite.
const PAGE: usize = 4096;
