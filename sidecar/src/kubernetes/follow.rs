//! Follows objects of the API server: lists them once, then hears of every change.
//!
//! When the changes break off or have become too old (410), everything is listed anew. Bookmarks keep
//! a quiet watch from becoming too old.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::watch_wording;
use crate::random;

/// How a watch goes: whether what is known is what there is.
#[derive(Debug)]
pub struct Course {
    what: String,
    problem: Mutex<Option<String>>,
}

impl Course {
    /// The course of a watch that has not begun, of objects with this name in messages.
    #[must_use]
    pub fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            problem: Mutex::new(None),
        }
    }

    /// Why changes are not seen now, if they are not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let problem = self.problem.lock();
        problem.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a problem, or that there is none, and logs what was not so before.
    fn note(&self, problem: Option<String>) {
        let noted = self.problem.lock();
        let mut noted = noted.unwrap_or_else(PoisonError::into_inner);
        if *noted == problem {
            return;
        }
        let what = &self.what;
        if let Some(problem) = &problem {
            tracing::warn!("cannot follow {what}: {problem}");
        } else {
            tracing::info!("{what} can be followed again");
        }
        *noted = problem;
    }
}

/// Follows objects for ever. `field` selects some of them.
pub async fn follow<K>(
    api: Api<K>,
    field: Option<&str>,
    course: &Course,
    mut heed: impl FnMut(Event<K>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut config = watcher::Config::default()
        .timeout(WATCH_SECONDS)
        .page_size(PAGE);
    if let Some(field) = field {
        config = config.fields(field);
    }
    let mut events = pin!(watcher(api, config));
    let mut failures = 0;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                // A list that begins is no answer of the API server yet.
                if !matches!(event, Event::Init) {
                    failures = 0;
                    course.note(None);
                }
                heed(event);
            }
            Err(error) => {
                course.note(Some(watch_wording(&error)));
                tokio::time::sleep(pause(failures)).await;
                failures += 1;
            }
        }
    }
}

/// The pause after so many failures in a row: it doubles, and is seldom the same for two services.
fn pause(failures: u32) -> Duration {
    let longest = SHORTEST_PAUSE.saturating_mul(1 << failures.min(10));
    let longest = longest.min(LONGEST_PAUSE);
    let [byte] = random::bytes::<1>();
    longest / 2 + longest / 2 * u32::from(byte) / 255
}

/// How long one watch lasts, in seconds; the next one goes on where it ended. An API server that went
/// away without a word is noticed after this.
const WATCH_SECONDS: u32 = 60;

/// How many objects are in memory as JSON while a list is read.
const PAGE: u32 = 250;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// An API server that is back is noticed after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
