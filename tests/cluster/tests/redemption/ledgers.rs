//! Ledgers beside each other in one process.

use std::sync::Arc;
use std::time::Duration;

use cluster_tests::Cluster;
use kube::api::DeleteParams;
use redemption_sidecar::ledger::{KubernetesLedger, Ledger};
use redemption_sidecar::redemption::{Decision, Grant, GrantUid, Refusal};
use redemption_sidecar::system::clock;

use crate::room::{Room, redemption, soon};

#[tokio::test(flavor = "multi_thread")]
async fn three_ledgers_count_exactly_what_a_grant_allows() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "three-ledgers").await;
    let mut ledgers = Vec::new();
    for _ in 0..3 {
        ledgers.push(Arc::new(room.ledger().await));
    }
    for allowed in [1, 10] {
        let name = format!("allows-{allowed}");
        let uid = room.grant(&name, allowed).await;
        let begin = std::time::Instant::now();
        let redeemers = (0..64).map(|key| {
            let ledger = Arc::clone(&ledgers[key as usize % 3]);
            tokio::spawn(async move {
                let grant = known(&ledger, &uid).await;
                let candidate = redemption(&grant.uid, key);
                ledger
                    .count(&uid, candidate, clock::now(), soon())
                    .await
                    .unwrap()
            })
        });
        let mut decisions = Vec::new();
        for redeemer in redeemers.collect::<Vec<_>>() {
            decisions.push(redeemer.await.unwrap());
        }
        println!("{name}: {:?}", begin.elapsed());
        let counted = decisions
            .iter()
            .filter(|decision| **decision == Ok(Decision::Count));
        let spent = decisions
            .iter()
            .filter(|decision| **decision == Err(Refusal::Spent));
        let expected = (allowed as usize, 64 - allowed as usize);
        assert_eq!((counted.count(), spent.count()), expected, "{name}");
        assert_eq!(room.redemptions(&name).await, u64::from(allowed), "{name}");

        // A key that was counted is the same redemption for every ledger.
        let first = decisions.iter().position(Result::is_ok).unwrap();
        let claim = redemption(&uid, u32::try_from(first).unwrap()).claim();
        for ledger in &ledgers {
            let entry = ledger.look(&uid, Some(&claim)).await.unwrap().unwrap();
            let known = entry.redemption.unwrap();
            assert_eq!(
                (known.subject.as_str(), known.serial),
                ("west", claim.serial)
            );
        }
    }
}

/// The grant as the service asks for it first. The watch may still be at its first version, without
/// a code.
async fn known(ledger: &KubernetesLedger, uid: &GrantUid) -> Grant {
    loop {
        match ledger.look(uid, None).await.unwrap() {
            Ok(entry) => return entry.grant,
            Err(Refusal::NotReady) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(refusal) => unreachable!("{refusal:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_made_again_and_one_that_changes_count_what_they_allow_then() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "changing").await;
    let ledger = Arc::new(room.ledger().await);
    let count = |uid: GrantUid, key: u32| {
        let ledger = Arc::clone(&ledger);
        async move {
            known(&ledger, &uid).await;
            let candidate = redemption(&uid, key);
            ledger
                .count(&uid, candidate, clock::now(), soon())
                .await
                .unwrap()
        }
    };
    let first = room.grant("west", 1).await;
    assert_eq!(count(first, 1).await, Ok(Decision::Count));
    assert_eq!(count(first, 2).await, Err(Refusal::Spent));

    // Raised: what the watch has not said yet is read before anybody is refused.
    room.set_allowed("west", 2).await;
    assert_eq!(count(first, 2).await, Ok(Decision::Count));
    room.set_allowed("west", 1).await;
    assert_eq!(count(first, 3).await, Err(Refusal::Spent));
    let again = count(first, 1).await;
    assert!(matches!(again, Ok(Decision::Again(_))), "{again:?}");

    // Deleted and made again under the same name: another grant, with none of the keys.
    let options = DeleteParams::default();
    room.grants.delete("west", &options).await.unwrap();
    let second = room.grant("west", 1).await;
    let candidate = redemption(&first, 9);
    let late = ledger.count(&first, candidate, clock::now(), soon()).await;
    assert_eq!(late.unwrap(), Err(Refusal::UnknownGrant));
    assert_eq!(count(second, 1).await, Ok(Decision::Count));
    assert_eq!(room.redemptions("west").await, 1);
}
