//! One queue for each grant that somebody redeems: everybody who waits in it shares a write.
//!
//! ```text
//! who waits -> decide -> PUT ../status -> stored: answers
//!                 ^----- GET <----------- another was faster, or the result is not known
//! ```
//!
//! A write names uid and version of the object that it was decided about, so that it is stored only
//! if nobody wrote since. Whoever waits is decided about before its deadline or not at all. Who may
//! have been counted by a write whose result is not known is looked for, a while longer than that.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::admit::{Candidate, RestsOn, admit};
use super::keys::MAX_KEYS;
use super::known::KnownGrants;
use super::object::{GrantObject, ObjectId};
use crate::kubernetes::{AccessGrant, FailedRequest, FailureKind, NO_ANSWER, Next};
use crate::ledger::LedgerFault;
use crate::redemption::{Decision, Grant, GrantUid, Redemption, Refusal};
use crate::system::random;
use crate::telemetry::log;

/// A store of the objects.
pub trait Store: Send + Sync + 'static {
    /// The object that has the name now, which may be another one.
    fn read(
        &self,
        id: &ObjectId,
    ) -> impl Future<Output = Result<GrantObject, FailedRequest>> + Send;

    /// Stores a status if the version of the object is still the one it names.
    fn write(
        &self,
        object: &AccessGrant,
    ) -> impl Future<Output = Result<GrantObject, FailedRequest>> + Send;
}

/// The outer result is about the store.
type Reply<T> = Result<Result<T, Refusal>, LedgerFault>;

/// The queues.
pub struct Queues<S> {
    store: S,
    grants: Arc<KnownGrants>,
    /// A queue is there as long as somebody works on it.
    waiting: Mutex<HashMap<GrantUid, Vec<Waiting>>>,
}

/// Somebody who waits in a queue.
struct Waiting {
    request: Request,
    deadline: Instant,
    /// True when the object was read since it came.
    is_confirmed: bool,
}

enum Request {
    /// To be counted.
    Count(Candidate, oneshot::Sender<Reply<Decision>>),
    /// To know the grant as it is.
    Confirm(oneshot::Sender<Reply<Grant>>),
}

impl<S: Store> Queues<S> {
    /// Queues in front of a store, for the grants that are known.
    #[must_use]
    pub fn new(store: S, grants: Arc<KnownGrants>) -> Self {
        Self {
            store,
            grants,
            waiting: Mutex::default(),
        }
    }

    /// Counts a redemption, as [`Ledger::count`](crate::ledger::Ledger::count) does.
    ///
    /// # Errors
    /// A fault of the store, or the deadline is over.
    pub async fn count(
        self: &Arc<Self>,
        uid: GrantUid,
        redemption: Redemption,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Reply<Decision> {
        let candidate = Candidate {
            redemption,
            now,
            is_in_doubt: false,
            is_late: false,
        };
        let (reply, answer) = oneshot::channel();
        self.enter(uid, Request::Count(candidate, reply), deadline);
        answer.await.unwrap_or_else(|_| Err(given_up()))
    }

    /// The grant as the store holds it now. Those who wait together share a read.
    ///
    /// # Errors
    /// A fault of the store, or the deadline is over.
    pub async fn confirm(self: &Arc<Self>, uid: GrantUid, deadline: Instant) -> Reply<Grant> {
        let (reply, answer) = oneshot::channel();
        self.enter(uid, Request::Confirm(reply), deadline);
        answer.await.unwrap_or_else(|_| Err(given_up()))
    }

    fn enter(self: &Arc<Self>, uid: GrantUid, request: Request, deadline: Instant) {
        let waiting = Waiting {
            request,
            deadline,
            is_confirmed: false,
        };
        let mut queues = self.lock();
        if let Some(queue) = queues.get_mut(&uid) {
            queue.push(waiting);
            return;
        }
        queues.insert(uid, vec![waiting]);
        drop(queues);
        let shift = Shift {
            queues: Arc::clone(self),
            uid,
        };
        tokio::spawn(shift.run());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<GrantUid, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The work on one queue, from the first who enters until nobody waits.
struct Shift<S: Store> {
    queues: Arc<Queues<S>>,
    uid: GrantUid,
}

/// The next step for those who wait.
enum Step {
    /// Everybody who waited has an answer.
    Rest,
    /// The object must be read.
    Read(Arc<GrantObject>),
    /// The object must be written; then these have their answers.
    Write(Box<AccessGrant>, Vec<(Waiting, Result<Decision, Refusal>)>),
}

impl<S: Store> Shift<S> {
    async fn run(self) {
        let mut waiting = Vec::new();
        let mut must_read = false;
        while self.take_in(&mut waiting) {
            let next = match self.step(&mut waiting, must_read) {
                Step::Rest => None,
                Step::Read(object) => self.read(&object.id, &mut waiting).await,
                Step::Write(object, decided) => self.write(&object, decided, &mut waiting).await,
            };
            must_read = match next {
                Some(Next::Read { pause, .. }) => {
                    tokio::time::sleep(jitter(pause)).await;
                    true
                }
                None | Some(Next::UnknownGrant | Next::Fault) => false,
            };
        }
    }

    /// Takes in who came since the last time, and lets go who waits in vain. Says whether anybody
    /// waits; if nobody does, the queue is gone.
    fn take_in(&self, waiting: &mut Vec<Waiting>) -> bool {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get_mut(&self.uid) {
            waiting.append(queue);
        }
        let now = Instant::now();
        for waiting in waiting.extract_if(.., |waiting| !waiting.stays(now)) {
            waiting.fail(given_up());
        }
        if waiting.is_empty() {
            queues.remove(&self.uid);
        }
        !waiting.is_empty()
    }

    /// Answers who can be answered, and says what the others need.
    fn step(&self, waiting: &mut Vec<Waiting>, must_read: bool) -> Step {
        let Some(object) = self.queues.grants.find(&self.uid) else {
            for waiting in waiting.drain(..) {
                waiting.refuse(Refusal::UnknownGrant);
            }
            return Step::Rest;
        };
        if must_read {
            return Step::Read(object);
        }
        let mut counts = Vec::new();
        for one in std::mem::take(waiting) {
            match one.request {
                Request::Confirm(reply) if one.is_confirmed => {
                    // Whoever is gone needs no answer.
                    let _delivered = reply.send(Ok(object.grant.clone().ok_or(Refusal::NotReady)));
                }
                Request::Count(..) if counts.len() < MAX_KEYS => counts.push(one),
                _ => waiting.push(one),
            }
        }
        let candidates = counts.iter().filter_map(Waiting::candidate);
        let admission = admit(&object, &candidates.cloned().collect::<Vec<_>>());
        let mut decided = Vec::new();
        for (one, answer) in counts.into_iter().zip(admission.answers) {
            match (answer.rests_on, &answer.decision) {
                (RestsOn::Write, _) => decided.push((one, answer.decision)),
                (RestsOn::Object, Err(_)) if !one.is_confirmed => waiting.push(one),
                (RestsOn::Object, _) => one.decide(&object, answer.decision),
            }
        }
        match admission.status {
            Some(status) => Step::Write(Box::new(object.with_status(status)), decided),
            None if waiting.is_empty() => Step::Rest,
            None => Step::Read(object),
        }
    }

    /// Reads the object for everybody who waits.
    async fn read(&self, id: &ObjectId, waiting: &mut Vec<Waiting>) -> Option<Next> {
        let read = self.queues.store.read(id).await;
        let failure = match read {
            Ok(object) if object.id.uid == self.uid => {
                self.queues.grants.renew(object);
                for one in waiting {
                    one.is_confirmed = true;
                }
                return None;
            }
            Ok(_) => FailedRequest {
                kind: FailureKind::Gone,
                message: "another grant has the name".to_owned(),
            },
            Err(failure) => failure,
        };
        let next = failure.kind.after_read();
        self.end(next, &failure, waiting);
        Some(next)
    }

    /// Writes the object for those whose answers rest on it.
    async fn write(
        &self,
        object: &AccessGrant,
        decided: Vec<(Waiting, Result<Decision, Refusal>)>,
        waiting: &mut Vec<Waiting>,
    ) -> Option<Next> {
        let written = self.queues.store.write(object).await;
        let failure = match written {
            Ok(object) => {
                let object = self.queues.grants.renew(object);
                for (one, decision) in decided {
                    one.decide(&object, decision);
                }
                for one in waiting {
                    one.is_confirmed = true;
                }
                return None;
            }
            Err(failure) => failure,
        };
        let next = failure.kind.after_write();
        let is_in_doubt = matches!(
            next,
            Next::Read {
                is_in_doubt: true,
                ..
            }
        );
        let undecided = decided.into_iter().map(|(mut one, decision)| {
            if let Request::Count(candidate, _) = &mut one.request
                && decision == Ok(Decision::Count)
            {
                candidate.is_in_doubt |= is_in_doubt;
            }
            one
        });
        // They came first.
        waiting.splice(..0, undecided);
        self.end(next, &failure, waiting);
        Some(next)
    }

    /// Answers everybody when there is nothing more to try.
    fn end(&self, next: Next, failure: &FailedRequest, waiting: &mut Vec<Waiting>) {
        match next {
            Next::Read { .. } => {
                tracing::debug!(grant = %self.uid, problem = %failure, "tried again");
            }
            Next::UnknownGrant => {
                self.queues.grants.forget(&self.uid);
                for one in waiting.drain(..) {
                    one.refuse(Refusal::UnknownGrant);
                }
            }
            Next::Fault => {
                for one in waiting.drain(..) {
                    one.fail(failure.clone().into());
                }
            }
        }
    }
}

/// After a panic, too, whoever enters next begins a new shift; those who waited get a fault.
impl<S: Store> Drop for Shift<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.queues.lock().remove(&self.uid);
        }
    }
}

impl Waiting {
    fn candidate(&self) -> Option<&Candidate> {
        match &self.request {
            Request::Count(candidate, _) => Some(candidate),
            Request::Confirm(_) => None,
        }
    }

    /// True while there is still something to do. Whoever is too late, or gone, is not counted any more,
    /// but looked for when it may be counted already.
    fn stays(&mut self, now: Instant) -> bool {
        let is_late = self.deadline <= now;
        match &mut self.request {
            Request::Confirm(reply) => !is_late && !reply.is_closed(),
            Request::Count(candidate, reply) => {
                candidate.is_late = is_late || reply.is_closed();
                !candidate.is_late || candidate.is_in_doubt && now < self.deadline + LOOK_FOR
            }
        }
    }

    fn decide(self, object: &GrantObject, decision: Result<Decision, Refusal>) {
        let Request::Count(candidate, reply) = self.request else {
            return;
        };
        if candidate.is_late && decision == Err(Refusal::Unavailable) {
            // What was sent may yet be stored.
            candidate.log_doubt(&"it was not found in time");
        }
        let is_counted = decision == Ok(Decision::Count);
        let is_lost = reply.send(Ok(decision)).is_err();
        if is_counted && is_lost {
            let ObjectId { uid, name, .. } = &object.id;
            log::lost_answer(uid, name, &candidate.redemption);
        }
    }

    fn refuse(self, refusal: Refusal) {
        // Whoever is gone needs no answer.
        let _delivered = match self.request {
            Request::Count(_, reply) => reply.send(Ok(Err(refusal))).is_ok(),
            Request::Confirm(reply) => reply.send(Ok(Err(refusal))).is_ok(),
        };
    }

    fn fail(self, fault: LedgerFault) {
        let _delivered = match self.request {
            Request::Count(candidate, reply) => {
                if candidate.is_in_doubt {
                    candidate.log_doubt(&fault);
                }
                reply.send(Err(fault)).is_ok()
            }
            Request::Confirm(reply) => reply.send(Err(fault)).is_ok(),
        };
    }
}

impl Candidate {
    fn log_doubt(&self, cause: &dyn fmt::Display) {
        let serial = self.redemption.serial;
        tracing::error!(%serial, "a redemption may be counted in vain: {cause}");
    }
}

fn given_up() -> LedgerFault {
    LedgerFault::unavailable(NO_ANSWER)
}

/// A pause between a tenth of the longest one and the longest one, so that services that wait for
/// the same do not go on together.
fn jitter(longest: Duration) -> Duration {
    let [byte] = random::bytes::<1>();
    let longest = longest.min(LONGEST_PAUSE);
    longest / 10 + longest * 9 / 10 * u32::from(byte) / 255
}

/// Time after its deadline for which somebody is looked for who may be counted. Redeemers give up 5 s
/// after it; the last request may take two of them.
const LOOK_FOR: Duration = Duration::from_secs(2);

/// However long the API server wants to be left alone: those who wait have few seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
