//! Completes grants in a cluster whose Skupper controller does not: `--own-status`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::{ListParams, ObjectMeta};
use kube::{Api, Client};
use lru::LruCache;
use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};

use super::completion::{Completion, complete};
use super::store::as_sidecar;
use crate::kubernetes::{AccessGrant, FailureKind, Scope, wording};
use crate::ledger::Published;
use crate::redemption::GrantUid;
use crate::site::{Changed, Sites};
use crate::system::clock;
use crate::system::random;

/// Writes what is missing in grants, and what has changed around them.
///
/// It writes once what it says of a grant. Whoever writes something else over it, a service
/// with another URL or Skupper's controller, does so once and is not answered.
pub(super) struct OwnStatus {
    client: Client,
    scope: Scope,
    known: Mutex<Known>,
    incomplete: Mutex<Incomplete>,
    /// The digest of what was written of a grant last.
    written: Mutex<LruCache<GrantUid, u64>>,
}

/// Facts that hold for every grant.
struct Known {
    /// Address and CA of the service. Until they are known nothing is written.
    published: Option<Published>,
    sites: Sites,
}

/// The grants in which something is missing.
#[derive(Default)]
struct Incomplete {
    /// By namespace and name: thousands may wait, so that none is kept.
    places: BTreeSet<(String, String)>,
    /// Number of tasks that complete them.
    writers: usize,
}

impl OwnStatus {
    pub(super) fn new(client: Client, scope: Scope) -> Self {
        Self {
            client,
            scope,
            known: Mutex::new(Known {
                published: None,
                sites: Sites::Unread,
            }),
            incomplete: Mutex::default(),
            written: Mutex::new(LruCache::new(WRITTEN)),
        }
    }

    /// Says where the service is reached from now on, and brings every grant up to date.
    pub(super) fn publish(self: &Arc<Self>, published: &Published) {
        let before = self.known().published.replace(published.clone());
        if before.as_ref() == Some(published) {
            return;
        }
        tokio::spawn(Arc::clone(self).consider_all(self.scope.clone()));
    }

    /// Says which sites there are from now on, and brings the grants of those that answer otherwise
    /// than before up to date.
    pub(super) fn set_sites(self: &Arc<Self>, sites: &Sites) {
        let mut known = self.known();
        let changed = known.sites.answering_otherwise(sites);
        known.sites = sites.clone();
        let is_known = known.published.is_some();
        drop(known);
        let scopes = match (changed, &self.scope) {
            (Changed::Nowhere, _) => Vec::new(),
            (Changed::Everywhere, scope) => vec![scope.clone()],
            (Changed::In(names), _) => names
                .into_iter()
                .map(|name| Scope::Namespace(name.to_string()))
                .collect(),
        };
        for scope in scopes.into_iter().filter(|_| is_known) {
            tokio::spawn(Arc::clone(self).consider_all(scope));
        }
    }

    /// Completes a grant if something is missing in it.
    pub(super) fn consider(self: &Arc<Self>, object: &AccessGrant) {
        let ObjectMeta {
            namespace: Some(namespace),
            name: Some(name),
            ..
        } = &object.metadata
        else {
            return;
        };
        if self.missing(object).is_none() {
            return;
        }
        let mut incomplete = self.incomplete();
        incomplete.places.insert((namespace.clone(), name.clone()));
        if incomplete.writers < WRITERS {
            incomplete.writers += 1;
            drop(incomplete);
            tokio::spawn(Arc::clone(self).write_all());
        }
    }

    /// Completes grants until none is incomplete.
    async fn write_all(self: Arc<Self>) {
        while let Some((namespace, name)) = self.next() {
            self.write(&namespace, &name).await;
        }
    }

    fn next(&self) -> Option<(String, String)> {
        let mut incomplete = self.incomplete();
        let next = incomplete.places.pop_first();
        if next.is_none() {
            incomplete.writers -= 1;
        }
        next
    }

    fn incomplete(&self) -> MutexGuard<'_, Incomplete> {
        let incomplete = self.incomplete.lock();
        incomplete.unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, LruCache<GrantUid, u64>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self, object: &AccessGrant) -> Option<Completion> {
        let known = self.known();
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let issuer = object.spec.get("issuer").and_then(Value::as_str);
        let issuer = issuer.filter(|issuer| !issuer.is_empty());
        let namespace = object.metadata.namespace.as_deref();
        let authority = known.sites.authority(namespace, name, issuer);
        let site = authority.map(|authority| authority.map(drop));
        let published = known.published.as_ref()?;
        let completion = complete(object, published, site, clock::now(), random::code)?;
        drop(known);
        let is_said =
            uid(object).is_some_and(|uid| self.written().get(&uid) == Some(&completion.digest));
        (completion.is_first || !is_said).then_some(completion)
    }

    async fn consider_all(self: Arc<Self>, scope: Scope) {
        let api = scope.api(self.client.clone());
        let mut page = ListParams::default().limit(PAGE);
        loop {
            match api.list(&page).await {
                Ok(found) => {
                    found.items.iter().for_each(|object| self.consider(object));
                    match found.metadata.continue_.filter(|next| !next.is_empty()) {
                        Some(next) => page = page.continue_token(&next),
                        None => return,
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot list AccessGrants: {}", wording(&error));
                    page.continue_token = None;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Writes until nothing is missing. Whoever was faster is heard of through the watch.
    async fn write(&self, namespace: &str, name: &str) {
        let api = Api::<AccessGrant>::namespaced(self.client.clone(), namespace);
        let mut refusals = 0;
        while refusals < ATTEMPTS {
            let read = timeout(PATIENCE, api.get_opt(name)).await;
            let error = match read {
                Ok(Ok(None)) => return,
                Ok(Ok(Some(object))) => {
                    let Some(completion) = self.missing(&object) else {
                        return;
                    };
                    let uid = uid(&object);
                    let object = completed(object.metadata, completion.status);
                    let options = as_sidecar();
                    let write = api.replace_status(name, &options, &object);
                    match timeout(PATIENCE, write).await {
                        Ok(Ok(_)) => {
                            if let Some(uid) = uid {
                                self.written().put(uid, completion.digest);
                            }
                            return;
                        }
                        Ok(Err(error)) => Some(error),
                        Err(_) => None,
                    }
                }
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            // Who is away may stay away: it is not the fault of the grant.
            refusals += u32::from(matches!(error, Some(kube::Error::Api(_))));
            match error.as_ref().map_or(FailureKind::Unknown, FailureKind::of) {
                FailureKind::Conflict | FailureKind::Gone => return,
                FailureKind::Busy(_) | FailureKind::Unknown => sleep(PAUSE).await,
                FailureKind::Denied | FailureKind::Refused => {
                    let cause = error.as_ref().map(wording).unwrap_or_default();
                    tracing::error!(name, namespace, "cannot complete the AccessGrant: {cause}");
                    return;
                }
            }
        }
    }
}

fn uid(object: &AccessGrant) -> Option<GrantUid> {
    GrantUid::parse(object.metadata.uid.as_deref()?)
}

fn completed(metadata: ObjectMeta, status: Map<String, Value>) -> AccessGrant {
    AccessGrant {
        metadata: ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            ..ObjectMeta::default()
        },
        spec: Value::Null,
        status: Value::Object(status),
    }
}

/// Most grants that are completed at once: redemptions come first.
const WRITERS: usize = 8;

/// For how many grants it is known what was written of them last.
const WRITTEN: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// Number of grants that are read at once.
const PAGE: u32 = 500;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Most failures of the API server with a grant: for about a minute, and again at its next change.
const ATTEMPTS: u32 = 60;

/// Longest time that the API server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
