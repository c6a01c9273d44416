//! Redeemers that are stopped, whose requests are lost, and that meet each other.

use cluster_tests::Cluster;
use redemption_sidecar::redeemer::redeem_in_cluster;
use redemption_sidecar::redemption::KeyOrigin;
use tokio::sync::Notify;

use super::Grants;
use crate::partner::Partner;
use crate::tap::{Accident, Tap};
use crate::target::{Target, read};

/// Writes of a redemption, in this order. Dry runs of a DELETE look as real ones here.
const WRITES: [&str; 8] = [
    "POST secrets",
    "dry POST links",
    "dry PUT secrets/NAME-pending",
    "DELETE secrets/NAME-pending",
    "PUT secrets/NAME-pending",
    "POST secrets",
    "POST links",
    "DELETE secrets/NAME-pending",
];

fn writes(tap: &Tap, name: &str) -> Vec<String> {
    let requests = tap.requests().into_iter();
    let writes = requests.filter(|line| !line.starts_with("GET"));
    let pending = format!("{name}-pending");
    writes
        .map(|line| line.replace(&pending, "NAME-pending"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_request_and_run_again_it_is_one_redemption() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "stopped-grants").await;
    let target = Target::new(&cluster, "stopped").await;

    let token = grants.token("undisturbed").await;
    let tap = Tap::on(&target.client, None);
    let order = target.order_by(&token, &tap.client());
    redeem_in_cluster(&order, &mut ()).await.unwrap();
    assert_eq!(writes(&tap, "undisturbed"), WRITES);
    let count = tap.requests().len();

    for at in 0..count {
        for accident in Accident::STOPS {
            let name = format!("at-{at}-{accident:?}").to_lowercase();
            let token = grants.token(&name).await;
            let tap = Tap::on(&target.client, Some((at, accident)));
            let order = target.order_by(&token, &tap.client());
            let run = tap.until_stopped(redeem_in_cluster(&order, &mut ())).await;
            assert!(run.is_none(), "{name}");
            let stopped_at = tap.requests().pop();
            let objects = target.objects().await;
            let has = |object: &str| objects.contains(&format!("{object}/{name}"));
            assert!(has("secret") || !has("link"), "{name}: {stopped_at:?}");

            let redeemed = target.redeem(&token).await;
            let redeemed = redeemed.unwrap_or_else(|problem| {
                unreachable!("{name}, stopped at {stopped_at:?}: {problem}");
            });
            // Stopped behind everything, there is nothing left to be done.
            let expected = (at + 1 < count || accident == Accident::StoppedBefore)
                .then_some(KeyOrigin::Redeemer);
            assert_eq!(redeemed.key_made_by, expected, "{name}");
            assert_eq!(grants.room.redemptions(&name).await, 1, "{name}");
            let objects = target.objects().await;
            let mine = objects.iter().filter(|object| {
                object.ends_with(&format!("/{name}")) || object.contains(&format!("/{name}-"))
            });
            let mine: Vec<_> = mine.cloned().collect();
            assert_eq!(mine, [format!("link/{name}"), format!("secret/{name}")]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_that_are_lost_make_no_difference() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "lost-grants").await;
    let target = Target::new(&cluster, "lost").await;
    let mut at = 0;
    loop {
        let mut is_over = false;
        for accident in Accident::LOSSES {
            let name = format!("at-{at}-{accident:?}").to_lowercase();
            let token = grants.token(&name).await;
            let tap = Tap::on(&target.client, Some((at, accident)));
            let order = target.order_by(&token, &tap.client());
            let redeemed = redeem_in_cluster(&order, &mut ()).await;
            let redeemed = redeemed.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
            assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Redeemer), "{name}");
            assert_eq!(grants.room.redemptions(&name).await, 1, "{name}");
            let objects = target.objects().await;
            for object in [format!("link/{name}"), format!("secret/{name}")] {
                assert!(objects.contains(&object), "{name}: {objects:?}");
            }
            assert!(
                !objects.contains(&format!("secret/{name}-pending")),
                "{name}"
            );
            is_over = tap.requests().len() <= at;
        }
        if is_over {
            break;
        }
        at += 1;
    }
    assert!(at > WRITES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_are_one_redemption() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "together-grants").await;
    let target = Target::new(&cluster, "together").await;
    for round in 0..20 {
        let name = format!("west-{round}");
        let token = grants.token(&name).await;
        let one = async |number: u64| {
            // From at once to one after the other.
            tokio::time::sleep(std::time::Duration::from_millis(number * round * 2)).await;
            target.redeem(&token).await
        };
        let (first, second, third) = tokio::join!(one(0), one(1), one(2));
        for redeemed in [first, second, third] {
            let redeemed = redeemed.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
            assert_eq!(redeemed.links.len(), 1);
        }
        assert_eq!(grants.room.redemptions(&name).await, 1, "{name}");
        let objects = target.objects().await;
        assert_eq!(
            objects.len(),
            2 * (usize::try_from(round).unwrap() + 1),
            "{objects:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_begins_and_ends_between_two_requests_of_another_changes_nothing() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "between-grants").await;
    let target = Target::new(&cluster, "between").await;
    let token = grants.token("undisturbed").await;
    let tap = Tap::on(&target.client, None);
    let order = target.order_by(&token, &tap.client());
    redeem_in_cluster(&order, &mut ()).await.unwrap();
    for at in 0..tap.requests().len() {
        let name = format!("at-{at}");
        let token = grants.token(&name).await;
        let tap = Tap::on(&target.client, Some((at, Accident::Held)));
        let order = target.order_by(&token, &tap.client());
        let mut nobody = ();
        let slow = redeem_in_cluster(&order, &mut nobody);
        let quick = async {
            tap.held().await;
            let redeemed = target.redeem(&token).await;
            tap.let_go();
            redeemed
        };
        let (slow, quick) = tokio::join!(slow, quick);
        let [slow, quick] = [slow, quick]
            .map(|redeemed| redeemed.unwrap_or_else(|problem| unreachable!("{name}: {problem}")));
        assert_eq!(slow.links, quick.links, "{name}");
        assert_eq!(grants.room.redemptions(&name).await, 1, "{name}");
        let objects = target.objects().await;
        assert_eq!(objects.len(), 2 * (at + 2), "{name}: {objects:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_take_turns_in_any_way_are_one_redemption() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "turns-grants").await;
    let target = Target::new(&cluster, "turns").await;
    let token = grants.token("undisturbed").await;
    let tap = Tap::on(&target.client, None);
    let order = target.order_by(&token, &tap.client());
    redeem_in_cluster(&order, &mut ()).await.unwrap();
    let count = tap.requests().len();
    // A fifth of all pairs, spread evenly: all of them take a minute.
    let pairs = (0..count).flat_map(|first| (0..count).map(move |second| (first, second)));
    let pairs: Vec<_> = pairs
        .filter(|(first, second)| (first + 2 * second) % 5 == 0)
        .collect();
    let rounds = pairs.len();
    for (first, second) in pairs {
        let name = format!("{first}-{second}");
        let token = grants.token(&name).await;
        let [one, other] =
            [first, second].map(|at| Tap::on(&target.client, Some((at, Accident::Held))));
        let one_order = target.order_by(&token, &one.client());
        let other_order = target.order_by(&token, &other.client());
        let (mut nobody, mut nobody_else) = ((), ());
        let (begin, one_is_done, other_is_done) = (Notify::new(), Notify::new(), Notify::new());
        let turns = async {
            one.held().await;
            begin.notify_one();
            tokio::select! {
                () = other.held() => {}
                () = other_is_done.notified() => {}
            }
            one.let_go();
            one_is_done.notified().await;
            other.let_go();
        };
        let early = async {
            let redeemed = redeem_in_cluster(&one_order, &mut nobody).await;
            one_is_done.notify_one();
            redeemed
        };
        let late = async {
            begin.notified().await;
            let redeemed = redeem_in_cluster(&other_order, &mut nobody_else).await;
            other_is_done.notify_one();
            redeemed
        };
        let (one, other, ()) = tokio::join!(early, late, turns);
        for redeemed in [one, other] {
            redeemed.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
        }
        assert_eq!(grants.room.redemptions(&name).await, 1, "{name}");
    }
    let objects = target.objects().await;
    assert_eq!(objects.len(), 2 * (rounds + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_a_server_that_counts_every_request_is_not_lost_once_it_is_kept() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "plain").await;
    let mut at = 0;
    let mut kept = 0;
    loop {
        let partner = Partner::plain(1, 2);
        let name = format!("at-{at}");
        let token = read(&partner.token(&name, "grant"));
        let tap = Tap::on(&target.client, Some((at, Accident::StoppedAfter)));
        let order = target.order_by(&token, &tap.client());
        let run = tap.until_stopped(redeem_in_cluster(&order, &mut ())).await;
        if run.is_some() {
            break;
        }
        let is_kept = tap
            .requests()
            .contains(&format!("PUT secrets/{name}-pending"));
        assert_eq!(is_kept, partner.requests().len() == 1, "{name}");
        kept += usize::from(is_kept);
        let redeemed = target.redeem(&token).await.unwrap();
        assert_eq!(redeemed.links.len(), 2, "{name}");
        assert_eq!(partner.requests().len(), 1, "{name}");
        let objects = target.objects().await;
        for object in [
            format!("link/{name}-1"),
            format!("link/{name}-2"),
            format!("secret/{name}"),
        ] {
            assert!(objects.contains(&object), "{name}: {objects:?}");
        }
        assert!(
            !objects.contains(&format!("secret/{name}-pending")),
            "{name}"
        );
        at += 1;
    }
    assert!(kept >= 4, "{kept}");
}
