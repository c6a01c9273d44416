//! What is retried, how often, and with which key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use chrono::DateTime;
use redemption_sidecar::redeemer::{Progress, RedeemProblem, redeem};
use redemption_sidecar::redemption::KeyOrigin;

use crate::partner::{
    Certificates, Partner, Received, UID, answer, certify, chunked, issuer, secret_without_key,
    skupper_link, skupper_objects,
};
use crate::{files, order, run};
use sidecar_test_support::openssl::now;

/// What our service does: it counts a key once and answers with the same certificate.
pub(crate) struct Service {
    counted: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self {
            counted: Arc::default(),
        }
    }

    /// The answer to a request, which is counted now.
    pub(crate) fn answer(&self) -> impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static {
        let issuer = issuer(&Certificates::of_the_tests().site_ca);
        let counted = Arc::clone(&self.counted);
        let at = now();
        move |request| {
            let mut counted = counted.lock().unwrap();
            let key = request.headers["certificate-request"].clone();
            let certificate = certify(&issuer, request, at);
            let certificate = counted.entry(key).or_insert(certificate);
            let name = &request.headers["name"];
            let secret = secret_without_key(name, issuer.certificates_pem(), certificate);
            let objects = format!("{secret}{}", skupper_link(name, name));
            answer("200 OK", "safe-retry: 1\r\n", &objects)
        }
    }

    /// How many keys were counted. ECDSA signs with chance, so each run has its own request; the
    /// key in it is what counts.
    pub(crate) fn count(&self) -> usize {
        let counted = self.counted.lock().unwrap();
        let keys = counted.keys().map(|request| {
            let key = redemption_sidecar::wire::certificate_request::read(request).unwrap();
            *key.digest().as_bytes()
        });
        keys.collect::<BTreeSet<_>>().len()
    }
}

/// What Skupper's server does: it makes a key for every request.
fn skupper() -> Vec<u8> {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    chunked(
        "",
        &skupper_objects("west", &ca.certificate, &client.certificate, &client.key),
    )
}

#[derive(Default)]
pub(crate) struct Told(pub(crate) Vec<String>);

impl Progress for Told {
    fn waiting(&mut self, reason: &dyn fmt::Display, _pause: Duration) {
        self.0.push(reason.to_string());
    }

    fn remark(&mut self, what: &dyn fmt::Display) {
        self.0.push(what.to_string());
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says_and_the_user_is_told() {
    let certificates = Certificates::of_the_tests();
    let service = Service::new();
    let respond = service.answer();
    let partner = Partner::start(&certificates.server, move |before, request, stream| {
        let reply = match before {
            0 => answer(
                "503 Service Unavailable",
                "Retry-After: 1\r\n",
                "Not ready\n",
            ),
            1 => answer(
                "429 Too Many Requests",
                "Retry-After: 0\r\n",
                "Too many attempts\n",
            ),
            _ => respond(request),
        };
        let _ = stream.write_all(&reply);
    });
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.server_ca);
    let mut told = Told::default();
    let start = Instant::now();
    redeem(&order(&token, folder.path()), &mut told)
        .await
        .unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    let expected = [
        "the server is not ready",
        "too many wrong codes were sent from this address",
    ];
    assert_eq!(told.0, expected);
    assert_eq!(partner.connections(), 3);
    assert_eq!(service.count(), 1);
}

#[tokio::test]
async fn lost_answers_of_a_server_that_counts_keys_cost_nothing() {
    let certificates = Certificates::of_the_tests();
    let service = Service::new();
    let respond = service.answer();
    // Counts, then loses the answer: behind its head, in the middle, as a whole.
    let partner = Partner::start(&certificates.server, move |before, request, stream| {
        let reply = respond(request);
        let length = match before {
            0 => 100,
            1 => reply.len() - 1,
            2 => 0,
            _ => reply.len(),
        };
        let _ = stream.write_all(&reply[..length]);
    });
    let folder = tempfile::tempdir().unwrap();
    let redeemed = run(&partner.token(&certificates.server_ca), folder.path())
        .await
        .unwrap();
    assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Redeemer));
    assert_eq!(partner.connections(), 4);
    assert_eq!(service.count(), 1);
    assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
}

#[tokio::test]
async fn a_lost_answer_of_another_server_may_cost_the_grant_and_that_is_told() {
    let certificates = Certificates::of_the_tests();
    let partner = Partner::start(
        &certificates.server,
        move |before, _, stream| match before {
            0 => {}
            _ => stream
                .write_all(&answer("404 Not Found", "", "No such access granted\n"))
                .unwrap(),
        },
    );
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.server_ca);
    let order = order(&token, folder.path());
    let problem = redeem(&order, &mut ()).await.err().unwrap();
    assert_eq!(problem.exit_code(), 1);
    let RedeemProblem::Refused(refused) = &problem else {
        panic!("{problem:?}");
    };
    let since = refused.doubtful_since.unwrap();
    assert!(
        (0..5).contains(&(since - order.now).num_seconds()),
        "{since}"
    );
    let message = problem.to_string();
    assert!(message.contains("maybe by the request of 20"), "{message}");
    assert!(
        message.contains("the server says 'No such access granted'"),
        "{message}"
    );
}

#[tokio::test]
async fn the_key_of_an_earlier_run_is_sent_again_and_its_time_is_told() {
    let certificates = Certificates::of_the_tests();
    let partner = Partner::start(
        &certificates.server,
        move |before, _, stream| match before {
            0 | 1 => {}
            2 => stream.write_all(&answer("404 Not Found", "", "")).unwrap(),
            _ => stream
                .write_all(&answer("404 Not Found", "safe-retry: 1\r\n", ""))
                .unwrap(),
        },
    );
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.server_ca);
    let problem = run(&token, folder.path()).await.err().unwrap();
    assert!(
        matches!(problem, RedeemProblem::Doubt { .. }),
        "{problem:?}"
    );
    let key = folder.path().join(format!(".redeem-{UID}.key"));
    let then = SystemTime::UNIX_EPOCH + Duration::from_mins(29_750_000);
    File::open(&key).unwrap().set_modified(then).unwrap();

    let problem = run(&token, folder.path()).await.err().unwrap();
    assert!(
        problem
            .to_string()
            .contains("maybe by the request of 2026-07-25T17:20:00Z"),
        "{problem}"
    );
    assert_eq!(
        DateTime::from_timestamp(1_785_000_000, 0)
            .unwrap()
            .to_rfc3339(),
        "2026-07-25T17:20:00+00:00"
    );
    let mut told = Told::default();
    let refused = redeem(&order(&token, folder.path()), &mut told).await;
    assert!(
        !refused.err().unwrap().to_string().contains("maybe"),
        "a server that counts keys would know it"
    );
    let removed = "removed the key of the earlier attempts: it redeems nothing any more";
    assert_eq!(told.0, [removed]);
    assert_eq!(files(folder.path()), [""; 0]);
    let keys: BTreeSet<_> = partner
        .requests()
        .iter()
        .map(|request| {
            let request = &request.headers["certificate-request"];
            *redemption_sidecar::wire::certificate_request::read(request)
                .unwrap()
                .digest()
                .as_bytes()
        })
        .collect();
    assert_eq!((partner.requests().len(), keys.len()), (4, 1));
}

#[tokio::test]
async fn what_fails_before_the_request_is_retried_with_any_server() {
    let certificates = Certificates::of_the_tests();
    let inner = Partner::start(&certificates.skupper_server, |_, _, stream| {
        stream.write_all(&skupper()).unwrap();
    });
    let port = inner.port;
    // Ends the first connections before TLS, then hands on.
    let partner = Partner::start_raw(move |before, mut client| {
        if before < 3 {
            return;
        }
        let mut server = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut client_too, mut server_too) =
            (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut client_too, &mut server_too));
        let _ = std::io::copy(&mut server, &mut client);
    });
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.skupper_server);
    let mut order = order(&token, folder.path());
    order.timeout = Duration::from_secs(20);
    redeem(&order, &mut ()).await.unwrap();
    assert_eq!(partner.connections(), 4);
    assert_eq!(inner.requests().len(), 1);
}

#[tokio::test]
async fn the_time_ends_the_attempts() {
    let certificates = Certificates::of_the_tests();
    let busy = |headers: &'static str| {
        Partner::start(&certificates.server, move |_, _, stream| {
            let reply = answer("503 Service Unavailable", headers, "Not ready\n");
            let _ = stream.write_all(&reply);
        })
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, partner, timeout, connections) in [
        ("no time", busy(""), Duration::ZERO, 1..=1),
        ("two seconds", busy(""), Duration::from_secs(2), 2..=4),
        (
            "a long pause",
            busy("Retry-After: 3600\r\n"),
            Duration::from_secs(2),
            1..=1,
        ),
        (
            "a pause of a hundred million years",
            busy("Retry-After: 3153600000000000\r\n"),
            Duration::from_secs(2),
            1..=1,
        ),
    ] {
        let token = partner.token(&certificates.server_ca);
        let mut order = order(&token, folder.path());
        order.timeout = timeout;
        let start = Instant::now();
        let problem = redeem(&order, &mut ()).await.err().unwrap();
        assert!(
            matches!(problem, RedeemProblem::GaveUp { .. }),
            "{name}: {problem:?}"
        );
        assert_eq!(problem.exit_code(), 3, "{name}");
        // A pause that a server asks for is bounded.
        let told = problem.to_string();
        assert_eq!(
            told.contains("in 300 s or later"),
            name.contains("pause"),
            "{told}"
        );
        assert!(start.elapsed() < timeout + Duration::from_secs(1), "{name}");
        assert!(
            connections.contains(&partner.connections()),
            "{name}: {}",
            partner.connections()
        );
    }
}
