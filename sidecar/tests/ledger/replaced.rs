//! Files that are exchanged under an open ledger: it notices, and either uses what is there now or
//! nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use redemption_sidecar::ledger::{Grants as _, Ledger, SqliteLedger};
use redemption_sidecar::redemption::{Decision, Grant};
use tempfile::TempDir;

use crate::{grant, now, open, published, redemption, shown, soon};

const FILES: [&str; 4] = ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.mark"];

/// A ledger in `data` of a folder, with one redemption of three.
async fn ledger() -> (TempDir, SqliteLedger, Grant) {
    let folder = crate::folder();
    let ledger = open(&folder.path().join("data"));
    let grant = grant(1, "west", 3);
    ledger.insert(&grant, now()).await.unwrap().unwrap();
    let counted = ledger.count(&grant.uid, redemption(&grant, 1), now(), soon());
    counted.await.unwrap().unwrap();
    (folder, ledger, grant)
}

/// A copy of the ledger as it is now, as one file.
fn copy(from: &Path, to: &Path) {
    let connection = rusqlite::Connection::open(from).unwrap();
    connection
        .execute("VACUUM INTO ?1", [to.to_str().unwrap()])
        .unwrap();
}

type Exchange = fn(&Path);

/// With a copy of the same state in `copy.db`.
const EXCHANGES: [(&str, Exchange); 5] = [
    ("renamed over", |folder| {
        let data = folder.join("data");
        for name in ["ledger.db-wal", "ledger.db-shm"] {
            fs::remove_file(data.join(name)).unwrap();
        }
        fs::rename(folder.join("copy.db"), data.join("ledger.db")).unwrap();
    }),
    ("renamed over, with the log of the other one", |folder| {
        fs::rename(folder.join("copy.db"), folder.join("data/ledger.db")).unwrap();
    }),
    ("removed and copied", |folder| {
        let data = folder.join("data");
        for name in FILES {
            fs::remove_file(data.join(name)).unwrap();
        }
        fs::copy(folder.join("copy.db"), data.join("ledger.db")).unwrap();
    }),
    ("another folder", |folder| {
        let data = folder.join("data");
        fs::rename(&data, folder.join("old")).unwrap();
        fs::create_dir(&data).unwrap();
        fs::rename(folder.join("copy.db"), data.join("ledger.db")).unwrap();
    }),
    ("another folder, by a link", |folder| {
        let data = folder.join("data");
        fs::rename(&data, folder.join("old")).unwrap();
        fs::create_dir(folder.join("new")).unwrap();
        fs::rename(folder.join("copy.db"), folder.join("new/ledger.db")).unwrap();
        std::os::unix::fs::symlink("new", &data).unwrap();
    }),
];

#[tokio::test]
async fn a_ledger_that_is_exchanged_is_noticed_and_the_new_one_used() {
    for (name, exchange) in EXCHANGES {
        let (folder, ledger, grant) = ledger().await;
        let data = folder.path().join("data");
        copy(&data.join("ledger.db"), &folder.path().join("copy.db"));
        exchange(folder.path());
        let other = open(&data);
        assert_eq!(
            other.revoke("west", now()).await.unwrap().len(),
            1,
            "{name}"
        );

        let more = redemption(&grant, 2);
        let counted = ledger.count(&grant.uid, more.clone(), now(), soon()).await;
        assert!(counted.is_err(), "{name}: {counted:?}");
        ledger.prove(now()).await.unwrap();
        let entry = ledger.look(&grant.uid, None).await.unwrap().unwrap();
        assert!(entry.grant.revoked.is_some(), "{name}");
        let counted = ledger.count(&grant.uid, more, now(), soon()).await.unwrap();
        assert!(counted.is_err(), "{name}: {counted:?}");
    }
}

#[tokio::test]
async fn a_proof_fails_once_and_those_who_look_see_the_new_ledger() {
    async fn ask(who: &str, ledger: &SqliteLedger, grant: &Grant) -> bool {
        match who {
            "a proof" => ledger.prove(now()).await.is_ok(),
            "a look" => ledger.look(&grant.uid, None).await.is_ok(),
            _ => ledger.list().await.is_ok(),
        }
    }
    for name in ["a proof", "a look", "a list"] {
        let (folder, ledger, grant) = ledger().await;
        let data = folder.path().join("data");
        copy(&data.join("ledger.db"), &folder.path().join("copy.db"));
        // Readers trust the last comparison for a moment.
        std::thread::sleep(std::time::Duration::from_millis(20));
        EXCHANGES[0].1(folder.path());
        assert!(!ask(name, &ledger, &grant).await, "{name}: noticed");
        // The answer does not wait for the new one to be opened.
        ledger.prove(now()).await.unwrap();
        assert!(ask(name, &ledger, &grant).await, "{name}: opened");
        let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
        assert_eq!(counted.await.unwrap(), Ok(Decision::Count), "{name}");
        drop(ledger);
        let shown = shown(&open(&data), "west").await;
        assert_eq!(shown[0].0.redemptions, 2, "{name}: in the new one");
    }
}

#[tokio::test]
async fn an_older_ledger_is_not_used_by_whom_knows_better() {
    for (name, exchange) in EXCHANGES {
        let (folder, ledger, grant) = ledger().await;
        let data = folder.path().join("data");
        copy(&data.join("ledger.db"), &folder.path().join("copy.db"));
        let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
        assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
        exchange(folder.path());
        for key in [2, 3, 4, 5] {
            let counted = ledger.count(&grant.uid, redemption(&grant, key), now(), soon());
            assert!(counted.await.is_err(), "{name}");
            assert!(ledger.prove(now()).await.is_err(), "{name}");
        }
    }
}

/// As `sqlite3 ledger.db '.restore copy.db'` does: through SQLite, into the same file.
#[tokio::test]
async fn an_older_ledger_that_is_written_into_this_one_counts_nothing() {
    let (folder, ledger, grant) = ledger().await;
    let file = folder.path().join("data/ledger.db");
    let backup = folder.path().join("copy.db");
    copy(&file, &backup);
    let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
    assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
    let connection = rusqlite::Connection::open(&file).unwrap();
    let backup = backup.to_str().unwrap();
    connection.execute("ATTACH ?1 AS backup", [backup]).unwrap();
    let restore = "BEGIN IMMEDIATE; DELETE FROM redemptions; DELETE FROM grants; DELETE FROM meta; \
                   INSERT INTO grants SELECT * FROM backup.grants; \
                   INSERT INTO redemptions SELECT * FROM backup.redemptions; \
                   INSERT INTO meta SELECT * FROM backup.meta; COMMIT";
    connection.execute_batch(restore).unwrap();
    for key in [2, 3, 4] {
        let counted = ledger.count(&grant.uid, redemption(&grant, key), now(), soon());
        let fault = counted.await.unwrap_err().to_string();
        assert!(fault.contains("lacks its last change"), "{fault}");
        assert!(ledger.prove(now()).await.is_err());
    }
    drop((connection, ledger));
    let fault = open(&folder.path().join("data")).check_whole().unwrap_err();
    assert!(fault.to_string().contains("--accept-lost-log"), "{fault}");
}

/// As `cp copy.db ledger.db` does: device and inode stay, and the log hides some of it.
#[tokio::test]
async fn an_older_file_that_is_copied_into_this_one_counts_nothing() {
    let (folder, ledger, grant) = ledger().await;
    drop(ledger);
    let data = folder.path().join("data");
    let (file, old) = (data.join("ledger.db"), folder.path().join("old.db"));
    fs::copy(&file, &old).unwrap();
    let ledger = open(&data);
    let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
    assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
    drop(ledger);

    let ledger = open(&data);
    // The number of the newest change stands in the log now, the count of the grant does not.
    ledger.publish(&published()).await.unwrap();
    // By other processes: who closes a file loses the locks that SQLite has on it.
    let run = |program: &str, arguments: &[&Path]| {
        let status = Command::new(program).args(arguments).status();
        assert!(status.unwrap().success(), "{program}");
    };
    run("touch", &[&file]);
    ledger.prove(now()).await.unwrap();
    run("cp", &[&old, &file]);
    for key in [3, 4, 5] {
        let counted = ledger.count(&grant.uid, redemption(&grant, key), now(), soon());
        let fault = counted.await.unwrap_err().to_string();
        assert!(fault.contains("an older copy took its place"), "{fault}");
        assert!(ledger.prove(now()).await.is_err());
    }
    drop(ledger);
    let fault = open(&data).check_whole().unwrap_err().to_string();
    assert!(fault.contains("--accept-lost-log"), "{fault}");
}

/// The log of a killed process, beside a main file of before.
#[tokio::test]
async fn a_log_is_not_read_into_another_file() {
    let (folder, ledger, grant) = ledger().await;
    let data = folder.path().join("data");
    copy(&data.join("ledger.db"), &folder.path().join("copy.db"));
    let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
    counted.await.unwrap().unwrap();
    // Stays open, as if it had been killed: nothing is tidied up.
    std::mem::forget(ledger);
    fs::rename(folder.path().join("copy.db"), data.join("ledger.db")).unwrap();
    for turn in ["first", "second"] {
        let fault = open(&data).check_whole().unwrap_err().to_string();
        assert!(fault.contains("lacks its last change"), "{turn}: {fault}");
    }
    let names = fs::read_dir(&data).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside = names.filter(|name| name.starts_with("ledger.db-wal."));
    assert_eq!(aside.count(), 1, "nothing is deleted");
}

#[tokio::test]
async fn a_ledger_that_is_gone_is_made_by_nobody_who_had_it() {
    let (folder, ledger, grant) = ledger().await;
    let data = folder.path().join("data");
    let away = folder.path().join("away");
    fs::rename(&data, &away).unwrap();
    for _ in 0..2 {
        let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
        assert!(counted.await.is_err());
        assert!(!data.exists());
    }
    fs::rename(&away, &data).unwrap();
    let counted = ledger.count(&grant.uid, redemption(&grant, 2), now(), soon());
    assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
}
