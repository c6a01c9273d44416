//! The table of checks and answers, row by row, against a running service.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::raw::{Answer, Connection, request};
use crate::sidecar::{PATIENCE, Sidecar, Token};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use secrecy::ExposeSecret;

const NO_SUCH_CLAIM: &str = "No such claim\n";
const REFUSED: &str = "Redemption of access token refused\n";
const SPENT: &str = "No such access granted\n";
const BAD_BODY: &str = "Request body not valid\n";

/// A name, the path, the headers, the body; the status and the body of the answer.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    u16,
    &'a str,
);

#[test]
fn every_refusal_has_its_status_and_its_body() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let revoked = sidecar.issue("revoked", &[]);
    assert!(sidecar.run(&["revoke", "revoked"]).status.success());
    let expired = sidecar.issue("expired", &["--expiration-window", "1s"]);
    let spent = sidecar.issue("spent", &[]);
    assert_eq!(post(&sidecar, &spent, &[], &spent.code).status, 200);
    sleep(Duration::from_millis(1100));

    let unknown = "/6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
    let with_line_end = format!("{}\n", token.code);
    let twice = format!("{}/", token.path);
    let long = "a".repeat(65);
    let rows: &[Row<'_>] = &[
        (
            "an unknown uid",
            unknown,
            &[],
            &token.code,
            404,
            NO_SUCH_CLAIM,
        ),
        ("no uid", "/west", &[], &token.code, 404, NO_SUCH_CLAIM),
        ("no path", "/", &[], &token.code, 404, NO_SUCH_CLAIM),
        (
            "a query",
            &format!("{}?a=b", token.path),
            &[],
            "wrong",
            403,
            REFUSED,
        ),
        ("a trailing slash", &twice, &[], "wrong", 403, REFUSED),
        ("a wrong code", &token.path, &[], "wrong", 403, REFUSED),
        ("an empty code", &token.path, &[], "", 403, REFUSED),
        (
            "a line end behind the code",
            &token.path,
            &[],
            &with_line_end,
            403,
            REFUSED,
        ),
        (
            "another grant's code",
            &token.path,
            &[],
            &spent.code,
            403,
            REFUSED,
        ),
        (
            "revoked, a wrong code",
            &revoked.path,
            &[],
            "wrong",
            403,
            REFUSED,
        ),
        (
            "revoked",
            &revoked.path,
            &[],
            &revoked.code,
            404,
            NO_SUCH_CLAIM,
        ),
        (
            "expired, a wrong code",
            &expired.path,
            &[],
            "wrong",
            403,
            REFUSED,
        ),
        (
            "expired",
            &expired.path,
            &[],
            &expired.code,
            404,
            NO_SUCH_CLAIM,
        ),
        (
            "spent, a wrong code",
            &spent.path,
            &[],
            "wrong",
            403,
            REFUSED,
        ),
        ("spent", &spent.path, &[], &spent.code, 404, SPENT),
        (
            "spent, a bad header",
            &spent.path,
            &[("name", "A")],
            &spent.code,
            400,
            "header 'name': must be a DNS-1123 subdomain\n",
        ),
        (
            "a bad header, a wrong code",
            &token.path,
            &[("name", "A")],
            "wrong",
            403,
            REFUSED,
        ),
        (
            "a bad name",
            &token.path,
            &[("name", "../a")],
            &token.code,
            400,
            "header 'name': must be a DNS-1123 subdomain\n",
        ),
        (
            "a long subject",
            &token.path,
            &[("subject", &long)],
            &token.code,
            400,
            "header 'subject': must be at most 64 characters\n",
        ),
        (
            "a header twice",
            &token.path,
            &[("name", "a"), ("Name", "a")],
            &token.code,
            400,
            "header 'name': must not be sent twice\n",
        ),
    ];
    for (name, path, headers, body, status, text) in rows {
        let answer = Connection::open(sidecar.port, &token.ca)
            .post(path, headers, body.as_bytes())
            .unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (*status, *text),
            "{name}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{name}"
        );
    }
    // None of it was counted, and the log repeats no header and no code.
    assert_eq!(post(&sidecar, &token, &[], &token.code).status, 200);
    let log = sidecar.log();
    for secret in [&token.code, &spent.code, &revoked.code, "../a", &long] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn what_is_not_a_post_or_has_no_readable_body_is_answered_first() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let mut connection = Connection::open(sidecar.port, &token.ca);
        connection.send(&request(method, "/", &[], b"")).unwrap();
        let answer = connection.answer().unwrap();
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.body, "Only POST is supported\n", "{method}");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
    }
    let head = format!("POST {} HTTP/1.1\r\nHost: a\r\n", token.path);
    let rows = [
        (
            "too large",
            format!("{head}Content-Length: 4097\r\n\r\n{}", "a".repeat(4097)),
            413,
        ),
        (
            "said to be huge",
            format!("{head}Content-Length: 536870912\r\n\r\n"),
            413,
        ),
        (
            "huge, in chunks",
            format!(
                "{head}Transfer-Encoding: chunked\r\n\r\n1388\r\n{}\r\n",
                "a".repeat(5000)
            ),
            413,
        ),
        (
            "a chunk of no length",
            format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\na\r\n"),
            400,
        ),
        ("late", format!("{head}Content-Length: 24\r\n\r\nhalf"), 408),
    ];
    for (name, bytes, status) in rows {
        let mut connection = Connection::open(sidecar.port, &token.ca);
        connection.send(bytes.as_bytes()).unwrap();
        let answer = connection
            .answer()
            .unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, BAD_BODY),
            "{name}"
        );
        assert!(connection.is_closed(), "{name}");
    }
    let code = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        token.code.len(),
        token.code
    );
    let mut connection = Connection::open(sidecar.port, &token.ca);
    connection.send(code.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200, "a code in chunks");
}

#[test]
fn wrong_codes_are_limited_by_grant_and_peer() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let other = sidecar.issue("east", &[]);
    for _ in 0..20 {
        assert_eq!(post(&sidecar, &token, &[], "wrong").status, 403);
    }
    for code in ["wrong", &token.code] {
        let answer = post(&sidecar, &token, &[], code);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (429, "Too many attempts\n")
        );
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds));
    }
    assert_eq!(post(&sidecar, &other, &[], &other.code).status, 200);
}

#[test]
fn a_key_of_ones_own_is_redeemed_once_and_answered_always() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let key = PrivateKey::generate(KeyKind::P256);
    let request = certificate_request::create(&key);
    let headers = [("certificate-request", request.as_str()), ("subject", "")];
    let first = post(&sidecar, &token, &headers, &token.code);
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.header("safe-retry"), Some("1"));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert!(!first.body.contains("tls.key"));
    let again = post(&sidecar, &token, &headers, &token.code);
    assert_eq!(again.status, 200);
    assert_eq!(serial_and_dates(&first), serial_and_dates(&again));

    let headers = [
        ("certificate-request", request.as_str()),
        ("subject", "east"),
    ];
    assert_eq!(post(&sidecar, &token, &headers, &token.code).status, 403);
    let other = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
    let headers = [("certificate-request", other.as_str())];
    let answer = post(&sidecar, &token, &headers, &token.code);
    assert_eq!((answer.status, answer.body.as_str()), (404, SPENT));
    for unreadable in ["", "canary", "Y2FuYXJ5"] {
        let headers = [("certificate-request", unreadable)];
        let answer = post(&sidecar, &token, &headers, &token.code);
        assert_eq!(answer.status, 400, "{unreadable}");
        assert!(
            answer.body.starts_with("header 'certificate-request': "),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("canary"));
    }
}

#[test]
fn a_client_like_skuppers_gets_what_skuppers_server_sends() {
    for (kind, begin) in [
        ("p256", "-----BEGIN PRIVATE KEY-----"),
        ("rsa-2048", "-----BEGIN RSA PRIVATE KEY-----"),
    ] {
        let sidecar = Sidecar::start_with(&["--init", "--key", kind]);
        let token = sidecar.issue("grant", &["--redemptions-allowed", "2"]);
        let headers = [("Name", "west"), ("Subject", "")];
        let answer = post(&sidecar, &token, &headers, &token.code);
        assert_eq!(answer.status, 200);
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&answer.body).unwrap();
        let [secret, link] = documents.as_slice() else {
            panic!("{}", documents.len())
        };
        assert_eq!(secret["kind"], "Secret");
        assert_eq!(secret["type"], "kubernetes.io/tls");
        assert_eq!(secret["metadata"]["name"], "west");
        let key = decoded(&secret["data"]["tls.key"]);
        assert!(key.starts_with(begin), "{kind}");
        assert_eq!(link["apiVersion"], "skupper.io/v2alpha1");
        assert_eq!(link["metadata"]["name"], "west");
        assert_eq!(link["spec"]["tlsCredentials"], "west");
        let roles: Vec<_> = link["spec"]["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|endpoint| {
                (
                    endpoint["name"].as_str().unwrap(),
                    endpoint["port"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(roles, [("edge", "45671"), ("inter-router", "55671")]);
    }
}

#[test]
fn a_site_that_cannot_answer_counts_nothing() {
    let sidecar = Sidecar::start();
    let key = sidecar.folder().join("site/ca.key");
    let right = fs::read(&key).unwrap();
    let other = PrivateKey::generate(KeyKind::P256).to_pem();
    fs::write(&key, other.expose_secret()).unwrap();
    let sidecar = sidecar.restart();
    let token = sidecar.issue("west", &[]);
    let answer = post(&sidecar, &token, &[], &token.code);
    let refused = (answer.status, answer.body.as_str());
    assert_eq!(refused, (503, "Not available\n"));
    assert_eq!(answer.header("retry-after"), Some("2"));
    let first_line = answer.body.lines().next().unwrap();
    assert!(
        sidecar.log().contains("issuer"),
        "{first_line}: {}",
        sidecar.log()
    );

    fs::write(&key, right).unwrap();
    let start = Instant::now();
    while post(&sidecar, &token, &[], &token.code).status != 200 {
        assert!(
            start.elapsed() < PATIENCE,
            "the issuer is not read again: {}",
            sidecar.log()
        );
        sleep(Duration::from_millis(200));
    }

    let grant = sidecar.folder().join("grant.yaml");
    let manifest = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: other}\n\
                    spec: {issuer: other}\n";
    fs::write(&grant, manifest).unwrap();
    let token = sidecar.issue_from(&["-f", grant.to_str().unwrap()]);
    let answer = post(&sidecar, &token, &[], &token.code);
    assert_eq!(answer.status, 503, "an issuer that is not named to serve");
}

#[test]
fn a_redemption_repeated_ends_when_the_first_certificate_does() {
    let sidecar = Sidecar::start_with(&["--init", "--certificate-duration", "2h"]);
    let token = sidecar.issue("west", &[]);
    let request = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
    let headers = [("certificate-request", request.as_str())];
    let first = post(&sidecar, &token, &headers, &token.code);
    let sidecar = sidecar.restart();
    let again = Connection::open(sidecar.port, &token.ca)
        .post(&token.path, &headers, token.code.as_bytes())
        .unwrap();
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(serial_and_dates(&first), serial_and_dates(&again));
}

#[test]
fn a_name_leaves_room_for_the_numbers_of_several_links() {
    let sidecar = Sidecar::start();
    let site = sidecar.folder().join("site/redemption.yaml");
    let groups = fs::read_to_string(&site)
        .unwrap()
        .replace("name: edge", "group: b, name: edge");
    fs::write(&site, groups).unwrap();
    let sidecar = sidecar.restart();
    let token = sidecar.issue("west", &[]);
    let name = |length: usize| format!("{}{}", "a.".repeat(length / 2), "a".repeat(length % 2 + 2));
    for (length, status) in [(253, 400), (251, 200)] {
        let name = name(length - 2);
        assert_eq!(name.len(), length);
        let answer = post(&sidecar, &token, &[("name", &name)], &token.code);
        assert_eq!(answer.status, status, "{length}: {}", answer.body);
    }
}

#[test]
fn an_edge_site_has_nothing_to_link_to() {
    let sidecar = Sidecar::start();
    let namespace = sidecar.folder().join("namespace");
    let issuer = namespace.join("runtime/issuers/skupper-site-ca");
    let resources = namespace.join("runtime/resources");
    fs::create_dir_all(&issuer).unwrap();
    fs::create_dir_all(&resources).unwrap();
    for (from, to) in [("ca.crt", "tls.crt"), ("ca.key", "tls.key")] {
        fs::copy(sidecar.folder().join("site").join(from), issuer.join(to)).unwrap();
    }
    let site =
        "apiVersion: skupper.io/v2alpha1\nkind: Site\nmetadata: {name: west}\nspec: {edge: true}\n";
    fs::write(resources.join("Site-west.yaml"), site).unwrap();

    let sidecar = Sidecar::start_in(sidecar.folder(), &["--site", namespace.to_str().unwrap()]);
    // From before it was one.
    let token = sidecar.issue_here("west", 1);
    let answer = post(&sidecar, &token, &[], &token.code);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "Not available\n")
    );
    let listed = sidecar.run(&["list"]);
    assert!(String::from_utf8(listed.stdout).unwrap().contains("0 of 1"));
}

fn post(sidecar: &Sidecar, token: &Token, headers: &[(&str, &str)], code: &str) -> Answer {
    let mut connection = Connection::open(sidecar.port, &token.ca);
    connection
        .post(&token.path, headers, code.as_bytes())
        .unwrap()
}

/// Where serial number, subject and validity of the certificate in an answer stand.
fn serial_and_dates(answer: &Answer) -> String {
    use x509_cert::der::DecodePem;
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&answer.body).unwrap();
    let certificate =
        x509_cert::Certificate::from_pem(decoded(&documents[0]["data"]["tls.crt"])).unwrap();
    let tbs = certificate.tbs_certificate();
    format!(
        "{} {} {:?}",
        tbs.serial_number(),
        tbs.subject(),
        tbs.validity()
    )
}

fn decoded(value: &serde_json::Value) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap());
    String::from_utf8(bytes.unwrap()).unwrap()
}
