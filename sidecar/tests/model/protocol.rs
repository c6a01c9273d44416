//! The redemption protocol as a state machine: two redeemers, two replicas, one grant in a store.
//!
//! A request is read and certified, counted, and answered, each in a step of its own, so that
//! anything may happen between two of them. To certify changes nothing that anybody else sees: a
//! crash before it is the same as a crash after it. What is decided is decided by the service's own
//! [`decide`].

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::redemption::{
    CodeDigest, Decision, Grant, GrantUid, KeyDigest, KeyOrigin, Redemption, Refusal, Serial,
    decide,
};

use crate::state::{
    Answer, Candidate, End, Put, Record, Redeemer, RedeemerState, Replica, State, Step, Task,
};

/// What is explored: a store, a grant, who redeems it, and what is wrong with the protocol.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) store: Store,
    pub(crate) grant: Grant,
    mutation: Option<Mutation>,
    /// What the requests of each redeemer ask for.
    candidates: [Vec<Redemption>; 2],
}

/// How a count is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// Read, decided and written in one transaction, as the embedded ledger does it. The result of
    /// one transaction gets lost.
    Transaction,
    /// Read, decided for everybody who waits, and written if nobody wrote in between, as it is done
    /// with objects of a cluster. The result of one write gets lost, and the write may come later.
    CompareAndSwap,
}

/// A protocol that is not the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// The certificate leaves before its key is counted.
    AnswerBeforeCount,
    /// What was decided when the request was read is stored without a second look.
    DecideOutsideTheTransaction,
    /// A write replaces whatever is stored.
    PlainWrite,
    /// A write whose result is lost is taken for done.
    TrustLostWrite,
    /// Somebody is refused for what is about to be written, and the write fails.
    RefuseBeforeWrite,
    /// Counted keys are not looked for.
    ForgetKeys,
    /// A counted key is answered with the time of its newest request.
    AnswerAnew,
    /// Expiry is not noticed.
    StopTheClock,
}

/// One step. Numbers are those of a replica and of a redeemer, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A request arrives and the record is read: what can be refused or answered without a count
    /// is, and everything else is certified, which nobody sees.
    Send(usize, usize),
    Count(usize, usize),
    Answer(usize, usize),
    /// The record is read again, decided about for everybody who waits, and a write is sent.
    Write(usize),
    /// The write arrives, and its result too.
    Apply(usize),
    /// A write arrives that nobody waits for.
    ApplyStray(usize),
    /// The transaction is stored, the replica sees a fault.
    CountInVain(usize, usize),
    /// The replica stops to wait for its write.
    LoseWrite(usize),
    /// The redeemer stops to wait for its answer.
    LoseAnswer(usize),
    Crash(usize),
    Expire,
    Revoke,
}

impl Action {
    /// Whether it is part of a run in which nothing goes wrong, time stands still, and only one
    /// redeemer sends.
    pub(crate) fn is_progress_of(self, redeemer: usize) -> bool {
        match self {
            Self::Send(_, sender) => sender == redeemer,
            Self::CountInVain(..)
            | Self::LoseWrite(_)
            | Self::LoseAnswer(_)
            | Self::Crash(_)
            | Self::Expire
            | Self::Revoke => false,
            _ => true,
        }
    }
}

impl Protocol {
    /// The redeemers bring their own keys or not.
    pub(crate) fn new(
        store: Store,
        redemptions_allowed: u32,
        redeemers: [KeyOrigin; 2],
        mutation: Option<Mutation>,
    ) -> Self {
        let grant = grant(redemptions_allowed);
        let [first, second] = redeemers;
        Self {
            store,
            mutation,
            candidates: [candidates(&grant, 0, first), candidates(&grant, 1, second)],
            grant,
        }
    }

    /// What is counted when a candidate is.
    pub(crate) fn redemption(&self, candidate: Candidate) -> &Redemption {
        &self.candidates[usize::from(candidate.redeemer)][usize::from(candidate.request)]
    }

    /// The key of a redeemer that has one.
    pub(crate) fn own_key(&self, redeemer: usize) -> Option<KeyDigest> {
        let first = &self.candidates[redeemer][0];
        (first.origin == KeyOrigin::Redeemer).then_some(first.key)
    }

    /// Everything that may happen next.
    pub(crate) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        for (redeemer, Redeemer { state: now, .. }) in state.redeemers.iter().enumerate() {
            for (replica, Replica { tasks, .. }) in state.replicas.iter().enumerate() {
                match &tasks[redeemer] {
                    None if *now == RedeemerState::Idle => {
                        actions.push(Action::Send(replica, redeemer));
                    }
                    None => {}
                    Some(task) => self.next_of(*task, replica, redeemer, state, actions),
                }
            }
            if matches!(now, RedeemerState::Waiting(_)) && state.can_lose {
                actions.push(Action::LoseAnswer(redeemer));
            }
        }
        for (number, replica) in state.replicas.iter().enumerate() {
            let is_waiting = replica
                .tasks
                .iter()
                .flatten()
                .any(|task| task.step == Step::Certified);
            if replica.put.is_some() {
                actions.push(Action::Apply(number));
                if state.can_lose {
                    actions.push(Action::LoseWrite(number));
                }
            } else if self.store == Store::CompareAndSwap && is_waiting {
                actions.push(Action::Write(number));
            }
            if !replica.has_crashed && replica.tasks.iter().any(Option::is_some) {
                actions.push(Action::Crash(number));
            }
        }
        actions.extend((0..state.strays.len()).map(Action::ApplyStray));
        match state.end {
            End::Expiry if !state.is_expired => actions.push(Action::Expire),
            End::Revocation if !state.record.is_revoked => actions.push(Action::Revoke),
            _ => {}
        }
    }

    fn next_of(
        &self,
        task: Task,
        replica: usize,
        redeemer: usize,
        state: &State,
        actions: &mut Vec<Action>,
    ) {
        match task.step {
            Step::Certified if self.mutation == Some(Mutation::AnswerBeforeCount) => {
                actions.push(Action::Answer(replica, redeemer));
            }
            Step::Certified | Step::Answered if self.store == Store::Transaction => {
                actions.push(Action::Count(replica, redeemer));
                if state.can_lose {
                    actions.push(Action::CountInVain(replica, redeemer));
                }
            }
            Step::Certified | Step::Answered | Step::Writing(_) => {}
            Step::Decided(_) => actions.push(Action::Answer(replica, redeemer)),
        }
    }

    /// The state after a step.
    pub(crate) fn after(&self, state: &State, action: Action) -> State {
        let mut next = state.clone();
        match action {
            Action::Send(replica, redeemer) => self.send(&mut next, replica, redeemer),
            Action::Count(replica, redeemer) => self.count(&mut next, replica, redeemer),
            Action::CountInVain(replica, redeemer) => {
                next.can_lose = false;
                self.count(&mut next, replica, redeemer);
                if let Some(task) = &mut next.replicas[replica].tasks[redeemer] {
                    task.step = Step::Decided(Answer::TryAgain);
                }
            }
            Action::Answer(replica, redeemer) => next.answer(replica, redeemer),
            Action::Write(replica) => self.write(&mut next, replica),
            Action::Apply(replica) => {
                if let Some(put) = next.replicas[replica].put.take() {
                    let is_done = self.apply(&mut next, put);
                    next.replicas[replica].written(is_done);
                }
            }
            Action::ApplyStray(number) => {
                let put = next.strays.remove(number);
                self.apply(&mut next, put);
            }
            Action::LoseWrite(replica) => {
                next.can_lose = false;
                next.strays.extend(next.replicas[replica].put.take());
                let is_trusted = self.mutation == Some(Mutation::TrustLostWrite);
                next.replicas[replica].written(is_trusted);
            }
            Action::LoseAnswer(redeemer) => {
                next.can_lose = false;
                next.redeemers[redeemer].state = RedeemerState::Idle;
            }
            Action::Crash(replica) => next.crash(replica),
            Action::Expire => next.is_expired = true,
            Action::Revoke => {
                next.record.is_revoked = true;
                next.record.version += 1;
            }
        }
        next.record.redemptions.sort_unstable();
        if self.mutation != Some(Mutation::PlainWrite) {
            // The others come too late for ever.
            next.strays
                .retain(|put| put.record.version > next.record.version);
        }
        next.strays.sort_unstable();
        if self.own_key(0).is_some() && self.own_key(1).is_some() {
            next.sort_redeemers();
        }
        next.sort_replicas();
        next
    }

    fn send(&self, state: &mut State, replica: usize, redeemer: usize) {
        let State {
            record,
            replicas,
            redeemers,
            is_expired,
            ..
        } = state;
        let Redeemer {
            requests,
            state: now,
        } = &mut redeemers[redeemer];
        let candidate = Candidate {
            redeemer: u8::try_from(redeemer).unwrap(),
            request: *requests,
        };
        *requests += 1;
        *now = RedeemerState::Waiting(replica);
        let decision = self.decide(record, candidate, *is_expired);
        replicas[replica].tasks[redeemer] = Some(Task {
            candidate,
            is_late: *is_expired,
            step: match decision {
                Ok(Decision::Count) => Step::Certified,
                decided => Step::Decided(self.answer(decided, candidate)),
            },
        });
    }

    /// One transaction.
    fn count(&self, state: &mut State, replica: usize, redeemer: usize) {
        let State {
            record, replicas, ..
        } = state;
        let task = replicas[replica].task(redeemer);
        let decision = match self.mutation {
            Some(Mutation::DecideOutsideTheTransaction) => Ok(Decision::Count),
            _ => self.decide(record, task.candidate, task.is_late),
        };
        if decision == Ok(Decision::Count) {
            record.redemptions.push(task.candidate);
            state.was_counted_late |= task.is_late || record.is_revoked;
        }
        if task.step == Step::Answered {
            replicas[replica].tasks[redeemer] = None;
        } else {
            task.step = Step::Decided(self.answer(decision, task.candidate));
        }
    }

    /// Decides for everybody who waits, one after the other. Whoever is refused for what is not
    /// stored yet waits for the write like those who are counted.
    fn write(&self, state: &mut State, replica: usize) {
        let replica = &mut state.replicas[replica];
        let mut record = state.record.clone();
        let mut is_late = false;
        for task in replica.tasks.iter_mut().flatten() {
            if task.step != Step::Certified {
                continue;
            }
            let decision = self.decide(&record, task.candidate, task.is_late);
            if decision == Ok(Decision::Count) {
                record.redemptions.push(task.candidate);
                is_late |= task.is_late;
            }
            let is_tentative = record.redemptions.len() > state.record.redemptions.len()
                && (decision.is_ok() || self.mutation != Some(Mutation::RefuseBeforeWrite));
            let answer = self.answer(decision, task.candidate);
            task.step = if is_tentative {
                Step::Writing(answer)
            } else {
                Step::Decided(answer)
            };
        }
        if record.redemptions.len() > state.record.redemptions.len() {
            record.redemptions.sort_unstable();
            record.version += 1;
            replica.put = Some(Put { record, is_late });
        }
    }

    /// Stores a write if nobody wrote since its record was read.
    fn apply(&self, state: &mut State, put: Put) -> bool {
        let is_newest = put.record.version == state.record.version + 1;
        let is_stored = is_newest || self.mutation == Some(Mutation::PlainWrite);
        if is_stored {
            state.was_counted_late |= put.is_late || state.record.is_revoked;
            state.record = put.record;
        }
        is_stored
    }

    fn decide(
        &self,
        record: &Record,
        candidate: Candidate,
        is_late: bool,
    ) -> Result<Decision, Refusal> {
        let candidate = self.redemption(candidate);
        let grant = Grant {
            redemptions: u32::try_from(record.redemptions.len()).unwrap(),
            revoked: record.is_revoked.then_some(self.grant.created),
            ..self.grant.clone()
        };
        let mut counted = record
            .redemptions
            .iter()
            .map(|known| self.redemption(*known));
        let known = counted.find(|known| known.key == candidate.key);
        let known = known.filter(|_| self.mutation != Some(Mutation::ForgetKeys));
        let is_late = is_late && self.mutation != Some(Mutation::StopTheClock);
        let now = grant.expiration_time + TimeDelta::seconds(i64::from(is_late));
        decide(&grant, known, &candidate.subject, now)
    }

    fn answer(&self, decision: Result<Decision, Refusal>, candidate: Candidate) -> Answer {
        match decision {
            Ok(Decision::Again(known)) if self.mutation != Some(Mutation::AnswerAnew) => {
                let of_redeemer = &self.candidates[usize::from(candidate.redeemer)];
                let request = of_redeemer.iter().position(|one| *one == known).unwrap();
                let request = u8::try_from(request).unwrap();
                Answer::Certificate(Candidate {
                    request,
                    ..candidate
                })
            }
            Ok(_) => Answer::Certificate(candidate),
            Err(_) => Answer::Refused,
        }
    }
}

fn grant(redemptions_allowed: u32) -> Grant {
    let created: DateTime<Utc> = DateTime::UNIX_EPOCH;
    Grant {
        uid: GrantUid::from_bytes([1; 16]),
        name: "west".to_owned(),
        code: CodeDigest::from_stored([0; 32], false),
        redemptions_allowed,
        redemptions: 0,
        created,
        expiration_time: created + TimeDelta::hours(1),
        revoked: None,
        issuer: None,
        namespace: None,
        has_short_code: false,
    }
}

/// What the requests of a redeemer ask for, more than it can make. Each is made at another time.
fn candidates(grant: &Grant, redeemer: u8, origin: KeyOrigin) -> Vec<Redemption> {
    (0..16)
        .map(|request| {
            let spki = match origin {
                KeyOrigin::Redeemer => [redeemer, 0],
                KeyOrigin::Service => [redeemer, request],
            };
            Redemption {
                key: KeyDigest::of_spki(&spki),
                origin,
                subject: grant.name.clone(),
                serial: Serial::derive(&grant.uid, &spki),
                at: grant.created + TimeDelta::seconds(i64::from(request)),
                certificate_end: grant.expiration_time + TimeDelta::days(1),
                authority: None,
            }
        })
        .collect()
}
