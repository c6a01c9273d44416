//! The files that a killed process leaves behind, whole and damaged: the count never goes back in
//! silence, and what lost nothing is used without a question.

use std::fs;
use std::path::Path;

use redemption_sidecar::ledger::{Grants as _, Ledger, SqliteLedger};
use redemption_sidecar::redemption::{Decision, Grant};
use tempfile::TempDir;

use crate::{folder, grant, now, open, published, redemption, soon};

const LOG: &str = "ledger.db-wal";
const MARK: &str = "ledger.mark";
const COUNTED: u32 = 12;
const ALLOWED: u32 = 20;

/// Source: SQLite, "WAL-mode File Format": a header, and frames with a header each.
const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// What `kill -9` leaves of a ledger in use, by the names of its files.
struct Left {
    files: Vec<(&'static str, Vec<u8>)>,
    grant: Grant,
}

impl Left {
    /// With a log that holds everything since the ledger was made, or only the last changes.
    async fn behind(is_checkpointed: bool) -> Self {
        let folder = folder();
        let grant = grant(1, "west", ALLOWED);
        let ledger = open(folder.path());
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        for key in 0..COUNTED {
            if is_checkpointed && key == COUNTED / 2 {
                checkpoint(folder.path());
            }
            let counted = ledger.count(&grant.uid, redemption(&grant, key), now(), soon());
            assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
            ledger
                .prove(now() + crate::SECOND * i32::try_from(key).unwrap())
                .await
                .unwrap();
        }
        let files = ["ledger.db", LOG, MARK].map(|name| {
            let content = fs::read(folder.path().join(name)).unwrap();
            (name, content)
        });
        Self {
            files: files.into(),
            grant,
        }
    }

    /// With an older copy in place of the main file, and the newer log beside it.
    async fn beside_an_older_file() -> Self {
        let folder = folder();
        let grant = grant(1, "west", ALLOWED);
        let ledger = open(folder.path());
        let read = |name: &'static str| (name, fs::read(folder.path().join(name)).unwrap());
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        checkpoint(folder.path());
        let older = read("ledger.db");
        for key in 0..COUNTED {
            let counted = ledger.count(&grant.uid, redemption(&grant, key), now(), soon());
            assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
            checkpoint(folder.path());
        }
        // The number of the newest change stands in the log now, the count of the grant does not.
        ledger.publish(&published()).await.unwrap();
        Self {
            files: vec![older, read(LOG), read(MARK)],
            grant,
        }
    }

    fn log(&self) -> &[u8] {
        let log = self.files.iter().find(|(name, _)| *name == LOG);
        &log.unwrap().1
    }

    /// A folder with these files, and this log.
    fn with_log(&self, log: Option<&[u8]>) -> TempDir {
        let folder = TempDir::new_in("/dev/shm").unwrap_or_else(|_| folder());
        for (name, content) in &self.files {
            let content = if *name == LOG {
                log
            } else {
                Some(content.as_slice())
            };
            if let Some(content) = content {
                fs::write(folder.path().join(name), content).unwrap();
            }
        }
        folder
    }

    /// How the ledger of a folder is found. A count that went back must be said, and nothing may be
    /// counted then.
    async fn found(&self, folder: &Path, name: &str) -> Found {
        let Ok(ledger) = SqliteLedger::open(folder) else {
            return Found::Damaged;
        };
        let Err(fault) = ledger.check_whole() else {
            let entry = ledger.look(&self.grant.uid, None).await;
            let entry = entry.unwrap().unwrap();
            assert_eq!(entry.grant.redemptions, COUNTED, "{name}: went back");
            return Found::Whole;
        };
        assert!(fault.to_string().contains("--accept-lost-log"), "{fault}");
        let more = redemption(&self.grant, COUNTED);
        let more = ledger.count(&self.grant.uid, more, now(), soon()).await;
        assert!(more.is_err(), "{name}: counted");
        Found::Lacking
    }
}

/// Copies the log into the main file, as another process may: its log is as good as one's own.
fn checkpoint(folder: &Path) {
    let other = rusqlite::Connection::open(folder.join("ledger.db")).unwrap();
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = other.query_row(checkpoint, [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Whole,
    Lacking,
    Damaged,
}

#[tokio::test]
async fn a_whole_log_is_recovered_without_a_question() {
    for is_checkpointed in [false, true] {
        let left = Left::behind(is_checkpointed).await;
        let torn = [left.log(), &[7; 1000]].concat();
        for (name, log) in [("as it was", left.log()), ("a torn end", &torn)] {
            let folder = left.with_log(Some(log));
            for turn in ["first", "second"] {
                let found = left.found(folder.path(), name).await;
                assert_eq!(found, Found::Whole, "{name}, {turn}, {is_checkpointed}");
            }
        }
    }
}

#[tokio::test]
async fn a_log_that_is_lost_cut_or_damaged_is_never_passed_over_in_silence() {
    for is_checkpointed in [false, true] {
        let left = Left::behind(is_checkpointed).await;
        let log = left.log();
        let none = left.with_log(None);
        assert_eq!(left.found(none.path(), "removed").await, Found::Lacking);
        let empty = left.with_log(Some(&[]));
        assert_eq!(left.found(empty.path(), "empty").await, Found::Lacking);

        let frames = (log.len() - HEADER) / FRAME;
        let mut lacking = 0;
        let ends = (0..frames).map(|frame| HEADER + frame * FRAME);
        let cuts = ends.flat_map(|end| [end, end + 1, end + 24, end + FRAME / 2, end + FRAME - 1]);
        for cut in cuts {
            let folder = left.with_log(Some(&log[..cut]));
            let found = left.found(folder.path(), &format!("cut at {cut}")).await;
            lacking += usize::from(found == Found::Lacking);
        }
        assert!(lacking > 2 * frames, "{lacking} of {frames} frames");

        for place in (0..HEADER + FRAME)
            .step_by(3)
            .chain((0..log.len()).step_by(997))
        {
            let mut damaged = log.to_vec();
            damaged[place] ^= 0x40;
            let folder = left.with_log(Some(&damaged));
            left.found(folder.path(), &format!("damaged at {place}"))
                .await;
        }
    }
}

#[tokio::test]
async fn a_loss_is_said_until_it_is_accepted_whatever_is_written_meanwhile() {
    let left = Left::behind(true).await;
    let folder = left.with_log(None);
    for turn in 0..4 {
        assert_eq!(
            left.found(folder.path(), "lost").await,
            Found::Lacking,
            "{turn}"
        );
        let ledger = open(folder.path());
        let other = grant(10 + turn, &format!("east-{turn}"), 1);
        ledger.insert(&other, now()).await.unwrap().unwrap();
        assert_eq!(ledger.revoke(&other.name, now()).await.unwrap().len(), 1);
    }
    let ledger = open(folder.path());
    ledger.accept_loss().unwrap();
    for turn in ["now", "later"] {
        open(folder.path()).check_whole().unwrap();
        let key = if turn == "now" { 100 } else { 101 };
        let counted = ledger.count(&left.grant.uid, redemption(&left.grant, key), now(), soon());
        assert_eq!(counted.await.unwrap(), Ok(Decision::Count), "{turn}");
    }
    drop(ledger);
    open(folder.path()).check_whole().unwrap();
}

#[tokio::test]
async fn an_older_file_beside_the_newer_log_is_never_passed_over_in_silence() {
    let left = Left::beside_an_older_file().await;
    let folder = left.with_log(Some(left.log()));
    for turn in ["first", "second", "third"] {
        let found = left.found(folder.path(), turn).await;
        assert_eq!(found, Found::Lacking, "{turn}");
    }
    let ledger = open(folder.path());
    ledger.accept_loss().unwrap();
    drop(ledger);
    open(folder.path()).check_whole().unwrap();
}

#[tokio::test]
async fn a_log_that_is_found_again_makes_the_ledger_whole() {
    let left = Left::behind(true).await;
    let folder = left.with_log(None);
    // Looked at by a process that was killed, too: it removed nothing.
    assert_eq!(
        left.found(left.with_log(None).path(), "lost").await,
        Found::Lacking
    );
    fs::write(folder.path().join(LOG), left.log()).unwrap();
    assert_eq!(left.found(folder.path(), "found").await, Found::Whole);
}

#[tokio::test]
async fn a_ledger_that_was_closed_may_be_replaced_by_its_backup() {
    let folder = folder();
    let file = folder.path().join("ledger.db");
    let grant = grant(1, "west", 3);
    let ledger = open(folder.path());
    ledger.insert(&grant, now()).await.unwrap().unwrap();
    drop(ledger);
    let backup = fs::read(&file).unwrap();
    let ledger = open(folder.path());
    let counted = ledger.count(&grant.uid, redemption(&grant, 1), now(), soon());
    counted.await.unwrap().unwrap();
    drop(ledger);
    assert!(!folder.path().join(LOG).exists());
    fs::write(&file, backup).unwrap();
    let ledger = open(folder.path());
    ledger.check_whole().unwrap();
    let entry = ledger.look(&grant.uid, None).await.unwrap().unwrap();
    assert_eq!(entry.grant.redemptions, 0);
}
