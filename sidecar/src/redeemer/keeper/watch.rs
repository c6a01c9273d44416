//! Keeps links for ever.
//!
//! ```text
//! look -> agenda: which is due? -> turn -> renew -> told -> look at it again -> note
//!  ^------------------------------------------------------------------------------'
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use super::agenda::{Agenda, KeptTally, Next};
use super::home::{Change, Home, Versions};
use super::look::LinkName;
use super::pace::Pace;
use super::{Done, KeepProblem, RenewalOrder};
use crate::redeemer::proxy::Proxies;
use crate::system::clock::{self, Reading};
use crate::system::random;

/// A wish of the one who runs the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Look, and try again, at once.
    Look,
    /// End after what runs.
    Stop,
}

/// Someone who is told what the keeper does.
pub trait Reporter {
    /// A link was renewed, or its telling was made up for, or that failed. `warns` is false where the same
    /// was said of the link not long ago.
    fn ended(&self, name: &LinkName, result: &Result<Done, KeepProblem>, warns: bool);

    /// A link was found that cannot be kept as it is.
    fn broken(&self, name: &LinkName, problem: &KeepProblem);

    /// The links as they are now, and the reason the keeper itself cannot work, if it cannot.
    fn stands(&self, tally: &KeptTally, problem: Option<String>);
}

/// A keeper of links.
pub struct Keeper<R> {
    homes: Box<dyn Fn() -> Vec<Home> + Send>,
    known: Vec<Known>,
    timeout: Duration,
    proxies: Arc<Proxies>,
    pace: Arc<Pace>,
    agenda: Agenda,
    reporter: R,
    last: Reading,
}

/// A home, and what was seen in it.
struct Known {
    home: Home,
    versions: Versions,
    running: usize,
    /// Time of the last look.
    looked: Option<Instant>,
    /// Reason it cannot be looked at.
    problem: Option<String>,
}

/// The links of the renewals that go on, and their homes.
type Names = HashMap<Id, (LinkName, usize)>;

/// The renewals that go on.
type Running = JoinSet<Result<Done, KeepProblem>>;

impl<R: Reporter> Keeper<R> {
    /// A keeper of the links of homes, which are asked for at each look. An attempt takes at most `timeout`.
    #[must_use]
    pub fn new(
        homes: impl Fn() -> Vec<Home> + Send + 'static,
        timeout: Duration,
        proxies: Proxies,
        reporter: R,
    ) -> Self {
        Self {
            homes: Box::new(homes),
            known: Vec::new(),
            timeout,
            proxies: Arc::new(proxies),
            pace: Arc::new(Pace::new(tokio::time::Instant::now())),
            agenda: Agenda::default(),
            reporter,
            last: Reading::now(),
        }
    }

    /// Keeps them until it is to stop.
    pub async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        let mut running = Running::new();
        let mut names = Names::new();
        let mut next_look = Instant::now();
        loop {
            let now = Reading::now();
            if next_look <= now.steady {
                self.look(now).await;
                next_look = Instant::now() + LOOK;
            }
            let wait = self.begin(&mut running, &mut names, Reading::now());
            let wait = wait.min(next_look.saturating_duration_since(Instant::now()));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                Some(ended) = running.join_next_with_id() => self.end(ended, &mut names).await,
                wish = wishes.recv() => match wish {
                    Some(Wish::Look) => {
                        self.agenda.end_pauses();
                        self.known.iter_mut().for_each(|known| known.looked = None);
                        next_look = Instant::now();
                    }
                    Some(Wish::Stop) | None => break,
                },
            }
        }
        let last = async {
            while let Some(ended) = running.join_next_with_id().await {
                self.end(ended, &mut names).await;
            }
        };
        // Whatever is cut off is taken up by the next run.
        let _ = timeout(LAST_STEPS, last).await;
    }

    /// Looks for changes in every home.
    async fn look(&mut self, now: Reading) {
        if now.step_since(&self.last).is_some() {
            self.agenda.end_pauses();
        }
        self.last = now;
        self.follow_homes();
        for index in 0..self.known.len() {
            let Some(known) = self.known.get_mut(index) else {
                continue;
            };
            let pause = known.home.between_looks();
            if known
                .looked
                .is_some_and(|looked| looked.elapsed() + LOOK / 2 < pause)
            {
                continue;
            }
            known.looked = Some(Instant::now());
            match known.home.look(&mut known.versions, now.wall).await {
                Ok(changes) => {
                    known.problem = None;
                    for change in changes {
                        self.note(change, index);
                    }
                }
                Err(problem) => {
                    known.looked = None;
                    known.problem = Some(problem.to_string());
                }
            }
        }
        self.report(now);
    }

    /// Takes up homes that are new, and forgets those that are gone.
    fn follow_homes(&mut self) {
        let homes = (self.homes)();
        for (index, known) in self.known.iter_mut().enumerate() {
            if !homes.contains(&known.home) {
                self.agenda.forget_home(index);
                known.versions = Versions::default();
                known.problem = None;
            }
        }
        for home in homes {
            if self.known.iter().all(|known| known.home != home) {
                self.known.push(Known {
                    home,
                    versions: Versions::default(),
                    running: 0,
                    looked: None,
                    problem: None,
                });
            }
        }
    }

    fn note(&mut self, change: Change, index: usize) {
        match change {
            Change::Gone(name) => self.agenda.forget(&name),
            Change::Seen(seen) => {
                let known = self.known.get(index);
                let has_router = known.is_some_and(|known| known.home.has_router());
                self.agenda.see(&seen, index, has_router);
                if let Err(problem) = &seen.care
                    && self
                        .agenda
                        .warns(&seen.name, problem.reason(), Instant::now())
                {
                    self.reporter.broken(&seen.name, problem);
                }
            }
        }
    }

    /// Begins the next renewal if its time has come. Returns the time until another look at the agenda.
    fn begin(&mut self, running: &mut Running, names: &mut Names, now: Reading) -> Duration {
        if clock::plausible(now.wall).is_err() || running.len() >= AT_ONCE {
            return Duration::MAX;
        }
        let is_free = |index: usize| {
            let known = self.known.get(index);
            known.is_some_and(|known| known.running < known.home.at_once())
        };
        let (name, index) = match self.agenda.next(now, is_free) {
            Next::Wait(wait) => return wait,
            Next::Renew(name, index) => (name, index),
        };
        let turn = self.pace.until_next(now.steady.into());
        if turn > Duration::ZERO {
            return turn;
        }
        let Some(known) = self.known.get_mut(index) else {
            return Duration::MAX;
        };
        self.pace.set_pause(self.agenda.pace(now));
        self.agenda.begin(&name);
        known.running += 1;
        let (home, timeout) = (known.home.clone(), self.timeout);
        let (proxies, pace) = (Arc::clone(&self.proxies), Arc::clone(&self.pace));
        let link = name.clone();
        let renewal = running.spawn(async move {
            let order = RenewalOrder {
                name: &link.name,
                force: false,
                timeout,
                proxies: &proxies,
                pace: Some(&pace),
                now: now.wall,
            };
            home.renew(order, &link).await
        });
        names.insert(renewal.id(), (name, index));
        // The next one waits for the turn that this one takes.
        SHORTEST_WAIT
    }

    /// Looks at the link of a renewal that has ended, and notes how it ended.
    async fn end(
        &mut self,
        ended: Result<(Id, Result<Done, KeepProblem>), JoinError>,
        names: &mut Names,
    ) {
        let (id, result) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), Err(KeepProblem::Interrupted)),
        };
        let Some((name, index)) = names.remove(&id) else {
            return;
        };
        let now = Reading::now();
        if let Some(known) = self.known.get_mut(index) {
            known.running = known.running.saturating_sub(1);
            let change = known.home.look_at(&name, &mut known.versions, now.wall);
            if let Some(change) = change.await {
                self.note(change, index);
            }
        }
        let chance = u32::from_be_bytes(random::bytes());
        self.agenda.end(&name, &result, now, chance);
        let warns = problem(&result)
            .is_some_and(|problem| self.agenda.warns(&name, problem.reason(), now.steady));
        self.reporter.ended(&name, &result, warns);
        self.report(now);
    }

    fn report(&self, now: Reading) {
        let of_clock = clock::plausible(now.wall).err();
        let of_clock = of_clock.map(|doubt| doubt.to_string());
        let of_homes = self.known.iter().find_map(|known| known.problem.clone());
        let tally = self.agenda.tally(now.wall);
        self.reporter.stands(&tally, of_clock.or(of_homes));
    }
}

/// The problem of a result, whichever of its steps it is of.
#[must_use]
pub fn problem(result: &Result<Done, KeepProblem>) -> Option<&KeepProblem> {
    match result {
        Err(problem) => Some(problem),
        Ok(done) => done.told.problem(),
    }
}

/// Pause between two looks at the clock, and at homes whose time has come.
const LOOK: Duration = Duration::from_secs(10);

/// Most renewals that go on at once, in all homes.
const AT_ONCE: usize = 8;

/// Longest time that the end of the keeper waits for what runs.
const LAST_STEPS: Duration = Duration::from_secs(10);

const SHORTEST_WAIT: Duration = Duration::from_millis(1);
