//! Renewals as clients and the log see them, and clients that must not notice them.

use std::fs;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use crate::holder::Holder;
use crate::raw::Connection;
use crate::redeemers::decoded;
use crate::sidecar::Sidecar;
use crate::tools::{printed, tool};

#[test]
fn what_a_renewal_needs_comes_with_the_answer_to_a_key_of_ones_own() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "9"]);
    let request = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
    let own = ("certificate-request", request.as_str());
    let url = format!("https://127.0.0.1:{}/renew", sidecar.port);
    let ca = CertificateDer::from_pem_slice(token.ca.as_bytes()).unwrap();
    let ca = STANDARD.encode(&ca);
    let both = (Some(url.as_str()), Some(ca.as_str()));
    let rows: [(&str, &[(&str, &str)], _); 5] = [
        ("a key of one's own", &[own], both),
        ("who will renew", &[own, ("renews", "1")], both),
        ("the same again", &[own, ("renews", "1")], both),
        ("a key of the service", &[], (None, None)),
        (
            "a key of the service, to be renewed",
            &[("renews", "1")],
            (None, None),
        ),
    ];
    for (name, headers, expected) in rows {
        let mut connection = Connection::open(sidecar.port, &token.ca);
        let answer = connection.post(&token.path, headers, token.code.as_bytes());
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        let offered = (answer.header("renewal-url"), answer.header("server-ca"));
        assert_eq!(offered, expected, "{name}");
    }
    let mut holder = Holder::redeem(&sidecar, &token);
    let answer = holder.renew(sidecar.port);
    let offered = (answer.header("renewal-url"), answer.header("server-ca"));
    assert_eq!(offered, both, "a renewal");
}

#[test]
fn who_renews_gets_a_short_life_and_everybody_else_a_long_one() {
    let sidecar = Sidecar::start_with(&[
        "--init",
        "--renewed-certificate-duration",
        "2h",
        "--certificate-duration",
        "5h",
    ]);
    let token = sidecar.issue("west", &["--redemptions-allowed", "9"]);
    for (name, headers, hours) in [
        ("a holder who renews", &[("renews", "1")][..], 2),
        ("one who does not", &[], 5),
        ("another word", &[("renews", "true")], 5),
    ] {
        let mut holder = Holder::redeem_with(&sidecar, &token, headers);
        assert_eq!(hours_of(holder.pem()), hours, "{name}");
        assert_eq!(holder.renew(sidecar.port).status, 200, "{name}");
        assert_eq!(hours_of(holder.pem()), 2, "{name}, renewed");
    }
}

/// Life of a certificate, but for the hour before its making.
fn hours_of(pem: &str) -> u64 {
    use x509_cert::der::DecodePem as _;
    let certificate = x509_cert::Certificate::from_pem(pem).unwrap();
    let validity = certificate.tbs_certificate().validity();
    let times = [validity.not_before, validity.not_after];
    let [begin, end] = times.map(|time| time.to_unix_duration().as_secs());
    (end - begin) / 3600 - 1
}

#[test]
fn the_log_has_a_line_for_each_renewal_and_none_for_strangers() {
    let sidecar = Sidecar::start_with(&["--init", "--log-format", "json"]);
    let token = sidecar.issue("west", &["--redemptions-allowed", "9"]);
    let mut holder = Holder::redeem(&sidecar, &token);
    let link = holder.link().to_owned();
    assert_eq!(holder.renew(sidecar.port).status, 200);
    let serial = holder.certificate.serial.clone();
    let answer = holder.open(sidecar.port).post("/renew", &[], b"").unwrap();
    assert_eq!(answer.status, 400);
    assert!(sidecar.run(&["revoke", "west"]).status.success());
    assert_eq!(holder.renew(sidecar.port).status, 403);

    let other = Sidecar::start();
    let subject = [("renews", "1"), ("subject", "canary-of-a-stranger")];
    let mut stranger = Holder::redeem_with(&other, &other.issue("east", &[]), &subject);
    stranger.trust(&token.ca);
    assert_eq!(stranger.renew(sidecar.port).status, 403);
    let nobody = Connection::open(sidecar.port, &token.ca).post("/renew", &[], b"");
    assert_eq!(nobody.unwrap().status, 401);

    let log = sidecar.log();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines
        .filter(|line: &Value| line["message"] == "renewal")
        .collect();
    let outcomes: Vec<_> = lines
        .iter()
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["renewed", "headers", "revoked"], "{log}");
    for line in &lines {
        let said = [
            &line["link"],
            &line["subject"],
            &line["peer"],
            &line["level"],
        ];
        assert_eq!(said, [&link, "west", "127.0.0.1", "INFO"], "{line}");
        assert_eq!(
            line["serial"] == serial,
            line["outcome"] == "renewed",
            "{line}"
        );
        assert_eq!(
            line["end"].is_string(),
            line["outcome"] == "renewed",
            "{line}"
        );
    }
    assert!(!log.contains("canary"), "{log}");
    let metrics = sidecar.operations("/metrics");
    for (outcome, count) in [
        ("renewed", 1),
        ("headers", 1),
        ("revoked", 1),
        ("not_of_site", 1),
        ("no_certificate", 1),
        ("too_many_renewals", 0),
    ] {
        let row = format!("redemption_sidecar_renewals_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&row), "{row}: {metrics}");
    }
    assert!(metrics.contains("redemption_sidecar_renewal_duration_seconds_count 5\n"));
}

#[test]
fn curl_renews_and_redeems_with_a_certificate_and_without() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "9"]);
    let holder = Holder::redeem(&sidecar, &token);
    let files = tempfile::tempdir().unwrap();
    let keep = |name: &str, text: &str| {
        let path = files.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ca = keep("server-ca.crt", &token.ca);
    let (certificate, key) = (
        keep("tls.crt", holder.pem()),
        keep("tls.key", &holder.key()),
    );
    let shows = ["--cert", &certificate, "--key", &key];
    let next = PrivateKey::generate(KeyKind::P256);
    let request = format!(
        "certificate-request: {}",
        certificate_request::create(&next)
    );
    let curl = |path: &str, more: &[&str]| {
        let mut curl = tool("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--cacert",
            &ca,
            "--request",
            "POST",
        ])
        .args(["--write-out", "%{http_code}", "--output"])
        .arg(files.path().join("answer"))
        .args(more)
        .arg(format!("https://127.0.0.1:{}{path}", sidecar.port));
        let status = printed(&mut curl);
        let answer = fs::read_to_string(files.path().join("answer")).unwrap();
        (status, answer)
    };
    let ask = ["--header", &request];
    let (status, answer) = curl("/renew", &[&shows[..], &ask].concat());
    assert_eq!(status, "200", "{answer}");
    let documents: Vec<Value> = serde_saphyr::from_multiple(&answer).unwrap();
    assert!(decoded(&documents[0]["data"]["tls.crt"]).starts_with("-----BEGIN CERTIFICATE"));
    let (status, answer) = curl("/renew", &ask);
    assert_eq!(
        (status.as_str(), answer.as_str()),
        ("401", "Client certificate required\n")
    );

    let code = ["--data", &token.code];
    for (name, more) in [
        ("without", &code[..]),
        ("with", &[&shows[..], &code].concat()),
    ] {
        let (status, answer) = curl(&token.path, more);
        assert_eq!(status, "200", "{name}: {answer}");
    }
}

#[test]
fn openssl_connects_and_is_asked_for_any_certificate() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.crt");
    fs::write(&ca, &token.ca).unwrap();
    let mut openssl = tool("openssl");
    openssl
        .args(["s_client", "-verify_return_error", "-connect"])
        .arg(format!("127.0.0.1:{}", sidecar.port))
        .arg("-CAfile")
        .arg(&ca)
        .stdin(Stdio::null());
    let shown = printed(&mut openssl);
    assert!(shown.contains("Verify return code: 0 (ok)"), "{shown}");
    // It shows what it has, whoever made it.
    assert!(
        shown.contains("No client certificate CA names sent"),
        "{shown}"
    );
}
