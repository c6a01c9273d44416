//! The Lease that shows how far a watch has come.
//!
//! A watch that was lost without a word, one that is late, and one on which nothing happens look the same.
//! So each service renews one Lease again and again, and notes the moment and the version before it does.
//! A watch that shows a later version shows everything that was stored until that moment.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tokio::time::sleep;

use crate::kubernetes::{FailedRequest, FailureKind, answered};
use crate::ledger::kubernetes::lease::{self, HEARTBEAT};
use crate::ledger::kubernetes::store::as_sidecar;
use crate::system::{clock, random};
use crate::telemetry::outage::Outage;

/// A heartbeat, and what a watch shows of it.
#[derive(Default)]
pub(super) struct Heartbeat(Mutex<State>);

#[derive(Default)]
struct State {
    /// Moments, and the version of the Lease then.
    marks: VecDeque<(Instant, u64)>,
    /// The last version that the watch has shown.
    shown: u64,
    /// The last moment until which everything is known.
    known_until: Option<Instant>,
    /// How long certificates of renewals live.
    life: TimeDelta,
}

impl Heartbeat {
    /// True when what was stored this long ago may not be known.
    pub(super) fn is_late(&self, now: Instant, patience: Duration) -> bool {
        let until = self.state().known_until;
        until.is_none_or(|until| now.saturating_duration_since(until) >= patience)
    }

    /// Takes the last version that the watch has shown.
    pub(super) fn show(&self, version: u64) {
        let mut state = self.state();
        state.shown = version;
        state.confirm();
    }

    /// Stores how long certificates live. Nothing is known before the Lease says so.
    pub(super) fn expect_life(&self, life: TimeDelta) {
        let mut state = self.state();
        state.life = life;
        state.marks.clear();
        state.known_until = None;
    }

    /// Renews the Lease whenever the watch may be late, for ever.
    pub(super) async fn beat(&self, leases: Api<Lease>) {
        let outage = Outage::default();
        loop {
            if self.is_late(Instant::now(), QUIET) {
                match self.renew(&leases).await {
                    Ok(()) => outage.clear("the watch of revocations is kept awake again"),
                    // Another service was faster.
                    Err(failed) if failed.kind == FailureKind::Conflict => {}
                    Err(failed) => outage.warn(&format!(
                        "renewals get 503 soon: cannot renew Lease '{HEARTBEAT}': {failed}"
                    )),
                }
            }
            let [byte] = random::bytes::<1>();
            sleep(LOOK + LOOK * u32::from(byte) / 255).await;
        }
    }

    async fn renew(&self, leases: &Api<Lease>) -> Result<(), FailedRequest> {
        let moment = Instant::now();
        let found = answered(PATIENCE, leases.get_opt(HEARTBEAT)).await?;
        let before = found.as_ref().map_or(Some(0), lease::version);
        let is_there = found.is_some();
        let life = self.state().life;
        // Whoever writes it next, it says how long certificates live.
        let says_life = found.as_ref().and_then(lease::life) >= Some(life);
        if says_life {
            self.mark(moment, before, life);
        }
        let next = lease::heartbeat(found, life, clock::now());
        let options = as_sidecar();
        let written = if is_there {
            answered(PATIENCE, leases.replace(HEARTBEAT, &options, &next)).await
        } else {
            answered(PATIENCE, leases.create(&options, &next)).await
        };
        written?;
        if !says_life {
            self.mark(moment, before, life);
        }
        Ok(())
    }

    /// Notes the version at a moment, unless the Lease may say another life.
    fn mark(&self, moment: Instant, version: Option<u64>, life: TimeDelta) {
        let mut state = self.state();
        let Some(version) = version.filter(|_| state.life == life) else {
            return;
        };
        if state.marks.len() == MARKS {
            state.marks.pop_front();
        }
        state.marks.push_back((moment, version));
        state.confirm();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the marks behind which the watch has shown something.
    fn confirm(&mut self) {
        while let Some((moment, _)) = self.marks.pop_front_if(|(_, at)| *at < self.shown) {
            self.known_until = self.known_until.max(Some(moment));
        }
    }
}

/// Time after which the watch may be late.
const QUIET: Duration = Duration::from_secs(3);

/// Shortest pause between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Most marks that wait. Earlier ones are of no use any more.
const MARKS: usize = 16;

/// Longest time of an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_known_to_show_what_was_stored_before_a_version_that_it_shows() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let beat = Heartbeat::default();
        let is_late = |now| beat.is_late(at(now), Duration::from_secs(10));
        assert!(is_late(0), "not begun");
        beat.show(7);
        assert!(is_late(0), "nobody knows when that was stored");
        beat.mark(at(0), Some(7), TimeDelta::zero());
        beat.show(7);
        assert!(is_late(0), "it may have been stored before");
        beat.mark(at(3), Some(9), TimeDelta::zero());
        beat.show(8);
        assert!(!is_late(9) && is_late(10), "until the first moment");
        // A watch that is late but steady.
        beat.show(9);
        assert!(is_late(10));
        beat.show(10);
        assert!(!is_late(12) && is_late(13), "until the second moment");
        // The watch may be faster than the answer to the write.
        beat.mark(at(6), Some(9), TimeDelta::zero());
        assert!(!is_late(15));
    }

    #[test]
    fn nothing_is_known_before_the_lease_says_how_long_certificates_live() {
        let now = Instant::now();
        let beat = Heartbeat::default();
        let is_late = || beat.is_late(now, Duration::from_secs(10));
        beat.mark(now, Some(1), TimeDelta::zero());
        beat.show(2);
        assert!(!is_late());
        beat.expect_life(TimeDelta::days(7));
        assert!(is_late());
        beat.mark(now, Some(1), TimeDelta::zero());
        assert!(is_late(), "asked before");
        beat.mark(now, Some(1), TimeDelta::days(7));
        assert!(!is_late());
    }
}
