//! The command `redeem` itself: how it ends, and where it reads the token.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::sidecar::{BINARY, PATIENCE, Sidecar, Token};

/// A port that takes connections and says nothing, and the token of a service with that port.
fn silent(sidecar: &Sidecar) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let Token { yaml, .. } = sidecar.issue("west", &[]);
    let silent = yaml.replace(&format!(":{}/", sidecar.port), &format!(":{port}/"));
    assert_ne!(silent, yaml);
    (listener, silent)
}

/// `redeem -` into a folder, with more options.
fn redeem(folder: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["redeem", "-", "--out"]).arg(folder);
    command.args(options).stdin(Stdio::piped());
    // The service is on loopback, wherever the tests run.
    command.env("NO_PROXY", "*");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn feed(mut command: Command, token: &str) -> std::process::Child {
    use std::io::Write as _;
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(token.as_bytes()).unwrap();
    child
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_silent_server_gets_no_more_than_the_timeout() {
    let sidecar = Sidecar::start();
    let (_listener, token) = silent(&sidecar);
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let child = feed(redeem(folder.path(), &["--timeout", "1s"]), &token);
    let output = child.wait_with_output().unwrap();
    let took = start.elapsed();
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn ctrl_c_leaves_what_the_next_run_needs() {
    let sidecar = Sidecar::start();
    let (_listener, token) = silent(&sidecar);
    let folder = tempfile::tempdir().unwrap();
    let child = feed(redeem(folder.path(), &[]), &token);
    let start = Instant::now();
    while !names(folder.path()).iter().any(|name| is_key(name)) {
        assert!(start.elapsed() < PATIENCE);
        sleep(Duration::from_millis(5));
    }
    // The key is written a moment before the command waits for the server.
    sleep(Duration::from_millis(300));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        errors(&output),
        "error: stopped: run the same command again\n"
    );
    let left = names(folder.path());
    assert!(left.len() == 1 && is_key(&left[0]), "{left:?}");
}

#[test]
fn a_token_comes_from_standard_input_too() {
    let sidecar = Sidecar::start();
    let Token { yaml, .. } = sidecar.issue("west", &[]);
    let folder = tempfile::tempdir().unwrap();
    let output = feed(redeem(folder.path(), &[]), &yaml)
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(names(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
    let output = feed(redeem(folder.path(), &[]), "a: b")
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = errors(&output);
    assert!(said.starts_with("error: standard input: must be"), "{said}");
}

#[test]
fn the_environment_names_a_proxy_and_the_options_a_namespace() {
    let sidecar = Sidecar::start();
    let Token { yaml, .. } = sidecar.issue("west", &[]);
    let folder = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let redeem_with = |exceptions: &str| {
        let mut command = redeem(folder.path(), &["-n", "west", "--timeout", "1s"]);
        command.env(
            "HTTPS_PROXY",
            format!("http://user:canary@127.0.0.1:{port}"),
        );
        command.env("NO_PROXY", exceptions);
        feed(command, &yaml).wait_with_output().unwrap()
    };
    let output = redeem_with("grants.example");
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let named = format!("(through the proxy http://127.0.0.1:{port} of HTTPS_PROXY)");
    assert!(said.contains(&named) && !said.contains("canary"), "{said}");

    let output = redeem_with("127.0.0.1");
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    for name in ["Link-west.yaml", "Secret-west.yaml"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text.contains("\n  namespace: \"west\"\n"), "{name}");
    }
}

fn is_key(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "key")
}
