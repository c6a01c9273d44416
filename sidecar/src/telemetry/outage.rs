//! A fault that lasts, said once: who asks again and again must not fill the log.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the same fault is not said again.
const PAUSE: Duration = Duration::from_mins(1);

/// Something that works or does not.
#[derive(Default)]
pub(crate) struct Outage {
    lasts: AtomicBool,
    said: Mutex<Option<(String, Instant)>>,
}

impl Outage {
    /// Tells whether a fault is to be said: it is another one than the last, or that was a while ago.
    pub(crate) fn begins(&self, fault: &impl Display, now: Instant) -> bool {
        let fault = fault.to_string();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = said.as_ref().is_some_and(|(known, at)| {
            *known == fault && now.saturating_duration_since(*at) < PAUSE
        });
        if !is_known {
            *said = Some((fault, now));
        }
        self.lasts.store(true, Ordering::Relaxed);
        !is_known
    }

    /// Notes that it works, and whether that is to be said. Costs next to nothing.
    pub(crate) fn ends(&self) -> bool {
        if !self.lasts.load(Ordering::Relaxed) || !self.lasts.swap(false, Ordering::Relaxed) {
            return false;
        }
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_once_until_it_changes_or_a_while_has_passed() {
        let outage = Outage::default();
        let begin = Instant::now();
        assert!(!outage.ends(), "nothing has begun");
        for (fault, seconds, is_said) in [
            ("full", 0, true),
            ("full", 1, false),
            ("full", 59, false),
            ("gone", 59, true),
            ("gone", 60, false),
            ("gone", 119, true),
        ] {
            let now = begin + Duration::from_secs(seconds);
            assert_eq!(outage.begins(&fault, now), is_said, "{fault} {seconds}");
        }
        assert!(outage.ends() && !outage.ends());
        assert!(outage.begins(&"gone", begin + Duration::from_mins(2)));
    }
}
