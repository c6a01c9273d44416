//! The built policy in front of a real API server: what is stored, and what the user is told.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot be set up must fail the test"
)]

mod access_grants;
mod access_tokens;
mod expiration_windows;
mod gitops;
mod json_types;
mod kubectl;
mod token_requests;
mod versions;

use std::sync::Arc;

use cluster_tests::{Answer, Cluster, User};
use serde_json::Value;

/// The administrator in a namespace of their own, on the cluster of all these tests.
async fn admin(namespace: &str) -> (Arc<Cluster>, User) {
    let cluster = Cluster::shared().await.unwrap();
    let user = User::admin(&cluster, namespace).await.unwrap();
    (cluster, user)
}

/// The object that was stored.
#[track_caller]
fn done(answer: Answer) -> Value {
    assert!(answer.is_done(), "{answer:?}");
    answer.body
}

/// The policy's words to the user.
#[track_caller]
fn refused(answer: &Answer) -> &str {
    assert_eq!(answer.code, 422, "{answer:?}");
    let (start, message) = answer
        .message()
        .split_once(" denied the request: ")
        .unwrap();
    assert!(
        start.starts_with("admission webhook \"clusterwide-"),
        "{start}"
    );
    message
}

/// Fields that change with every write.
fn version(object: &Value) -> (&Value, &Value) {
    let metadata = &object["metadata"];
    (&metadata["resourceVersion"], &metadata["managedFields"])
}
