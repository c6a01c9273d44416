//! Full disks, read-only disks, failing disks, signals: what was answered stays, nothing that was
//! refused is counted, and the service goes on when it can.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, geteuid, prlimit};

use crate::raw::{Answer, Connection, request};
use crate::redeemers::{Certificate, Counted, Door, Redeemer};
use crate::sidecar::{BINARY, PATIENCE, Sidecar};
use crate::tools::tool;

/// The fault is injected by strace at the system call that the kernel would fail: it needs no
/// privilege, and only this file of this process has it.
#[test]
fn a_ledger_that_cannot_be_written_refuses_and_goes_on_when_it_can() {
    let rows = [
        (
            "full disk",
            "pwrite64",
            "ENOSPC",
            "the disk is full, free some space",
        ),
        ("read-only disk", "pwrite64", "EROFS", "look at the disk"),
        ("failing disk", "pwrite64", "EIO", "look at the disk"),
        ("failing sync", "fsync,fdatasync", "EIO", "look at the disk"),
    ];
    for (name, calls, error, advice) in rows {
        let before = Sidecar::start();
        let token = before.issue("west", &["--redemptions-allowed", "1000"]);
        let wal = before.folder().join("ledger.db-wal");
        let inject = format!("inject={calls}:error={error}:when=12..23");
        let trace = tempfile::NamedTempFile::new().unwrap();
        let (wal, trace) = (wal.to_str().unwrap(), trace.path().to_str().unwrap());
        let _ = tool("strace");
        let wrapper = ["strace", "-D", "-f", "-o", trace, "-P", wal, "-e", &inject];
        let sidecar = before.restart_under(&wrapper);
        let door = Door::new(sidecar.port, &token.ca, 0);

        let (mut own, mut plain, mut refused) = (Vec::new(), 0, [0, 0]);
        let begun = Instant::now();
        // At the end everything works again.
        let mut since = 0;
        while since < 10 {
            assert!(begun.elapsed() < PATIENCE, "{name}: refuses for ever");
            let redeemer = Redeemer::with_own_key();
            let answer = redeemer.ask_once(&door, &token);
            if is_refused(&answer, name) {
                refused[0] += 1;
                since = 0;
            } else if refused[0] > 0 {
                since += 1;
            }
            own.push((redeemer, answer));
            let answer = Redeemer::plain().ask_once(&door, &token);
            if is_refused(&answer, name) {
                refused[1] += 1;
            } else {
                plain += 1;
            }
        }
        let log = sidecar.log();
        assert!(log.contains(advice), "{name}: {log}");
        let counted = Counted::read(sidecar.folder(), "west");
        let certified = own.iter().filter(|(_, answer)| answer.status == 200);
        let certified = certified.count();
        if calls == "pwrite64" {
            // Nothing came to the disk, so nothing is in doubt.
            assert_eq!(counted.own.len(), certified, "{name}");
            assert_eq!(counted.plain.len(), plain, "{name}");
        }
        assert!(
            counted.plain.len() >= plain,
            "{name}: an answer is not counted"
        );
        println!("{name}: {certified} and {plain} redeemed, {refused:?} refused");

        // What was answered is answered again, and what was refused is counted now.
        for (redeemer, first) in &own {
            let certificate = Certificate::of(&redeemer.ask_once(&door, &token));
            assert!(counted.redemptions < 1000);
            if first.status == 200 {
                assert_eq!(certificate, Certificate::of(first), "{name}");
                assert!(counted.own.contains(&certificate.serial), "{name}");
            }
        }
        let now = Counted::read(sidecar.folder(), "west");
        assert_eq!(now.own.len(), own.len(), "{name}");
        assert_eq!(now.plain, counted.plain, "{name}");
    }
}

/// A limit of file sizes is a fault of the kernel itself: the write that crosses it is cut off, and
/// the next one fails, for every file of the process. Any user may set it.
#[test]
fn a_process_that_may_write_no_more_refuses_reads_on_and_counts_when_it_may() {
    let before = Sidecar::start();
    let token = before.issue("west", &["--redemptions-allowed", "1000"]);
    // The signal that comes with the limit would end the process; what is ignored stays ignored.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
    let sidecar = before.restart_under(&wrapper);
    let door = Door::new(sidecar.port, &token.ca, 0);
    let known = Redeemer::with_own_key();
    let certificate = Certificate::of(&known.ask_once(&door, &token));
    let wal = fs::metadata(sidecar.folder().join("ledger.db-wal")).unwrap();

    for limit in [wal.len() + 1000, 0] {
        let redeemers = [(); 3].map(|()| Redeemer::with_own_key());
        limit_file_size(&sidecar, Some(limit));
        for redeemer in &redeemers {
            let answer = redeemer.ask_once(&door, &token);
            assert!(is_refused(&answer, "own"), "at {limit}: {}", answer.status);
            let answer = Redeemer::plain().ask_once(&door, &token);
            assert!(is_refused(&answer, "plain"), "at {limit}");
        }
        let again = Certificate::of(&known.ask_once(&door, &token));
        assert_eq!(again, certificate, "needs no room");
        let counted = Counted::read(sidecar.folder(), "west");
        limit_file_size(&sidecar, None);
        for (number, redeemer) in redeemers.iter().enumerate() {
            let answer = redeemer.ask_once(&door, &token);
            assert_eq!(answer.status, 200, "at {limit}: {}", sidecar.log());
            let now = Counted::read(sidecar.folder(), "west");
            assert_eq!(now.redemptions, counted.redemptions + number + 1);
        }
    }
    let counted = Counted::read(sidecar.folder(), "west");
    assert_eq!((counted.own.len(), counted.plain.len()), (7, 0));
}

/// Root may write what its owner may not, unless that right is dropped.
#[test]
fn a_ledger_that_may_not_be_written_is_named_by_every_command_that_would() {
    let mut sidecar = Sidecar::start();
    sidecar.issue("west", &[]);
    sidecar.kill();
    let folder = sidecar.folder();
    let set = |folder_mode, file_mode| {
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.mark"] {
            mode(&folder.join(file), file_mode).unwrap();
        }
        mode(folder, folder_mode).unwrap();
    };
    set(0o500, 0o400);
    let rows: [(&[&str], i32); 4] = [
        (
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--metrics-listen",
                "127.0.0.1:0",
            ],
            3,
        ),
        (&["issue", "east"], 3),
        (&["revoke", "west"], 3),
        (&["list"], 0),
    ];
    for (arguments, exit_code) in rows {
        let mut command = if geteuid().is_root() {
            let mut command = tool("setpriv");
            command.args(["--bounding-set=-dac_override", "--", BINARY]);
            command
        } else {
            Command::new(BINARY)
        };
        let output = command.args(arguments).arg("--data").arg(folder).output();
        let output = output.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(exit_code),
            "{arguments:?}: {errors}"
        );
        if exit_code != 0 {
            let last = errors.lines().last().unwrap();
            assert!(
                last.contains("ledger.db': it is read-only, let this user write it"),
                "{last}"
            );
        }
    }
    set(0o700, 0o600);
    assert!(sidecar.run(&["revoke", "west"]).status.success());
}

#[test]
fn a_log_that_cannot_be_written_costs_no_answer() {
    let before = Sidecar::start();
    let token = before.issue("west", &["--redemptions-allowed", "2"]);
    let sidecar = before.restart_under(&["sh", "-c", "exec \"$@\" 2> /dev/full", "sh"]);
    let door = Door::new(sidecar.port, &token.ca, 0);
    for redeemer in [Redeemer::plain(), Redeemer::with_own_key()] {
        assert_eq!(redeemer.ask_once(&door, &token).status, 200);
    }
}

#[test]
fn sigterm_finishes_what_runs_and_exits_with_0() {
    let mut sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let mut connection = Connection::open(sidecar.port, &token.ca);
    let mut idle = Connection::open(sidecar.port, &token.ca);
    let bytes = request("POST", &token.path, &[], token.code.as_bytes());
    let (first, rest) = bytes.split_at(bytes.len() - 4);
    connection.send(first).unwrap();
    sleep(Duration::from_millis(200));
    sidecar.signal(Signal::TERM);
    assert!(idle.is_closed(), "an idle connection is not waited for");
    let start = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", sidecar.port)).is_ok() {
        assert!(start.elapsed() < PATIENCE, "still accepts");
        sleep(Duration::from_millis(10));
    }
    connection.send(rest).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200);
    assert_eq!(sidecar.wait(), Some(0));
    assert_eq!(Counted::read(sidecar.folder(), "west").redemptions, 1);
}

#[test]
fn sighup_loads_the_site_at_once() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "1000"]);
    let door = Door::new(sidecar.port, &token.ca, 0);
    let file = sidecar.folder().join("site/redemption.yaml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("127.0.0.1"), "{text}");
    // Each signal begins the time anew after which files are looked at without one. So what the
    // second signal shows sooner than that is its own work.
    for host in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        fs::write(&file, text.replace("127.0.0.1", host)).unwrap();
        sidecar.signal(Signal::HUP);
        let start = Instant::now();
        while !Redeemer::plain()
            .ask_once(&door, &token)
            .body
            .contains(host)
        {
            assert!(
                start.elapsed() < Duration::from_millis(1500),
                "{}",
                sidecar.log()
            );
        }
    }
}

/// Whether an answer is that of a service that cannot redeem now. Any other one must be a
/// redemption.
fn is_refused(answer: &Answer, name: &str) -> bool {
    if answer.status == 200 {
        return false;
    }
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "Not available\n"),
        "{name}"
    );
    assert_eq!(answer.header("retry-after"), Some("2"), "{name}");
    true
}

/// Limits how long any file can be that the process writes, in bytes.
fn limit_file_size(sidecar: &Sidecar, limit: Option<u64>) {
    let limit = Rlimit {
        current: limit,
        maximum: None,
    };
    prlimit(Some(sidecar.id()), Resource::Fsize, limit).unwrap();
}
