//! Rates of a ledger next to what the API server can do at most. They print, and fail for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cluster_tests::Cluster;
use kube::api::PostParams;
use redemption_sidecar::clock;
use redemption_sidecar::ledger::Ledger;
use redemption_sidecar::redemption::{Decision, GrantUid, Refusal};
use serde_json::json;

use crate::room::{Room, redemption};

const CLIENTS: usize = 16;

async fn grants(room: &Room, prefix: &str, count: usize) -> Vec<GrantUid> {
    let mut uids = Vec::new();
    for number in 0..count {
        uids.push(room.grant(&format!("{prefix}-{number}"), 1).await);
    }
    uids
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints rates"]
#[expect(clippy::too_many_lines, reason = "one run after the other")]
async fn rates_of_distinct_grants_and_of_one() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let room = Arc::new(Room::new(&cluster, "rates").await);
    let ledger = Arc::new(room.ledger().await);
    let each = 600;
    for round in 0..3 {
        // The ceiling: a bare loop of the same write.
        grants(&room, &format!("bare-{round}"), each).await;
        let list = room
            .grants
            .list(&kube::api::ListParams::default())
            .await
            .unwrap();
        let prefix = format!("bare-{round}-");
        let objects = list.items.into_iter().filter(|object| {
            object
                .metadata
                .name
                .as_deref()
                .unwrap()
                .starts_with(&prefix)
        });
        let objects: Arc<Vec<_>> = Arc::new(objects.collect());
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let tasks = (0..CLIENTS).map(|_| {
            let (room, objects, next) =
                (Arc::clone(&room), Arc::clone(&objects), Arc::clone(&next));
            tokio::spawn(async move {
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut object = object.clone();
                    object.status["redemptions"] = json!(1);
                    object.metadata.managed_fields = None;
                    let name = object.metadata.name.clone().unwrap();
                    let options = PostParams::default();
                    room.grants
                        .replace_status(&name, &options, &object)
                        .await
                        .unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let bare = rate(each, start.elapsed());

        let uids = Arc::new(grants(&room, &format!("ledger-{round}"), each).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let tasks = (0..CLIENTS).map(|_| {
            let (ledger, uids, next) = (Arc::clone(&ledger), Arc::clone(&uids), Arc::clone(&next));
            tokio::spawn(async move {
                while let Some(uid) = uids.get(next.fetch_add(1, Ordering::Relaxed)) {
                    ledger.look(uid, None).await.unwrap().unwrap();
                    let deadline = Instant::now() + Duration::from_secs(5);
                    let candidate = redemption(uid, 1);
                    let counted = ledger.count(uid, candidate, clock::now(), deadline).await;
                    assert_eq!(counted.unwrap(), Ok(Decision::Count));
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let ours = rate(each, start.elapsed());
        println!(
            "distinct grants: bare {bare:.0}/s, ledger {ours:.0}/s, {:.0} %",
            ours / bare * 100.0
        );

        let uid = room.grant(&format!("one-{round}"), 1_000_000).await;
        while ledger.look(&uid, None).await.unwrap() == Err(Refusal::NotReady) {}
        for replicas in [1, 3] {
            let mut ledgers = vec![Arc::clone(&ledger)];
            while ledgers.len() < replicas {
                ledgers.push(Arc::new(room.ledger().await));
            }
            let end = Instant::now() + Duration::from_secs(5);
            let key = Arc::new(AtomicUsize::new(replicas * 1_000_000));
            let tasks = (0..50).map(|number| {
                let (ledger, key) = (Arc::clone(&ledgers[number % replicas]), Arc::clone(&key));
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    while Instant::now() < end {
                        let key = key.fetch_add(1, Ordering::Relaxed);
                        let candidate = redemption(&uid, u32::try_from(key).unwrap());
                        let start = Instant::now();
                        let deadline = start + Duration::from_secs(5);
                        let counted = ledger.count(&uid, candidate, clock::now(), deadline).await;
                        assert_eq!(counted.unwrap(), Ok(Decision::Count));
                        times.push(start.elapsed());
                    }
                    times
                })
            });
            let mut times = Vec::new();
            for task in tasks.collect::<Vec<_>>() {
                times.extend(task.await.unwrap());
            }
            times.sort();
            let p99 = times[times.len() * 99 / 100];
            let per_second = times.len() / 5;
            println!("one grant, {replicas} ledgers, 50 clients: {per_second}/s, p99 {p99:?}");
        }
    }
}

fn rate(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / time.as_secs_f64()
}
