//! Routers that hear of a renewal, and those that do not.

use std::time::Duration;

use cluster_tests::Cluster;
use kube::api::{Patch, PatchParams};
use redemption_sidecar::redeemer::keeper::{KeepProblem, Renewal, Told};
use serde_json::json;

use super::controller::{CHATTER, CONTEXT, Controller};
use super::versions::Versions;
use super::{Kept, assert_told, order, order_if_due, pair};

const REVISION: &str = "redemption-sidecar.revision";

/// Longest time for a controller that does not come.
const SHORT: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_was_away_notices_a_further_change() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-away").await;
    let controller = Controller::start(&kept.target.secrets);
    kept.link("west").await;
    controller.knows("west").await;
    controller.goes().await;
    let client = &kept.target.client;
    let done = kept
        .renew_within(SHORT, client, order("west"))
        .await
        .unwrap();
    let Told::NoTelling(problem) = &done.told else {
        unreachable!("{:?}", done.told);
    };
    assert!(matches!(problem, KeepProblem::Unnoticed(_)), "{problem}");
    assert_eq!(problem.exit_code(), 3);
    assert_eq!(kept.annotation("west", "told").await, None);
    let renewed = kept.serial("west").await;
    let first = kept.target.entry("west", REVISION).await;

    // It never hears of what is there by now.
    controller.comes_back();
    controller.knows("west").await;
    let shown = kept.secret("west").await.metadata.annotations.unwrap();
    assert!(shown[CONTEXT].contains("\"ordinal\":0"), "{shown:?}");
    let again = kept.renew_within(SHORT, client, order_if_due("west")).await;
    let again = again.unwrap();
    assert!(matches!(again.renewal, Renewal::NotDue { .. }));
    assert_told("west", &again);
    assert_ne!(kept.target.entry("west", REVISION).await, first);
    assert_eq!(kept.serial("west").await, renewed);
    kept.assert_is_done("west").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_counts_anew_catches_up_before_anybody_is_told() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-anew").await;
    let controller = Controller::start(&kept.target.secrets);
    kept.link("west").await;
    controller.count_from("west", 5);
    controller.knows("west").await;
    tokio::time::sleep(SHORT).await;
    controller.goes().await;
    let client = &kept.target.client;
    let done = kept
        .renew_within(SHORT, client, order("west"))
        .await
        .unwrap();
    assert!(matches!(done.told, Told::NoTelling(_)), "{:?}", done.told);
    assert_eq!(
        kept.annotation("west", "ordinal").await.as_deref(),
        Some("5")
    );

    controller.count_from("west", 0);
    controller.comes_back();
    controller.knows("west").await;
    let version = kept.secret("west").await.metadata.resource_version;
    let done = kept.renew_by(client, order_if_due("west")).await;
    assert_told("west", &done.unwrap());
    // No version shows that the router was told before the number is above that which it knows.
    let versions = Versions::since(&kept.target.secrets, &version.unwrap());
    let told_at = versions.until_quiet().await.into_iter().find_map(|secret| {
        let annotations = secret.metadata.annotations.clone().unwrap();
        let is_told = annotations.get("redemption-sidecar/told") == Some(&pair(&secret));
        is_told.then(|| annotations[CONTEXT].clone())
    });
    let told_at = told_at.unwrap();
    assert!(told_at.contains("\"ordinal\":6"), "{told_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_number_nobody_is_told_until_the_first_one_comes() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-nobody").await;
    kept.link("west").await;
    let client = &kept.target.client;
    for order in [order("west"), order_if_due("west")] {
        let done = kept.renew_within(SHORT, client, order).await.unwrap();
        assert!(matches!(done.told, Told::NoRouter), "{:?}", done.told);
        assert_eq!(kept.annotation("west", "told").await, None);
        let data = kept.secret("west").await.data.unwrap();
        assert!(!data.contains_key(REVISION));
    }
    let controller = Controller::start(&kept.target.secrets);
    controller.knows("west").await;
    tokio::time::sleep(SHORT).await;
    let done = kept.renew_by(client, order_if_due("west")).await;
    assert_told("west", &done.unwrap());
    kept.assert_is_done("west").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinal_that_somebody_has_edited_is_noted_anew() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-edited").await;
    let controller = Controller::start(&kept.target.secrets);
    for (name, edited) in [("gone", None), ("words", Some("many"))] {
        kept.link(name).await;
        controller.knows(name).await;
        controller.goes().await;
        let client = &kept.target.client;
        let done = kept.renew_within(SHORT, client, order(name)).await.unwrap();
        assert!(matches!(done.told, Told::NoTelling(_)), "{:?}", done.told);
        let annotations = json!({"redemption-sidecar/ordinal": edited});
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        let secrets = &kept.target.secrets;
        let patched = secrets.patch(name, &PatchParams::default(), &patch).await;
        patched.unwrap();
        let done = kept.renew_within(SHORT, client, order_if_due(name)).await;
        let done = done.unwrap();
        assert!(matches!(done.told, Told::NoTelling(_)), "{:?}", done.told);
        controller.comes_back();
        controller.knows(name).await;
        let done = kept.renew_by(client, order_if_due(name)).await;
        assert_told(name, &done.unwrap());
        kept.assert_is_done(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_at_the_same_time_stays() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-beside").await;
    let controller = Controller::start(&kept.target.secrets);
    kept.link("west").await;
    let own = json!({"metadata": {"labels": {"example.com/own": "a"}, "annotations": {"own": "b"}},
        "data": {"own": "Yw=="}});
    let secrets = &kept.target.secrets;
    let patched = secrets
        .patch("west", &PatchParams::default(), &Patch::Merge(own))
        .await;
    patched.unwrap();
    controller.knows("west").await;
    controller.chat(true);
    let mut renewals = 0;
    while controller.last_word("west") < 400 || renewals < 8 {
        // Ten in a minute are allowed.
        if renewals < 8 {
            assert_told("west", &kept.renew("west").await.unwrap());
            renewals += 1;
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    controller.chat(false);
    controller.goes().await;
    let secret = kept.secret("west").await;
    pair(&secret);
    let annotations = secret.metadata.annotations.unwrap();
    let last_word = controller.last_word("west");
    assert_eq!(annotations[CHATTER], last_word.to_string());
    assert_eq!(annotations["own"], "b");
    assert_eq!(secret.metadata.labels.unwrap()["example.com/own"], "a");
    assert_eq!(secret.data.unwrap()["own"].0, b"c");
    println!("{renewals} renewals beside {last_word} writes of somebody else");
}
