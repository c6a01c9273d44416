//! The times of renewals. Pure: clocks and chance are arguments.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::redeemer::credential::Credential;
use crate::redemption::Serial;

/// The times of a certificate, counted from the moment at which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    begin: DateTime<Utc>,
    end: DateTime<Utc>,
    due: DateTime<Utc>,
}

impl Times {
    /// The times of a certificate that is valid between two moments.
    #[must_use]
    pub fn new(
        not_before: DateTime<Utc>,
        not_after: DateTime<Utc>,
        serial: Option<&Serial>,
    ) -> Self {
        let begin = begin(not_before, not_after);
        let half = (not_after - begin) / 2;
        let early = half.to_std().unwrap_or_default() / EARLIER;
        let early = early.mul_f64(serial.map_or(0.0, share));
        Self {
            begin,
            end: not_after,
            due: begin + half - TimeDelta::from_std(early).unwrap_or_default(),
        }
    }

    /// The end of the certificate.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }

    /// Time from which it is to be renewed: half of its life, or up to a twentieth of its life earlier. That is
    /// the same at each look, so that nobody comes early because he looks often.
    #[must_use]
    pub fn due(&self) -> DateTime<Utc> {
        self.due
    }

    /// Its life.
    #[must_use]
    pub fn life(&self) -> Duration {
        (self.end - self.begin).to_std().unwrap_or_default()
    }

    /// Time until its end; nothing after it.
    #[must_use]
    pub fn left(&self, now: DateTime<Utc>) -> Duration {
        (self.end - now).to_std().unwrap_or_default()
    }
}

/// Time from which a certificate is to be renewed.
pub(super) fn due(credential: &Credential) -> DateTime<Utc> {
    times(credential).due
}

pub(super) fn times(credential: &Credential) -> Times {
    let (not_before, not_after) = (credential.not_before, credential.not_after);
    Times::new(not_before, not_after, credential.serial.as_ref())
}

/// Pause after so many failures in a row, the first of which is 1. It grows up to a twentieth of the life,
/// or to 5 minutes; to an hour where the answer was final. `chance` is any number. Whoever failed together
/// does not come back together. A server may ask for a longer pause, as long as there is time.
#[must_use]
pub fn pause(
    failures: u32,
    is_final: bool,
    retry_after: Option<Duration>,
    times: &Times,
    now: DateTime<Utc>,
    chance: u32,
) -> Duration {
    let share = f64::from(chance) / f64::from(u32::MAX);
    let cap = if is_final { LONGEST_FINAL } else { LONGEST };
    let longest = (times.life() / 20).clamp(SHORTEST, cap);
    let doublings = failures.saturating_sub(1).min(MAX_DOUBLINGS);
    let pause = longest.min(FIRST * (1 << doublings));
    let pause = pause.mul_f64(0.5 + 0.5 * share).max(SHORTEST);
    let bound = (times.left(now) / 4).max(longest);
    match retry_after {
        Some(asked) => pause.max(asked.saturating_add(FIRST.mul_f64(share)).min(bound)),
        None => pause,
    }
}

/// The same within one call of a command, which has a minute or so.
#[must_use]
pub fn pause_of_run(failures: u32, retry_after: Option<Duration>, chance: u32) -> Duration {
    let share = f64::from(chance) / f64::from(u32::MAX);
    let doublings = failures.saturating_sub(1).min(MAX_DOUBLINGS);
    let pause = LONGEST_OF_RUN.min(FIRST_OF_RUN * (1 << doublings));
    let pause = pause.mul_f64(0.5 + 0.5 * share);
    let asked = retry_after.map(|asked| asked.saturating_add(FIRST_OF_RUN.mul_f64(share)));
    pause.max(asked.unwrap_or_default())
}

/// Pause between two requests of a keeper with so many links, of which so many are due. Two requests belong to
/// a renewal. It is a second or more, unless there are so many links that each of them would not have its
/// turn in a quarter of the shortest life.
#[must_use]
pub fn pace(links: usize, due: usize, shortest_life: Option<Duration>) -> Duration {
    let quarter = shortest_life.unwrap_or(Duration::MAX) / 4;
    let share = |time: Duration, links: usize| {
        let requests = u32::try_from(2 * links).unwrap_or(u32::MAX).max(1);
        time / requests
    };
    let at_most = share(quarter, links);
    let pause = share(SPREAD, due).clamp(SECOND, LONGEST_TURN);
    pause.min(at_most.max(SHORTEST_TURN))
}

/// Time at which a certificate was made, as far as it tells: our servers begin its validity an hour
/// before.
fn begin(not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> DateTime<Utc> {
    let begin = not_before + BACKDATED;
    if begin < not_after { begin } else { not_before }
}

/// Fraction that a serial number stands for, the same for each certificate: its end follows from a digest.
fn share(serial: &Serial) -> f64 {
    let last = serial.as_bytes().last_chunk().copied().unwrap_or_default();
    f64::from(u32::from_be_bytes(last)) / f64::from(u32::MAX)
}

/// See `pki::issuer`.
const BACKDATED: TimeDelta = TimeDelta::hours(1);

/// Part of the half of a life by which a renewal may be earlier.
const EARLIER: u32 = 10;

const FIRST: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);
const LONGEST_FINAL: Duration = Duration::from_hours(1);
const MAX_DOUBLINGS: u32 = 10;

const FIRST_OF_RUN: Duration = Duration::from_millis(500);
const LONGEST_OF_RUN: Duration = Duration::from_secs(8);

const SECOND: Duration = Duration::from_secs(1);

/// Time over which the renewals of those that are due are spread, where the pace allows it.
const SPREAD: Duration = Duration::from_mins(10);

/// Longest pause between two requests, so that a few links need not wait for long.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// Shortest one, for those with thousands of links that live for minutes.
const SHORTEST_TURN: Duration = Duration::from_millis(1);
