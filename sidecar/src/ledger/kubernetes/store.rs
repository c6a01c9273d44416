//! The API server as the queues see it.

use std::future::Future;
use std::time::Duration;

use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::timeout;

use super::object::{GrantObject, ObjectPlace};
use super::queues::{Failure, Store};
use crate::kubernetes::outcome::Outcome;
use crate::kubernetes::{AccessGrant, wording};

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
    async fn read(&self, place: &ObjectPlace) -> Result<GrantObject, Failure> {
        let api = self.api(&place.namespace);
        answer("read", &place.namespace, &place.name, api.get(&place.name)).await
    }

    async fn write(&self, object: &AccessGrant) -> Result<GrantObject, Failure> {
        let metadata = &object.metadata;
        let name = metadata.name.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let api = self.api(namespace);
        let options = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        answer(
            "count in",
            namespace,
            name,
            api.replace_status(name, &options, object),
        )
        .await
    }
}

async fn answer(
    what: &str,
    namespace: &str,
    name: &str,
    request: impl Future<Output = Result<AccessGrant, kube::Error>>,
) -> Result<GrantObject, Failure> {
    let failure = |outcome, cause: String| Failure {
        outcome,
        message: format!("cannot {what} AccessGrant '{name}' of namespace '{namespace}': {cause}"),
    };
    match timeout(PATIENCE, request).await {
        Ok(Ok(object)) => GrantObject::read(&object)
            .ok_or_else(|| failure(Outcome::Unknown, "it has no uid".to_owned())),
        Ok(Err(error)) => Err(failure(Outcome::of(&error), wording(&error))),
        Err(_) => Err(failure(
            Outcome::Unknown,
            "the API server did not answer in time".to_owned(),
        )),
    }
}

/// Who wrote, in `managedFields`.
pub(super) const FIELD_MANAGER: &str = "redemption-sidecar";

/// How long the API server may take for one answer: a usual one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
