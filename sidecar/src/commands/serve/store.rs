//! What `serve` asks of a ledger beside redemptions.

use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ledger::kubernetes::completion::Facts;
use crate::ledger::{Earlier, KubernetesLedger, Ledger, LedgerFault, SqliteLedger};
use crate::site::Sites;
use crate::wire::advertised::AdvertisedUrl;

/// A ledger that a service keeps.
pub(super) trait Store: Ledger {
    /// Makes known where the service is reached and which CA it answers with.
    fn publish(
        &self,
        url: &AdvertisedUrl,
        ca: &str,
    ) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// The addresses that tokens in the field carry beside this one, which is to be published.
    fn earlier(
        &self,
        _next: &AdvertisedUrl,
        _now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Earlier>, LedgerFault>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Makes known which sites there are, as far as the store tells of them.
    fn follow_sites(&self, sites: &Sites) -> impl Future<Output = ()> + Send;

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
    async fn earlier(
        &self,
        next: &AdvertisedUrl,
        now: DateTime<Utc>,
    ) -> Result<Vec<Earlier>, LedgerFault> {
        SqliteLedger::earlier(self, next, now).await
    }

    async fn follow_sites(&self, sites: &Sites) {
        let site = sites.of(None).filter(|site| site.is_edge);
        let name = site.map(|site| site.name.as_str());
        // Each look finds out anew: what cannot be kept now is kept then.
        if let Ok(kept) = self.edge_site().await
            && kept.as_deref() != name
        {
            let _ = self.keep_edge_site(name).await;
        }
    }

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

    async fn follow_sites(&self, sites: &Sites) {
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
