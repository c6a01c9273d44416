//! A link of an agenda.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::redeemer::keeper::look::{Noted, Seen};
use crate::redeemer::keeper::schedule::Times;
use crate::redemption::Serial;
use crate::system::clock::Reading;

/// A link as it was seen last, and what came of it since.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) home: usize,
    serial: Option<Serial>,
    pub(super) times: Option<Times>,
    care: Option<Noted>,
    server: String,
    /// False where no router reads the place.
    pub(super) has_router: bool,
    pub(super) is_running: bool,
    /// Attempts in a row that failed, up to the last one.
    pub(super) failures: u32,
    /// No attempt begins before.
    pub(super) not_before: Option<Instant>,
    warned: Option<(&'static str, Instant)>,
}

/// State of a link that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkState {
    /// Its certificate is in date, in use and not due.
    Kept,
    /// It is due and not renewed yet.
    Due,
    /// The last attempt failed, or something in its place is to be mended.
    Failing,
    /// The router, or the granting site, was not told of the certificate in place.
    NotTold,
    /// Its certificate has ended.
    Ended,
}

impl LinkState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Kept,
        Self::Due,
        Self::Failing,
        Self::NotTold,
        Self::Ended,
    ];

    /// The word that stands for it in metrics and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Due => "due",
            Self::Failing => "failing",
            Self::NotTold => "not_told",
            Self::Ended => "ended",
        }
    }
}

impl Entry {
    pub(super) fn of(seen: &Seen, home: usize, has_router: bool) -> Self {
        let certificate = seen.certificate.as_ref();
        let care = seen.care.as_ref();
        Self {
            home,
            serial: certificate.and_then(|certificate| certificate.serial),
            times: certificate.map(|certificate| certificate.times),
            care: care.ok().map(|care| care.telling),
            server: care.map(|care| care.server.clone()).unwrap_or_default(),
            has_router,
            is_running: false,
            failures: 0,
            not_before: None,
            warned: None,
        }
    }

    /// Takes over how the link was found now. Another certificate ends what was held against the last one.
    pub(super) fn update(&mut self, found: Self) {
        let is_same = self.serial == found.serial && self.care.is_some() == found.care.is_some();
        let before = std::mem::replace(self, found);
        self.is_running = before.is_running;
        self.warned = before.warned;
        if is_same {
            self.failures = before.failures;
            self.not_before = before.not_before;
            self.has_router &= before.has_router;
        }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn end(&self) -> Option<DateTime<Utc>> {
        self.times.map(|times| times.end())
    }

    pub(super) fn life(&self) -> Duration {
        self.times.map_or(Duration::MAX, |times| times.life())
    }

    /// True from the moment at which it is to be renewed.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.times.is_some_and(|times| times.due() <= now)
    }

    /// Time until something is to be done for it. `None` where nothing can be, or it is being done.
    pub(super) fn wait(&self, now: Reading) -> Option<Duration> {
        let times = self.times.filter(|_| !self.is_running)?;
        let is_owed = self.is_owed(self.care?);
        let until_due = (times.due() - now.wall).to_std().unwrap_or_default();
        let until_due = if is_owed { Duration::ZERO } else { until_due };
        let pause = self
            .not_before
            .map(|time| time.saturating_duration_since(now.steady));
        // What was renewed and not told of waits for nothing but its own failures.
        let pause = pause.filter(|_| !is_owed || self.failures > 0);
        Some(until_due.max(pause.unwrap_or_default()))
    }

    pub(super) fn state(&self, now: DateTime<Utc>, is_away: bool) -> LinkState {
        let Some((times, care)) = self.times.zip(self.care) else {
            return LinkState::Failing;
        };
        if times.end() < now {
            LinkState::Ended
        } else if self.failures > 0 || (is_away && self.is_due(now)) {
            LinkState::Failing
        } else if self.is_owed(care) {
            LinkState::NotTold
        } else if self.is_due(now) {
            LinkState::Due
        } else {
            LinkState::Kept
        }
    }

    pub(super) fn warns(&mut self, reason: &'static str, now: Instant) -> bool {
        let is_known = self.warned.is_some_and(|(known, at)| {
            known == reason && now.saturating_duration_since(at) < BETWEEN_WARNINGS
        });
        if !is_known {
            self.warned = Some((reason, now));
        }
        !is_known
    }

    /// True where somebody has not heard of the certificate in place.
    fn is_owed(&self, noted: Noted) -> bool {
        self.has_router && matches!(noted, Noted::Untold | Noted::Unreported)
    }
}

/// Time in which a warning of a link is not repeated.
const BETWEEN_WARNINGS: Duration = Duration::from_hours(1);
