//! Admission of everybody who waits, one after the other, by one write to a grant.
//!
//! ```text
//! object as read + who waits -> admit -> status to write, if anybody is counted
//!                                        an answer for each, and what it rests on
//! ```
//!
//! Pure. Whoever is refused because of somebody who is counted by the same write must not hear of it
//! before that write is stored: if it is not, a redemption is left.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::keys::{Key, Keys};
use super::object::{GrantObject, note};
use crate::redemption::{Decision, Grant, Redemption, Refusal, decide};

/// Somebody who wants to be counted.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The redemption to count.
    pub redemption: Redemption,
    /// Judges the expiry.
    pub now: DateTime<Utc>,
    /// True when it was part of a write that may have been stored, or may yet be.
    pub is_in_doubt: bool,
    /// True when it must not be counted any more, and is only looked for.
    pub is_late: bool,
}

/// The status to write, and the answers to give.
#[derive(Debug)]
pub struct Admission {
    /// The status to write; absent when nobody is counted.
    pub status: Option<Map<String, Value>>,
    /// An answer for each candidate, in their order.
    pub answers: Vec<Answer>,
}

/// The answer for one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The decision.
    pub decision: Result<Decision, Refusal>,
    /// The condition on which it is true.
    pub rests_on: RestsOn,
}

/// Condition on which an answer is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestsOn {
    /// The object is as it was read: it is looked at again before somebody is refused.
    Object,
    /// The write is stored.
    Write,
}

/// Decides about everybody who waits, against the object as it was read. A grant that is not
/// complete is [`Refusal::NotReady`].
#[must_use]
pub fn admit(object: &GrantObject, waiting: &[Candidate]) -> Admission {
    let Some(grant) = &object.grant else {
        let answer = Answer {
            decision: Err(Refusal::NotReady),
            rests_on: RestsOn::Object,
        };
        return Admission {
            status: None,
            answers: vec![answer; waiting.len()],
        };
    };
    let mut tally = Tally {
        grant: grant.clone(),
        keys: object.keys(),
        counted: None,
    };
    let answers = waiting.iter().map(|candidate| {
        let decision = tally.decide(candidate);
        let rests_on = match tally.counted {
            None => RestsOn::Object,
            Some(_) => RestsOn::Write,
        };
        Answer { decision, rests_on }
    });
    let answers = answers.collect();
    Admission {
        status: tally.counted.map(|at| {
            let mut status = object.status();
            note(&mut status, tally.grant.redemptions, &tally.keys, at);
            status
        }),
        answers,
    }
}

/// The grant as it will be after the write.
struct Tally {
    grant: Grant,
    keys: Keys,
    /// Time of the first count.
    counted: Option<DateTime<Utc>>,
}

impl Tally {
    fn decide(&mut self, candidate: &Candidate) -> Result<Decision, Refusal> {
        let Candidate {
            redemption,
            now,
            is_in_doubt,
            is_late,
        } = candidate;
        let known = self.keys.find(&redemption.key);
        if *is_in_doubt && known == Some(&Key::of(redemption)) {
            // Its own write was stored.
            return Ok(Decision::Count);
        }
        if *is_late {
            return Err(Refusal::Unavailable);
        }
        let known = known.map(|key| key.redemption(&redemption.claim()));
        let decision = decide(&self.grant, known.as_ref(), &redemption.subject, *now)?;
        if decision == Decision::Count {
            self.grant.redemptions = self.grant.redemptions.saturating_add(1);
            self.keys.push(Key::of(redemption));
            self.counted.get_or_insert(redemption.at);
        }
        Ok(decision)
    }
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::unnecessary_wraps,
    reason = "rows of a table"
)]
mod tests;
