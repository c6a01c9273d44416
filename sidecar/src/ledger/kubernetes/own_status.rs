//! Completes grants in a cluster whose Skupper controller does not: `--own-status`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::sleep;

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
    writers: Semaphore,
}

impl OwnStatus {
    pub(super) fn new(client: Client, scope: Scope) -> Self {
        Self {
            client,
            scope,
            facts: Mutex::default(),
            writers: Semaphore::new(WRITERS),
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
        if self.missing(object).is_some() {
            tokio::spawn(Arc::clone(self).write(object.clone()));
        }
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
    async fn write(self: Arc<Self>, mut object: AccessGrant) {
        let Ok(_writer) = self.writers.acquire().await else {
            return;
        };
        let name = object.metadata.name.clone().unwrap_or_default();
        let namespace = object.metadata.namespace.clone().unwrap_or_default();
        let api = Api::<AccessGrant>::namespaced(self.client.clone(), &namespace);
        while let Some(status) = self.missing(&object) {
            let ObjectMeta {
                uid,
                resource_version,
                ..
            } = object.metadata;
            let written = AccessGrant {
                metadata: ObjectMeta {
                    name: Some(name.clone()),
                    namespace: Some(namespace.clone()),
                    uid,
                    resource_version,
                    ..ObjectMeta::default()
                },
                spec: Value::Null,
                status: Value::Object(status),
            };
            let options = PostParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PostParams::default()
            };
            let Err(error) = api.replace_status(&name, &options, &written).await else {
                return;
            };
            match Outcome::of(&error) {
                Outcome::Conflict | Outcome::Gone => return,
                Outcome::Busy(_) | Outcome::Unknown => {}
                Outcome::Denied | Outcome::Refused => {
                    let cause = wording(&error);
                    tracing::error!(name, namespace, "cannot complete the AccessGrant: {cause}");
                    return;
                }
            }
            sleep(PAUSE).await;
            match api.get_opt(&name).await {
                Ok(Some(found)) => object = found,
                // The next event of the watch begins anew.
                Ok(None) | Err(_) => return,
            }
        }
    }
}

/// How many grants are completed at once: redemptions come first.
const WRITERS: usize = 8;

/// How many grants are read at once.
const PAGE: u32 = 500;

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);
