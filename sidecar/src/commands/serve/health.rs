//! Readiness of the service, for the operations port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::identity::Shown;
use super::presented::PresentedProblem;
use crate::ledger::{Ledger, LedgerFault, LinkTally, Register};
use crate::redemption::GrantState;
use crate::service::operations::Probe;
use crate::site::Sites;
use crate::system::clock::{self, Doubt};
use crate::telemetry::outage::Outage;

/// Asks the clock, the certificate, the sites and the ledger. A ledger shows that it can be written
/// only when it is written, so that is tried, but not for every question.
pub(super) struct Health<L> {
    ledger: Arc<L>,
    sites: Arc<ArcSwap<Sites>>,
    shown: Arc<ArcSwap<Shown>>,
    /// Time of the last try, and whether it went well.
    written: Mutex<Option<(Instant, bool)>>,
    outage: Outage,
}

/// Reason no redemption can be answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unready {
    #[error(transparent)]
    Clock(#[from] Doubt),
    #[error(transparent)]
    Certificate(#[from] PresentedProblem),
    #[error("{0}")]
    Site(&'static str),
    #[error("the ledger cannot be read")]
    Unreadable(LedgerFault),
    #[error("the ledger cannot be written")]
    Unwritable,
}

impl<L: Ledger> Health<L> {
    pub(super) fn new(
        ledger: Arc<L>,
        sites: Arc<ArcSwap<Sites>>,
        shown: Arc<ArcSwap<Shown>>,
    ) -> Self {
        Self {
            ledger,
            sites,
            shown,
            written: Mutex::new(None),
            outage: Outage::default(),
        }
    }

    /// Finds out whether redemptions can be answered at this time.
    pub(super) async fn readiness_at(&self, now: DateTime<Utc>) -> Result<(), Unready> {
        clock::plausible(now)?;
        self.shown.load().judge(now)?;
        if let Some(problem) = self.sites.load().problem() {
            return Err(Unready::Site(problem));
        }
        self.ledger.tally(now).await.map_err(Unready::Unreadable)?;
        if !self.is_writable(now).await {
            return Err(Unready::Unwritable);
        }
        Ok(())
    }

    async fn is_writable(&self, now: DateTime<Utc>) -> bool {
        let mut written = self.written.lock().await;
        if let Some((at, is_writable)) = *written {
            let pause = if is_writable {
                BETWEEN_WRITES
            } else {
                AFTER_FAILURE
            };
            if at.elapsed() < pause {
                return is_writable;
            }
        }
        let proven = self.ledger.prove(now).await;
        let is_writable = proven.is_ok();
        match proven {
            Err(fault) if self.outage.begins(&fault, Instant::now()) => {
                tracing::error!(%fault, "not ready: nothing can be counted");
            }
            Err(_) => {}
            Ok(()) => {
                self.outage.ends();
            }
        }
        *written = Some((Instant::now(), is_writable));
        is_writable
    }
}

impl<L: Ledger + Register> Probe for Health<L> {
    type Unready = Unready;

    async fn readiness(&self) -> Result<(), Unready> {
        self.readiness_at(clock::now()).await
    }

    async fn tally(&self) -> Option<Vec<(GrantState, u64)>> {
        self.ledger.tally(clock::now()).await.ok()
    }

    async fn tally_links(&self) -> Option<LinkTally> {
        self.ledger.tally_links(clock::now()).await.ok()
    }
}

/// Shortest time between two tries, so that questions do not wear the disk.
const BETWEEN_WRITES: Duration = Duration::from_secs(5);

/// The same when nothing was written: what is there again is noticed soon.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
