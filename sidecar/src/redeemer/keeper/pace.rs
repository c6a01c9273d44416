//! The pace of requests: those of many links must not arrive together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The moments at which the requests of one keeper begin. Every request takes a turn.
#[derive(Debug)]
pub struct Pace {
    turns: Mutex<Turns>,
}

impl Pace {
    /// The first turn is now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            turns: Mutex::new(Turns::new(now)),
        }
    }

    /// Waits for a turn and takes it.
    pub async fn turn(&self) {
        let at = self.with(|turns| turns.take(Instant::now()));
        tokio::time::sleep_until(at).await;
    }

    /// Sets the pause between two turns.
    pub fn set_pause(&self, pause: Duration) {
        self.with(|turns| turns.set_pause(pause));
    }

    /// Time until the next turn.
    #[must_use]
    pub fn until_next(&self, now: Instant) -> Duration {
        self.with(|turns| turns.next.saturating_duration_since(now))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Turns) -> T) -> T {
        act(&mut self.turns.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The same, pure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turns {
    next: Instant,
    pause: Duration,
}

impl Turns {
    /// The first turn is now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: now,
            pause: SECOND,
        }
    }

    pub(super) fn set_pause(&mut self, pause: Duration) {
        self.pause = pause;
    }

    /// The moment of the next turn, which is taken.
    pub(super) fn take(&mut self, now: Instant) -> Instant {
        let at = self.next.max(now);
        self.next = at + self.pause;
        at
    }
}

/// Pause between two requests, unless there are too many links for that.
const SECOND: Duration = Duration::from_secs(1);
