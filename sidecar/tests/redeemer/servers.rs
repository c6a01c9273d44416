//! Which servers are the one of the token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use redemption_sidecar::redeemer::{Cause, RedeemProblem, redeem};

use crate::partner::{Certificates, Identity, Partner, SERVER, chunked, skupper_objects, token};
use crate::{files, order, run};
use sidecar_test_support::openssl::{CA, now};

const SELF_SIGNED: &str = "basicConstraints = critical,CA:TRUE; extendedKeyUsage = serverAuth; \
     subjectAltName = IP:127.0.0.1";

fn self_signed(name: &str, extensions: &str) -> Identity {
    Certificates::of_the_tests().make(name, |pki| {
        pki.key(name, "P-256 PKCS#8");
        pki.root(name, "/CN=server", extensions);
    })
}

fn signed(name: &str, ca: &str, extensions: &str) -> Identity {
    Certificates::of_the_tests().make(name, |pki| {
        pki.key(name, "P-256 PKCS#8");
        pki.certificate(ca, name, "/CN=server", extensions);
    })
}

/// Redeems for real, and says whether the server was taken for the right one.
async fn judge(server: &Identity, ca: &Identity) -> Result<(), String> {
    let certificates = Certificates::of_the_tests();
    let (client, site_ca) = (&certificates.client, &certificates.site_ca);
    let objects = skupper_objects(
        "west",
        &site_ca.certificate,
        &client.certificate,
        &client.key,
    );
    let partner = Partner::start(server, move |_, _, stream| {
        let _ = stream.write_all(&chunked("", &objects));
    });
    let folder = tempfile::tempdir().unwrap();
    match run(&partner.token(ca), folder.path()).await {
        Ok(_) => Ok(()),
        Err(problem @ RedeemProblem::Server { .. }) => {
            let RedeemProblem::Server {
                cause: Cause::Untrusted { what, signer },
                ..
            } = &problem
            else {
                panic!("{problem}");
            };
            assert_eq!(
                problem.exit_code(),
                3,
                "another network may lead to the server"
            );
            let signed = format!("certificate, signed by '{signer}', {what}: look at");
            assert!(problem.to_string().contains(&signed), "{problem}");
            assert!(signer.starts_with("CN="), "{signer}");
            assert_eq!(partner.requests(), []);
            assert_eq!(
                partner.connections(),
                1,
                "it will not be better the next time"
            );
            assert_eq!(files(folder.path()), [""; 0]);
            Err((*what).to_owned())
        }
        Err(problem) => panic!("{problem}"),
    }
}

#[tokio::test]
async fn a_server_is_the_one_that_the_token_vouches_for() {
    let certificates = Certificates::of_the_tests();
    let (ca, server) = (&certificates.server_ca, &certificates.server);
    let skupper = &certificates.skupper_server;
    let own = self_signed("own", SELF_SIGNED);
    let no_purpose = self_signed("no-purpose", "subjectAltName = IP:127.0.0.1");
    let for_clients = SELF_SIGNED.replace("serverAuth", "clientAuth");
    let for_clients = self_signed("own-for-clients", &for_clients);
    let other_host = SELF_SIGNED.replace("127.0.0.1", "127.0.0.2");
    let other_host = self_signed("own-other-host", &other_host);
    let no_host = self_signed("own-no-host", "extendedKeyUsage = serverAuth");
    let dns_only = self_signed("own-dns", &SELF_SIGNED.replace("IP:", "DNS:"));
    let other = self_signed("other-own", SELF_SIGNED);
    let client = signed(
        "a-client",
        "server-ca",
        &SERVER.replace("serverAuth", "clientAuth"),
    );
    let elsewhere = signed(
        "elsewhere",
        "server-ca",
        &SERVER.replace("127.0.0.1", "127.0.0.2"),
    );
    // A leaf in the token is no CA, whatever it signs.
    let by_leaf = signed("by-leaf", "server", SERVER);
    // The certificate of the right server without its key.
    let copied = Identity {
        key: other.key.clone(),
        ..own.clone()
    };
    let copied_leaf = Identity {
        key: other.key.clone(),
        ..server.clone()
    };
    let several = Identity {
        certificate: format!("{}{}{}", other.certificate, ca.certificate, own.certificate),
        key: String::new(),
    };
    let another = Err("not signed by the CA");
    let not_here = Err("not for the host");
    let no_server = Err("not for servers");
    let no_key = Err("does not belong to the server's key");
    let table = [
        ("signed by the CA", server, ca, Ok(())),
        ("Skupper's, its own CA", skupper, skupper, Ok(())),
        ("its own CA", &own, &own, Ok(())),
        ("without a purpose", &no_purpose, &no_purpose, Ok(())),
        ("one of several CAs", server, &several, Ok(())),
        ("one of several servers", &own, &several, Ok(())),
        ("a pinned leaf", server, server, Ok(())),
        ("another CA", server, &own, another),
        (
            "another self-signed one",
            &other,
            &own,
            Err("does not verify"),
        ),
        ("signed by a pinned leaf", &by_leaf, server, another),
        ("for another host", &elsewhere, ca, not_here),
        (
            "its own CA for another host",
            &other_host,
            &other_host,
            not_here,
        ),
        ("its own CA for no host", &no_host, &no_host, not_here),
        ("an address as a DNS name", &dns_only, &dns_only, not_here),
        ("for clients", &client, ca, no_server),
        (
            "its own CA for clients",
            &for_clients,
            &for_clients,
            no_server,
        ),
        ("a copy of its own CA", &copied, &own, no_key),
        ("a copy of a leaf", &copied_leaf, ca, no_key),
    ];
    for (name, server, ca, expected) in table {
        let judged = judge(server, ca).await;
        match (&judged, expected) {
            (Ok(()), Ok(())) => {}
            (Err(what), Err(expected)) => assert!(what.contains(expected), "{name}: {what}"),
            _ => panic!("{name}: {judged:?}"),
        }
    }
}

#[tokio::test]
async fn certificates_are_judged_at_the_time_of_the_order() {
    let certificates = Certificates::of_the_tests();
    let skupper = &certificates.skupper_server;
    // A root that ended does not vouch, though the leaf did not end and another root is valid.
    let short = certificates.make("short-ca", |pki| {
        pki.key("short-ca", "P-256 PKCS#8");
        pki.root_of("short-ca", "/CN=short", CA, "-days 1", "utf8only");
    });
    let leaf = signed("by-short", "short-ca", SERVER);
    let both = Identity {
        certificate: format!(
            "{}{}",
            short.certificate, certificates.server_ca.certificate
        ),
        key: String::new(),
    };
    let table = [
        ("a valid root", &leaf, &both, 0, None),
        (
            "an expired root",
            &leaf,
            &both,
            2,
            Some("is not signed by the CA"),
        ),
        ("a valid server", skupper, skupper, 2, None),
        (
            "an expired server",
            skupper,
            skupper,
            3651,
            Some("has expired"),
        ),
        (
            "a server of the future",
            skupper,
            skupper,
            -1,
            Some("is not valid yet"),
        ),
    ];
    for (name, server, ca, days, expected) in table {
        let partner = Partner::start(server, |_, _, _| {});
        let token = token(&partner.url(), ca);
        let folder = tempfile::tempdir().unwrap();
        let mut order = order(&token, folder.path());
        order.now = now() + TimeDelta::days(days);
        order.timeout = Duration::ZERO;
        let problem = redeem(&order, &mut ()).await.err().unwrap();
        match (problem, expected) {
            (problem @ RedeemProblem::Server { .. }, Some(expected)) => {
                assert!(problem.to_string().contains(expected), "{name}: {problem}");
                assert_eq!(problem.exit_code(), 3, "{name}: a clock may be wrong");
            }
            (RedeemProblem::GaveUp { .. }, None) => {}
            (problem, _) => panic!("{name}: {problem:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_is_found_by_its_name() {
    let certificates = Certificates::of_the_tests();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let partner = Partner::start(&certificates.server, move |_, _, _| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let folder = tempfile::tempdir().unwrap();
    let url = |host: &str| partner.url().replace("127.0.0.1", host);
    for (host, expected) in [
        ("LocalHost.", "no answer"),
        ("nowhere.invalid", "cannot connect to nowhere.invalid:"),
        ("127.0.0.2", ": connection refused"),
    ] {
        let token = token(&url(host), &certificates.server_ca);
        let mut order = order(&token, folder.path());
        order.timeout = Duration::ZERO;
        let message = redeem(&order, &mut ()).await.err().unwrap().to_string();
        assert!(message.contains(expected), "{host}: {message}");
    }
    let headers = partner.requests()[0].headers.clone();
    assert_eq!(headers["host"], format!("localhost:{}", partner.port));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn tls_1_2_is_not_spoken() {
    let certificates = Certificates::of_the_tests();
    let partner = Partner::start_with_tls_1_2(&certificates.server);
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.server_ca);
    let mut order = order(&token, folder.path());
    order.timeout = Duration::ZERO;
    let problem = redeem(&order, &mut ()).await.err().unwrap();
    assert!(
        problem.to_string().contains("does not speak TLS 1.3"),
        "{problem}"
    );
}
