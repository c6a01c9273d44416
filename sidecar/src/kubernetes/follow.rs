//! Follows objects of the API server: lists them once, then hears of every change.
//!
//! ```text
//! list -> watch -> ended, or broken off -> watch from the last version that was heard of
//!   ^------------- that is too old (410)
//! ```
//!
//! Bookmarks keep the version of a quiet watch from becoming too old. `kube::runtime::watcher` does the
//! same and does not tell when a watch that broke off goes on: without a change nobody would know.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::client::Body;
use kube::core::{Request, Status};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::failure::NO_ANSWER;
use super::items::{Items, ListProblem};
use super::wording::{one_line, wording};
use crate::system::random;

/// Course of a watch: it tells whether all that there is is known.
#[derive(Debug)]
pub struct Course {
    what: String,
    problem: Mutex<Option<String>>,
    /// Time of the last word of the API server.
    heard: Mutex<Option<Instant>>,
}

impl Course {
    /// The course of a watch that has not begun, of objects with this name in messages.
    #[must_use]
    pub fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            problem: Mutex::new(None),
            heard: Mutex::new(None),
        }
    }

    /// True when nothing was heard for this long: a line that was lost without a word says nothing, and
    /// neither does one on which nothing happens.
    #[must_use]
    pub fn is_silent(&self, now: Instant, patience: Duration) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_none_or(|heard| now.saturating_duration_since(heard) >= patience)
    }

    /// Notes that something was heard.
    fn hear(&self) {
        let now = Some(Instant::now());
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Reason changes are not seen now, if they are not.
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

/// News of objects.
pub enum News<K> {
    /// All of them follow.
    ListBegins,
    /// One of all.
    Listed(K),
    /// These were all: others are not there any more.
    ListEnds,
    /// One is new, or has changed.
    Changed(K),
    /// One was deleted. This is what it was.
    Gone(K),
}

/// Choice among the objects of an API.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A selector of fields.
    pub field: Option<String>,
    /// A selector of labels.
    pub label: Option<String>,
    /// True where the first list must be as new as what is stored, which costs the API server more.
    pub is_consistent: bool,
}

/// Follows objects for ever.
pub async fn follow<K>(
    api: Api<K>,
    selection: Selection,
    course: &Course,
    mut tell: impl FnMut(News<K>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut version = None;
    // What the API server has at hand is several times cheaper for it than what its store has, and
    // the watch tells what has changed since.
    let mut params = ListParams::default().match_any();
    if selection.is_consistent {
        params = ListParams::default().limit(PAGE);
    }
    params.field_selector = selection.field.clone();
    params.label_selector = selection.label.clone();
    let mut failures = 0;
    loop {
        let lost = if let Some(version) = &mut version {
            watch(&api, &selection, version, course, &mut tell).await
        } else {
            match list(&api, params.clone(), &mut tell).await {
                Ok(listed) => {
                    // From now on older ones would go back in time.
                    (params.version_match, params.resource_version) = (None, None);
                    params.limit = Some(PAGE);
                    version = Some(listed);
                    course.note(None);
                    course.hear();
                    failures = 0;
                    continue;
                }
                Err(lost) => lost,
            }
        };
        let problem = match lost {
            Lost::Ended => {
                failures = 0;
                tokio::time::sleep(SHORTEST_PAUSE).await;
                continue;
            }
            Lost::Expired(problem) => {
                version = None;
                problem
            }
            Lost::Broken(problem) => problem,
        };
        course.note(Some(problem));
        tokio::time::sleep(pause(failures)).await;
        failures += 1;
    }
}

/// Reason nothing more is heard of a watch.
enum Lost {
    /// Its time was over.
    Ended,
    /// The changes since the version are forgotten. Holds the message.
    Expired(String),
    /// Anything else. Holds the message.
    Broken(String),
}

impl Lost {
    fn because(code: u16, problem: String) -> Self {
        if code == EXPIRED {
            Self::Expired(problem)
        } else {
            Self::Broken(problem)
        }
    }

    fn failed(error: &kube::Error) -> Self {
        let code = match error {
            kube::Error::Api(status) => status.code,
            _ => 0,
        };
        Self::because(code, wording(error))
    }
}

/// Tells of every object that there is, and returns the version that the list is of. Each is told of
/// while the others are on their way.
async fn list<K>(
    api: &Api<K>,
    mut params: ListParams,
    tell: &mut impl FnMut(News<K>),
) -> Result<String, Lost>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    tell(News::ListBegins);
    loop {
        let end = page(api, &params, tell).await?;
        if let Some(next) = end.continue_.filter(|next| !next.is_empty()) {
            params = params.continue_token(&next);
            continue;
        }
        tell(News::ListEnds);
        let version = end.resource_version;
        return version.ok_or_else(|| Lost::Broken("the list has no version".to_owned()));
    }
}

async fn page<K>(
    api: &Api<K>,
    params: &ListParams,
    tell: &mut impl FnMut(News<K>),
) -> Result<ListMeta, Lost>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let request = Request::new(api.resource_url()).list(params);
    let request = request.map_err(|error| Lost::Broken(error.to_string()))?;
    let client = api.clone().into_client();
    let answer = timeout(LIST_PATIENCE, client.send(request.map(Body::from)))
        .await
        .map_err(|_| no_answer())?;
    let (parts, mut body) = answer.map_err(|error| Lost::failed(&error))?.into_parts();
    let is_list = parts.status.is_success();
    let (mut items, mut refusal) = (Items::default(), Vec::new());
    while let Some(frame) = timeout(LIST_PATIENCE, body.frame())
        .await
        .map_err(|_| no_answer())?
    {
        let frame = frame.map_err(|error| Lost::failed(&error))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        if !is_list {
            refusal.extend(bytes.iter().take(MAX_REFUSAL_BYTES));
            refusal.truncate(MAX_REFUSAL_BYTES);
            continue;
        }
        let read = items.read(&bytes, |object| {
            let object = serde_json::from_slice(object).map_err(|_| ListProblem)?;
            tell(News::Listed(object));
            Ok(())
        });
        read.map_err(|ListProblem| unreadable())?;
    }
    if is_list {
        return items.end().map_err(|ListProblem| unreadable());
    }
    let status = serde_json::from_slice::<Status>(&refusal);
    Err(Lost::Broken(match status {
        Ok(status) => one_line(&status.message),
        Err(_) => format!("the API server answers {}", parts.status),
    }))
}

/// Tells of every change since a version, which goes along, until no more is heard.
async fn watch<K>(
    api: &Api<K>,
    selection: &Selection,
    version: &mut String,
    course: &Course,
    tell: &mut impl FnMut(News<K>),
) -> Lost
where
    K: Resource + Clone + DeserializeOwned + Debug + 'static,
{
    let mut params = WatchParams::default().timeout(WATCH_SECONDS);
    params.field_selector = selection.field.clone();
    params.label_selector = selection.label.clone();
    let events = match timeout(PATIENCE, api.watch(&params, version)).await {
        Ok(Ok(events)) => events,
        Ok(Err(error)) => return Lost::failed(&error),
        Err(_) => return no_answer(),
    };
    let mut events = pin!(events);
    // A version that is too old is said in the first event.
    let mut next = timeout(FIRST_EVENT, events.next()).await;
    if !matches!(next, Ok(Some(Ok(WatchEvent::Error(_)) | Err(_)))) {
        course.note(None);
        course.hear();
    }
    if next.is_err() {
        next = heard(&mut events).await;
    }
    loop {
        if matches!(next, Ok(Some(Ok(_)))) {
            course.hear();
        }
        match next {
            Ok(Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)))) => {
                advance(version, &object);
                tell(News::Changed(object));
            }
            Ok(Some(Ok(WatchEvent::Deleted(object)))) => {
                advance(version, &object);
                tell(News::Gone(object));
            }
            Ok(Some(Ok(WatchEvent::Bookmark(mark)))) => *version = mark.metadata.resource_version,
            Ok(Some(Ok(WatchEvent::Error(status)))) => {
                return Lost::because(status.code, one_line(&status.message));
            }
            Ok(Some(Err(error))) => return Lost::failed(&error),
            Ok(None) => return Lost::Ended,
            Err(_) => return Lost::Broken("nothing is heard of the watch any more".to_owned()),
        }
        next = heard(&mut events).await;
    }
}

/// The next event; an error when the watch is longer than it can be.
async fn heard<S: Stream + Unpin>(
    events: &mut S,
) -> Result<Option<S::Item>, tokio::time::error::Elapsed> {
    let longest = Duration::from_secs(WATCH_SECONDS.into()) + PATIENCE;
    timeout(longest, events.next()).await
}

fn advance<K: Resource>(version: &mut String, object: &K) {
    if let Some(of_object) = &object.meta().resource_version {
        version.clone_from(of_object);
    }
}

fn unreadable() -> Lost {
    Lost::Broken("the answer of the API server cannot be read".to_owned())
}

fn no_answer() -> Lost {
    Lost::Broken(NO_ANSWER.to_owned())
}

/// The pause after so many failures in a row: it doubles, and is seldom the same for two services.
fn pause(failures: u32) -> Duration {
    let longest = SHORTEST_PAUSE.saturating_mul(1 << failures.min(10));
    let longest = longest.min(LONGEST_PAUSE);
    let [byte] = random::bytes::<1>();
    longest / 2 + longest / 2 * u32::from(byte) / 255
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Number of objects in one answer. What the API server has at hand comes in one.
const PAGE: u32 = 500;

/// Most bytes that are read of an answer that is no list.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// Longest time until an answer begins.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest time until a list, which may be large, begins or goes on.
const LIST_PATIENCE: Duration = Duration::from_mins(1);

/// Time after which a quiet watch is taken for one that goes on.
const FIRST_EVENT: Duration = Duration::from_millis(200);

/// Length of a watch. A connection that was lost silently is noticed a little later.
const WATCH_SECONDS: u32 = 60;

/// HTTP 410 Gone.
const EXPIRED: u16 = 410;

/// An API server that is back is noticed after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_silent_until_something_is_heard_and_again_after_a_while() {
        let course = Course::of("the AccessGrants");
        let patience = Duration::from_secs(10);
        assert!(course.is_silent(Instant::now(), patience), "not begun");
        let before = Instant::now();
        course.hear();
        let after = Instant::now();
        for (name, now, expected) in [
            ("before", before, false),
            ("at once", after, false),
            ("after a while", after + patience, true),
        ] {
            assert_eq!(course.is_silent(now, patience), expected, "{name}");
        }
    }
}
