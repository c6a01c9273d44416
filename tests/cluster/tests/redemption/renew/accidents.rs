//! Keepers that are stopped, whose requests are lost, and that meet each other.

use cluster_tests::Cluster;
use redemption_sidecar::redeemer::keeper::{Renewal, Told};

use super::controller::Controller;
use super::{Kept, MOST_REQUESTS, assert_told, order, order_if_due};
use crate::tap::{Accident, Tap};

/// Writes of a renewal, in this order.
const WRITES: [&str; 5] = [
    "POST secrets",
    "PATCH secrets/NAME",
    "DELETE secrets/NAME-pending",
    // The router was told.
    "PATCH secrets/NAME",
    // The granting site has heard of it.
    "PATCH secrets/NAME",
];

fn writes(tap: &Tap, name: &str) -> Vec<String> {
    let requests = tap.requests().into_iter();
    let writes = requests.filter(|line| !line.starts_with("GET"));
    writes.map(|line| line.replace(name, "NAME")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_request_a_renewal_goes_on_where_it_was() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-stopped").await;
    let controller = Controller::start(&kept.target.secrets);
    kept.link("undisturbed").await;
    controller.knows("undisturbed").await;
    let tap = Tap::on(&kept.target.client, None);
    let done = kept.renew_by(&tap.client(), order("undisturbed")).await;
    assert_told("undisturbed", &done.unwrap());
    assert_eq!(writes(&tap, "undisturbed"), WRITES);
    kept.assert_is_done("undisturbed").await;

    let mut stopped = 0;
    for at in MOST_REQUESTS {
        for accident in Accident::STOPS {
            let name = format!("at-{at}-{accident:?}").to_lowercase();
            kept.link(&name).await;
            controller.knows(&name).await;
            let first = kept.serial(&name).await;
            let tap = Tap::on(&kept.target.client, Some((at, accident)));
            let client = tap.client();
            let run = tap.until_stopped(kept.renew_by(&client, order(&name)));
            stopped += usize::from(run.await.is_none());
            let left = kept.serial(&name).await;

            let done = kept.renew_by(&kept.target.client, order_if_due(&name));
            let done = done.await.unwrap();
            assert_told(&name, &done);
            if left == first {
                // Nothing had been put in place.
                assert!(matches!(done.renewal, Renewal::NotDue { .. }), "{name}");
                assert_told(&name, &kept.renew(&name).await.unwrap());
            } else {
                assert_eq!(kept.serial(&name).await, left, "{name}");
            }
            kept.assert_is_done(&name).await;
        }
    }
    assert!(stopped > 2 * WRITES.len() + 10, "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_that_are_lost_or_refused_for_now_make_no_difference() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-lost").await;
    let controller = Controller::start(&kept.target.secrets);
    let refused = [429, 500, 503].map(Accident::Answered);
    let accidents: Vec<_> = Accident::LOSSES.into_iter().chain(refused).collect();
    for at in MOST_REQUESTS {
        for (number, accident) in accidents.iter().enumerate() {
            let name = format!("at-{at}-{number}");
            kept.link(&name).await;
            controller.knows(&name).await;
            let first = kept.serial(&name).await;
            let tap = Tap::on(&kept.target.client, Some((at, *accident)));
            let done = kept.renew_by(&tap.client(), order(&name)).await;
            let done = done.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
            assert_told(&name, &done);
            assert_ne!(kept.serial(&name).await, first, "{name}");
            kept.assert_is_done(&name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_begins_and_ends_between_two_requests_of_another_changes_nothing() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-between").await;
    let controller = Controller::start(&kept.target.secrets);
    for at in MOST_REQUESTS {
        let name = format!("at-{at}");
        kept.link(&name).await;
        controller.knows(&name).await;
        let first = kept.serial(&name).await;
        let tap = Tap::on(&kept.target.client, Some((at, Accident::Held)));
        let client = tap.client();
        let slow = kept.renew_by(&client, order(&name));
        let quick = async {
            // Where the first one ends before that, it is never held.
            let held = tokio::time::timeout(super::PATIENCE / 5, tap.held()).await;
            let done = kept.renew(&name).await;
            tap.let_go();
            (held.is_ok(), done)
        };
        let (slow, (_, quick)) = tokio::join!(slow, quick);
        for done in [slow, quick] {
            let done = done.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
            assert_told(&name, &done);
        }
        assert_ne!(kept.serial(&name).await, first, "{name}");
        kept.assert_is_done(&name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_keepers_of_one_link_the_first_ones_key_is_that_of_all() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-together").await;
    let controller = Controller::start(&kept.target.secrets);
    let mut shared = 0;
    for round in 0..20 {
        let name = format!("west-{round}");
        kept.link(&name).await;
        controller.knows(&name).await;
        let one = async |number: u64| {
            // From at once to one after the other.
            tokio::time::sleep(std::time::Duration::from_millis(number * round)).await;
            kept.renew(&name).await
        };
        let (first, second, third) = tokio::join!(one(0), one(1), one(2));
        let mut serials: Vec<_> = [first, second, third]
            .into_iter()
            .map(|done| {
                let done = done.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
                assert!(matches!(done.told, Told::All), "{name}: {:?}", done.told);
                match done.renewal {
                    Renewal::Renewed { to, .. } => to.unwrap().to_string(),
                    Renewal::NotDue { .. } => unreachable!("{name}: it is forced"),
                }
            })
            .collect();
        let place = kept.serial(&name).await;
        assert!(serials.contains(&place), "{name}: {serials:?}, {place}");
        serials.sort_unstable();
        serials.dedup();
        shared += usize::from(serials.len() < 3);
        kept.assert_is_done(&name).await;
    }
    assert!(shared >= 5, "{shared}");
}
