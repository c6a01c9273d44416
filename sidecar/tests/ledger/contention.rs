//! Many who redeem, issue and read at once, from threads and from processes; a disk that is full.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redemption_sidecar::ledger::{Grants as _, Ledger, SqliteLedger};
use redemption_sidecar::redemption::{Decision, Refusal};
use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{folder, grant, now, open, redemption, shown, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_counts_at_most_as_many_keys_as_it_allows() {
    for (name, ledgers, allowed) in [
        ("one ledger, one redemption", 1, 1_u32),
        ("one ledger, ten redemptions", 1, 10),
        ("four ledgers, one redemption", 4, 1),
        ("four ledgers, ten redemptions", 4, 10),
    ] {
        let folder = folder();
        let ledgers: Vec<_> = (0..ledgers)
            .map(|_| Arc::new(open(folder.path())))
            .collect();
        let grant = grant(1, "west", allowed);
        ledgers[0].insert(&grant, now()).await.unwrap().unwrap();
        let tasks: Vec<_> = (0..64)
            .map(|key| {
                let ledger = Arc::clone(&ledgers[key as usize % ledgers.len()]);
                let candidate = redemption(&grant, key);
                let uid = grant.uid;
                tokio::spawn(
                    async move { ledger.count(&uid, candidate, now(), soon()).await.unwrap() },
                )
            })
            .collect();
        let mut counted = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(Decision::Count) => counted += 1,
                other => assert_eq!(other, Err(Refusal::Spent), "{name}"),
            }
        }
        assert_eq!(counted, allowed, "{name}");
        let shown = shown(&ledgers[0], "west").await;
        assert_eq!(shown[0].0.redemptions, allowed, "{name}");
        assert_eq!(shown[0].1.len(), allowed as usize, "{name}");
    }
}

/// A loop of commits in another connection, as a service under load makes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_that_never_ends_starves_nobody() {
    let folder = folder();
    let ledger = open(folder.path());
    let file = folder.path().join("ledger.db");
    let is_over = Arc::new(AtomicBool::new(false));
    let burst = {
        let is_over = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let connection = Connection::open(file).unwrap();
            let mut commits = 0_u32;
            while !is_over.load(Ordering::Relaxed) {
                let commit = "BEGIN IMMEDIATE; \
                    INSERT OR REPLACE INTO meta VALUES ('burst', random()); COMMIT";
                connection.execute_batch(commit).unwrap();
                commits += 1;
            }
            commits
        })
    };
    for number in 0..50 {
        let grant = grant(number, &format!("grant-{number}"), 1);
        // A ledger of its own, as a command has it.
        let ledger = open(folder.path());
        assert_eq!(ledger.insert(&grant, now()).await, Ok(Ok(())), "{number}");
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(burst.join().unwrap() > 50);
    assert_eq!(ledger.list().await.unwrap().len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_waits_for_no_writer() {
    let folder = folder();
    let ledger = open(folder.path());
    let grant = grant(1, "west", 1);
    ledger.insert(&grant, now()).await.unwrap().unwrap();
    let writer = Connection::open(folder.path().join("ledger.db")).unwrap();
    writer
        .execute_batch("BEGIN IMMEDIATE; UPDATE grants SET name = 'east'")
        .unwrap();
    let entry = ledger.look(&grant.uid, None).await.unwrap().unwrap();
    assert_eq!(entry.grant, grant);
    assert_eq!(ledger.list().await.unwrap().len(), 1);
    assert_eq!(shown(&ledger, "west").await, [(grant, vec![])]);
    assert_eq!(shown(&ledger, "east").await, []);
    assert_eq!(ledger.tally(now()).await.unwrap().len(), 4);
}

#[test]
fn any_number_of_threads_make_one_ledger() {
    for round in 0..10 {
        let folder = folder();
        let path = folder.path().join("deep").join("er");
        std::thread::scope(|scope| {
            let opened: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| SqliteLedger::open(&path).map(drop)))
                .collect();
            for opened in opened {
                assert_eq!(opened.join().unwrap(), Ok(()), "round {round}");
            }
        });
    }
}

/// Runs a test of this file in a process of its own, with `LEDGER_FOLDER` in its environment. The
/// shell makes a write beyond the limit an error instead of a signal.
fn process(test: &str, folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("contention::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env("LEDGER_FOLDER", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn assert_success(process: Child) {
    let output = process.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn folder_of_process() -> PathBuf {
    std::env::var_os("LEDGER_FOLDER").unwrap().into()
}

#[test]
fn any_number_of_processes_make_one_ledger_and_share_a_grant() {
    for round in 0..3 {
        let folder = folder();
        let processes: Vec<_> = (0..4)
            .map(|_| process("process_that_counts", folder.path()))
            .collect();
        processes.into_iter().for_each(assert_success);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let shown = runtime.block_on(shown(&open(folder.path()), "west"));
        assert_eq!(shown.len(), 1, "round {round}: one of them made the grant");
        assert_eq!(shown[0].0.redemptions, 10, "round {round}");
        assert_eq!(shown[0].1.len(), 10, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn process_that_counts() {
    let ledger = Arc::new(open(&folder_of_process()));
    let grant = grant(1, "west", 10);
    let _made_or_found = ledger.insert(&grant, now()).await.unwrap();
    let first = std::process::id() * 64;
    let tasks: Vec<_> = (first..first + 64)
        .map(|key| {
            let ledger = Arc::clone(&ledger);
            let (uid, candidate) = (grant.uid, redemption(&grant, key));
            tokio::spawn(async move { ledger.count(&uid, candidate, now(), soon()).await.unwrap() })
        })
        .collect();
    for task in tasks {
        let decision = task.await.unwrap();
        assert!(
            matches!(decision, Ok(Decision::Count) | Err(Refusal::Spent)),
            "{decision:?}"
        );
    }
}

#[test]
fn on_a_full_disk_nothing_is_counted_twice_or_lost() {
    let folder = folder();
    assert_success(process("process_whose_disk_is_full", folder.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn process_whose_disk_is_full() {
    let ledger = open(&folder_of_process());
    let grant = grant(1, "west", 1_000);
    ledger.insert(&grant, now()).await.unwrap().unwrap();
    let unlimited = getrlimit(Resource::Fsize);
    let mut key = 0;
    let mut faults = 0;
    for room in [0, 4_096, 10_000, 24_000, 50_000] {
        let log = std::fs::metadata(folder_of_process().join("ledger.db-wal"))
            .unwrap()
            .len();
        let limit = Rlimit {
            current: Some(log + room),
            ..unlimited
        };
        setrlimit(Resource::Fsize, limit).unwrap();
        // Past this many the log begins anew, and there is room again.
        for _ in 0..20 {
            key += 1;
            match ledger
                .count(&grant.uid, redemption(&grant, key), now(), soon())
                .await
            {
                Ok(decision) => assert_eq!(decision, Ok(Decision::Count)),
                Err(fault) => {
                    assert!(!fault.to_string().contains('\n'), "{fault}");
                    faults += 1;
                }
            }
            let looked = ledger.look(&grant.uid, None).await.unwrap();
            assert!(looked.unwrap().grant.redemptions <= key);
        }
        setrlimit(Resource::Fsize, unlimited).unwrap();
        for key in 1..=key {
            let candidate = redemption(&grant, key);
            let decision = ledger
                .count(&grant.uid, candidate.clone(), now(), soon())
                .await
                .unwrap();
            assert!([Ok(Decision::Count), Ok(Decision::Again(candidate))].contains(&decision));
        }
        let (stored, redemptions) = shown(&ledger, "west").await.remove(0);
        assert_eq!(stored.redemptions, key, "every key once");
        assert_eq!(redemptions.len(), key as usize, "every key once");
    }
    assert!(faults > 0);
}
