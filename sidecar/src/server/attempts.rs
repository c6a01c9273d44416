//! Wrong codes: the number of them that one peer may send.
//!
//! One counter and one time for each key, in a least-recently-used cache of fixed size. A window
//! begins with the first wrong code and lasts [`Allowance::window`]; when it holds
//! [`Allowance::attempts`] of them, everything is refused until it is over. So no window admits
//! more, on average there is at most one full window in each of its lengths, and the worst that
//! any stretch of that length can hold is two windows that touch: twice the number, less one.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::limits;

/// Limit of wrong codes in a time, and of the keys that are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Wrong codes in one window.
    pub attempts: u32,
    /// The length of a window.
    pub window: Duration,
    /// Keys that are remembered.
    pub entries: NonZeroUsize,
}

impl Allowance {
    /// The allowance of one peer for one grant.
    pub const PER_PEER: Self = Self {
        attempts: limits::ATTEMPTS,
        window: limits::ATTEMPTS_WINDOW,
        entries: NonZeroUsize::new(limits::ATTEMPTS_ENTRIES).unwrap(),
    };

    /// The allowance of all peers together for one grant whose code is short.
    pub const PER_SHORT_CODE: Self = Self {
        attempts: limits::SHORT_CODE_ATTEMPTS,
        window: limits::SHORT_CODE_WINDOW,
        entries: NonZeroUsize::new(limits::SHORT_CODE_ENTRIES).unwrap(),
    };

    /// The allowance of all peers together for the name of one grant.
    pub const PER_NAME: Self = Self {
        attempts: limits::BY_NAME_ATTEMPTS,
        window: limits::ATTEMPTS_WINDOW,
        entries: NonZeroUsize::new(limits::SHORT_CODE_ENTRIES).unwrap(),
    };

    /// The renewals of one link.
    pub const PER_LINK: Self = Self {
        attempts: limits::RENEWALS,
        window: limits::ATTEMPTS_WINDOW,
        entries: NonZeroUsize::new(limits::RENEWAL_ENTRIES).unwrap(),
    };
}

/// The wrong codes of the last window, by key: `(GrantUid, Peer)`, or whatever has an allowance.
///
/// ```
/// use std::time::Instant;
/// use redemption_sidecar::server::{Allowance, Attempts};
///
/// let attempts = Attempts::new(Allowance::PER_PEER);
/// let now = Instant::now();
/// for _ in 0..20 {
///     assert_eq!(attempts.check(&"west", now), Ok(()));
///     attempts.record("west", now);
/// }
/// assert_eq!(attempts.check(&"west", now), Err(60));
/// assert_eq!(attempts.check(&"east", now), Ok(()));
/// ```
pub struct Attempts<K> {
    allowance: Allowance,
    windows: Mutex<LruCache<K, Window>>,
}

impl<K: Hash + Eq> Attempts<K> {
    /// No wrong codes yet.
    #[must_use]
    pub fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            windows: Mutex::new(LruCache::new(allowance.entries)),
        }
    }

    /// Checks that another code may be looked at.
    ///
    /// # Errors
    /// Seconds until the window is over, rounded up.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), u64> {
        // A lock that a panic left behind guards counters that are right at every moment.
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        // Looking at an entry keeps it: who is locked out cannot be forgotten by asking on.
        let Some(window) = windows.get(key) else {
            return Ok(());
        };
        let left = self.allowance.window.saturating_sub(window.age(now));
        if left.is_zero() || window.wrong < self.allowance.attempts {
            return Ok(());
        }
        Err(left.as_secs() + u64::from(left.subsec_nanos() > 0))
    }

    /// Counts a wrong code. Says whether it was the last that may be looked at in its window.
    pub fn record(&self, key: K, now: Instant) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get_or_insert_mut(key, || Window::new(now));
        if window.age(now) >= self.allowance.window {
            *window = Window::new(now);
        }
        window.wrong = window.wrong.saturating_add(1);
        window.wrong == self.allowance.attempts
    }
}

struct Window {
    began: Instant,
    wrong: u32,
}

impl Window {
    fn new(began: Instant) -> Self {
        Self { began, wrong: 0 }
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Allowance = Allowance {
        attempts: 3,
        window: Duration::from_mins(1),
        entries: NonZeroUsize::new(4).unwrap(),
    };

    #[test]
    fn a_window_holds_so_many_wrong_codes_and_not_one_more() {
        // Wrong codes at these milliseconds, then what a check says at that one.
        let cases: [(&str, &[u64], u64, _); 8] = [
            ("nothing yet", &[], 0, Ok(())),
            ("one less", &[0, 0], 1, Ok(())),
            ("all at once", &[0, 0, 0], 0, Err(60)),
            ("rounded up", &[0, 1, 2], 1_500, Err(59)),
            ("the last moment", &[0, 1, 2], 59_999, Err(1)),
            ("over", &[0, 1, 2], 60_000, Ok(())),
            ("a new window", &[0, 0, 60_000, 60_001], 60_002, Ok(())),
            ("full again", &[0, 60_000, 60_001, 60_002], 60_002, Err(60)),
        ];
        let start = Instant::now();
        let at = |millis: u64| start + Duration::from_millis(millis);
        for (name, wrong, now, expected) in cases {
            let attempts = Attempts::new(SMALL);
            let mut is_last = false;
            for millis in wrong {
                is_last = attempts.record("west", at(*millis));
            }
            assert_eq!(
                is_last,
                attempts
                    .check(&"west", at(*wrong.last().unwrap_or(&0)))
                    .is_err(),
                "{name}"
            );
            assert_eq!(attempts.check(&"west", at(now)), expected, "{name}");
            assert_eq!(
                attempts.check(&"east", at(now)),
                Ok(()),
                "{name}, another key"
            );
        }
    }

    #[test]
    fn a_flood_of_keys_takes_no_room_and_leaves_those_who_ask_on_locked_out() {
        let attempts = Attempts::new(SMALL);
        let now = Instant::now();
        for _ in 0..3 {
            attempts.record(0, now);
        }
        for other in 1..1000 {
            attempts.record(other, now);
            assert!(attempts.check(&0, now).is_err());
        }
        assert_eq!(attempts.windows.lock().unwrap().len(), 4);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_frees_nobody() {
        let attempts = Attempts::new(SMALL);
        let before = Instant::now();
        let now = before + Duration::from_secs(99);
        for _ in 0..3 {
            attempts.record("west", now);
        }
        assert_eq!(attempts.check(&"west", before), Err(60));
    }
}
