//! The operations port, and opening ports.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use redemption_sidecar::ledger::{LinkState, LinkTally};
use redemption_sidecar::redemption::GrantState;
use redemption_sidecar::server::listen;
use redemption_sidecar::service::operations::{self, Probe};
use redemption_sidecar::telemetry::metrics::{Answered, Metrics, Outcome};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Default)]
struct Site {
    problem: Mutex<Option<String>>,
    tally: Mutex<Option<Vec<(GrantState, u64)>>>,
    links: Mutex<Option<LinkTally>>,
}

impl Probe for Site {
    type Unready = String;

    async fn readiness(&self) -> Result<(), String> {
        self.problem.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn tally(&self) -> Option<Vec<(GrantState, u64)>> {
        self.tally.lock().unwrap().clone()
    }

    async fn tally_links(&self) -> Option<LinkTally> {
        self.links.lock().unwrap().clone()
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_operations_port_tells_life_readiness_and_metrics() {
    let site = Arc::new(Site::default());
    let metrics = Arc::new(Metrics::new());
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = operations::server(Arc::clone(&site), Arc::clone(&metrics));
    tokio::spawn(server.serve(listener, std::future::pending()));

    let answer = get(address, "/healthz").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"),
        "{answer}"
    );
    let answer = get(address, "/readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"),
        "{answer}"
    );
    *site.problem.lock().unwrap() = Some("no endpoint".to_owned());
    let answer = get(address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nno endpoint\n"), "{answer}");
    assert!(get(address, "/").await.starts_with("HTTP/1.1 404 "));

    let answer = get(address, "/metrics").await;
    assert!(answer.contains("\r\ncontent-type: application/openmetrics-text; version=1.0.0;"));
    assert!(
        !answer.contains("issuer_certificate_not_after_timestamp_seconds{"),
        "no end before it is known"
    );
    *site.tally.lock().unwrap() = Some(vec![(GrantState::Live, 3), (GrantState::Revoked, 1)]);
    metrics.answer(
        Answered::Redemption(Outcome::Counted),
        Duration::from_millis(2),
    );
    let end = DateTime::from_timestamp(2_000_000_000, 0).unwrap();
    *site.links.lock().unwrap() = Some(LinkTally {
        states: vec![(LinkState::Live, 5), (LinkState::Revoked, 2)],
        soonest_end: Some(end),
    });
    metrics.set_issuer_ends([("site-ca", end)]);
    metrics.set_server_end(end);
    let answer = get(address, "/metrics").await;
    for line in [
        "redemption_sidecar_redemptions_total{outcome=\"counted\"} 1",
        "redemption_sidecar_redemptions_total{outcome=\"wrong_code\"} 0",
        "redemption_sidecar_redemption_duration_seconds_bucket{le=\"0.001\"} 0",
        "redemption_sidecar_redemption_duration_seconds_bucket{le=\"0.0025\"} 1",
        "redemption_sidecar_redemption_duration_seconds_count 1",
        "redemption_sidecar_grants{state=\"live\"} 3",
        "redemption_sidecar_grants{state=\"revoked\"} 1",
        "redemption_sidecar_links{state=\"live\"} 5",
        "redemption_sidecar_links{state=\"revoked\"} 2",
        "redemption_sidecar_link_certificate_soonest_not_after_timestamp_seconds 2000000000",
        "redemption_sidecar_issuer_certificate_not_after_timestamp_seconds{issuer=\"site-ca\"} \
         2000000000",
        "redemption_sidecar_server_certificate_not_after_timestamp_seconds 2000000000",
        "redemption_sidecar_connections 0",
        "redemption_sidecar_connections_closed_total{bound=\"peer\"} 0",
        "# EOF",
    ] {
        assert!(
            answer.lines().any(|found| found == line),
            "{line}\n{answer}"
        );
    }
    *site.tally.lock().unwrap() = None;
    *site.links.lock().unwrap() = None;
    let answer = get(address, "/metrics").await;
    for metric in ["redemption_sidecar_grants{", "redemption_sidecar_links{"] {
        assert!(!answer.contains(metric), "no count of before: {metric}");
    }
}

#[tokio::test]
async fn one_port_takes_both_families_and_a_taken_one_is_named() {
    let listener = listen("[::]:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().unwrap().port();
    for address in ["[::1]", "127.0.0.1"] {
        assert!(
            TcpStream::connect(format!("{address}:{port}"))
                .await
                .is_ok(),
            "{address}"
        );
    }
    let cases = [
        (
            format!("[::]:{port}"),
            format!("port {port} is in use, choose another"),
        ),
        (
            format!("127.0.0.1:{port}"),
            format!("port {port} is in use, choose another"),
        ),
        (
            "192.0.2.1:0".to_owned(),
            "192.0.2.1 is no address of this host, choose another".to_owned(),
        ),
    ];
    for (address, problem) in cases {
        let said = listen(address.parse().unwrap()).err().unwrap().to_string();
        assert_eq!(said, format!("cannot listen on {address}: {problem}"));
    }
}
