//! More grants than a list has on a page.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cluster_tests::Cluster;
use redemption_sidecar::redemption::GrantUid;
use tokio::task::JoinSet;

use crate::room::Room;
use crate::service::Services;

/// `GRANTS`, or what is made in a few seconds.
fn number_of_grants() -> usize {
    let number = env::var("GRANTS").ok();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or(1_200)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_grant_of_many_is_known_as_soon_as_the_service_is_ready() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Arc::new(Room::new(&cluster, "many").await);
    room.site().await;
    let start = Instant::now();
    let uids = make(&room, number_of_grants()).await;
    let made = start.elapsed();
    let services = Arc::new(Services::new(&cluster, &room));
    let start = Instant::now();
    let service = services.start(&[]).await;
    println!(
        "{} grants made in {made:?}, ready after {:?}",
        uids.len(),
        start.elapsed()
    );

    // A wrong code is refused as such only where the grant is known, and counts nothing.
    let port = service.port;
    let mut asking = JoinSet::new();
    for uid in uids.clone() {
        let services = Arc::clone(&services);
        asking.spawn(async move { services.ask_with(port, &uid, "x", "").await.unwrap().status });
        while asking.len() >= CLIENTS {
            assert_eq!(asking.join_next().await.unwrap().unwrap(), 403);
        }
    }
    assert!(asking.join_all().await.iter().all(|status| *status == 403));
    for uid in [uids[0], uids[uids.len() / 2], uids[uids.len() - 1]] {
        assert_eq!(services.ask(port, &uid).await.unwrap().status, 200);
    }
    let nobody = GrantUid::from_bytes([7; 16]);
    assert_eq!(services.ask(port, &nobody).await.unwrap().status, 404);
}

async fn make(room: &Arc<Room>, number: usize) -> Vec<GrantUid> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut makers = JoinSet::new();
    for _ in 0..CLIENTS {
        let (room, next) = (Arc::clone(room), Arc::clone(&next));
        makers.spawn(async move {
            let mut uids = Vec::new();
            loop {
                let own = next.fetch_add(1, Ordering::Relaxed);
                if own >= number {
                    return uids;
                }
                uids.push(room.grant(&format!("grant-{own}"), 1).await);
            }
        });
    }
    makers.join_all().await.concat()
}

const CLIENTS: usize = 16;
