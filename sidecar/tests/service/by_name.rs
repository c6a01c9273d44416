//! `serve --redeem-by-name`: grants at the path with their names.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use tempfile::TempDir;

use crate::raw::{Answer, Connection, config};
use crate::sidecar::{BINARY, Sidecar, Token};

const NO_SUCH_CLAIM: (u16, &str) = (404, "No such claim\n");
const REFUSED: (u16, &str) = (403, "Redemption of access token refused\n");
const SPENT: (u16, &str) = (404, "No such access granted\n");

#[test]
fn only_the_holder_of_a_long_code_learns_by_name_what_a_grant_is() {
    let sidecar = Sidecar::start_with(&["--init", "--redeem-by-name"]);
    let files = TempDir::new().unwrap();
    let long = |name: &str, options: &[&str]| issue(&sidecar, &files, name, 32, options);
    let live = long("live", &["--redemptions-allowed", "5"]);
    let spent = long("spent", &[]);
    let revoked = long("revoked", &[]);
    let expired = long("expired", &["--expiration-window", "1s"]);
    let short = issue(&sidecar, &files, "short", 31, &[]);
    let random = sidecar.issue("random", &[]);
    assert_eq!(ask(&sidecar, "/site/spent", &[], &spent).0, 200);
    assert!(sidecar.run(&["revoke", "revoked"]).status.success());
    sleep(Duration::from_millis(1100));
    let wrong = Token {
        code: format!("{}x", live.code),
        ..Token::read(&live.yaml)
    };
    let unknown = NO_SUCH_CLAIM;
    let rows = [
        ("live", "/site/live", &live, (200, "")),
        ("a trailing slash", "/site/live/", &live, (200, "")),
        ("another namespace", "/west/live", &live, (200, "")),
        ("by uid", &*live.path, &live, (200, "")),
        ("live, a wrong code", "/site/live", &wrong, REFUSED),
        ("spent", "/site/spent", &spent, SPENT),
        ("spent, a wrong code", "/site/spent", &wrong, REFUSED),
        ("revoked", "/site/revoked", &revoked, NO_SUCH_CLAIM),
        ("revoked, a wrong code", "/site/revoked", &wrong, REFUSED),
        ("expired", "/site/expired", &expired, NO_SUCH_CLAIM),
        ("expired, a wrong code", "/site/expired", &wrong, REFUSED),
        ("a short code", "/site/short", &short, unknown),
        ("a short code, a wrong one", "/site/short", &wrong, unknown),
        ("a random code", "/site/random", &random, unknown),
        ("a random code by uid", &*random.path, &random, (200, "")),
        ("no grant", "/site/none", &live, unknown),
        ("no name", "/site", &live, unknown),
        ("no namespace", "//live", &live, unknown),
        ("no label", "/a.b/live", &live, unknown),
        (
            "a uid as name",
            &*format!("/site{}", live.path),
            &live,
            unknown,
        ),
    ];
    for (name, path, token, expected) in rows {
        let (status, body) = ask(&sidecar, path, &[], token);
        let body = if status == 200 { "" } else { body.as_str() };
        assert_eq!((status, body), expected, "{name}");
    }
    let log = sidecar.log();
    assert!(!log.contains(live.code.as_str()), "{log}");
}

#[test]
fn a_key_that_was_counted_by_name_is_the_same_redemption_by_uid() {
    let sidecar = Sidecar::start_with(&["--init", "--redeem-by-name"]);
    let files = TempDir::new().unwrap();
    let token = issue(&sidecar, &files, "west", 64, &[]);
    let key = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
    let headers = [("certificate-request", key.as_str())];
    let by_name = ask(&sidecar, "/site/west", &headers, &token);
    assert_eq!(by_name.0, 200, "{}", by_name.1);
    let by_uid = ask(&sidecar, &token.path, &headers, &token);
    assert_eq!(by_uid.0, 200, "{}", by_uid.1);
    assert_eq!(ask(&sidecar, "/site/west", &[], &token).0, SPENT.0);
    // A name means the grant that was not revoked.
    assert!(sidecar.run(&["revoke", "west"]).status.success());
    let next = issue(&sidecar, &files, "west", 32, &[]);
    assert_eq!(ask(&sidecar, "/site/west", &[], &token).0, REFUSED.0);
    assert_eq!(ask(&sidecar, "/site/west", &[], &next).0, 200);
}

#[test]
fn a_token_that_was_written_beforehand_is_redeemed_once() {
    let sidecar = Sidecar::start_with(&["--init", "--redeem-by-name"]);
    let files = TempDir::new().unwrap();
    let token = issue(&sidecar, &files, "west", 32, &[]);
    let file = files.path().join("token.yaml");
    std::fs::write(&file, token.yaml.replace(&*token.path, "/site/west")).unwrap();
    for _ in 0..2 {
        let redeemed = Command::new(BINARY)
            .arg("redeem")
            .arg(&file)
            .arg("--out")
            .arg(files.path().join("link"))
            .output()
            .unwrap();
        assert_eq!(redeemed.status.code(), Some(0), "{redeemed:?}");
    }
    let shown = sidecar.run(&["show", "west"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("1 of 1"), "{shown}");
}

#[test]
fn wrong_codes_for_a_name_are_limited_by_peer_and_by_grant() {
    let sidecar = Sidecar::start_with(&["--init", "--redeem-by-name"]);
    let files = TempDir::new().unwrap();
    let token = issue(
        &sidecar,
        &files,
        "west",
        32,
        &["--redemptions-allowed", "3"],
    );
    let other = issue(&sidecar, &files, "east", 32, &[]);
    for peer in 2..=6 {
        for number in 0..20 {
            let answer = from(&sidecar, peer, "/site/west", &token, "wrong");
            assert_eq!(answer.status, 403, "{peer}: {number}");
        }
        let answer = from(&sidecar, peer, "/site/west", &token, &token.code);
        assert_eq!(answer.status, 429, "{peer}");
    }
    // A peer that sent nothing yet: the name is shut, the uid is not, and neither is another name.
    let answer = from(&sidecar, 7, "/site/west", &token, &token.code);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (429, "Too many attempts\n")
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!(
        from(&sidecar, 7, &token.path, &token, &token.code).status,
        200
    );
    assert_eq!(
        from(&sidecar, 7, "/site/east", &other, &other.code).status,
        200
    );
    let log = sidecar.log();
    assert!(
        log.contains("wrong codes were sent to the name of the grant"),
        "{log}"
    );
}

#[test]
fn without_the_option_no_grant_has_a_name_for_redeemers() {
    let sidecar = Sidecar::start();
    let files = TempDir::new().unwrap();
    let token = issue(&sidecar, &files, "west", 32, &[]);
    let (status, body) = ask(&sidecar, "/site/west", &[], &token);
    assert_eq!((status, body.as_str()), NO_SUCH_CLAIM);
    assert_eq!(ask(&sidecar, &token.path, &[], &token).0, 200);
}

/// Makes a grant whose code has so many bytes.
fn issue(sidecar: &Sidecar, files: &TempDir, name: &str, bytes: usize, more: &[&str]) -> Token {
    let file = files.path().join(name);
    let code = format!("Canary-{name}-{}", "c".repeat(64));
    std::fs::write(&file, &code[..bytes]).unwrap();
    let file = file.to_string_lossy();
    sidecar.issue(name, &[&["--code-file", &*file], more].concat())
}

/// Status and body.
fn ask(sidecar: &Sidecar, path: &str, headers: &[(&str, &str)], token: &Token) -> (u16, String) {
    let mut connection = Connection::open(sidecar.port, &token.ca);
    let answer = connection.post(path, headers, token.code.as_bytes());
    let answer = answer.unwrap();
    (answer.status, answer.body)
}

/// The answer to the peer of this number.
fn from(sidecar: &Sidecar, peer: u8, path: &str, token: &Token, code: &str) -> Answer {
    let source = Ipv4Addr::new(127, 0, 0, peer);
    let address = SocketAddr::from(([127, 0, 0, 1], sidecar.port));
    let connection = Connection::open_from(source, address, config(&token.ca, &[]));
    connection
        .unwrap()
        .post(path, &[], code.as_bytes())
        .unwrap()
}
