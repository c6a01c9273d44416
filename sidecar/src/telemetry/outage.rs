//! A fault that lasts, logged once: whoever asks again and again must not fill the log.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

/// Time in which a fault of requests is not logged again.
const PAUSE: Duration = Duration::from_mins(1);

/// Something that works or does not.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    lasts: AtomicBool,
    logged: Mutex<Option<(String, Instant)>>,
}

impl Outage {
    /// True while the last thing noted is a fault.
    pub(crate) fn lasts(&self) -> bool {
        self.lasts.load(Ordering::Relaxed)
    }

    /// Notes a fault. True when it is to be logged: it is another one than the last, or that was a
    /// minute ago.
    pub(crate) fn begins(&self, fault: &impl Display, now: Instant) -> bool {
        self.note(fault.to_string(), now, PAUSE)
    }

    /// Notes that it works. True when a fault is over. Costs next to nothing.
    pub(crate) fn ends(&self) -> bool {
        if !self.lasts() || !self.lasts.swap(false, Ordering::Relaxed) {
            return false;
        }
        *self.logged.lock().unwrap_or_else(PoisonError::into_inner) = None;
        true
    }

    /// Logs a problem, unless it is the one that lasts.
    pub(crate) fn warn(&self, problem: &str) {
        if self.note(problem.to_owned(), Instant::now(), Duration::MAX) {
            warn!("{problem}");
        }
    }

    /// Logs that a problem is over, if there was one.
    pub(crate) fn clear(&self, good: &str) {
        if self.ends() {
            info!("{good}");
        }
    }

    fn note(&self, fault: String, now: Instant, pause: Duration) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = logged.as_ref().is_some_and(|(known, at)| {
            *known == fault && now.saturating_duration_since(*at) < pause
        });
        if !is_known {
            *logged = Some((fault, now));
        }
        self.lasts.store(true, Ordering::Relaxed);
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_logged_once_until_it_changes_or_a_while_has_passed() {
        let outage = Outage::default();
        let begin = Instant::now();
        assert!(!outage.ends(), "nothing has begun");
        for (fault, seconds, is_logged) in [
            ("full", 0, true),
            ("full", 1, false),
            ("full", 59, false),
            ("gone", 59, true),
            ("gone", 60, false),
            ("gone", 119, true),
        ] {
            let now = begin + Duration::from_secs(seconds);
            assert_eq!(outage.begins(&fault, now), is_logged, "{fault} {seconds}");
        }
        assert!(outage.ends() && !outage.ends());
        assert!(outage.begins(&"gone", begin + Duration::from_mins(2)));
    }
}
