//! The only reader of the wall clock; everywhere else time is an argument.
//!
//! Somebody can set the wall clock, and on many small machines it is wrong until the network is up.
//! So it is believed only as far as another witness goes: the date of this program, the files that
//! were written before, and the steady clock, which nobody sets.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use crate::system::wording::time;

/// No right clock shows an earlier time: this program was not made yet. A constant, so that whoever
/// builds the program gets the same bytes; a test keeps it from getting too old.
pub const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp_secs(1_788_220_800) {
    // 2026-09-01.
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// The time now, in UTC, to the microsecond.
#[must_use]
pub fn now() -> DateTime<Utc> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    });
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros)
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The one that can be set.
    pub wall: DateTime<Utc>,
    /// The one that nobody sets. It stands still while the machine sleeps.
    pub steady: Instant,
}

impl Reading {
    /// Both clocks now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            wall: now(),
            steady: Instant::now(),
        }
    }

    /// Time that has passed since an earlier reading, by the steady clock.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> TimeDelta {
        let passed = self.steady.saturating_duration_since(earlier.steady);
        TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX)
    }

    /// Distance that the wall clock was set since an earlier reading: ahead, or back when it is negative.
    /// `None` when both clocks agree about the time between.
    #[must_use]
    pub fn step_since(&self, earlier: &Self) -> Option<TimeDelta> {
        let step = (self.wall - earlier.wall)
            .checked_sub(&self.since(earlier))
            .unwrap_or(TimeDelta::MIN);
        (step.abs() > TOLERANCE).then_some(step)
    }
}

/// Reason the wall clock cannot be right.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Doubt {
    /// It shows a time before [`EARLIEST`].
    #[error(
        "the clock of this machine shows {}, when this program was not made yet: set the clock",
        time(*.now)
    )]
    BeforeProgram {
        /// The time that it shows.
        now: DateTime<Utc>,
    },
    /// It shows a time before a file was written, unless it was wrong when that was written.
    #[error(
        "the clock of this machine shows {}, but {path} was written at {}: set the clock",
        time(*.now),
        time(*.written)
    )]
    BeforeFile {
        /// The time that it shows.
        now: DateTime<Utc>,
        /// The file.
        path: PathBuf,
        /// Time at which it was written.
        written: DateTime<Utc>,
    },
}

/// Checks a time that the wall clock shows.
///
/// # Errors
/// [`Doubt::BeforeProgram`].
pub fn plausible(now: DateTime<Utc>) -> Result<(), Doubt> {
    if now < EARLIEST {
        return Err(Doubt::BeforeProgram { now });
    }
    Ok(())
}

/// Largest difference of both clocks: the wall clock is slowed or sped up to keep it right.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_set_disagrees_with_the_steady_one() {
        let begin = Reading {
            wall: EARLIEST,
            steady: Instant::now(),
        };
        let day = TimeDelta::days(1);
        let cases = [
            ("an hour passes", 3600, TimeDelta::hours(1), None),
            ("it is a little fast", 3600, TimeDelta::seconds(3602), None),
            ("set ahead", 0, day, Some(day)),
            ("set back", 0, -day, Some(-day)),
            (
                "it stands",
                60,
                TimeDelta::zero(),
                Some(TimeDelta::minutes(-1)),
            ),
        ];
        for (name, seconds, passed, step) in cases {
            let later = Reading {
                wall: begin.wall + passed,
                steady: begin.steady + Duration::from_secs(i64::unsigned_abs(seconds)),
            };
            assert_eq!(later.step_since(&begin), step, "{name}");
            assert_eq!(later.since(&begin), TimeDelta::seconds(seconds), "{name}");
        }
    }

    /// The date of the newest commit is that of the program. It says more when the sources are no
    /// repository.
    #[test]
    fn the_earliest_time_is_less_than_a_year_before_the_newest_commit() {
        let folder = env!("CARGO_MANIFEST_DIR");
        let git = Command::new("git")
            .args(["-C", folder, "log", "-1", "--format=%ct"])
            .output();
        let newest = git
            .ok()
            .and_then(|output| String::from_utf8(output.stdout).ok());
        let Some(newest) = newest.and_then(|text| text.trim().parse().ok()) else {
            return;
        };
        let newest = DateTime::from_timestamp_secs(newest).unwrap();
        assert!(EARLIEST <= newest, "{newest}");
        assert!(
            newest < EARLIEST + TimeDelta::days(365),
            "set EARLIEST to a newer date: {newest}"
        );
    }
}
