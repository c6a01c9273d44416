//! What to do after an attempt. Pure: times and chance are arguments.
//!
//! A request that was sent may have been counted. A server that answers with `safe-retry: 1` counts
//! a key once, so asking it again is free. Another server is asked again at most once: the
//! redeemer's user may rather ask for a new token than lose redemptions of this one.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With a whole answer.
    Reply {
        status: u16,
        is_retry_safe: bool,
        retry_after: Option<Duration>,
    },
    /// Without one.
    Fault {
        is_after_request: bool,
        is_retry_safe: bool,
        /// It will not be better the next time.
        is_final: bool,
    },
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The answer is a redemption.
    Take,
    /// Try again after a pause.
    Wait(Duration),
    /// It is refused for good.
    Refuse,
    /// The request may have been counted and a retry may cost another redemption.
    Doubt,
    /// There is no time for another attempt. Holds the pause that would be needed.
    GiveUp(Duration),
}

/// The attempts of one run.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    timeout: Duration,
    is_retry_safe: bool,
    doubtful_retries: u32,
    pauses: u32,
    doubtful_since: Option<DateTime<Utc>>,
}

impl Attempts {
    /// No attempt yet. `earlier` is the time of the first one of earlier runs.
    pub(super) fn new(timeout: Duration, earlier: Option<DateTime<Utc>>) -> Self {
        Self {
            timeout,
            is_retry_safe: false,
            doubtful_retries: 0,
            pauses: 0,
            doubtful_since: earlier,
        }
    }

    /// Since when there may be a redemption that was counted and did not arrive. A server that
    /// counts a key once would have answered with it again.
    pub(super) fn doubtful_since(&self) -> Option<DateTime<Utc>> {
        self.doubtful_since.filter(|_| !self.is_retry_safe)
    }

    /// Whether the server may know the key: then it must not be thrown away.
    pub(super) fn may_be_counted(&self) -> bool {
        self.doubtful_since.is_some()
    }

    /// Takes note of an attempt that was begun at `at`. `elapsed` is the time since the first one
    /// of this run, `chance` any number.
    pub(super) fn next(
        &mut self,
        outcome: Outcome,
        at: DateTime<Utc>,
        elapsed: Duration,
        chance: u32,
    ) -> Step {
        let (Outcome::Reply { is_retry_safe, .. } | Outcome::Fault { is_retry_safe, .. }) = outcome;
        self.is_retry_safe |= is_retry_safe;
        let may_be_counted = match outcome {
            Outcome::Reply { status, .. } => status == 200 || status >= 500,
            Outcome::Fault {
                is_after_request, ..
            } => is_after_request,
        };
        if may_be_counted {
            self.doubtful_since.get_or_insert(at);
        }
        match outcome {
            Outcome::Reply { status: 200, .. } => Step::Take,
            Outcome::Reply {
                status: 408 | 429 | 500..,
                retry_after,
                ..
            } => self.pause(retry_after, elapsed, chance),
            Outcome::Reply { .. } | Outcome::Fault { is_final: true, .. } => Step::Refuse,
            Outcome::Fault {
                is_after_request: true,
                ..
            } if !self.is_retry_safe => {
                if self.doubtful_retries >= MAX_DOUBTFUL_RETRIES {
                    return Step::Doubt;
                }
                self.doubtful_retries += 1;
                self.pause(None, elapsed, chance)
            }
            Outcome::Fault { .. } => self.pause(None, elapsed, chance),
        }
    }

    fn pause(&mut self, retry_after: Option<Duration>, elapsed: Duration, chance: u32) -> Step {
        // Redeemers that failed together must not come back together.
        let share = f64::from(chance) / f64::from(u32::MAX);
        let longest = LONGEST_PAUSE.min(FIRST_PAUSE * (1 << self.pauses.min(MAX_DOUBLINGS)));
        self.pauses = self.pauses.saturating_add(1);
        let pause = longest.mul_f64(0.5 + 0.5 * share);
        let asked = retry_after.map(|asked| asked.saturating_add(FIRST_PAUSE.mul_f64(share)));
        let pause = asked.map_or(pause, |asked| asked.max(pause));
        if elapsed.saturating_add(pause) > self.timeout {
            return Step::GiveUp(pause);
        }
        Step::Wait(pause)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
const MAX_DOUBLINGS: u32 = 4;
const MAX_DOUBTFUL_RETRIES: u32 = 1;
