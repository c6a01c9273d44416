//! What `serve` asks of a ledger beside redemptions.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

use crate::advertised::AdvertisedUrl;
use crate::ledger::kubernetes::completion::Facts;
use crate::ledger::{KubernetesLedger, Ledger, LedgerFault, SqliteLedger};
use crate::site::Sites;

/// A ledger that a service keeps.
pub(super) trait Store: Ledger {
    /// Makes known where the service is reached and which CA it answers with.
    fn publish(
        &self,
        url: &AdvertisedUrl,
        ca: &str,
    ) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Makes known which sites there are, if the store tells of them.
    fn follow_sites(&self, _sites: &Sites) {}

    /// Whether a redemption could be counted now.
    fn prove(&self, now: DateTime<Utc>) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Notes that the service has run for some time since it noted that last, by the steady clock.
    fn add_service_time(
        &self,
        passed: TimeDelta,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Deletes the grants that ended longer ago than `keep`, and says how many they were.
    fn prune(
        &self,
        keep: TimeDelta,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<usize, LedgerFault>> + Send;
}

impl Store for SqliteLedger {
    async fn publish(&self, url: &AdvertisedUrl, ca: &str) -> Result<(), LedgerFault> {
        SqliteLedger::publish(self, &url.to_string(), ca).await
    }

    async fn prove(&self, now: DateTime<Utc>) -> Result<(), LedgerFault> {
        SqliteLedger::prove(self, now).await
    }

    async fn add_service_time(
        &self,
        passed: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerFault> {
        SqliteLedger::add_service_time(self, passed, now).await
    }

    async fn prune(&self, keep: TimeDelta, now: DateTime<Utc>) -> Result<usize, LedgerFault> {
        SqliteLedger::prune(self, keep, now).await
    }
}

/// The objects of a cluster belong to those who made them: none is deleted.
impl Store for KubernetesLedger {
    async fn publish(&self, url: &AdvertisedUrl, ca: &str) -> Result<(), LedgerFault> {
        KubernetesLedger::publish(
            self,
            Facts {
                url: url.clone(),
                ca: ca.to_owned(),
            },
        );
        Ok(())
    }

    fn follow_sites(&self, sites: &Sites) {
        KubernetesLedger::follow_sites(self, sites);
    }

    async fn prove(&self, _: DateTime<Utc>) -> Result<(), LedgerFault> {
        KubernetesLedger::prove(self).await
    }

    async fn add_service_time(&self, _: TimeDelta, _: DateTime<Utc>) -> Result<(), LedgerFault> {
        Ok(())
    }

    async fn prune(&self, _: TimeDelta, _: DateTime<Utc>) -> Result<usize, LedgerFault> {
        Ok(0)
    }
}
