//! Standard error that nobody reads: a stopped terminal, a log driver that blocks. Nothing waits for
//! it.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;

use crate::redeemers::{Door, Redeemer};
use crate::sidecar::{BINARY, PATIENCE, Sidecar, free_port, private_folder};

#[test]
fn a_log_that_nobody_reads_stops_neither_redemptions_nor_the_end() {
    let (_reader, writer) = pipe(false);
    let folder = private_folder();
    let mut sidecar = start(writer, folder.path());
    redeem_until_lines_are_dropped(&sidecar);
    assert_answers(&sidecar);
    let begun = Instant::now();
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait(), Some(0));
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn a_log_that_is_read_again_says_how_many_lines_are_missing_and_has_its_end() {
    let (mut reader, writer) = pipe(true);
    let folder = private_folder();
    let mut sidecar = start(writer, folder.path());
    redeem_until_lines_are_dropped(&sidecar);
    assert_answers(&sidecar);
    let dropped = dropped(&sidecar);
    let read = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&read);
    let reading = thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            log.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    });
    let begun = Instant::now();
    while !text(&read).contains("are missing here") {
        assert!(begun.elapsed() < PATIENCE, "nothing is said");
        thread::sleep(Duration::from_millis(20));
    }
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait(), Some(0));
    reading.join().unwrap();
    let log = text(&read);
    let lines: Vec<serde_json::Value> = log
        .trim_start_matches('x')
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let missing = lines.iter().filter_map(|line| line["lines"].as_u64());
    assert_eq!(missing.sum::<u64>(), dropped);
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}

#[test]
fn a_start_that_fails_ends_although_nobody_reads_why() {
    let (_reader, writer) = pipe(true);
    let folder = private_folder();
    let taken = Sidecar::start();
    let status = Command::new(BINARY)
        .args([
            "serve",
            "--init",
            "--url",
            "https://127.0.0.1:9090",
            "--data",
        ])
        .arg(folder.path())
        .args(["--listen", &format!("127.0.0.1:{}", taken.port)])
        .stderr(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn commands_do_their_work_although_nobody_reads_what_they_tell() {
    let sidecar = Sidecar::start();
    let base = private_folder();
    let token = base.path().join("token.yaml");
    let run = |arguments: &[&str]| {
        let (_reader, writer) = pipe(true);
        let output = Command::new(BINARY)
            .args(arguments)
            .stderr(writer)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let data = sidecar.folder().to_str().unwrap();
    let issued = run(&["issue", "west", "--data", data]);
    std::fs::write(&token, issued).unwrap();
    let out = base.path().join("out");
    let redeemed = run(&[
        "redeem",
        token.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(redeemed.contains("Link-west.yaml"), "{redeemed}");
}

fn start(log: PipeWriter, folder: &Path) -> Sidecar {
    let options = ["--init", "--log-format", "json"];
    Sidecar::start_logging_to(log, folder, free_port(), &[], &options)
}

/// A pipe; a full one takes nothing until it is read.
fn pipe(is_full: bool) -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    if is_full {
        let flags = fcntl_getfl(&writer).unwrap();
        fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
        while writer.write(&[b'x'; 4096]).is_ok() {}
        fcntl_setfl(&writer, flags).unwrap();
    }
    (reader, writer)
}

fn assert_answers(sidecar: &Sidecar) {
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = sidecar.operations(path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
}

fn text(read: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&read.lock().unwrap()).into_owned()
}

fn redeem_until_lines_are_dropped(sidecar: &Sidecar) {
    let begun = Instant::now();
    let mut grant = 0;
    while dropped(sidecar) == 0 {
        assert!(begun.elapsed() < 3 * PATIENCE, "nothing is dropped");
        grant += 1;
        assert_eq!(redeem(sidecar, &format!("{grant}"), 250), 250);
    }
}

/// How many redemptions of a new grant are answered. Its name makes long lines.
fn redeem(sidecar: &Sidecar, grant: &str, times: u32) -> usize {
    let token = sidecar.issue_here(&format!("{}{grant}", "long-".repeat(46)), times);
    let door = Door::new(sidecar.port, &token.ca, 0);
    let mut connection = door.open().unwrap();
    let mut answers = (0..times).map(|_| Redeemer::plain().ask(&mut connection, &token));
    let answered = answers
        .by_ref()
        .filter(|answer| answer.as_ref().is_some_and(|answer| answer.status == 200));
    answered.count()
}

fn dropped(sidecar: &Sidecar) -> u64 {
    let metrics = sidecar.operations("/metrics");
    let name = "redemption_sidecar_log_lines_dropped_total ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}
