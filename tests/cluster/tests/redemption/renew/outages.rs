//! An API server that goes and comes back while a renewal goes on.

use std::time::Duration;

use cluster_tests::Cluster;
use redemption_sidecar::redeemer::keeper::Told;
use tokio::time::sleep;

use super::controller::Controller;
use super::versions::Versions;
use super::{Kept, MOST_REQUESTS, assert_told, order, order_if_due, pair};
use crate::tap::{Accident, Tap};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_in_the_middle_of_any_step_delays_it() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let kept = Kept::new(&cluster, "renew-outages").await;
    let controller = Controller::start(&kept.target.secrets);
    let versions = Versions::new(&kept.target.secrets).await;
    let mut repeated = 0;
    for at in MOST_REQUESTS {
        let name = format!("at-{at}");
        kept.link(&name).await;
        controller.knows(&name).await;
        let first = kept.serial(&name).await;
        let tap = Tap::on(&kept.target.client, Some((at, Accident::Held)));
        let client = tap.client();
        let renewal = kept.renew_by(&client, order(&name));
        let outage = async {
            let held = tokio::time::timeout(super::PATIENCE / 5, tap.held()).await;
            cluster.stop_api_server();
            tap.let_go();
            if held.is_ok() {
                sleep(Duration::from_millis(300)).await;
            }
            cluster.start_api_server().await.unwrap();
        };
        let (done, ()) = tokio::join!(renewal, outage);
        // Where it took too long, the same command goes on.
        let is_done = matches!(&done, Ok(done) if matches!(done.told, Told::All));
        if !is_done {
            repeated += 1;
            if let Err(problem) = &done {
                assert_eq!(problem.exit_code(), 3, "{name}: {problem}");
            }
            let again = if kept.serial(&name).await == first {
                order(&name)
            } else {
                order_if_due(&name)
            };
            let again = kept.renew_by(&kept.target.client, again).await;
            assert_told(&name, &again.unwrap());
        }
        assert_ne!(kept.serial(&name).await, first, "{name}");
        kept.assert_is_done(&name).await;
    }
    let versions = versions.until_quiet().await;
    for secret in &versions {
        pair(secret);
    }
    println!(
        "{} versions, {repeated} commands were repeated",
        versions.len()
    );
    assert!(versions.len() > MOST_REQUESTS.len() * 3);
}
