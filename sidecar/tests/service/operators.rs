//! What an operator gets wrong, and what the service then says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::Value;

use crate::redeemers::{Door, Redeemer};
use crate::sidecar::{BINARY, PATIENCE, Sidecar};
use crate::tools::{printed, tool};

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let url = "https://user:canary@grants.example:9090";
    let rows: [(&str, &[&str], &str); 5] = [
        ("--url", &["serve", "--url", url], "user name or a password"),
        (
            "--url without a scheme",
            &["serve", "--url", "user:canary@grants.example"],
            "--url",
        ),
        ("no option", &["serve", url], "unexpected argument 'a URL'"),
        ("a name", &["issue", url], "invalid value 'a URL'"),
        ("a command", &[url], "unrecognized subcommand 'a URL'"),
    ];
    for (name, arguments, says) in rows {
        let (code, line) = failed(arguments);
        assert_eq!(code, Some(2), "{name}");
        assert!(line.contains(says), "{name}: {line}");
        assert!(!line.contains("canary"), "{name}: {line}");
    }
    let of_environment = Command::new(BINARY)
        .arg("serve")
        .env("SKUPPER_GRANT_SERVER_BASE_URL", url)
        .output()
        .unwrap();
    let line = one_line(&of_environment);
    assert!(!line.contains("canary"), "{line}");
}

#[test]
fn one_line_says_what_is_wrong_without_the_hints_of_the_parser() {
    let (code, line) = failed(&["serv"]);
    assert_eq!(code, Some(2));
    assert_eq!(line, "error: unrecognized subcommand 'serv': try '--help'");
}

#[test]
fn a_folder_without_a_ledger_is_named_and_not_made() {
    let place = tempfile::tempdir().unwrap();
    let slip = place.path().join("slip");
    let folder = slip.to_str().unwrap();
    for command in [
        ["list", "--data", folder].as_slice(),
        &["show", "west", "--data", folder],
        &["revoke", "west", "--data", folder],
        &["issue", "west", "--data", folder],
        // No address is known, so that no token could be issued.
        &[
            "serve",
            "--init",
            "--advertise-host",
            "a.example",
            "--data",
            folder,
        ],
        &["serve", "--init", "--issuer", "a/b", "--data", folder],
        &["serve", "--data", folder],
    ] {
        let (code, line) = failed(command);
        assert_eq!(code, Some(2), "{command:?}: {line}");
        let says = if command[0] == "serve" { "--" } else { folder };
        assert!(line.contains(says), "{command:?}: {line}");
        assert!(!slip.exists(), "{command:?}");
    }
}

#[test]
fn a_certificate_that_redeemers_would_refuse_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    // A site of its own, whose CA must not serve as the CA of the server.
    let sidecar = Sidecar::start();
    let site_ca = sidecar.folder().join("site/ca");
    let [good, stranger] = [place.path(), other.path()].map(|folder| {
        authority(folder);
        folder.join("ca")
    });
    let leaf = |name: &str, ca: &Path, host: &str| certify(place.path(), name, ca, host);
    let here = "IP:127.0.0.1";
    let rows = [
        (
            "another CA",
            leaf("a", &good, here),
            &stranger,
            "--tls-ca does not sign --tls-cert",
        ),
        (
            "another host",
            leaf("b", &good, "DNS:a.example"),
            &good,
            "does not cover '127.0.0.1'",
        ),
        (
            "the CA of the site",
            leaf("c", &site_ca, here),
            &site_ca,
            "issuer 'default' of the site",
        ),
    ];
    let url = "https://127.0.0.1:9090";
    for (name, pair, ca, says) in &rows {
        let arguments = tls(sidecar.folder(), pair, ca, url);
        let output = Command::new(BINARY).args(&arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().last().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {text}");
        assert!(line.contains(says), "{name}: {text}");
    }
    // With a name in its certificate that fits, it serves.
    let pair = leaf("d", &good, here);
    let options = ["--init", "--tls-cert", &format!("{pair}.crt"), "--tls-key"].map(str::to_owned);
    let options = [
        options.as_slice(),
        &[format!("{pair}.key"), "--tls-ca".to_owned()],
    ]
    .concat();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ca = good.with_extension("crt");
    let served = Sidecar::start_with(&[&options[..], &[ca.to_str().unwrap()]].concat());
    assert_eq!(
        served.issue("west", &[]).ca,
        fs::read_to_string(ca).unwrap()
    );
}

#[test]
fn the_log_says_where_it_listens_what_is_odd_and_that_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut sidecar = Sidecar::start_in(folder.path(), &["--init", "--log-format", "json"]);
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait(), Some(0));
    let log = sidecar.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (port, operations_port) = (sidecar.port, sidecar.operations_port);
    let said = |part: &str| {
        lines
            .iter()
            .filter(|line| line["message"].as_str().unwrap().contains(part))
            .count()
    };
    assert!(
        lines.iter().any(|line| line["next_steps"]
            .as_str()
            .is_some_and(|text| text.contains("openssl"))),
        "{log}"
    );
    for part in [
        &format!(
            "listening on 127.0.0.1:{port} (redemptions) and 127.0.0.1:{operations_port} (operations)"
        ),
        "which only this machine can reach",
        "chmod 700",
    ] {
        assert_eq!(said(part), 1, "{part}: {log}");
    }
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}

#[test]
fn a_site_that_was_made_for_another_host_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    drop(Sidecar::start_in(folder.path(), &["--init"]));
    let description = folder.path().join("site/redemption.yaml");
    let text = fs::read_to_string(&description).unwrap();
    fs::write(&description, text.replace("127.0.0.1", "127.0.0.9")).unwrap();
    let sidecar = Sidecar::start_in(folder.path(), &["--init"]);
    wait_for(|| {
        sidecar
            .log()
            .contains("made before for another host than '127.0.0.1'")
    });
}

#[test]
fn a_grant_whose_issuer_is_not_served_is_logged_with_what_to_do() {
    let sidecar = Sidecar::start();
    let file = sidecar.folder().join("grant.yaml");
    let grant = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: iss}\nspec: {issuer: other}\n";
    fs::write(&file, grant).unwrap();
    let token = sidecar.issue_from(&["-f", file.to_str().unwrap()]);
    let door = Door::new(sidecar.port, &token.ca, 0);
    assert_eq!(Redeemer::plain().ask_once(&door, &token).status, 503);
    let log = sidecar.log();
    let line = log
        .lines()
        .find(|line| line.contains("names the issuer"))
        .unwrap();
    let uid = token.path.trim_start_matches('/');
    for part in [
        "the grant 'iss' names the issuer 'other', which is not served: start serve with '--issuer other'",
        &format!("grant={uid}"),
        "name=\"iss\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_code_file_of_another_system_holds_the_same_code_and_a_short_one_is_no_code() {
    let sidecar = Sidecar::start();
    let file = sidecar.folder().join("code");
    let path = file.to_str().unwrap();
    fs::write(&file, "sixteen bytes...\r\n").unwrap();
    let token = sidecar.issue("west", &["--code-file", path]);
    assert_eq!(token.code, "sixteen bytes...");
    fs::write(&file, "fifteen bytes..\r\n").unwrap();
    let output = sidecar.run(&["issue", "east", "--code-file", path]);
    assert_eq!(output.status.code(), Some(2));
    let line = one_line(&output);
    assert!(
        line.contains("leave --code-file out for a random one"),
        "{line}"
    );
}

#[test]
fn a_grant_that_outlives_the_ca_of_the_server_is_warned_of() {
    let sidecar = Sidecar::start();
    for (window, is_warned) in [("24h", false), ("2000000h", true)] {
        let output = sidecar.run(&[
            "issue",
            &format!("w{window}"),
            "--expiration-window",
            window,
        ]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        assert_eq!(
            text.contains("the CA of the server ends before"),
            is_warned,
            "{text}"
        );
    }
}

#[test]
fn what_may_not_be_read_is_not_taken_for_missing_or_occupied() {
    let sidecar = Sidecar::start();
    let data = sidecar.folder();
    let url = "https://127.0.0.1:9090";
    let rows: [(&str, &[&str]); 4] = [
        ("site", &["serve", "--init", "--url", url]),
        ("site", &["serve", "--init"]),
        ("site", &["serve", "--url", url]),
        ("", &["list"]),
    ];
    for (closed, arguments) in rows {
        let closed = data.join(closed);
        let set = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
        set(0o000);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = tool("setpriv");
            command.args([
                "--bounding-set=-dac_override,-dac_read_search",
                "--",
                BINARY,
            ]);
            command
        } else {
            Command::new(BINARY)
        };
        let output = command.args(arguments).arg("--data").arg(data).output();
        set(0o700);
        let output = output.unwrap();
        let line = one_line(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
        for part in [
            "cannot read",
            "permission denied",
            "has mode 0000",
            "run as that user",
        ] {
            assert!(line.contains(part), "{arguments:?}: {line}");
        }
    }
}

#[test]
fn a_service_that_cannot_write_is_not_ready_until_it_can() {
    let before = Sidecar::start();
    // The signal that comes with the limit would end the process; what is ignored stays ignored.
    let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
    let sidecar = before.restart_under(&wrapper);
    let limit = |bytes: Option<u64>| {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(Some(sidecar.id()), Resource::Fsize, limit).unwrap();
    };
    assert!(ready(&sidecar).contains(" 200 "));
    limit(Some(0));
    wait_for(|| ready(&sidecar).contains("the ledger cannot be written"));
    limit(None);
    wait_for(|| ready(&sidecar).contains(" 200 "));
}

pub(crate) fn ready(sidecar: &Sidecar) -> String {
    sidecar.operations("/readyz")
}

pub(crate) fn wait_for(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(50));
    }
}

/// Makes a CA and a certificate of it for 127.0.0.1, in date for two days. Returns the paths of the
/// certificate, of its key and of the CA.
pub(crate) fn pair(folder: &Path) -> [String; 3] {
    authority(folder);
    let pair = certify(folder, "server", &folder.join("ca"), "IP:127.0.0.1");
    let ca = folder.join("ca.crt").to_str().unwrap().to_owned();
    [format!("{pair}.crt"), format!("{pair}.key"), ca]
}

/// Makes `ca.crt` and `ca.key` in a folder.
fn authority(folder: &Path) {
    printed(
        tool("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args(["-subj", "/CN=authority", "-keyout"])
            .arg(folder.join("ca.key"))
            .arg("-out")
            .arg(folder.join("ca.crt")),
    );
}

/// Makes a certificate for a host, and returns its path without the ending.
fn certify(folder: &Path, name: &str, ca: &Path, host: &str) -> String {
    let pair = folder.join(name);
    printed(
        tool("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args(["-subj", "/CN=server", "-days", "2"])
            .args(["-addext", &format!("subjectAltName={host}")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-CA")
            .arg(ca.with_extension("crt"))
            .arg("-CAkey")
            .arg(ca.with_extension("key"))
            .arg("-keyout")
            .arg(pair.with_extension("key"))
            .arg("-out")
            .arg(pair.with_extension("crt")),
    );
    pair.to_str().unwrap().to_owned()
}

fn tls(data: &Path, pair: &str, ca: &Path, url: &str) -> Vec<String> {
    let ca = ca.with_extension("crt");
    let words = [
        "serve",
        "--init",
        "--data",
        data.to_str().unwrap(),
        "--url",
        url,
        "--tls-cert",
        &format!("{pair}.crt"),
        "--tls-key",
        &format!("{pair}.key"),
        "--tls-ca",
        ca.to_str().unwrap(),
    ];
    words.map(str::to_owned).to_vec()
}

/// The exit code of a command that fails, and the one line it says.
fn failed(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    (output.status.code(), one_line(&output))
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}
