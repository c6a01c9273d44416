//! The table of checks and answers of a renewal, row by row, and their order.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::renewal::Standing;
use redemption_sidecar::site::{Site, Sites};
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::certificate_request;
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::granting_site::{GrantingSite, Identity, configuration, post, renewal, renewal_with};
use crate::room::{Client, Reply};

const DAY: TimeDelta = TimeDelta::days(1);

/// A name, who asks, the sites, the register, the bytes; status and text of the answer.
type Row<'a> = (
    &'a str,
    Option<&'a Identity>,
    &'a Arc<Sites>,
    Option<Standing>,
    &'a str,
    u16,
    &'a str,
);

/// Asserts status and text of a refusal, and what every refusal says.
fn assert_refused(name: &str, reply: &Reply, status: u16, text: &str) {
    let answered = (reply.status, reply.body.as_str());
    assert_eq!(answered, (status, format!("{text}\n").as_str()), "{name}");
    assert_eq!(reply.header("safe-retry"), Some("1"), "{name}");
    let kind = reply.header("content-type");
    assert_eq!(kind, Some("text/plain; charset=utf-8"), "{name}");
    for header in ["renewal-url", "server-ca"] {
        assert_eq!(reply.header(header), None, "{name}");
    }
    let wait = reply.header("retry-after");
    let wait: Option<u64> = wait.map(|seconds| seconds.parse().unwrap());
    match status {
        503 => assert_eq!(wait, Some(2), "{name}"),
        429 => assert!(
            wait.is_some_and(|seconds| (1..=60).contains(&seconds)),
            "{name}"
        ),
        _ => assert_eq!(wait, None, "{name}"),
    }
}

#[tokio::test]
async fn every_refusal_has_its_status_and_text_and_comes_before_those_below_it() {
    let granting = GrantingSite::open();
    let issuer = &granting.issuer;
    let ready = Arc::new(GrantingSite::site(issuer, true));
    let without_endpoint = Arc::new(GrantingSite::site(issuer, false));
    let unread = Arc::new(Sites::Unread);
    let missing = Arc::new(Sites::Missing);
    let Sites::One(site) = ready.as_ref() else {
        panic!("one site")
    };
    let without_issuer = Arc::new(Sites::One(Arc::new(Site {
        issuers: [].into(),
        ..Site::clone(site)
    })));

    let good = granting.link(DAY, DAY * 7);
    let ended = granting.link(DAY * 2, DAY);
    let early = granting.link(-DAY, DAY);
    // Of another CA with the same name.
    let stranger = GrantingSite::open().link(DAY, DAY * 7);
    let often = granting.link(DAY, DAY * 7);
    granting.register.says(Some(Standing::Good));
    for _ in 0..10 {
        assert_eq!(
            granting.ask(Some(&often), &renewal()).await.unwrap().status,
            200
        );
    }

    let unreadable = renewal_with("canary");
    let absent = post("/renew", "");
    let (yes, no, late) = (
        Some(Standing::Good),
        Some(Standing::Revoked),
        Some(Standing::Unknown),
    );
    let required = "Client certificate required";
    let other = "Not a link certificate of this site: not issued by it";
    let over = "Not a link certificate of this site: it has ended";
    let soon = "Not a link certificate of this site: it is not valid yet";
    let revoked = "This link was revoked";
    let request = "header 'certificate-request': must be base64 with padding on one line, as \
                   'openssl base64 -A' writes it";
    let often_text = "Too many attempts";
    let good_request = renewal();
    let rows: [Row<'_>; 26] = [
        (
            "no certificate",
            None,
            &ready,
            yes,
            &good_request,
            401,
            required,
        ),
        (
            "no certificate, no sites",
            None,
            &unread,
            late,
            &absent,
            401,
            required,
        ),
        (
            "a stranger",
            Some(&stranger),
            &ready,
            yes,
            &good_request,
            403,
            other,
        ),
        (
            "a stranger, no request",
            Some(&stranger),
            &ready,
            no,
            &absent,
            403,
            other,
        ),
        (
            "a stranger, no register",
            Some(&stranger),
            &ready,
            late,
            &absent,
            403,
            other,
        ),
        (
            "a stranger, no endpoint",
            Some(&stranger),
            &without_endpoint,
            yes,
            &good_request,
            403,
            other,
        ),
        ("ended", Some(&ended), &ready, yes, &good_request, 403, over),
        (
            "ended, revoked",
            Some(&ended),
            &ready,
            no,
            &unreadable,
            403,
            over,
        ),
        (
            "ended, no register",
            Some(&ended),
            &ready,
            late,
            &good_request,
            403,
            over,
        ),
        (
            "not valid yet",
            Some(&early),
            &ready,
            yes,
            &good_request,
            403,
            soon,
        ),
        (
            "not valid yet, revoked",
            Some(&early),
            &ready,
            no,
            &absent,
            403,
            soon,
        ),
        (
            "sites not read",
            Some(&good),
            &unread,
            yes,
            &good_request,
            503,
            "Not ready",
        ),
        (
            "sites not read, a stranger",
            Some(&stranger),
            &unread,
            yes,
            &absent,
            503,
            "Not ready",
        ),
        (
            "register not read",
            Some(&good),
            &ready,
            late,
            &good_request,
            503,
            "Not ready",
        ),
        (
            "register not read, no request",
            Some(&good),
            &ready,
            late,
            &absent,
            503,
            "Not ready",
        ),
        (
            "register not read, too often",
            Some(&often),
            &ready,
            late,
            &good_request,
            503,
            "Not ready",
        ),
        (
            "revoked",
            Some(&good),
            &ready,
            no,
            &good_request,
            403,
            revoked,
        ),
        (
            "revoked, no request",
            Some(&good),
            &ready,
            no,
            &absent,
            403,
            revoked,
        ),
        (
            "revoked, too often",
            Some(&often),
            &ready,
            no,
            &good_request,
            403,
            revoked,
        ),
        (
            "no request",
            Some(&good),
            &ready,
            yes,
            &absent,
            400,
            "header 'certificate-request': is missing",
        ),
        (
            "an unreadable request, too often",
            Some(&often),
            &ready,
            yes,
            &unreadable,
            400,
            request,
        ),
        (
            "too often",
            Some(&often),
            &ready,
            yes,
            &good_request,
            429,
            often_text,
        ),
        (
            "too often, no endpoint",
            Some(&often),
            &without_endpoint,
            yes,
            &good_request,
            429,
            often_text,
        ),
        (
            "no endpoint",
            Some(&good),
            &without_endpoint,
            yes,
            &good_request,
            503,
            "Not available",
        ),
        (
            "the issuer cannot be used",
            Some(&good),
            &without_issuer,
            yes,
            &good_request,
            503,
            "Not available",
        ),
        (
            "no site",
            Some(&good),
            &missing,
            yes,
            &good_request,
            503,
            "Not available",
        ),
    ];
    for (name, identity, sites, standing, bytes, status, text) in rows {
        granting.sites.store(Arc::clone(sites));
        granting.register.says(standing);
        let reply = granting.ask(identity, bytes).await;
        assert_refused(name, &reply.expect(name), status, text);
    }
    granting.sites.store(ready);
    granting.register.says(None);
    let reply = granting.ask(Some(&good), &renewal()).await.unwrap();
    assert_refused("no register", &reply, 503, "Not available");

    assert_eq!(granting.register.noted.lock().unwrap().len(), 10);
    granting.register.says(yes);
    let reply = granting.ask(Some(&good), &good_request).await.unwrap();
    assert_eq!(
        reply.status, 200,
        "nothing of it was counted: {}",
        reply.body
    );
}

#[tokio::test]
async fn an_answer_has_the_next_certificate_of_the_same_link() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let link = granting.link(DAY, DAY * 7);
    let key = PrivateKey::generate(KeyKind::P256);
    let request = certificate_request::create(&key);
    let before = clock::now().timestamp();
    let reply = granting.ask(Some(&link), &renewal_with(&request)).await;
    let reply = reply.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        reply.header("renewal-url"),
        Some("https://127.0.0.1:9090/renew")
    );
    assert_eq!(reply.header("safe-retry"), Some("1"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let server_ca = STANDARD.decode(reply.header("server-ca").unwrap()).unwrap();
    let ca = Certificate::from_pem(&granting.ca.0).unwrap();
    assert_eq!(server_ca, ca.to_der().unwrap());

    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&reply.body).unwrap();
    let [secret, link_object] = documents.as_slice() else {
        panic!("{}", reply.body)
    };
    assert_eq!(secret["metadata"]["name"], "west");
    assert_eq!(link_object["spec"]["endpoints"][0]["host"], "west.example");
    assert_eq!(secret["data"]["tls.key"], serde_json::Value::Null);
    let pem = STANDARD.decode(secret["data"]["tls.crt"].as_str().unwrap());
    let renewed = Certificate::from_pem(pem.unwrap()).unwrap();
    let renewed = renewed.tbs_certificate();
    let spki = renewed.subject_public_key_info().to_der().unwrap();
    assert_eq!(spki, key.spki());
    let end = renewed.validity().not_after.to_unix_duration().as_secs();
    let life = end.cast_signed() - before;
    assert!((7 * 86_400..7 * 86_400 + 60).contains(&life), "{life}");

    let noted = granting.register.noted.lock().unwrap().clone();
    let [issued] = noted.as_slice() else {
        panic!("{noted:?}")
    };
    assert!(issued.is_renewal());
    assert_eq!(issued.grant, Some(GrantUid::from_bytes([7; 16])));
    let subject = format!("OU={},CN=west", issued.link);
    assert_eq!(renewed.subject().to_string(), subject);
    assert_eq!(issued.serial.link(), issued.link);
    assert_eq!(issued.certificate_end.timestamp(), end.cast_signed());

    let pem = STANDARD.decode(secret["data"]["tls.crt"].as_str().unwrap());
    let pem = String::from_utf8(pem.unwrap()).unwrap();
    let next = Identity::of_pem(&pem, key.to_pem().expose_secret());
    let told = granting.ask(Some(&next), &post("/renew/told", "")).await;
    let told = told.unwrap();
    assert_eq!((told.status, told.body.as_str()), (200, "Noted\n"));
    let noted = granting.register.noted.lock().unwrap()[0].clone();
    let expected = [(noted.link, noted.serial)];
    assert_eq!(*granting.register.told.lock().unwrap(), expected);
    let reply = granting.ask(Some(&next), &renewal()).await.unwrap();
    assert_eq!(reply.status, 200);
    let noted = granting.register.noted.lock().unwrap();
    assert_eq!(noted[0].link, noted[1].link);
    assert_ne!(noted[0].serial, noted[1].serial);
}

#[tokio::test]
async fn requests_are_read_as_those_of_redemptions() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let request = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
    let header = format!("certificate-request: {request}\r\n");
    let body = |length: usize| {
        let text = "z".repeat(length);
        format!("POST /renew HTTP/1.1\r\nContent-Length: {length}\r\n{header}\r\n{text}")
    };
    let twice = "header 'certificate-request': must not be sent twice";
    let bad_name = "header 'name': must be a DNS-1123 subdomain";
    let nothing = "No such claim";
    let only_post = "Only POST is supported";
    let rows = [
        ("a slash behind", post("/renew/", &header), 200, ""),
        ("slashes behind", post("/renew///", &header), 200, ""),
        ("a query", post("/renew?a=b", &header), 200, ""),
        ("a body", body(4096), 200, ""),
        (
            "another name",
            post("/renew", &format!("{header}name: east\r\n")),
            200,
            "",
        ),
        (
            "an empty name",
            post("/renew", &format!("{header}name:\r\n")),
            200,
            "",
        ),
        ("a long body", body(4097), 413, "Request body not valid"),
        (
            "HTTP/1.0",
            format!("POST /renew HTTP/1.0\r\n{header}\r\n"),
            200,
            "",
        ),
        (
            "no host",
            format!("POST /renew HTTP/1.1\r\n{header}\r\n"),
            200,
            "",
        ),
        ("told", post("/renew/told", ""), 200, "Noted"),
        (
            "told, a slash behind",
            post("/renew/told/", &header),
            200,
            "Noted",
        ),
        (
            "told, a header twice",
            post("/renew/told", &format!("{header}{header}")),
            200,
            "Noted",
        ),
        ("something else", post("/renew/x", &header), 404, nothing),
        ("a longer word", post("/renewal", &header), 404, nothing),
        (
            "a slash between",
            post("/renew//told", &header),
            404,
            nothing,
        ),
        ("capitals", post("/Renew", &header), 404, nothing),
        ("encoded", post("/%72enew", &header), 404, nothing),
        (
            "a request twice",
            post("/renew", &format!("{header}{header}")),
            400,
            twice,
        ),
        (
            "a name twice",
            post("/renew", &format!("{header}name: a\r\nName: a\r\n")),
            400,
            "header 'name': must not be sent twice",
        ),
        (
            "a bad name",
            post("/renew", &format!("{header}name: ../a\r\n")),
            400,
            bad_name,
        ),
        (
            "GET",
            "GET /renew HTTP/1.1\r\n\r\n".to_owned(),
            405,
            only_post,
        ),
        (
            "PUT",
            post("/renew", &header).replace("POST", "PUT"),
            405,
            only_post,
        ),
        (
            "DELETE",
            "DELETE /renew/told HTTP/1.1\r\n\r\n".to_owned(),
            405,
            only_post,
        ),
    ];
    for (name, bytes, status, text) in rows {
        let link = granting.link(DAY, DAY * 7);
        let reply = granting.ask(Some(&link), &bytes).await.expect(name);
        assert_eq!(reply.status, status, "{name}: {}", reply.body);
        if !text.is_empty() {
            assert_eq!(reply.body, format!("{text}\n"), "{name}");
        }
    }
}

#[tokio::test]
async fn renewals_of_a_link_are_limited_and_those_of_another_one_are_not() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let (link, other) = (granting.link(DAY, DAY * 7), granting.link(DAY, DAY * 7));
    let mut client = granting.connect(Some(&link)).await.unwrap();
    for _ in 0..5 {
        client.send(renewal()).await;
        assert_eq!(client.answer().await.status, 200);
        // What is refused costs nothing.
        client.send(renewal_with("")).await;
        assert_eq!(client.answer().await.status, 400);
        assert_eq!(
            granting.ask(Some(&link), &renewal()).await.unwrap().status,
            200
        );
    }
    client.send(renewal()).await;
    assert_refused(
        "the eleventh",
        &client.answer().await,
        429,
        "Too many attempts",
    );
    // Its certificate is another one now, of the same link.
    let told = granting.ask(Some(&link), &post("/renew/told", "")).await;
    assert_eq!(told.unwrap().status, 200);
    assert_eq!(
        granting.ask(Some(&other), &renewal()).await.unwrap().status,
        200
    );
}

#[tokio::test]
async fn a_connection_that_outlives_its_certificate_is_refused() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    let link = granting.link(DAY, DAY + TimeDelta::seconds(3));
    let mut client = granting.connect(Some(&link)).await.unwrap();
    client.send(renewal()).await;
    assert_eq!(client.answer().await.status, 200);
    let over = "Not a link certificate of this site: it has ended";
    loop {
        client.send(post("/renew/told", "")).await;
        let reply = client.answer().await;
        if reply.status != 200 {
            assert_refused("kept alive", &reply, 403, over);
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    client.send(renewal()).await;
    assert_refused("kept alive", &client.answer().await, 403, over);
    assert_eq!(granting.register.noted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn every_way_to_connect_renews() {
    let granting = GrantingSite::open();
    granting.register.says(Some(Standing::Good));
    for alpn in [&[][..], &["http/1.1"]] {
        let link = granting.link(DAY, DAY * 7);
        let stream = TcpStream::connect(granting.address()).await.unwrap();
        let client = Client::with(stream, configuration(Some(&link), alpn)).await;
        let mut client = client.unwrap();
        client.send(renewal()).await;
        assert_eq!(client.answer().await.status, 200, "{alpn:?}");
    }
}

#[tokio::test]
async fn every_answer_is_counted_by_its_outcome() {
    let granting = GrantingSite::open();
    let link = granting.link(DAY, DAY * 7);
    let told = post("/renew/told", "");
    for (standing, bytes, outcome) in [
        (Some(Standing::Good), renewal(), "renewed"),
        (Some(Standing::Good), told, "told"),
        (Some(Standing::Good), renewal_with(""), "headers"),
        (Some(Standing::Revoked), renewal(), "revoked"),
        (Some(Standing::Unknown), renewal(), "not_ready"),
        (None, renewal(), "unavailable"),
    ] {
        granting.register.says(standing);
        granting.ask(Some(&link), &bytes).await.unwrap();
        let row = format!("redemption_sidecar_renewals_total{{outcome=\"{outcome}\"}} 1\n");
        let metrics = granting.metrics.encode();
        assert!(metrics.contains(&row), "{outcome}: {metrics}");
    }
    granting.ask(None, &renewal()).await.unwrap();
    let metrics = granting.metrics.encode();
    assert!(metrics.contains("renewals_total{outcome=\"no_certificate\"} 1\n"));
    assert!(
        metrics.contains("renewal_duration_seconds_count 7\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("redemption_duration_seconds_count 0\n"),
        "{metrics}"
    );
}
