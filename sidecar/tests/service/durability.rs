//! What is answered is on the disk: the order of the service's system calls, as strace sees them.
//! `kill -9` does not show it, because the kernel writes what a killed process gave it.

use std::fs;
use std::path::Path;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::redeemers::{Door, Redeemer};
use crate::sidecar::{BINARY, PATIENCE, Sidecar};
use crate::tools::{printed, tool};

#[test]
fn a_redemption_is_on_the_disk_before_its_answer_leaves() {
    const CONNECTIONS: usize = 4;
    const REQUESTS: usize = 4;
    let before = Sidecar::start();
    let token = before.issue("west", &["--redemptions-allowed", "100"]);
    let trace = tempfile::NamedTempFile::new().unwrap();
    let _ = tool("strace");
    let calls = "trace=fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";
    let path = trace.path().to_str().unwrap();
    let mut sidecar = before.restart_under(&["strace", "-D", "-f", "-y", "-o", path, "-e", calls]);
    scope(|scope| {
        for client in 0..CONNECTIONS {
            let (token, door) = (&token, Door::new(sidecar.port, &token.ca, client));
            scope.spawn(move || {
                let mut connection = door.open().unwrap();
                for number in 0..REQUESTS {
                    // So that a request is read alone, and not together with what was before it.
                    sleep(Duration::from_millis(30));
                    let redeemer = match number % 2 {
                        0 => Redeemer::with_own_key(),
                        _ => Redeemer::plain(),
                    };
                    let answer = redeemer.ask(&mut connection, token).unwrap();
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
    let id = sidecar.id().as_raw_nonzero().to_string();
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait(), Some(0));

    let calls = traced(trace.path(), &id);
    let is_sync = |call: &&Call| {
        ["fsync", "fdatasync"].contains(&call.name.as_str())
            && call.file.ends_with("ledger.db-wal")
            && call.result == 0
    };
    let mut answers = 0;
    for (number, answer) in calls.iter().enumerate() {
        let is_write = ["write", "writev", "sendto", "sendmsg"].contains(&answer.name.as_str());
        if !is_write || !answer.file.starts_with("socket:") || answer.result < SHORTEST_ANSWER {
            continue;
        }
        let reads = calls[..number].iter().filter(|call| {
            let is_read = ["read", "readv", "recvfrom", "recvmsg"].contains(&call.name.as_str());
            is_read && call.file == answer.file && call.result > 0
        });
        let reads: Vec<_> = reads.collect();
        // The first one is the client's hello; the server's part of the handshake follows it.
        let [_, .., request] = reads.as_slice() else {
            continue;
        };
        answers += 1;
        let synced = calls.iter().filter(is_sync);
        let between = synced.filter(|sync| sync.begun > request.ended && sync.ended < answer.begun);
        assert!(between.count() > 0, "not on the disk before {answer:?}");
    }
    assert_eq!(
        answers,
        CONNECTIONS * REQUESTS,
        "{}",
        fs::read_to_string(path).unwrap()
    );
}

#[test]
fn the_key_of_a_redeemer_is_on_the_disk_before_it_connects_and_its_files_before_they_have_a_name() {
    let sidecar = Sidecar::start();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("token.yaml"), sidecar.issue("west", &[]).yaml).unwrap();
    let calls = "trace=fsync,connect,/^rename,/^unlink";
    let mut command = tool("strace");
    command.args([
        "-f",
        "-y",
        "-o",
        &path("trace"),
        "-e",
        calls,
        BINARY,
        "redeem",
    ]);
    printed(command.args([&path("token.yaml"), "--out", &path("out")]));

    let text = fs::read_to_string(path("trace")).unwrap();
    let mut lines = text.lines();
    let out = format!("{}>)", path("out"));
    // Each of these follows the one before it.
    let order: [(&str, &str); 15] = [
        ("fsync", ".key.new>)"),
        ("rename", ".key\")"),
        ("fsync", &out),
        ("connect", "AF_INET"),
        ("fsync", ".answer.new>)"),
        ("rename", ".answer\")"),
        ("fsync", &out),
        ("fsync", "Secret-west.yaml.new>)"),
        ("rename", "Secret-west.yaml\")"),
        ("fsync", &out),
        ("fsync", "Link-west.yaml.new>)"),
        ("rename", "Link-west.yaml\")"),
        ("fsync", &out),
        ("unlink", ".answer\""),
        ("unlink", ".key\""),
    ];
    for (call, argument) in order {
        let found = lines.any(|line| {
            let (_, begin) = line.split_once(' ').unwrap();
            begin.trim_start().starts_with(call) && line.contains(argument)
        });
        assert!(found, "{call} {argument} comes too late: {text}");
    }
}

/// A system call that came to its end.
#[derive(Debug)]
struct Call {
    name: String,
    /// The file of its first argument.
    file: String,
    result: i64,
    /// The lines of the trace in which it began and ended.
    begun: usize,
    ended: usize,
}

/// The system calls of a trace by strace with `-f -y`, in the order of their ends, once the process
/// has ended.
fn traced(path: &Path, id: &str) -> Vec<Call> {
    let is_end = |line: &str| {
        let (process, event) = line.split_once(' ').unwrap();
        process == id && event.trim_start().starts_with("+++ exited")
    };
    let start = Instant::now();
    let text = loop {
        let text = fs::read_to_string(path).unwrap();
        if text.lines().any(is_end) {
            break text;
        }
        assert!(start.elapsed() < PATIENCE, "the trace has no end");
        sleep(Duration::from_millis(10));
    };
    let mut open = Vec::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            let begun = open.iter().position(|(of, _)| *of == thread);
            let (_, mut call): (&str, Call) = open.swap_remove(begun.unwrap());
            call.result = result(rest);
            call.ended = number;
            calls.push(call);
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else {
            continue;
        };
        let file = arguments
            .split_once('<')
            .and_then(|(_, file)| file.split_once('>'));
        let call = Call {
            name: name.to_owned(),
            file: file.map(|(file, _)| file.to_owned()).unwrap_or_default(),
            result: result(rest),
            begun: number,
            ended: number,
        };
        if rest.ends_with("<unfinished ...>") {
            open.push((thread, call));
        } else {
            calls.push(call);
        }
    }
    calls
}

fn result(line: &str) -> i64 {
    let (_, result) = line.rsplit_once(" = ").unwrap_or_default();
    let number = result.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or(-1)
}

/// Longer than what ends a connection, and shorter than a Secret.
const SHORTEST_ANSWER: i64 = 500;
