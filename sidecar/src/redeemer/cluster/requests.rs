//! Requests of a redeemer to the API server, repeated while their outcome is unknown.
//!
//! A write that was sent twice is harmless: what is made has a name that cannot be made twice, and
//! what is replaced or removed is named by uid and version.

use std::future::Future;
use std::time::{Duration, Instant};

use kube::api::{
    DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams,
    Preconditions,
};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::object::{Draft, ObjectKind, ObjectName};
use super::problem::ClusterProblem;
use crate::kubernetes::FailureKind;

/// The objects of a namespace.
pub(in crate::redeemer) struct Requests<'a> {
    pub(in crate::redeemer) client: &'a Client,
    pub(in crate::redeemer) namespace: &'a str,
}

/// Effect of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::redeemer) enum Run {
    /// It is carried out.
    Real,
    /// It is only judged.
    Dry,
}

impl Requests<'_> {
    /// The Site of the namespace; the oldest one, where there are several.
    pub(in crate::redeemer) async fn site(&self) -> Result<Option<DynamicObject>, ClusterProblem> {
        let all = ListParams::default();
        let sites = list(self.client, Some(self.namespace), ObjectKind::Site, &all).await?;
        let age = |site: &DynamicObject| {
            let created = site.metadata.creation_timestamp.as_ref();
            let created = created.map(|time| time.0.as_second());
            (created, site.metadata.name.clone())
        };
        Ok(sites.into_iter().min_by_key(age))
    }

    /// The object of a name.
    pub(in crate::redeemer) async fn get(
        &self,
        name: &ObjectName,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let api = self.api(name.kind);
        let answer = settled(|| api.get(&name.name)).await;
        unless(&["NotFound"], answer, "get", name)
    }

    /// Makes an object. `None` when its name is taken, maybe by an earlier attempt.
    pub(in crate::redeemer) async fn create(
        &self,
        draft: &Draft,
        run: Run,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let (api, options) = (self.api(draft.name.kind), options(run));
        let answer = settled(|| api.create(&options, &draft.object)).await;
        unless(&["AlreadyExists"], answer, "create", &draft.name)
    }

    /// Replaces an object as it was read. `None` when it is not that any more, maybe because of an
    /// earlier attempt.
    pub(in crate::redeemer) async fn update(
        &self,
        name: &ObjectName,
        object: &DynamicObject,
        run: Run,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let (api, options) = (self.api(name.kind), options(run));
        let answer = settled(|| api.replace(&name.name, &options, object)).await;
        unless(&["Conflict", "NotFound"], answer, "update", name)
    }

    /// Changes fields of an object, if it has the version in `metadata.resourceVersion`. Fields that the
    /// patch does not name stay as they are. `None` when it is another version, maybe because of an earlier
    /// attempt, or gone.
    pub(in crate::redeemer) async fn patch(
        &self,
        name: &ObjectName,
        patch: &Value,
    ) -> Result<Option<DynamicObject>, ClusterProblem> {
        let api = self.api(name.kind);
        let options = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(patch);
        let answer = settled(|| api.patch(&name.name, &options, &patch)).await;
        unless(&["Conflict", "NotFound"], answer, "patch", name)
    }

    /// Deletes an object, and no other one that has its name by now.
    pub(in crate::redeemer) async fn delete(
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
        let answer = settled(|| api.delete(&name.name, &options)).await;
        unless(&["Conflict", "NotFound"], answer, "delete", name).map(|_| ())
    }

    fn api(&self, kind: ObjectKind) -> Api<DynamicObject> {
        api(self.client, Some(self.namespace), kind)
    }
}

/// The objects of a kind that are chosen, in a namespace or in all of them.
pub(in crate::redeemer) async fn list(
    client: &Client,
    namespace: Option<&str>,
    kind: ObjectKind,
    chosen: &ListParams,
) -> Result<Vec<DynamicObject>, ClusterProblem> {
    let api = api(client, namespace, kind);
    let listed = settled(|| api.list(chosen)).await;
    let mut items = of_list(listed, kind)?.items;
    for object in &mut items {
        // The objects of a list leave out what they are.
        object.types.get_or_insert_with(|| kind.type_meta());
    }
    Ok(items)
}

/// The metadata of the same.
pub(in crate::redeemer) async fn list_metadata(
    client: &Client,
    namespace: Option<&str>,
    kind: ObjectKind,
    chosen: &ListParams,
) -> Result<Vec<ObjectMeta>, ClusterProblem> {
    let api = api(client, namespace, kind);
    let listed = settled(|| api.list_metadata(chosen)).await;
    let items = of_list(listed, kind)?.items.into_iter();
    Ok(items.map(|object| object.metadata).collect())
}

fn of_list<T>(listed: Result<T, kube::Error>, kind: ObjectKind) -> Result<T, ClusterProblem> {
    let every = ObjectName::new(kind, "*");
    listed.map_err(|error| ClusterProblem::of("list", every, &error))
}

fn api(client: &Client, namespace: Option<&str>, kind: ObjectKind) -> Api<DynamicObject> {
    let (client, resource) = (client.clone(), kind.api_resource());
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

/// Sends a request until its outcome is known, or for [`PATIENCE`].
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

/// The answer to a request; `None` where the API server refuses for one of these reasons.
fn unless<T>(
    reasons: &[&str],
    answer: Result<T, kube::Error>,
    verb: &'static str,
    name: &ObjectName,
) -> Result<Option<T>, ClusterProblem> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(kube::Error::Api(status)) if reasons.contains(&status.reason.as_str()) => Ok(None),
        Err(error) => Err(ClusterProblem::of(verb, name.clone(), &error)),
    }
}

/// Longest time without an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest time for one answer. A webhook may take 10 s of it unless it is told otherwise.
const LONGEST: Duration = Duration::from_secs(15);

const PAUSE: Duration = Duration::from_millis(250);

/// Author of the writes in `managedFields`.
const FIELD_MANAGER: &str = "redemption-sidecar";
