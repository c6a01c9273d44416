//! The time while a redemption goes on: the wall clock was read once, before it.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// A wall clock that a monotonic one moves on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: DateTime<Utc>,
    since: Instant,
}

impl Clock {
    /// It is `start` now.
    pub(super) fn starting_at(start: DateTime<Utc>) -> Self {
        Self {
            start,
            since: Instant::now(),
        }
    }

    /// The time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let elapsed = TimeDelta::from_std(self.elapsed()).unwrap_or_default();
        self.start + elapsed
    }

    /// Time since the redemption began.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.now().timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
