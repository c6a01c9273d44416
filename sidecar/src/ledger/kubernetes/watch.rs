//! Keeps the grants as the API server has them: lists them once, then follows every change.
//!
//! When the changes break off or have become too old (410), they are listed anew; until that is done,
//! what was known stays. Bookmarks keep a quiet watch from becoming too old.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};

use super::grants::Grants;
use super::object::GrantObject;
use crate::kubernetes::{AccessGrant, watch_wording};
use crate::random;

/// A watch and how it goes.
pub(super) struct Watch {
    api: Api<AccessGrant>,
    grants: Arc<Grants>,
    problem: Mutex<Option<String>>,
}

impl Watch {
    pub(super) fn new(api: Api<AccessGrant>, grants: Arc<Grants>) -> Self {
        Self {
            api,
            grants,
            problem: Mutex::new(None),
        }
    }

    /// Why changes are not seen now, if they are not.
    pub(super) fn problem(&self) -> Option<String> {
        let problem = self.problem.lock();
        problem.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Watches for ever.
    pub(super) async fn run(self: Arc<Self>) {
        let mut events = pin!(watcher(self.api.clone(), watcher::Config::default()));
        let mut failures = 0;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    if self.heed(event) {
                        failures = 0;
                        self.note(None);
                    }
                }
                Err(error) => {
                    self.note(Some(watch_wording(&error)));
                    tokio::time::sleep(pause(failures)).await;
                    failures += 1;
                }
            }
        }
    }

    /// Says whether the API server has answered.
    fn heed(&self, event: Event<AccessGrant>) -> bool {
        match event {
            Event::Init => {
                self.grants.list_begins();
                return false;
            }
            Event::InitApply(object) | Event::Apply(object) => {
                if let Some(object) = GrantObject::read(&object) {
                    self.grants.keep(object);
                }
            }
            Event::Delete(object) => {
                if let Some(object) = GrantObject::read(&object) {
                    self.grants.forget(&object.place.uid);
                }
            }
            Event::InitDone => self.grants.list_ends(),
        }
        true
    }

    /// Notes a problem, and logs one that was not there before.
    fn note(&self, problem: Option<String>) {
        let noted = self.problem.lock();
        let mut noted = noted.unwrap_or_else(PoisonError::into_inner);
        if *noted == problem {
            return;
        }
        match &problem {
            Some(problem) => tracing::warn!("{problem}"),
            None => tracing::info!("the grants of the cluster are followed again"),
        }
        *noted = problem;
    }
}

/// The pause after so many failures in a row: it doubles, and is never the same for two services.
fn pause(failures: u32) -> Duration {
    let longest = SHORTEST_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST_PAUSE);
    let [byte] = random::bytes::<1>();
    longest / 2 + longest / 2 * u32::from(byte) / 255
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// An API server that is back is noticed after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
