//! Files that are no ledger, or no longer a whole one.

use std::fs;
use std::path::Path;

use chrono::TimeDelta;
use redemption_sidecar::ledger::{Grants as _, Ledger, LedgerFault, SqliteLedger};
use redemption_sidecar::redemption::{Decision, Grant};
use rusqlite::Connection;

use tempfile::TempDir;

use crate::{HOUR, folder, grant, listed, now, open, published, redemption, schemas, soon};

const FILE: &str = "ledger.db";

#[test]
fn a_file_that_is_no_ledger_is_left_alone_with_advice() {
    type Make = fn(&Path);
    let cases: [(&str, Make, Option<&str>); 8] = [
        ("no file", |_| (), None),
        ("an empty file", |path| fs::write(path, "").unwrap(), None),
        (
            "a text",
            |path| fs::write(path, "no ledger ".repeat(100)).unwrap(),
            Some("another folder"),
        ),
        (
            "a short text",
            |path| fs::write(path, "no ledger").unwrap(),
            Some("another folder"),
        ),
        (
            "a folder",
            |path| fs::create_dir(path).unwrap(),
            Some("read and write"),
        ),
        (
            "a database without an application",
            |path| {
                Connection::open(path)
                    .unwrap()
                    .execute_batch("CREATE TABLE grants (a)")
                    .unwrap();
            },
            Some("another folder"),
        ),
        (
            "a database of another application",
            |path| {
                Connection::open(path)
                    .unwrap()
                    .execute_batch("PRAGMA application_id = 1")
                    .unwrap();
            },
            Some("another folder"),
        ),
        (
            "a newer ledger",
            |path| {
                drop(open(path.parent().unwrap()));
                Connection::open(path)
                    .unwrap()
                    .execute_batch("PRAGMA user_version = 1000")
                    .unwrap();
            },
            Some("newer program"),
        ),
    ];
    for (name, make, expected) in cases {
        let folder = folder();
        let path = folder.path().join(FILE);
        make(&path);
        let before = fs::read(&path).ok();
        match (SqliteLedger::open(folder.path()), expected) {
            (Ok(_), None) => {}
            (Err(fault), Some(expected)) => {
                let fault = fault.to_string();
                assert!(fault.contains(expected), "{name}: {fault}");
                assert!(fault.contains(path.to_str().unwrap()), "{name}: {fault}");
                assert_eq!(fs::read(&path).ok(), before, "{name}: changed");
                assert!(
                    !folder.path().join("ledger.db-wal").exists(),
                    "{name}: a log was left"
                );
            }
            (Ok(_), Some(_)) => panic!("{name}: opened"),
            (Err(fault), None) => panic!("{name}: {fault}"),
        }
    }
}

#[tokio::test]
async fn a_ledger_of_an_earlier_schema_keeps_its_grants_as_long_as_one_made_now() {
    let folder = folder();
    let ledger = open(folder.path());
    let grant = grant(1, "west", 1);
    ledger.insert(&grant, now()).await.unwrap().unwrap();
    drop(ledger);
    schemas::go_back(folder.path(), 2);
    let ledger = open(folder.path());
    assert_eq!(listed(&ledger).await, [grant]);
    let mut at = now() + TimeDelta::days(70);
    for (name, served, deleted) in [
        ("nothing", TimeDelta::zero(), 0),
        ("its life", TimeDelta::hours(1), 0),
        ("more than its life", TimeDelta::seconds(1), 1),
    ] {
        at += served;
        ledger.add_service_time(served, at).await.unwrap();
        let pruned = ledger.prune(TimeDelta::zero(), at).await;
        assert_eq!(pruned.unwrap(), deleted, "{name}");
    }
}

#[tokio::test]
async fn processes_that_serve_one_ledger_do_not_count_the_same_time_twice() {
    let folder = folder();
    let (one, other) = (open(folder.path()), open(folder.path()));
    let grant = grant(1, "west", 1);
    one.insert(&grant, now()).await.unwrap().unwrap();
    let minutes = TimeDelta::minutes;
    // Each notes its ten minutes, five minutes after the other. The hour is over at the end.
    for number in 0..13 {
        let ledger = if number % 2 == 0 { &one } else { &other };
        let at = now() + minutes(5) * number;
        assert_eq!(ledger.prune(TimeDelta::zero(), at + HOUR).await.unwrap(), 0);
        let passed = if number < 2 {
            TimeDelta::zero()
        } else {
            minutes(10)
        };
        ledger.add_service_time(passed, at).await.unwrap();
    }
    // A clock that was set back takes nothing away, and adds nothing until it goes on.
    let back = now() - TimeDelta::days(70);
    one.add_service_time(HOUR, back).await.unwrap();
    let end = now() + HOUR + HOUR;
    assert_eq!(one.prune(TimeDelta::zero(), end).await.unwrap(), 0);
    one.add_service_time(HOUR, back + HOUR).await.unwrap();
    assert_eq!(one.prune(TimeDelta::zero(), end).await.unwrap(), 1);
}

#[test]
fn only_the_owner_can_read_a_ledger() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let path = folder.path().join("data");
    let _ledger = open(&path);
    for (name, mode) in [
        ("", 0o700),
        (FILE, 0o600),
        ("ledger.db-wal", 0o600),
        ("ledger.db-shm", 0o600),
    ] {
        let found = fs::metadata(path.join(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
}

/// The grants of the ledger that is damaged, with how many redemptions of them are counted.
fn grants() -> [(Grant, u32); 3] {
    [
        (grant(1, "spent", 1), 1),
        (grant(2, "west", 3), 2),
        (
            Grant {
                issuer: Some("other".to_owned()),
                ..grant(3, "east", 10)
            },
            0,
        ),
    ]
}

async fn whole_ledger() -> Vec<u8> {
    let folder = folder();
    let ledger = open(folder.path());
    for (grant, counted) in grants() {
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        for key in 0..counted {
            let candidate = redemption(&grant, key);
            ledger
                .count(&grant.uid, candidate, now(), soon())
                .await
                .unwrap()
                .unwrap();
        }
    }
    ledger.publish(&published()).await.unwrap();
    // The last one who closes it leaves no log behind.
    drop(ledger);
    fs::read(folder.path().join(FILE)).unwrap()
}

#[tokio::test]
async fn a_damaged_ledger_certifies_no_key_too_many() {
    let whole = whole_ledger().await;
    assert_eq!(
        use_all(&whole).await,
        (11, 0),
        "everything works when nothing is damaged"
    );

    let mut random = Random(0x5EED);
    let (mut counted, mut faults) = (0, 0);
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(40) {
            let place = random.below(bytes.len());
            bytes[place] = u8::try_from(random.below(256)).unwrap();
        }
        let used = use_all(&bytes).await;
        counted += used.0;
        faults += used.1;
    }
    assert!(
        counted > 0 && faults > 0,
        "{counted} counted, {faults} faults"
    );
}

#[tokio::test]
async fn a_damaged_grant_certifies_no_key_too_many() {
    let whole = whole_ledger().await;
    let mut faults = 0;
    for (grant, _) in grants() {
        let name = grant.name.as_bytes();
        let uid = grant.uid.as_bytes();
        // The row begins with its sizes, the uid and the name.
        let start = [uid.as_slice(), name].concat();
        let row = whole
            .windows(start.len())
            .position(|bytes| bytes == start)
            .unwrap();
        for place in row - 16..row + 100 {
            for flip in [0x01, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] ^= flip;
                faults += use_all(&bytes).await.1;
            }
        }
    }
    assert!(faults > 0);
}

/// Two tables that share pages write over each other.
#[tokio::test]
async fn a_ledger_whose_pages_went_astray_certifies_no_key_too_many() {
    const PAGE: usize = 4096;
    let grants: Vec<_> = (0..60).map(|number| grant(number, "west", 3)).collect();
    let whole = folder_in_memory();
    let ledger = open(whole.path());
    for grant in &grants {
        let grant = Grant {
            name: format!("west-{}", grant.uid),
            ..grant.clone()
        };
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        let first = ledger.count(&grant.uid, redemption(&grant, 0), now(), soon());
        first.await.unwrap().unwrap();
    }
    drop(ledger);
    let whole = fs::read(whole.path().join(FILE)).unwrap();
    let mut faults = 0;
    for from in (0..10 * PAGE).step_by(PAGE) {
        for to in (PAGE..10 * PAGE).step_by(PAGE) {
            let folder = folder_in_memory();
            let mut bytes = whole.clone();
            bytes.copy_within(from..from + PAGE, to);
            fs::write(folder.path().join(FILE), bytes).unwrap();
            let Ok(ledger) = SqliteLedger::open(folder.path()) else {
                continue;
            };
            for grant in [&grants[6], &grants[8]] {
                let mut certified = 1;
                for key in 1..=4 {
                    let key = redemption(grant, key);
                    match ledger.count(&grant.uid, key, now(), soon()).await {
                        Ok(Ok(_)) => certified += 1,
                        Ok(Err(_)) => {}
                        Err(_) => faults += 1,
                    }
                }
                assert!(certified <= 3, "{certified} keys, {from} {to}");
            }
        }
    }
    assert!(faults > 0);
}

#[tokio::test]
async fn a_truncated_ledger_certifies_no_key_too_many() {
    let whole = whole_ledger().await;
    for length in (0..whole.len())
        .step_by(512)
        .flat_map(|length| [length, length + 1])
    {
        use_all(&whole[..length]).await;
    }
}

/// Uses every method of a ledger of these bytes. A fault is fine, a panic or a key too many is not.
/// Says how many keys were counted, and how many calls failed.
async fn use_all(bytes: &[u8]) -> (u32, usize) {
    let folder = folder_in_memory();
    fs::write(folder.path().join(FILE), bytes).unwrap();
    let ledger = match SqliteLedger::open(folder.path()) {
        Ok(ledger) => ledger,
        Err(fault) => return (0, assert_clear(&[fault], folder.path())),
    };
    let mut faults = Vec::new();
    let mut counted = 0;
    for (grant, before) in grants() {
        let mut certified = before;
        for key in 0..12 {
            match ledger
                .count(&grant.uid, redemption(&grant, key), now(), soon())
                .await
            {
                // Whoever was certified before is no key more.
                Ok(Ok(Decision::Count)) if key >= before => certified += 1,
                Ok(_) => {}
                Err(fault) => faults.push(fault),
            }
        }
        assert!(
            certified <= grant.redemptions_allowed,
            "{certified} keys of '{}'",
            grant.name
        );
        counted += certified - before;
        let claim = redemption(&grant, 0).claim();
        faults.extend(ledger.look(&grant.uid, Some(&claim)).await.err());
        faults.extend(ledger.find(&grant.name).await.err());
    }
    faults.extend(ledger.list().await.err());
    faults.extend(ledger.tally(now()).await.err());
    faults.extend(ledger.published().await.err());
    faults.extend(ledger.publish(&published()).await.err());
    faults.extend(ledger.revoke("west", now()).await.err());
    faults.extend(ledger.insert(&grant(9, "west", 1), now()).await.err());
    let later = now() + TimeDelta::days(1);
    let served = ledger.add_service_time(TimeDelta::days(1), later).await;
    faults.extend(served.err());
    faults.extend(ledger.prune(TimeDelta::zero(), later).await.err());
    (counted, assert_clear(&faults, folder.path()))
}

/// Every fault is one line that names the file. Says how many they are.
fn assert_clear(faults: &[LedgerFault], folder: &Path) -> usize {
    let file = folder.join(FILE);
    for fault in faults {
        let fault = fault.to_string();
        assert!(!fault.contains(char::is_control), "{fault}");
        assert!(fault.contains(file.to_str().unwrap()), "{fault}");
    }
    faults.len()
}

/// Where durability costs nothing, when there is such a place.
fn folder_in_memory() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap_or_else(|_| folder())
}

/// The same numbers in every run. Source: Marsaglia, "Xorshift RNGs".
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}
