//! The cluster itself: it starts, stores Skupper's kinds, and survives its API server.

use cluster_tests::{Cluster, Identity};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::json;

#[tokio::test]
async fn a_cluster_keeps_what_was_created_when_its_api_server_is_killed() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let kind = GroupVersionKind::gvk("skupper.io", "v2alpha1", "AccessGrant");
    let kind = ApiResource::from_gvk(&kind);
    let grants: Api<DynamicObject> =
        Api::namespaced_with(cluster.admin().unwrap(), "default", &kind);
    let grant = DynamicObject::new("west", &kind).data(json!({"spec": {"expirationWindow": "1h"}}));
    let created = grants.create(&PostParams::default(), &grant).await.unwrap();

    cluster.restart_api_server().await.unwrap();
    let kept = grants.get("west").await.unwrap();
    assert_eq!(kept.data["spec"], json!({"expirationWindow": "1h"}));
    assert_eq!(kept.metadata.uid, created.metadata.uid);

    let nobody = Identity::user("nobody", &[]);
    let nobody: Api<DynamicObject> =
        Api::namespaced_with(cluster.client_as(&nobody).unwrap(), "default", &kind);
    let refused = nobody.get("west").await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.is_forbidden()));
}
