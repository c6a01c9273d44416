//! Every command from outside: exit codes, messages in one line, output for programs, help.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::redeemers::{Door, Redeemer};
use crate::sidecar::{BINARY, Sidecar, Token};
use crate::tools::{printed, tool};

const COMMANDS: [&str; 6] = ["serve", "issue", "redeem", "list", "show", "revoke"];

/// What fails: a name, the arguments, the exit code, and a part of the one line that it says.
type Row<'a> = (&'a str, &'a [&'a str], i32, &'a str);

#[test]
fn what_fails_says_why_in_one_line_and_exits_with_what_can_be_done() {
    let sidecar = Sidecar::start();
    let place = Place(tempfile::tempdir().unwrap());
    let (data, empty) = (sidecar.folder().to_str().unwrap(), place.path("empty"));
    let empty = empty.as_str();
    sidecar.issue("live", &[]);
    sidecar.issue("ended", &[]);
    assert!(sidecar.run(&["revoke", "ended"]).status.success());
    let short = place.file("short", "fifteen bytes.");
    let taken = place.file("taken", "");
    let grant = place.file("grant.yaml", "kind: AccessToken");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = busy.local_addr().unwrap().to_string();
    let missing = place.path("missing");
    let rows: &[Row<'_>] = &[
        (
            "an unknown command",
            &["frobnicate"],
            2,
            "unrecognized subcommand 'frobnicate'",
        ),
        (
            "an unknown option",
            &["list", "--name"],
            2,
            "unexpected argument '--name'",
        ),
        (
            "an unknown form",
            &["list", "-o", "xml", "--data", data],
            2,
            "'xml'",
        ),
        ("issue: no name", &["issue", "--data", data], 2, "<NAME>"),
        (
            "issue: no DNS name",
            &["issue", "West", "--data", data],
            2,
            "RFC 1123",
        ),
        (
            "issue: no redemption",
            &["issue", "a", "--redemptions-allowed", "0", "--data", data],
            2,
            "from 1",
        ),
        (
            "issue: no time",
            &["issue", "a", "--expiration-window", "0s", "--data", data],
            2,
            "more than 0",
        ),
        (
            "issue: no duration",
            &["issue", "a", "--expiration-window", "1 day", "--data", data],
            2,
            "24h",
        ),
        (
            "issue: a short code",
            &["issue", "a", "--code-file", &short, "--data", data],
            2,
            "at least 16",
        ),
        (
            "issue: no code file",
            &["issue", "a", "--code-file", &missing, "--data", data],
            2,
            "cannot read",
        ),
        (
            "issue: no AccessGrant",
            &["issue", "-f", &grant, "--data", data],
            2,
            "AccessGrant",
        ),
        (
            "issue: a live name",
            &["issue", "live", "--data", data],
            1,
            "'redemption-sidecar revoke live'",
        ),
        (
            "issue: a file that is there",
            &["issue", "a", "-o", &taken, "--data", data],
            1,
            "is there already",
        ),
        (
            "issue: no such folder",
            &["issue", "a", "-o", &format!("{missing}/a"), "--data", data],
            2,
            "cannot write",
        ),
        (
            "issue: no service yet",
            &["issue", "a", "--data", empty],
            2,
            "run 'redemption-sidecar serve' once",
        ),
        (
            "show: unknown",
            &["show", "a", "--data", data],
            1,
            "there is no grant 'a'",
        ),
        (
            "revoke: unknown",
            &["revoke", "a", "--data", data],
            1,
            "there is no live grant 'a'",
        ),
        (
            "revoke: ended",
            &["revoke", "ended", "--data", data],
            1,
            "there is no live grant 'ended'",
        ),
        ("serve: no site", &["serve", "--data", empty], 2, "--init"),
        (
            "serve: no such site",
            &["serve", "--data", empty, "--site", &missing],
            2,
            "cannot",
        ),
        (
            "serve: a short life",
            &["serve", "--certificate-duration", "59m"],
            2,
            "at least 1h",
        ),
        (
            "serve: half a certificate",
            &["serve", "--tls-cert", &taken],
            2,
            "--tls-key",
        ),
        (
            "serve: no https",
            &["serve", "--init", "--url", "http://a"],
            2,
            "'https'",
        ),
        (
            "serve: a busy port",
            &["serve", "--data", data, "--listen", &busy],
            3,
            "is in use",
        ),
        (
            "completions: no such shell",
            &["completions", "dos"],
            2,
            "bash",
        ),
        ("man: no folder", &["man", &taken], 2, "cannot write"),
    ];
    rows.iter().for_each(check);
    assert_eq!(fs::read_to_string(taken).unwrap(), "");
    let live = sidecar.run(&["list"]);
    assert!(
        !String::from_utf8(live.stdout).unwrap().contains("\na "),
        "nothing was made"
    );
}

#[test]
fn a_redemption_that_fails_says_whether_the_token_is_worth_another_try() {
    let sidecar = Sidecar::start();
    let place = Place(tempfile::tempdir().unwrap());
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    let spent = sidecar.issue("spent", &[]);
    let door = Door::new(sidecar.port, &token.ca, 0);
    assert_eq!(Redeemer::plain().ask_once(&door, &spent).status, 200);
    let expired = sidecar.issue("expired", &["--expiration-window", "1s"]);
    let revoked = sidecar.issue("revoked", &[]);
    assert!(sidecar.run(&["revoke", "revoked"]).status.success());
    let other_ca = Sidecar::start().issue("west", &[]).ca;

    let good = place.token("good", &token);
    let out = place.path("out");
    let changed = |name: &str, from: &str, to: &str| {
        let yaml = token.yaml.replace(from, to);
        assert_ne!(yaml, token.yaml, "{name}");
        place.file(name, &yaml)
    };
    let wrong = changed("wrong", &token.code, "canary-of-another-code");
    let away = changed("away", &format!(":{}/", sidecar.port), ":9/");
    let unknown = changed("unknown", &token.path[1..9], "00000000");
    let indented = |ca: &str| ca.trim_end().replace('\n', "\n    ");
    let stranger = changed("stranger", &indented(&token.ca), &indented(&other_ca));
    let no_ca = changed("no-ca", "\n  ca: ", "\n  canary: ");
    let grant = changed("grant", "kind: AccessToken", "kind: AccessGrant");
    let http = changed("http", "https://", "http://");
    let broken = place.file("broken", "{");
    let (spent, expired) = (
        place.token("spent", &spent),
        place.token("expired", &expired),
    );
    let (revoked, missing) = (place.token("revoked", &revoked), place.path("missing"));
    fs::create_dir_all(place.path("taken")).unwrap();
    let taken_file = place.file("taken/Link-west.yaml", "my own");
    let taken = place.path("taken");
    sleep(Duration::from_millis(1100));
    let rows: &[Row<'_>] = &[
        (
            "no file",
            &["redeem", &missing, "--out", &out],
            2,
            "missing",
        ),
        ("no YAML", &["redeem", &broken, "--out", &out], 2, "broken"),
        (
            "another kind",
            &["redeem", &grant, "--out", &out],
            2,
            "AccessToken",
        ),
        ("no CA", &["redeem", &no_ca, "--out", &out], 2, "spec.ca"),
        ("no https", &["redeem", &http, "--out", &out], 2, "https"),
        (
            "a dot",
            &["redeem", &good, "--out", &out, "--name", "a.b"],
            2,
            "DNS-1123 label",
        ),
        (
            "a slash",
            &["redeem", &good, "--out", &out, "--name", "A/b"],
            2,
            "error: --name: ",
        ),
        (
            "two places",
            &["redeem", &good, "--out", &out, "-n", "default"],
            2,
            "cannot be used with",
        ),
        (
            "no such namespace",
            &["redeem", &missing, "-n", "none-of-the-tests"],
            2,
            "there is no Skupper namespace 'none-of-the-tests' in",
        ),
        (
            "a path for a namespace",
            &["redeem", &good, "-n", "../west"],
            2,
            "may not be '../west'",
        ),
        (
            "another's file",
            &["redeem", &good, "--out", &taken],
            2,
            "Link-west.yaml exists",
        ),
        (
            "an output that is a file",
            &["redeem", &good, "--out", &good],
            2,
            "good",
        ),
        (
            "wrong code",
            &["redeem", &wrong, "--out", &out],
            1,
            "refuses the code",
        ),
        (
            "spent",
            &["redeem", &spent, "--out", &out],
            1,
            "every redemption of this token is used",
        ),
        (
            "expired",
            &["redeem", &expired, "--out", &out],
            1,
            "No such claim",
        ),
        (
            "revoked",
            &["redeem", &revoked, "--out", &out],
            1,
            "No such claim",
        ),
        (
            "unknown",
            &["redeem", &unknown, "--out", &out],
            1,
            "No such claim",
        ),
        (
            "another CA",
            &["redeem", &stranger, "--out", &out],
            1,
            "is not signed by the CA",
        ),
        (
            "nobody there",
            &["redeem", &away, "--out", &out, "--timeout", "1s"],
            3,
            "run the same command again",
        ),
    ];
    rows.iter().for_each(check);
    let left: Vec<_> = fs::read_dir(&out).unwrap().collect();
    assert!(left.is_empty(), "nothing was redeemed: {left:?}");
    assert_eq!(fs::read_to_string(&taken_file).unwrap(), "my own");

    let rows: [(&str, &[&str], &str); 4] = [
        ("the first time", &["--out", &out], "redeemed: 'west'"),
        ("again", &["--out", &out], "redeemed already: 'west'"),
        (
            "by force",
            &["--out", &taken, "--force"],
            "redeemed: 'west'",
        ),
        (
            "another name",
            &["--out", &taken],
            "redeemed already: 'west'",
        ),
    ];
    for (name, arguments, says) in rows {
        let output = run(&[&["redeem", &good], arguments].concat());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {errors}");
        assert!(errors.starts_with(says), "{name}: {errors}");
        let files = String::from_utf8(output.stdout).unwrap();
        for file in files.lines() {
            assert!(Path::new(file).exists(), "{name}: {file}");
        }
        assert_eq!(files.lines().count(), 2, "{name}");
    }
}

#[test]
fn output_for_programs_says_the_same_in_json_and_yaml() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "3"]);
    sidecar.issue("east", &[]);
    let door = Door::new(sidecar.port, &token.ca, 0);
    for redeemer in [Redeemer::plain(), Redeemer::with_own_key()] {
        assert_eq!(redeemer.ask_once(&door, &token).status, 200);
    }
    let rows: [(&[&str], usize, Option<usize>); 3] = [
        (&["list"], 2, None),
        (&["show", "west"], 1, Some(2)),
        (&["show", "east"], 1, Some(0)),
    ];
    for (arguments, grants, certificates) in rows {
        let text = |form| {
            let output = sidecar.run(&[arguments, &["-o", form]].concat());
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{arguments:?}"
            );
            String::from_utf8(output.stdout).unwrap()
        };
        let json: Value = serde_json::from_str(&text("json")).unwrap();
        let yaml: Value = serde_saphyr::from_str(&text("yaml")).unwrap();
        assert_eq!(json, yaml, "{arguments:?}");
        let found = json.as_array().unwrap();
        assert_eq!(found.len(), grants, "{arguments:?}");
        for grant in found {
            for field in ["name", "uid", "state", "created", "expirationTime"] {
                assert!(grant[field].is_string(), "{field}: {grant}");
            }
            let issued = grant["certificates"].as_array().map(Vec::len);
            assert_eq!(issued, certificates, "{arguments:?}");
        }
        let table = text("table");
        for line in table.lines() {
            assert!(!line.ends_with(' '), "{line:?}");
        }
    }
    // What is revoked is shown with the certificates that stay valid.
    let output = sidecar.run(&["revoke", "west", "-o", "json"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json[0]["state"], "revoked");
    assert_eq!(json[0]["certificates"].as_array().unwrap().len(), 2);
    let output = sidecar.run(&["show", "west", "-o", "yaml"]);
    let yaml: Value = serde_saphyr::from_slice(&output.stdout).unwrap();
    assert_eq!(json, yaml);
}

#[test]
fn the_help_of_every_command_opens_with_an_example_that_its_options_know() {
    for command in COMMANDS {
        for option in ["--help", "-h"] {
            let help = printed(Command::new(BINARY).args([command, option]));
            assert!(help.starts_with("Example"), "{command}: {help}");
            let example = help.lines().nth(1).unwrap().trim();
            let words: Vec<_> = example.split(' ').collect();
            assert_eq!(words[..2], ["redemption-sidecar", command]);
            for word in words.iter().filter(|word| word.starts_with('-')) {
                let (_, options) = help.split_once("Options:").unwrap();
                assert!(options.contains(word), "{command}: {word}");
            }
        }
    }
    for (command, says) in [
        ("issue", "of the options below, `-` for standard input"),
        ("redeem", "with an AccessToken, `-` for standard input"),
    ] {
        let help = printed(Command::new(BINARY).args([command, "-h"]));
        let words: Vec<_> = help.split_whitespace().collect();
        assert!(words.join(" ").contains(says), "{help}");
    }
    let help = printed(Command::new(BINARY).arg("--help"));
    let (example, _) = help.split_once("Usage:").unwrap();
    for word in ["serve", "issue", "redeem"] {
        assert!(
            example.contains(&format!("redemption-sidecar {word}")),
            "{help}"
        );
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let text = printed(Command::new(BINARY).args(["completions", shell]));
        for command in COMMANDS {
            assert!(text.contains(command), "{shell}: {command}");
        }
        if shell == "bash" {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("completions");
            fs::write(&file, text).unwrap();
            printed(tool("bash").arg("-n").arg(file));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("man/man1");
    printed(Command::new(BINARY).arg("man").arg(&folder));
    for command in COMMANDS {
        let page = folder.join(format!("redemption-sidecar-{command}.1"));
        let page = fs::read_to_string(page).unwrap();
        assert!(
            page.contains(".TH") && page.contains(".SH OPTIONS"),
            "{command}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure_unless_it_was_to_have_a_token() {
    let sidecar = Sidecar::start();
    let nobody = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let status = |arguments: &[&str], output: Stdio, errors: Stdio| {
        let mut command = Command::new(BINARY);
        command.args(arguments).arg("--data").arg(sidecar.folder());
        command
            .stdout(output)
            .stderr(errors)
            .status()
            .unwrap()
            .code()
    };
    for arguments in [
        ["issue", "west"],
        ["show", "west"],
        ["show", "none"],
        ["revoke", "west"],
    ] {
        let expected = i32::from(arguments[1] == "none");
        let silent = status(&arguments, Stdio::null(), nobody().into());
        assert_eq!(silent, Some(expected), "{arguments:?}");
    }
    assert_eq!(status(&["list"], nobody().into(), Stdio::null()), Some(0));
    // A token that nobody has cannot be redeemed.
    let full = || fs::File::create("/dev/full").unwrap();
    for (name, output) in [("nobody", nobody().into()), ("full", full().into())] {
        assert_eq!(
            status(&["issue", name], output, Stdio::null()),
            Some(3),
            "{name}"
        );
        let shown = sidecar.run(&["show", name, "-o", "json"]);
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        assert_eq!(shown[0]["state"], "revoked", "{name}");
    }
}

fn check((name, arguments, exit_code, says): &Row<'_>) {
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(*exit_code), "{name}: {errors}");
    assert!(output.stdout.is_empty(), "{name}");
    // A log and what is waited for may come before.
    let is_error = |line: &&str| line.starts_with("error: ");
    let line = errors.lines().last().filter(is_error);
    let line = line.unwrap_or_else(|| panic!("{name}: {errors}"));
    assert!(line.contains(says), "{name}: {line}");
    assert_eq!(
        errors.lines().filter(is_error).count(),
        1,
        "{name}: {errors}"
    );
    assert!(!errors.contains("panicked"), "{name}: {errors}");
    assert!(!line.contains("canary"), "{name}: {line}");
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// A folder for files beside the data folder.
struct Place(tempfile::TempDir);

impl Place {
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn token(&self, name: &str, token: &Token) -> String {
        self.file(name, &token.yaml)
    }
}
