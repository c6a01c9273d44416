//! The API server as the queues see it.

use std::future::Future;
use std::time::Duration;

use kube::api::PostParams;
use kube::{Api, Client};

use super::object::{GrantObject, ObjectId};
use super::queues::Store;
use crate::kubernetes::{AccessGrant, FailedRequest, FailureKind, answered};

/// AccessGrants of any namespace.
pub(super) struct ClusterStore {
    client: Client,
}

impl ClusterStore {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    fn api(&self, namespace: &str) -> Api<AccessGrant> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

impl Store for ClusterStore {
    async fn read(&self, id: &ObjectId) -> Result<GrantObject, FailedRequest> {
        let api = self.api(&id.namespace);
        answer("read", &id.namespace, &id.name, api.get(&id.name)).await
    }

    async fn write(&self, object: &AccessGrant) -> Result<GrantObject, FailedRequest> {
        let metadata = &object.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let (api, options) = (self.api(namespace), as_sidecar());
        let write = api.replace_status(name, &options, object);
        answer("count in", namespace, name, write).await
    }
}

async fn answer(
    what: &str,
    namespace: &str,
    name: &str,
    request: impl Future<Output = Result<AccessGrant, kube::Error>>,
) -> Result<GrantObject, FailedRequest> {
    let object = answered(PATIENCE, request).await;
    let read = object.and_then(|object| {
        GrantObject::read(&object).ok_or_else(|| FailedRequest {
            kind: FailureKind::Unknown,
            message: "it has no uid".to_owned(),
        })
    });
    read.map_err(|failed| {
        failed.with(format_args!(
            "cannot {what} AccessGrant '{name}' of namespace '{namespace}'"
        ))
    })
}

/// The options of a write, which name the writer in `managedFields`.
pub(super) fn as_sidecar() -> PostParams {
    PostParams {
        field_manager: Some("redemption-sidecar".to_owned()),
        ..PostParams::default()
    }
}

/// Longest time of an answer of the API server: a usual one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
