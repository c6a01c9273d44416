//! Every command from outside: exit codes, messages in one line, output for programs, help.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::operators::wait_for;
use crate::redeemers::{Door, Redeemer};
use crate::sidecar::{BINARY, Sidecar};
use crate::tools::{printed, tool};

const COMMANDS: [&str; 8] = [
    "serve",
    "issue",
    "redeem",
    "list",
    "show",
    "revoke",
    "completions",
    "man",
];

/// What fails: the exit code, the words of the command, and a part of the one line that it says. A
/// word that begins with `$` is a file of the test's folder.
type Row<'a> = (i32, &'a str, &'a str);

#[test]
fn what_fails_says_why_in_one_line_and_exits_with_what_can_be_done() {
    let sidecar = Sidecar::start();
    sidecar.issue("live", &[]);
    sidecar.issue("ended", &[]);
    assert!(sidecar.run(&["revoke", "ended"]).status.success());
    let place = Place::new();
    place.file("short", "fifteen bytes..");
    place.file("taken", "");
    place.file("token.yaml", "kind: AccessToken");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = format!("serve --listen {}", busy.local_addr().unwrap());
    let rows: &[Row<'_>] = &[
        (2, "frobnicate", "unrecognized subcommand 'frobnicate'"),
        (2, "list --name", "unexpected argument '--name'"),
        (2, "list -o xml", "'xml'"),
        (2, "issue", "<NAME>"),
        (2, "issue West", "RFC 1123"),
        (2, "issue a --redemptions-allowed 0", "from 1"),
        (2, "issue a --expiration-window 0s", "more than 0"),
        (2, "issue a --expiration-window 1d", "24h"),
        (2, "issue a --code-file $short", "at least 16"),
        (2, "issue a --code-file $missing", "cannot read"),
        (2, "issue -f $token.yaml", "AccessGrant"),
        (1, "issue live", "'redemption-sidecar revoke live'"),
        (2, "issue a -o $taken", "is there already and is empty"),
        (2, "issue a -o $missing/a", "cannot write"),
        (2, "issue a -o /", "/ is there already and is no file"),
        (
            2,
            "issue a -o /dev/null",
            "leave -o out for standard output",
        ),
        (2, "issue a --data $empty", "there is no ledger in"),
        (1, "show a", "there is no grant 'a'"),
        (1, "revoke a", "there is no live grant 'a'"),
        (1, "revoke ended", "'ended' was revoked at"),
        (2, "serve --data $empty", "--init"),
        (2, "serve --site $missing", "cannot"),
        (2, "serve --certificate-duration 59m", "at least 1h"),
        (2, "serve --tls-cert $taken", "--tls-key"),
        (2, "serve --init --url http://a", "'https'"),
        (
            2,
            "serve --listen 9090",
            "ADDRESS:PORT, such as '0.0.0.0:9090'",
        ),
        (
            2,
            "serve --listen 192.0.2.1:0",
            "no address of this host, choose another with --listen",
        ),
        (2, "serve --log-level loud", "must be error, warn, info"),
        (3, &busy, "is in use, choose another with --listen"),
        (2, "completions dos", "bash"),
        (2, "man $taken", "cannot write"),
    ];
    for (exit_code, words, says) in rows {
        let mut words = place.words(words);
        let has_data = ["serve", "issue", "list", "show", "revoke"].contains(&words[0].as_str());
        if has_data && !words.contains(&"--data".to_owned()) {
            words.extend(["--data".to_owned(), sidecar.folder().display().to_string()]);
        }
        check(*exit_code, &words, says);
    }
    assert_eq!(fs::read_to_string(place.path("taken")).unwrap(), "");
    let list = String::from_utf8(sidecar.run(&["list"]).stdout).unwrap();
    assert!(!list.contains("\na "), "a grant was made: {list}");
}

#[test]
fn a_token_that_cannot_be_made_leaves_no_file_and_one_that_is_made_says_its_terms() {
    let sidecar = Sidecar::start();
    let place = Place::new();
    let output = place.path("west.yaml");
    let path = output.as_str();
    let issue = |options: &[&str]| sidecar.run(&[&["issue", "west", "-o", path], options].concat());
    // The ledger is locked for longer than is waited.
    let lock = rusqlite::Connection::open(sidecar.folder().join("ledger.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = issue(&[]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(!Path::new(path).exists());
    lock.execute_batch("ROLLBACK").unwrap();
    drop(lock);

    let issued = issue(&["--redemptions-allowed", "3", "--expiration-window", "1h"]);
    assert!(issued.status.success(), "{issued:?}");
    let said = String::from_utf8(issued.stderr).unwrap();
    let token = fs::read_to_string(path).unwrap();
    let mut lines = token.lines();
    assert_eq!(lines.next(), Some("---"));
    let head = format!("# The token of grant {}", said.trim_end());
    assert_eq!(lines.next(), Some(head.as_str()));
    assert!(
        head.contains("'west' can be redeemed 3 times until 20"),
        "{head}"
    );

    let printed = sidecar.run(&["issue", "east", "-o", "-"]);
    assert!(printed.status.success(), "{printed:?}");
    assert!(
        String::from_utf8(printed.stdout)
            .unwrap()
            .contains("code: ")
    );
    assert!(!Path::new("-").exists());
}

#[test]
fn an_edge_site_issues_no_tokens() {
    let other = Sidecar::start();
    let namespace = tempfile::tempdir().unwrap();
    let runtime = namespace.path().join("runtime");
    let issuer = runtime.join("issuers/skupper-site-ca");
    fs::create_dir_all(&issuer).unwrap();
    fs::create_dir_all(runtime.join("resources")).unwrap();
    for (from, to) in [("ca.crt", "tls.crt"), ("ca.key", "tls.key")] {
        fs::copy(other.folder().join("site").join(from), issuer.join(to)).unwrap();
    }
    let describe = |edge: bool| {
        let site = format!(
            "kind: Site
metadata: {{name: west}}
spec: {{edge: {edge}}}
"
        );
        fs::write(runtime.join("resources/Site-west.yaml"), site).unwrap();
    };
    describe(true);
    let sidecar = Sidecar::start_with(&["--site", namespace.path().to_str().unwrap()]);
    let output = sidecar.run(&["issue", "east"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let says = "site 'west' is an edge site and accepts no links: issue the token at another site";
    assert!(said.contains(says), "{said}");
    describe(false);
    wait_for(|| sidecar.run(&["issue", "east"]).status.success());
}

#[test]
fn a_redemption_that_fails_says_whether_the_token_is_worth_another_try() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    let spent = sidecar.issue("spent", &[]);
    let door = Door::new(sidecar.port, &token.ca, 0);
    assert_eq!(Redeemer::plain().ask_once(&door, &spent).status, 200);
    let expired = sidecar.issue("expired", &["--expiration-window", "1s"]);
    let revoked = sidecar.issue("revoked", &[]);
    assert!(sidecar.run(&["revoke", "revoked"]).status.success());
    let other_ca = Sidecar::start().issue("west", &[]).ca;

    let place = Place::new();
    place.file("good", &token.yaml);
    place.file("spent", &spent.yaml);
    place.file("expired", &expired.yaml);
    place.file("revoked", &revoked.yaml);
    place.file("broken", "{");
    fs::create_dir_all(place.path("taken")).unwrap();
    place.file("taken/Link-west.yaml", "my own");
    let port = format!(":{}/", sidecar.port);
    let (uid, _) = token.path.split_once('-').unwrap();
    let block = |ca: &str| ca.trim_end().replace('\n', "\n    ");
    for (name, from, to) in [
        ("wrong-code", token.code.as_str(), "canary-of-another-code"),
        ("away", &port, ":9/"),
        ("unknown", uid, "/00000000"),
        ("other-ca", &block(&token.ca), &block(&other_ca)),
        ("no-ca", "\n  ca: ", "\n  canary: "),
        ("grant", "kind: AccessToken", "kind: AccessGrant"),
        ("http", "https://", "http://"),
    ] {
        let yaml = token.yaml.replace(from, to);
        assert_ne!(yaml, token.yaml, "{name}");
        place.file(name, &yaml);
    }
    sleep(Duration::from_millis(1100));
    let rows: &[Row<'_>] = &[
        (2, "redeem $missing --out $out", "missing"),
        (2, "redeem $broken --out $out", "broken"),
        (2, "redeem $grant --out $out", "AccessToken"),
        (2, "redeem $no-ca --out $out", "spec.ca"),
        (2, "redeem $http --out $out", "https"),
        (2, "redeem $good --out $out --name a.b", "no dots"),
        (2, "redeem $good --out $out --name A/b", "error: --name: "),
        (
            2,
            "redeem $missing -n none-of-the-tests",
            "missing: no such file or directory",
        ),
        (2, "redeem $good -n ../west", "may not be '../west'"),
        (2, "redeem $good --out $out --timeout 0", "more than 0"),
        (2, "redeem $good --out $taken", "Link-west.yaml exists"),
        (2, "redeem $good --out $good", "good"),
        (1, "redeem $wrong-code --out $out", "refuses the code"),
        (
            1,
            "redeem $spent --out $out",
            "every redemption of this token is used",
        ),
        (1, "redeem $expired --out $out", "No such claim"),
        (1, "redeem $revoked --out $out", "No such claim"),
        (1, "redeem $unknown --out $out", "No such claim"),
        (3, "redeem $other-ca --out $out", "is not signed by the CA"),
        (
            3,
            "redeem $away --out $out --timeout 1s",
            "run the same command again",
        ),
    ];
    for (exit_code, words, says) in rows {
        check(*exit_code, &place.words(words), says);
    }
    let left: Vec<_> = fs::read_dir(place.path("out")).unwrap().collect();
    assert!(left.is_empty(), "nothing was redeemed: {left:?}");
    let taken = fs::read_to_string(place.path("taken/Link-west.yaml")).unwrap();
    assert_eq!(taken, "my own");

    let rows = [
        ("redeem $good --out $out", "redeemed: 'west'"),
        ("redeem $good --out $out", "redeemed already: 'west'"),
        ("redeem $good --out $taken --force", "redeemed: 'west'"),
        ("redeem $good --out $taken", "redeemed already: 'west'"),
    ];
    for (words, says) in rows {
        let output = run(&place.words(words));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words}: {errors}");
        assert!(errors.starts_with(says), "{words}: {errors}");
        let files = String::from_utf8(output.stdout).unwrap();
        assert_eq!(files.lines().count(), 2, "{words}");
        for file in files.lines() {
            assert!(Path::new(file).exists(), "{words}: {file}");
        }
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

fn check(exit_code: i32, words: &[String], says: &str) {
    let output = run(words);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(exit_code), "{words:?}: {errors}");
    assert!(output.stdout.is_empty(), "{words:?}");
    // A log, and what is waited for, may come before.
    let is_error = |line: &&str| line.starts_with("error: ");
    assert_eq!(
        errors.lines().filter(is_error).count(),
        1,
        "{words:?}: {errors}"
    );
    let line = errors.lines().last().filter(is_error).unwrap_or_default();
    assert!(line.contains(says), "{words:?}: {errors}");
    for secret in ["canary", "panicked"] {
        assert!(!errors.contains(secret), "{words:?}: {errors}");
    }
}

fn run(words: &[String]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(words).env("RUST_BACKTRACE", "1");
    command.output().unwrap()
}

/// A folder for files beside the data folder.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The words of a command line, with the paths of files.
    fn words(&self, line: &str) -> Vec<String> {
        let word = |word: &str| match word.strip_prefix('$') {
            Some(name) => self.path(name),
            None => word.to_owned(),
        };
        line.split(' ').map(word).collect()
    }
}
