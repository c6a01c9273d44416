//! Links that Skupper's controller redeemed, and that become ones that are kept.

use cluster_tests::Cluster;
use kube::api::{Patch, PatchParams};
use redemption_sidecar::redeemer::keeper::{
    ClusterHome, Home, KeepProblem, Renewal, adopt_in_cluster,
};
use redemption_sidecar::redeemer::{ClusterTarget, RenewalServer};
use redemption_sidecar::system::clock;
use serde_json::json;

use super::controller::Controller;
use super::{Kept, PATIENCE, assert_told, order_if_due};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_skuppers_controller_becomes_one_that_is_kept() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-adopt").await;
    let controller = Controller::start(&kept.target.secrets);
    for name in ["west", "east"] {
        kept.link(name).await;
        // As the controller leaves it: the Secret belongs to the AccessToken, and nothing is noted.
        let token = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessToken", "name": name,
            "uid": "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10"});
        let bare = json!({"metadata": {"annotations": null, "labels": null,
            "ownerReferences": [token]}});
        let params = PatchParams::default();
        let secrets = &kept.target.secrets;
        secrets
            .patch(name, &params, &Patch::Merge(bare))
            .await
            .unwrap();
        controller.knows(name).await;
    }
    let home = Home::Cluster(ClusterHome {
        client: kept.target.client.clone(),
        namespace: Some(kept.target.namespace.clone()),
        patience: PATIENCE,
    });
    assert!(home.links(clock::now()).await.unwrap().is_empty());
    let problem = kept.renew("west").await.err().unwrap();
    assert!(matches!(problem, KeepProblem::NotKept(_)), "{problem}");

    let target = ClusterTarget {
        client: kept.target.client.clone(),
        namespace: &kept.target.namespace,
    };
    let url = format!("https://127.0.0.1:{}/renew", kept.granting.port);
    let nobody = RenewalServer::new("https://127.0.0.1:1/renew", &kept.granting.ca()).unwrap();
    let version = kept.secret("west").await.metadata.resource_version;
    let problem = adopt_in_cluster(order_if_due("west"), &target, PATIENCE, nobody).await;
    assert_eq!(problem.err().unwrap().exit_code(), 3);
    let after = kept.secret("west").await.metadata.resource_version;
    assert_eq!(
        after, version,
        "nothing is written before the server has answered"
    );

    let first = kept.serial("west").await;
    let server = RenewalServer::new(&url, &kept.granting.ca()).unwrap();
    let done = adopt_in_cluster(order_if_due("west"), &target, PATIENCE, server.clone()).await;
    let done = done.unwrap();
    assert!(matches!(done.renewal, Renewal::Renewed { .. }));
    assert_told("west", &done);
    let renewed = kept.serial("west").await;
    assert_ne!(renewed, first);
    assert_eq!(renewed.get(..20), first.get(..20), "it is the same link");
    kept.assert_is_done("west").await;
    assert_told("west", &kept.renew("west").await.unwrap());
    let owner = kept.secret("west").await.metadata.owner_references.unwrap();
    assert_eq!(owner[0].kind, "AccessToken");

    let links = home.links(clock::now()).await.unwrap();
    let [link] = links.as_slice() else {
        unreachable!("{links:?}");
    };
    assert_eq!(link.name.name, "west");
    assert!(link.care.is_ok(), "{link:?}");

    // Somebody else's labels are theirs.
    let labels = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}});
    let params = PatchParams::default();
    let secrets = &kept.target.secrets;
    secrets
        .patch("east", &params, &Patch::Merge(labels))
        .await
        .unwrap();
    let problem = adopt_in_cluster(order_if_due("east"), &target, PATIENCE, server).await;
    let message = problem.err().unwrap().to_string();
    assert!(message.contains("managed-by"), "{message}");
}
