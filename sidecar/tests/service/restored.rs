//! A data folder that is restored, damaged or cleaned up: under a running service, after one was
//! killed, and after one was stopped.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::operators::{ready, wait_for};
use crate::redeemers::{Counted, Door, Redeemer};
use crate::sidecar::{BINARY, Sidecar, free_port};

const ALLOWED: usize = 6;

/// `serve` on a folder where it must refuse to start. Returns what it said.
fn refused(folder: &Path) -> String {
    let listen = format!("127.0.0.1:{}", free_port());
    let output = Command::new(BINARY)
        .args(["serve", "--data"])
        .arg(folder)
        .args(["--listen", &listen, "--metrics-listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn files_that_are_exchanged_under_a_service_are_noticed_and_never_certify_twice() {
    type Exchange = fn(&Path);
    // Whether everything that was counted is still there for the service to go on with.
    let rows: [(&str, Exchange, bool); 5] = [
        (
            "log and index are removed",
            |data| {
                fs::remove_file(data.join("ledger.db-wal")).unwrap();
                fs::remove_file(data.join("ledger.db-shm")).unwrap();
            },
            true,
        ),
        (
            "the log is removed",
            |data| fs::remove_file(data.join("ledger.db-wal")).unwrap(),
            true,
        ),
        (
            "the index is removed",
            |data| fs::remove_file(data.join("ledger.db-shm")).unwrap(),
            true,
        ),
        (
            "the backup is renamed over it",
            |data| fs::rename(data.join("backup.db"), data.join("ledger.db")).unwrap(),
            false,
        ),
        (
            "the backup is copied after everything is removed",
            |data| {
                for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.mark"] {
                    fs::remove_file(data.join(name)).unwrap();
                }
                fs::copy(data.join("backup.db"), data.join("ledger.db")).unwrap();
            },
            false,
        ),
    ];
    for (name, exchange, goes_on) in rows {
        let sidecar = Sidecar::start();
        let data = sidecar.folder();
        let token = sidecar.issue("west", &["--redemptions-allowed", &ALLOWED.to_string()]);
        let backup = rusqlite::Connection::open(data.join("ledger.db")).unwrap();
        let path = data.join("backup.db");
        let path = path.to_str().unwrap();
        backup.execute("VACUUM INTO ?1", [path]).unwrap();
        drop(backup);
        let door = Door::new(sidecar.port, &token.ca, 0);
        let ask = || Redeemer::with_own_key().ask_once(&door, &token).status;
        let known = Redeemer::with_own_key();
        assert_eq!(known.ask_once(&door, &token).status, 200, "{name}");
        assert_eq!(ask(), 200, "{name}");

        exchange(data);
        let before = (0..2).filter(|_| ask() == 200).count();
        if goes_on {
            wait_for(|| ready(&sidecar).contains(" 200 "));
            let after = (0..ALLOWED).filter(|_| ask() == 200).count();
            assert_eq!(2 + before + after, ALLOWED, "{name}");
            assert_eq!(Counted::read(data, "west").redemptions, ALLOWED, "{name}");
        } else {
            assert_eq!(before, 0, "{name}");
            wait_for(|| ready(&sidecar).contains(" 503 "));
            assert_eq!(ask(), 503, "{name}");
        }
        // Another process ends the grant, for those who are known, too.
        let revoked = sidecar.run(&["revoke", "west"]);
        assert!(revoked.status.success(), "{name}: {revoked:?}");
        let status = known.ask_once(&door, &token).status;
        assert!([404, 503].contains(&status), "{name}: {status}");
    }
}

#[test]
fn a_lost_log_is_refused_until_it_is_accepted_and_a_whole_one_needs_no_word() {
    type Damage = fn(&Path);
    let rows: [(&str, Damage, bool); 4] = [
        ("nothing", |_| (), true),
        (
            "the index is removed",
            |data| fs::remove_file(data.join("ledger.db-shm")).unwrap(),
            true,
        ),
        (
            "everything but the main file is removed",
            |data| {
                for name in ["ledger.db-wal", "ledger.db-shm"] {
                    fs::remove_file(data.join(name)).unwrap();
                }
            },
            false,
        ),
        (
            "the log is cut",
            |data| {
                let log = fs::OpenOptions::new()
                    .write(true)
                    .open(data.join("ledger.db-wal"));
                let log = log.unwrap();
                log.set_len(log.metadata().unwrap().len() - 1).unwrap();
            },
            false,
        ),
    ];
    for (name, damage, is_whole) in rows {
        let mut sidecar = Sidecar::start();
        let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
        let door = Door::new(sidecar.port, &token.ca, 0);
        let answer = Redeemer::with_own_key().ask_once(&door, &token);
        assert_eq!(answer.status, 200, "{name}");
        let data = sidecar.folder().to_owned();
        sidecar.kill();
        damage(&data);
        if !is_whole {
            for _ in 0..2 {
                let said = refused(&data);
                assert!(said.contains("--accept-lost-log"), "{name}: {said}");
            }
            let listed = sidecar.run(&["list"]);
            let said = String::from_utf8(listed.stderr).unwrap();
            assert!(
                listed.status.success() && said.contains("lacks"),
                "{name}: {said}"
            );
            let accepted = Sidecar::start_in(&data, &["--accept-lost-log"]);
            let log = accepted.log();
            assert!(
                log.contains("ERROR") && log.contains("accepted"),
                "{name}: {log}"
            );
        }
        let sidecar = Sidecar::start_in(&data, &[]);
        assert!(!sidecar.log().contains("lacks"), "{name}");
    }
}

#[test]
fn a_service_that_was_stopped_takes_its_restored_backup() {
    let mut sidecar = Sidecar::start();
    let data = sidecar.folder().to_owned();
    let token = sidecar.issue("west", &[]);
    let backup = data.join("backup.db");
    let connection = rusqlite::Connection::open(data.join("ledger.db")).unwrap();
    connection
        .execute("VACUUM INTO ?1", [backup.to_str().unwrap()])
        .unwrap();
    drop(connection);
    let door = Door::new(sidecar.port, &token.ca, 0);
    assert_eq!(Redeemer::plain().ask_once(&door, &token).status, 200);
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait(), Some(0));
    assert!(
        !data.join("ledger.db-wal").exists(),
        "everything is in one file"
    );

    fs::copy(&backup, data.join("ledger.db")).unwrap();
    let sidecar = Sidecar::start_at(&data, sidecar.port, &[], &[]);
    let grants = sidecar.run(&["list"]);
    let said = String::from_utf8(grants.stderr).unwrap();
    assert!(grants.status.success() && said.is_empty(), "{said}");
    wait_for(|| ready(&sidecar).contains(" 200 "));
}

#[test]
fn strangers_cannot_fill_the_log_while_the_ledger_cannot_be_read() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let file = sidecar.folder().join("ledger.db");
    let away = sidecar.folder().join("away.db");
    fs::rename(&file, &away).unwrap();
    let door = Door::new(sidecar.port, &token.ca, 0);
    let before = sidecar.log().lines().count();
    let mut connection = door.open().unwrap();
    for number in 0..300 {
        let path = format!("/00000000-0000-4000-8000-{number:012}");
        let answer = connection.post(&path, &[], b"no code").unwrap();
        assert_eq!(answer.status, 503);
    }
    let said = sidecar.log().lines().count() - before;
    assert!((1..=6).contains(&said), "{said} lines: {}", sidecar.log());
    fs::rename(&away, &file).unwrap();
    wait_for(|| ready(&sidecar).contains(" 200 "));
    assert_eq!(Redeemer::plain().ask_once(&door, &token).status, 200);
}

#[test]
fn tokens_in_the_field_can_be_redeemed_after_the_address_changed() {
    for is_live in [true, false] {
        let mut first = Sidecar::start();
        let (data, port) = (first.folder().to_owned(), first.port);
        let token = first.issue("west", &[]);
        if !is_live {
            assert!(first.run(&["revoke", "west"]).status.success());
        }
        first.kill();
        // Twice: the second one finds the second address published.
        for _ in 0..2 {
            let url = format!("https://grants.example:{port}");
            let mut moved = Sidecar::start_at(&data, port, &[], &["--url", &url]);
            let door = Door::new(port, &token.ca, 0);
            assert_eq!(door.open().is_ok(), is_live);
            let says = format!("tokens in the field carry https://127.0.0.1:{port}");
            assert_eq!(moved.log().contains(&says), is_live, "{}", moved.log());
            moved.kill();
        }
    }
}

#[test]
fn private_files_that_others_could_read_are_said_and_mended() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut sidecar = Sidecar::start();
    let data = sidecar.folder().to_owned();
    sidecar.kill();
    let rows = [
        ("ledger.db", 0o644, 0o600),
        ("ledger.mark", 0o666, 0o600),
        ("site/ca.key", 0o666, 0o600),
        ("site/redemption.yaml", 0o666, 0o644),
        ("server-ca/ca.key", 0o640, 0o600),
    ];
    for (name, mode, _) in rows {
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let sidecar = Sidecar::start_in(&data, &[]);
    for (name, mode, expected) in rows {
        let found = fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, expected, "{name}");
        let says = format!("{} (mode {mode:04o})", data.join(name).display());
        assert!(sidecar.log().contains(&says), "{name}: {}", sidecar.log());
    }
}
