//! An API server that is away, is silent, or has forgotten what happened meanwhile.

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_tests::Cluster;
use kube::api::DeleteParams;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use serde_json::json;
use tokio::time::sleep;

use crate::balancer::{Balancer, Line};
use crate::room::{CANARY, CODE, Room};
use crate::service::{Answer, Service, Services};

/// Time the API server is away: `AWAY_SECONDS`, or five.
fn away() -> Duration {
    let seconds = env::var("AWAY_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// A service whose line to the API server can be cut.
async fn behind_a_line(cluster: &Cluster, room: &Room) -> (Arc<Services>, Service, Balancer) {
    let line = Balancer::before(cluster).await;
    let services = Services::new(cluster, room);
    services.lead_through(cluster, line.port);
    let service = services.start(&[]).await;
    (Arc::new(services), service, line)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_grant_is_refused_to_a_counted_key_although_the_watch_is_silent() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "stalled").await;
    room.site().await;
    let (services, service, line) = behind_a_line(&cluster, &room).await;
    let [deleted, kept] = [room.grant("deleted", 2).await, room.grant("kept", 2).await];
    room.is_known(&services, std::slice::from_ref(&service), &kept)
        .await;
    let key = PrivateKey::generate(KeyKind::P256);
    let own = format!(
        "certificate-request: {}\r\n",
        certificate_request::create(&key)
    );
    let ask = async |uid| {
        let answer = services.ask_with(service.port, uid, CODE, &own).await;
        answer.unwrap()
    };
    let first = ask(&kept).await;
    assert_eq!(ask(&deleted).await.status, 200);

    line.set(Line::Stalled);
    room.grants
        .delete("deleted", &DeleteParams::default())
        .await
        .unwrap();
    sleep(SILENCE).await;
    let told = until_told(async || ask(&deleted).await).await;
    assert_eq!((told.status, told.body.as_str()), (404, "No such claim\n"));
    let again = until_told(async || ask(&kept).await).await;
    assert_eq!(again.serial(), first.serial());
}

/// The first answer that is not that of a service whose requests are lost on silent connections.
async fn until_told(ask: impl AsyncFn() -> Answer) -> Answer {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if answer.status != 503 {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{answer:?}");
    }
}

/// Longest silence of a watch, as the manual says.
const SILENCE: Duration = Duration::from_secs(10);

/// Longest time until a service is ready when the API server is back.
const SOON: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_server_is_away_redeemers_are_told_to_come_again() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let room = Room::new(&cluster, "away").await;
    room.site().await;
    let services = Arc::new(Services::new(&cluster, &room));
    let service = services.start(&[]).await;
    let uid = room.grant("west", 8).await;
    let key = PrivateKey::generate(KeyKind::P256);
    let own = format!(
        "certificate-request: {}\r\n",
        certificate_request::create(&key)
    );
    room.is_known(&services, std::slice::from_ref(&service), &uid)
        .await;
    let counted = Instant::now();
    let first = services
        .ask_with(service.port, &uid, CODE, &own)
        .await
        .unwrap();

    cluster.stop_api_server();
    let patience = away() + Duration::from_mins(1);
    let patient = (0..6).map(|number| {
        let (services, port) = (Arc::clone(&services), service.port);
        tokio::spawn(async move {
            let name = format!("patient-{number}");
            services
                .redeem_for(port, &uid, CODE.into(), &name, patience)
                .await
        })
    });
    let patient: Vec<_> = patient.collect();
    let start = Instant::now();
    let until_told = service.wait_for(false).await;
    while start.elapsed() < away() {
        let answer = services.ask(service.port, &uid).await.unwrap();
        let told = (
            answer.status,
            answer.retry_after.as_deref(),
            answer.body.as_str(),
        );
        assert_eq!(told, (503, Some("2"), "Not available\n"));
        assert_eq!(service.is_ready(), Some(false));
        // A key that was counted needs no API server until the watch has been silent for long.
        let again = services
            .ask_with(service.port, &uid, CODE, &own)
            .await
            .unwrap();
        if counted.elapsed() < SILENCE || again.status != 503 {
            assert_eq!(again.serial(), first.serial());
        }
        let wrong = services
            .ask_with(service.port, &uid, "x", "")
            .await
            .unwrap();
        assert_eq!(wrong.status, 403);
        sleep(Duration::from_millis(200)).await;
    }
    cluster.start_api_server().await.unwrap();
    let back = Instant::now();
    // Made before the service has heard of anything again.
    let new = room.grant("east", 1).await;
    let made_meanwhile = services.redeem(service.port, &new, "east").await;
    assert!(made_meanwhile.is_some(), "{}", service.log());
    service.wait_for(true).await;
    let until_ready = back.elapsed();
    println!("not ready after {until_told:?}, ready again {until_ready:?} after the API server");
    assert!(until_ready < SOON, "{until_ready:?}");
    for redeemer in patient {
        assert!(redeemer.await.unwrap().is_some(), "{}", service.log());
    }
    assert_eq!(room.redemptions("west").await, 7);
    let log = service.log();
    assert!(log.contains("cannot follow the AccessGrants"), "{log}");
    assert!(
        log.contains("the AccessGrants can be followed again"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_the_watch_was_lost_is_known_afterwards() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let room = Room::new(&cluster, "expired").await;
    room.site().await;
    let (services, service, line) = behind_a_line(&cluster, &room).await;
    let port = service.port;
    let deleted = room.grant("deleted", 2).await;
    let changed = room.grant("changed", 2).await;
    room.is_known(&services, std::slice::from_ref(&service), &changed)
        .await;
    let key = PrivateKey::generate(KeyKind::P256);
    let own = format!(
        "certificate-request: {}\r\n",
        certificate_request::create(&key)
    );
    let first = services.ask_with(port, &deleted, CODE, &own).await.unwrap();
    assert_eq!(first.status, 200);

    line.set(Line::Cut);
    let made = room.grant("made", 1).await;
    room.grants
        .delete("deleted", &DeleteParams::default())
        .await
        .unwrap();
    let other_code = format!("{CANARY}the-code-of-later");
    room.set_status("changed", &json!({"code": other_code}))
        .await;
    // The API server keeps no older changes than those since its start.
    cluster.restart_api_server().await.unwrap();
    service.wait_for(false).await;
    line.set(Line::Open);
    let until_ready = service.wait_for(true).await;
    println!("ready again after {until_ready:?}");
    assert!(until_ready < SOON, "{until_ready:?}");
    let log = service.log();
    assert!(log.contains("too old resource version"), "{log}");

    assert_eq!(services.ask(port, &made).await.unwrap().status, 200);
    let again = services.ask_with(port, &deleted, CODE, &own).await.unwrap();
    assert_eq!(
        (again.status, again.body.as_str()),
        (404, "No such claim\n")
    );
    assert_eq!(services.ask(port, &changed).await.unwrap().status, 403);
    let with_new = services.ask_with(port, &changed, &other_code, "").await;
    assert_eq!(with_new.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_broken_line_a_service_is_ready_although_nothing_changes() {
    let cluster = Cluster::shared().await.unwrap();
    for (name, broken) in [("cut", Line::Cut), ("silent", Line::Silent)] {
        let room = Room::new(&cluster, &format!("line-{name}")).await;
        room.site().await;
        let (services, service, line) = behind_a_line(&cluster, &room).await;
        let uid = room.grant("west", 2).await;
        room.is_known(&services, std::slice::from_ref(&service), &uid)
            .await;

        line.set(broken);
        let until_told = service.wait_for(false).await;
        let answer = services.ask(service.port, &uid).await.unwrap();
        let told = (
            answer.status,
            answer.retry_after.as_deref(),
            answer.body.as_str(),
        );
        assert_eq!(told, (503, Some("2"), "Not available\n"), "{name}");
        let made = room.grant("made-meanwhile", 1).await;
        let answer = services.ask(service.port, &made).await.unwrap();
        let told = (
            answer.status,
            answer.retry_after.as_deref(),
            answer.body.as_str(),
        );
        assert_eq!(told, (503, Some("2"), "Not ready\n"), "{name}");
        line.set(Line::Open);
        let until_ready = service.wait_for(true).await;
        println!("{name}: not ready after {until_told:?}, ready again after {until_ready:?}");
        assert!(until_told < SOON && until_ready < SOON, "{name}");
        let received = services.redeem(service.port, &uid, "west").await;
        assert!(received.is_some(), "{name}");
    }
}
