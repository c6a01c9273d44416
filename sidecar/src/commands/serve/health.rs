//! What the operations port says about the service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::identity::Shown;
use super::store::Store;
use crate::redemption::GrantState;
use crate::service::handler::Redemptions;
use crate::service::operations::Probe;
use crate::system::clock;
use crate::telemetry::outage::Outage;

/// Asks the clock, the certificate, the sites and the ledger. Whether the ledger can be written shows only when it is written,
/// so that is tried, but not for every question.
pub(super) struct Health<S> {
    redemptions: Arc<Redemptions<S>>,
    shown: Arc<ArcSwap<Shown>>,
    /// When it was tried last, and whether it went well.
    written: Mutex<Option<(Instant, bool)>>,
    outage: Outage,
}

impl<S: Store> Health<S> {
    pub(super) fn new(redemptions: Arc<Redemptions<S>>, shown: Arc<ArcSwap<Shown>>) -> Self {
        Self {
            redemptions,
            shown,
            written: Mutex::new(None),
            outage: Outage::default(),
        }
    }

    /// Why no redemption can be answered at this time.
    pub(super) async fn readiness_at(&self, now: DateTime<Utc>) -> Result<(), String> {
        clock::plausible(now).map_err(|doubt| doubt.to_string())?;
        let shown = self.shown.load();
        shown.judge(now).map_err(|problem| problem.to_string())?;
        let service = self.redemptions.service();
        if let Some(problem) = service.sites.load().problem() {
            return Err(problem.to_owned());
        }
        if service.ledger.tally(now).await.is_err() {
            return Err("the ledger cannot be read".to_owned());
        }
        if !self.is_writable(now).await {
            return Err("the ledger cannot be written".to_owned());
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
        let proven = self.redemptions.service().ledger.prove(now).await;
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

impl<S: Store> Probe for Health<S> {
    async fn readiness(&self) -> Result<(), String> {
        self.readiness_at(clock::now()).await
    }

    async fn tally(&self) -> Option<Vec<(GrantState, u64)>> {
        let ledger = &self.redemptions.service().ledger;
        ledger.tally(clock::now()).await.ok()
    }
}

/// Shortest time between two tries, so that questions do not wear the disk.
const BETWEEN_WRITES: Duration = Duration::from_secs(5);

/// The same when nothing was written: what is there again is noticed soon.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
