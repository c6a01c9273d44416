//! Services beside each other, as processes: what they certify and what is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster_tests::Cluster;
use tokio::time::sleep;

use crate::room::Room;
use crate::service::{Service, Services};

async fn three(services: &Services) -> Vec<Service> {
    let mut started = Vec::new();
    for _ in 0..3 {
        started.push(services.start(&[]).await);
    }
    started
}

#[tokio::test(flavor = "multi_thread")]
async fn three_services_certify_exactly_what_a_grant_allows() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "three-services").await;
    room.site().await;
    let services = Arc::new(Services::new(&cluster, &room));
    let started = three(&services).await;
    for allowed in [1, 10] {
        let name = format!("own-keys-{allowed}");
        let uid = room.grant(&name, allowed).await;
        let tasks = (0..64).map(|number| {
            let services = Arc::clone(&services);
            let port = started[number % 3].port;
            tokio::spawn(async move { services.redeem(port, &uid, &format!("own-{number}")).await })
        });
        let mut received = 0;
        for task in tasks.collect::<Vec<_>>() {
            received += u64::from(task.await.unwrap());
        }
        let counted = room.redemptions(&name).await;
        assert_eq!(
            (received, counted),
            (u64::from(allowed), u64::from(allowed)),
            "{name}"
        );

        let name = format!("plain-{allowed}");
        let uid = room.grant(&name, allowed).await;
        let begin = std::time::Instant::now();
        let tasks = (0..50).map(|number| {
            let services = Arc::clone(&services);
            let port = started[number % 3].port;
            tokio::spawn(async move { services.ask(port, &uid).await })
        });
        let mut answers = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            answers.push(task.await.unwrap());
        }
        println!("{name}: {:?}", begin.elapsed());
        let with = |status| {
            answers
                .iter()
                .filter(|answer| **answer == Some(status))
                .count()
        };
        let expected = (allowed as usize, 50 - allowed as usize);
        assert_eq!((with(200), with(404)), expected, "{name}: {answers:?}");
        assert_eq!(room.redemptions(&name).await, u64::from(allowed), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_and_restarts_lose_nothing_of_redeemers_with_keys_of_their_own() {
    // A cluster of its own: its API server is killed.
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let room = Room::new(&cluster, "kills").await;
    room.site().await;
    let services = Arc::new(Services::new(&cluster, &room));
    let mut started = three(&services).await;
    let ports: Vec<u16> = started.iter().map(|service| service.port).collect();
    for (round, allowed) in [(0, 10), (1, 40)] {
        let name = format!("killed-{round}");
        let uid = room.grant(&name, allowed).await;
        let mut own = Vec::new();
        let mut plain = Vec::new();
        let is_over = Arc::new(AtomicBool::new(false));
        for number in 0..48 {
            let services = Arc::clone(&services);
            let (port, is_over) = (ports[number % 3], Arc::clone(&is_over));
            if number % 4 == 0 {
                plain.push(tokio::spawn(async move {
                    let mut received = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        match services.ask(port, &uid).await {
                            Some(200) => received += 1,
                            Some(404) => break,
                            _ => sleep(Duration::from_millis(50)).await,
                        }
                    }
                    received
                }));
            } else {
                own.push(tokio::spawn(async move {
                    let name = format!("own-{number}");
                    u64::from(services.redeem(port, &uid, &name).await)
                }));
            }
        }
        sleep(Duration::from_millis(300)).await;
        started[0].kill();
        sleep(Duration::from_millis(100)).await;
        cluster.restart_api_server().await.unwrap();
        started[0] = services.start_at(ports[0], &[]).await;
        started[1].kill();
        started[1] = services.start_at(ports[1], &[]).await;
        let mut received = 0;
        for task in own {
            received += task.await.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        let mut received_plain = 0;
        for task in plain {
            received_plain += task.await.unwrap();
        }
        let counted = room.redemptions(&name).await;
        println!("{name}: {received} own, {received_plain} plain, {counted} counted");
        assert!(received + received_plain <= counted, "{name}");
        assert!(counted <= u64::from(allowed), "{name}: {counted}");
        // Everybody asked until it was told so.
        assert_eq!(counted, u64::from(allowed), "{name}");
    }
}
