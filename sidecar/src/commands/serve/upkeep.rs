//! What `serve` does beside serving: it follows its files, renews its certificate, and forgets
//! grants that ended long ago.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::identity::{Identity, Shown};
use super::say;
use super::site_watch::SiteWatch;
use super::store::Store;
use crate::advertised::AdvertisedUrl;
use crate::clock;
use crate::metrics::Metrics;
use crate::redemptions::Redemptions;
use crate::server::ServerCertificate;
use crate::site::Sites;

/// Everything that changes while the service runs.
pub(super) struct Upkeep<S> {
    pub(super) redemptions: Arc<Redemptions<S>>,
    pub(super) watch: SiteWatch,
    pub(super) current: Arc<ArcSwap<Sites>>,
    pub(super) identity: Identity,
    pub(super) certificate: Arc<ServerCertificate>,
    pub(super) shown: Shown,
    pub(super) metrics: Arc<Metrics>,
    pub(super) keep: TimeDelta,
    /// What tokens carry.
    pub(super) url: AdvertisedUrl,
    /// Whether an option says so, whatever the site says.
    pub(super) is_url_given: bool,
}

impl<S: Store> Upkeep<S> {
    /// Looks after everything until the service ends. SIGHUP makes it look at once.
    pub(super) async fn run(mut self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut prune_at = clock::now();
        self.report();
        loop {
            let is_asked = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                () = asked(&mut hangup) => true,
            };
            let now = clock::now();
            self.follow_site(is_asked, now);
            self.follow_certificate(now).await;
            self.report();
            if prune_at <= now {
                self.prune(now).await;
                prune_at = now + PRUNE;
            }
        }
    }

    fn follow_site(&mut self, is_asked: bool, now: DateTime<Utc>) {
        let notices = if is_asked {
            self.watch.reload(now)
        } else {
            self.watch.poll(now)
        };
        say(&notices);
        let sites = self.watch.current();
        self.redemptions.service().ledger.follow_sites(&sites);
        self.current.store(Arc::new(sites));
    }

    async fn follow_certificate(&mut self, now: DateTime<Utc>) {
        let is_due = self.shown.renew_at.is_some_and(|renew_at| renew_at <= now);
        let seen = self.identity.fingerprint();
        let url = self.url();
        if !is_due && url == self.url && seen == self.shown.fingerprint {
            return;
        }
        let sites = self.current.load();
        match self.identity.certificate(url.host(), &sites, now) {
            Ok(shown) => {
                let ledger = &self.redemptions.service().ledger;
                if let Err(fault) = ledger.publish(&url, &shown.ca).await {
                    warn!("the new certificate of the server is not used yet: {fault}");
                    return;
                }
                info!("the server shows a new certificate; tokens carry {url}");
                self.url = url;
                self.certificate.replace(shown.certified_key.clone());
                self.shown = shown;
            }
            Err(problem) => {
                warn!("the certificate of the server stays as it was: {problem}");
                self.shown.fingerprint = seen;
            }
        }
    }

    /// What tokens are to carry: what the option says, else what the site says now.
    fn url(&self) -> AdvertisedUrl {
        let of_site = self.watch.url().filter(|_| !self.is_url_given);
        of_site.unwrap_or(&self.url).clone()
    }

    fn report(&self) {
        let sites = self.current.load();
        self.metrics.set_issuer_ends(sites.issuer_ends());
        if let Some(end) = self.shown.end {
            self.metrics.set_server_end(end);
        }
    }

    async fn prune(&self, now: DateTime<Utc>) {
        let ledger = &self.redemptions.service().ledger;
        match ledger.prune(self.keep, now).await {
            Ok(0) => {}
            Ok(count) => info!("{count} grants that ended long ago were deleted"),
            Err(fault) => warn!("cannot delete grants that ended long ago: {fault}"),
        }
    }
}

async fn asked(hangup: &mut Option<tokio::signal::unix::Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// How often files, and what is known of the cluster, are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How often ended grants are deleted.
const PRUNE: TimeDelta = TimeDelta::hours(1);
