//! What a redeemer asks of the API server, again while it is not known what became of it.
//!
//! A write that was sent twice is harmless: what is made has a name that cannot be made twice, and
//! what is replaced or removed is named by uid and version.

use std::future::Future;
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

use super::object::{ObjectKind, ObjectName};
use super::problem::ClusterProblem;
use crate::kubernetes::FailureKind;

/// The objects of a namespace.
pub(super) struct Requests {
    secrets: Api<DynamicObject>,
    links: Api<DynamicObject>,
    sites: Api<DynamicObject>,
}

/// Whether a request is carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// It is.
    Real,
    /// It is only judged.
    Dry,
}

impl Requests {
    pub(super) fn of(client: &Client, namespace: &str) -> Self {
        let api = |kind: ObjectKind| {
            Api::namespaced_with(client.clone(), namespace, &kind.api_resource())
        };
        Self {
            secrets: api(ObjectKind::Secret),
            links: api(ObjectKind::Link),
            sites: api(ObjectKind::Site),
        }
    }

    /// The Site of the namespace; the oldest one, where there are several.
    pub(super) async fn site(&self) -> Result<Option<DynamicObject>, ClusterProblem> {
        let all = ListParams::default();
        let listed = settled(|| self.sites.list(&all)).await;
        let sites = listed.map_err(|error| ClusterProblem::of_list(ObjectKind::Site, &error))?;
        let age = |site: &DynamicObject| {
            let created = site.metadata.creation_timestamp.as_ref();
            let created = created.map(|time| time.0.as_second());
            (created, site.metadata.name.clone())
        };
        Ok(sites.items.into_iter().min_by_key(age))
    }

    /// The object of a name.
    pub(super) async fn get(
        &self,
        name: &ObjectName,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let api = self.api(name.kind);
        match settled(|| api.get(&name.name)).await {
            Err(error) if is(&error, "NotFound") => Ok(None),
            answer => answer
                .map(Some)
                .map_err(|error| problem("get", name, &error)),
        }
    }

    /// Makes an object. `None` when its name is taken, maybe by an earlier attempt.
    pub(super) async fn create(
        &self,
        name: &ObjectName,
        object: &DynamicObject,
        run: Run,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let (api, options) = (self.api(name.kind), options(run));
        match settled(|| api.create(&options, object)).await {
            Err(error) if is(&error, "AlreadyExists") => Ok(None),
            answer => answer
                .map(Some)
                .map_err(|error| problem("create", name, &error)),
        }
    }

    /// Replaces an object as it was read. `None` when it is not that any more, maybe because of an
    /// earlier attempt.
    pub(super) async fn update(
        &self,
        name: &ObjectName,
        object: &DynamicObject,
        run: Run,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let (api, options) = (self.api(name.kind), options(run));
        match settled(|| api.replace(&name.name, &options, object)).await {
            Err(error) if is(&error, "Conflict") || is(&error, "NotFound") => Ok(None),
            answer => answer
                .map(Some)
                .map_err(|error| problem("update", name, &error)),
        }
    }

    /// Deletes an object, and no other one that has its name by now.
    pub(super) async fn delete(
        &self,
        name: &ObjectName,
        object: &DynamicObject,
        run: Run,
    ) -> Result<(), ClusterProblem> {
        let api = self.api(name.kind);
        let options = DeleteParams {
            dry_run: run == Run::Dry,
            preconditions: Some(Preconditions {
                uid: object.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match settled(|| api.delete(&name.name, &options)).await {
            Err(error) if is(&error, "Conflict") || is(&error, "NotFound") => Ok(()),
            answer => answer
                .map(|_| ())
                .map_err(|error| problem("delete", name, &error)),
        }
    }

    fn api(&self, kind: ObjectKind) -> &Api<DynamicObject> {
        match kind {
            ObjectKind::Secret => &self.secrets,
            ObjectKind::Link => &self.links,
            ObjectKind::Site => &self.sites,
        }
    }
}

/// Sends a request until it is known what became of it, or for [`PATIENCE`].
async fn settled<T, F>(request: impl Fn() -> F) -> Result<T, kube::Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let start = Instant::now();
    loop {
        let answer = match timeout(LONGEST, request()).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(kube::Error::Service(elapsed.into())),
        };
        let Err(error) = &answer else { return answer };
        match FailureKind::of(error) {
            FailureKind::Busy(pause) if start.elapsed() + pause < PATIENCE => sleep(pause).await,
            FailureKind::Unknown if start.elapsed() < PATIENCE => sleep(PAUSE).await,
            _ => return answer,
        }
    }
}

fn options(run: Run) -> PostParams {
    PostParams {
        dry_run: run == Run::Dry,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    }
}

fn is(error: &kube::Error, reason: &str) -> bool {
    matches!(error, kube::Error::Api(status) if status.reason == reason)
}

fn problem(verb: &'static str, name: &ObjectName, error: &kube::Error) -> ClusterProblem {
    ClusterProblem::of(verb, name.clone(), error)
}

/// How long the API server may be away.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one answer may take. A webhook may take 10 s of it unless it is told otherwise.
const LONGEST: Duration = Duration::from_secs(15);

const PAUSE: Duration = Duration::from_millis(250);

/// Who wrote, in `managedFields`.
const FIELD_MANAGER: &str = "redemption-sidecar";
