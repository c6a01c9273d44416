//! The links that are kept, and which of them is renewed next. Pure: clocks and chance are arguments.
//!
//! Pauses are counted by the clock that nobody sets, ends and what is due by the wall clock: one that is
//! wrong makes links due early or late, and is noticed when it is set.

mod entry;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use self::entry::Entry;
use super::look::{LinkName, Seen};
use super::schedule::{self, pause};
use super::{Done, KeepProblem, Renewal, Told};
use crate::system::clock::Reading;

pub use self::entry::LinkState;

/// The links of a keeper.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    links: BTreeMap<LinkName, Entry>,
    /// Servers that did not answer when they were asked last.
    away: BTreeMap<String, Away>,
}

/// A server that does not answer: it is asked for one link at a time, and not often.
#[derive(Clone, Copy, Debug)]
struct Away {
    failures: u32,
    until: Instant,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Renew this link of this home, and tell its router.
    Renew(LinkName, usize),
    /// Nothing for so long.
    Wait(Duration),
}

/// Links in each state, and the soonest end of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptTally {
    /// Number of links.
    pub states: BTreeMap<LinkState, u64>,
    /// The soonest end of a certificate.
    pub soonest_end: Option<DateTime<Utc>>,
}

impl Agenda {
    /// Notes how a link was found in a home.
    pub(super) fn see(&mut self, seen: &Seen, home: usize, has_router: bool) {
        let found = Entry::of(seen, home, has_router);
        match self.links.get_mut(&seen.name) {
            Some(entry) => entry.update(found),
            None => {
                self.links.insert(seen.name.clone(), found);
            }
        }
    }

    /// Forgets a link.
    pub(super) fn forget(&mut self, name: &LinkName) {
        self.links.remove(name);
    }

    /// Forgets the links of a home that is not there any more.
    pub(super) fn forget_home(&mut self, home: usize) {
        self.links.retain(|_, entry| entry.home != home);
    }

    /// Ends all pauses: somebody asks for it, or the clock was set.
    pub(super) fn end_pauses(&mut self) {
        self.away.clear();
        for entry in self.links.values_mut() {
            entry.not_before = None;
        }
    }

    /// The next link, where `is_free` tells which home can take one more. Of several the one that ends first.
    pub(super) fn next(&self, now: Reading, is_free: impl Fn(usize) -> bool) -> Next {
        let running = self.links.values().filter(|entry| entry.is_running);
        let asked: BTreeSet<&str> = running.map(Entry::server).collect();
        let waiting = self.links.iter().filter_map(|(name, entry)| {
            let wait = entry.wait(now).filter(|_| is_free(entry.home))?;
            let for_server = match self.away.get(entry.server()) {
                Some(_) if asked.contains(entry.server()) => return None,
                Some(away) => away.until.saturating_duration_since(now.steady),
                None => Duration::ZERO,
            };
            Some((wait.max(for_server), entry.end(), name, entry.home))
        });
        match waiting.min_by_key(|(wait, end, ..)| (*wait, *end)) {
            Some((Duration::ZERO, _, name, home)) => Next::Renew(name.clone(), home),
            Some((wait, ..)) => Next::Wait(wait),
            None => Next::Wait(Duration::MAX),
        }
    }

    /// Notes that a renewal has begun.
    pub(super) fn begin(&mut self, name: &LinkName) {
        if let Some(entry) = self.links.get_mut(name) {
            entry.is_running = true;
        }
    }

    /// Notes how it ended. `chance` is any number.
    pub(super) fn end(
        &mut self,
        name: &LinkName,
        result: &Result<Done, KeepProblem>,
        now: Reading,
        chance: u32,
    ) {
        let Some(entry) = self.links.get_mut(name) else {
            return;
        };
        entry.is_running = false;
        let problem = match result {
            Err(problem) => Some(problem),
            Ok(done) => {
                if let Renewal::Renewed { .. } = done.renewal {
                    entry.not_before = Some(now.steady + entry.life() / LEAST_PART);
                }
                match &done.told {
                    Told::All => None,
                    Told::NoRouter => {
                        entry.has_router = false;
                        None
                    }
                    Told::NoTelling(problem) | Told::NoReport(problem) => Some(problem),
                }
            }
        };
        let server = entry.server().to_owned();
        let Some(problem) = problem else {
            entry.failures = 0;
            self.away.remove(&server);
            return;
        };
        entry.failures += 1;
        let failures = entry.failures;
        let is_final = problem.exit_code() == 1 || matches!(problem, KeepProblem::Ended { .. });
        let asked = problem.retry_after();
        if let Some(times) = &entry.times {
            let pause = |failures| pause(failures, is_final, asked, times, now.wall, chance);
            entry.not_before = Some(now.steady + pause(failures));
            if let KeepProblem::Server { .. } = problem {
                let failures = self.away.get(&server).map_or(0, |away| away.failures) + 1;
                let until = now.steady + pause(failures).min(LONGEST_AWAY);
                self.away.insert(server, Away { failures, until });
            } else {
                self.away.remove(&server);
            }
        }
    }

    /// Pause between two requests now.
    pub(super) fn pace(&self, now: Reading) -> Duration {
        let due = self.links.values().filter(|entry| entry.is_due(now.wall));
        let lives = self.links.values().map(Entry::life);
        schedule::pace(self.links.len(), due.count(), lives.min())
    }

    /// True where a warning of a link is to be logged: it is one of another reason than the last, or that was
    /// an hour ago.
    pub(super) fn warns(&mut self, name: &LinkName, reason: &'static str, now: Instant) -> bool {
        let entry = self.links.get_mut(name);
        entry.is_none_or(|entry| entry.warns(reason, now))
    }

    /// Links in each state.
    pub(super) fn tally(&self, now: DateTime<Utc>) -> KeptTally {
        let mut tally = KeptTally::default();
        for state in LinkState::ALL {
            tally.states.insert(state, 0);
        }
        for entry in self.links.values() {
            let is_away = self.away.contains_key(entry.server());
            *tally.states.entry(entry.state(now, is_away)).or_default() += 1;
            tally.soonest_end = tally.soonest_end.into_iter().chain(entry.end()).min();
        }
        tally
    }
}

/// Part of a life that passes between two renewals whatever the clocks say.
const LEAST_PART: u32 = 8;

/// Longest pause for a server that does not answer. It is one request, whatever the number of links.
const LONGEST_AWAY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
