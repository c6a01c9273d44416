//! A service for all namespaces: whose site answers for a grant.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster_tests::{Cluster, Rendered};
use kube::api::DeleteParams;
use redemption_sidecar::redemption::GrantUid;
use serde_json::json;
use tokio::time::sleep;

use crate::room::Room;
use crate::service::{Answer, Service, Services};

/// The certificate of the issuer of a namespace, as an answer holds it.
async fn issuer(room: &Room) -> String {
    let secret = room.secrets().get("skupper-site-ca").await.unwrap();
    STANDARD.encode(&secret.data.unwrap()["tls.crt"].0)
}

/// Asks until the status is this one, and says what the answer is.
async fn until(services: &Services, service: &Service, uid: &GrantUid, status: u16) -> String {
    let start = Instant::now();
    loop {
        let Answer {
            status: answered,
            body: text,
            ..
        } = services.ask(service.port, uid).await.unwrap();
        if answered == status {
            return text;
        }
        let log = service.log();
        assert!(start.elapsed() < Duration::from_secs(20), "{text}\n{log}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_is_redeemed_for_the_site_of_its_own_namespace() {
    let cluster = Cluster::shared().await.unwrap();
    let rendered = Rendered::of("sidecar-cluster").unwrap();
    let mut rooms = Vec::new();
    for name in ["wide-a", "wide-b", "wide-broken", "wide-later"] {
        rooms.push(Room::with(&cluster, name, &rendered).await);
    }
    let [a, b, broken, later] = rooms.try_into().ok().unwrap();
    for room in [&a, &b, &broken] {
        room.site().await;
    }
    let at = |host: &str| json!([{"name": "edge", "host": host, "port": "45671", "group": "g"}]);
    b.set_endpoints(&at("192.0.2.2")).await;
    let options = DeleteParams::default();
    broken
        .secrets()
        .delete("skupper-site-ca", &options)
        .await
        .unwrap();
    let services = Services::new(&cluster, &a).of_all();
    let service = services.start(&[]).await;

    for (room, host) in [(&a, "192.0.2.1"), (&b, "192.0.2.2")] {
        let uid = room.grant("west", 1).await;
        let text = until(&services, &service, &uid, 200).await;
        assert!(
            text.contains(host) && text.contains(&issuer(room).await),
            "{text}"
        );
        assert_eq!(room.redemptions("west").await, 1);
        assert!(
            services
                .redeem(service.port, &room.grant("own", 1).await, "own")
                .await
                .is_some()
        );
    }

    // A namespace with a fault is its own affair.
    let unusable = broken.grant("west", 9).await;
    let no_secret = "there is no Secret 'skupper-site-ca' namespace=\"wide-broken\"";
    let start = Instant::now();
    while !service.log().contains(no_secret) {
        // Until its Secret was looked for, its Site is not known.
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{}",
            service.log()
        );
        sleep(Duration::from_millis(100)).await;
    }
    until(&services, &service, &unusable, 503).await;
    let without_site = later.grant("west", 9).await;
    until(&services, &service, &without_site, 503).await;
    assert_eq!(service.is_ready(), Some(true));
    let log = service.log();
    for line in [
        "the issuer 'skupper-site-ca' cannot be used",
        "there is no Site in the namespace of the grant",
        "namespace=\"wide-later\"",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert_eq!(broken.redemptions("west").await, 0);

    // What is made later is served without a restart, and what goes is not.
    broken.issuer().await;
    until(&services, &service, &unusable, 200).await;
    later.site().await;
    let text = until(&services, &service, &without_site, 200).await;
    assert!(text.contains(&issuer(&later).await), "{text}");
    b.sites().0.delete("west", &options).await.unwrap();
    let gone = b.grant("gone", 9).await;
    until(&services, &service, &gone, 503).await;
    assert!(
        service
            .log()
            .contains("there is no Site in namespace 'wide-b' any more")
    );
    assert_eq!(service.is_ready(), Some(true));

    let metrics = service.operations("/metrics").unwrap();
    let ends = metrics.lines().filter(|line| {
        line.starts_with("redemption_sidecar_issuer_certificate_not_after_timestamp_seconds{")
    });
    assert_eq!(ends.count(), 1, "{metrics}");
}
