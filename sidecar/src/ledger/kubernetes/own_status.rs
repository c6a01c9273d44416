//! Completes grants in a cluster whose Skupper controller does not: `--own-status`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Map, Value};
use tokio::time::{sleep, timeout};

use super::completion::{Facts, complete};
use super::outcome::Outcome;
use super::store::FIELD_MANAGER;
use crate::kubernetes::{AccessGrant, Scope, wording};
use crate::{clock, random};

/// Writes what is missing in grants.
pub(super) struct OwnStatus {
    client: Client,
    scope: Scope,
    /// Where the service is reached, and where it was before.
    facts: Mutex<(Option<Facts>, Option<Facts>)>,
    incomplete: Mutex<Incomplete>,
}

/// The grants in which something is missing.
#[derive(Default)]
struct Incomplete {
    /// By namespace and name: thousands may wait, so that none is kept.
    places: BTreeSet<(String, String)>,
    /// How many tasks complete them.
    writers: usize,
}

impl OwnStatus {
    pub(super) fn new(client: Client, scope: Scope) -> Self {
        Self {
            client,
            scope,
            facts: Mutex::default(),
            incomplete: Mutex::default(),
        }
    }

    /// Says where the service is reached from now on, and brings every grant up to date.
    pub(super) fn set_facts(self: &Arc<Self>, facts: Facts) {
        {
            let mut known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
            if known.0.as_ref() == Some(&facts) {
                return;
            }
            known.1 = known.0.replace(facts);
        }
        tokio::spawn(Arc::clone(self).consider_all());
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

    fn missing(&self, object: &AccessGrant) -> Option<Map<String, Value>> {
        let known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let (facts, before) = &*known;
        complete(
            object,
            facts.as_ref()?,
            before.as_ref(),
            clock::now(),
            random::code,
        )
    }

    async fn consider_all(self: Arc<Self>) {
        let api = self.scope.api(self.client.clone());
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
                    let Some(status) = self.missing(&object) else {
                        return;
                    };
                    let object = completed(object.metadata, status);
                    let options = PostParams {
                        field_manager: Some(FIELD_MANAGER.to_owned()),
                        ..PostParams::default()
                    };
                    let write = api.replace_status(name, &options, &object);
                    match timeout(PATIENCE, write).await {
                        Ok(Ok(_)) => return,
                        Ok(Err(error)) => Some(error),
                        Err(_) => None,
                    }
                }
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            // Who is away may stay away: it is not the fault of the grant.
            refusals += u32::from(matches!(error, Some(kube::Error::Api(_))));
            match error.as_ref().map_or(Outcome::Unknown, Outcome::of) {
                Outcome::Conflict | Outcome::Gone => return,
                Outcome::Busy(_) | Outcome::Unknown => sleep(PAUSE).await,
                Outcome::Denied | Outcome::Refused => {
                    let cause = error.as_ref().map(wording).unwrap_or_default();
                    tracing::error!(name, namespace, "cannot complete the AccessGrant: {cause}");
                    return;
                }
            }
        }
    }
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

/// How many grants are completed at once: redemptions come first.
const WRITERS: usize = 8;

/// How many grants are read at once.
const PAGE: u32 = 500;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the API server may fail with a grant: for about a minute, and again at its next change.
const ATTEMPTS: u32 = 60;

/// How long the API server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
