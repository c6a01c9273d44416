//! The work of `serve` beside serving: following its files, renewing its certificate, and deleting
//! grants that ended long ago.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::identity::{Identity, Shown};
use super::issuers::SaidIssuers;
use super::site_watch::SiteWatch;
use super::{hosts, say};
use crate::commands::stamps;
use crate::ledger::{Ledger, Published, Register};
use crate::server::ServerCertificate;
use crate::site::Sites;
use crate::system::clock::{self, Reading};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::outage::Outage;
use crate::wire::advertised::AdvertisedUrl;
use crate::wire::protocol::RenewalOffer;

/// Everything that changes while the service runs.
pub(super) struct Upkeep<L> {
    pub(super) ledger: Arc<L>,
    pub(super) watch: SiteWatch,
    pub(super) current: Arc<ArcSwap<Sites>>,
    pub(super) identity: Identity,
    pub(super) certificate: Arc<ServerCertificate>,
    pub(super) offer: Arc<ArcSwapOption<RenewalOffer>>,
    pub(super) shown: Arc<ArcSwap<Shown>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) keep: TimeDelta,
    /// The data folder.
    pub(super) folder: PathBuf,
    /// The address that tokens carry.
    pub(super) url: AdvertisedUrl,
    /// True when an option says so, whatever the site says.
    pub(super) is_url_given: bool,
    /// The clocks at the last look.
    pub(super) last: Reading,
    /// And when ended grants were last looked for.
    pub(super) pruned: Option<Reading>,
    /// The content of the certificate's files.
    pub(super) seen: Vec<Vec<u8>>,
    pub(super) said: Problems,
    pub(super) issuers: SaidIssuers,
}

/// The problems that were said.
#[derive(Default)]
pub(super) struct Problems {
    clock: Outage,
    renewal: Outage,
    redeemers: Outage,
}

impl<L: Ledger + Register> Upkeep<L> {
    /// Looks after everything until the service ends. SIGHUP makes it look at once.
    pub(super) async fn run(mut self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        self.issuers.say(&self.current.load(), self.last.wall);
        self.report();
        loop {
            let is_asked = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                () = asked(&mut hangup) => true,
            };
            self.look(is_asked, Reading::now()).await;
        }
    }

    /// Does at a time whatever is due.
    pub(super) async fn look(&mut self, is_asked: bool, reading: Reading) {
        let now = reading.wall;
        self.follow_clock(reading);
        self.follow_site(is_asked, now).await;
        if !self.said.clock.lasts() {
            self.follow_certificate(now).await;
        }
        self.report();
        self.prune(reading).await;
    }

    fn follow_clock(&mut self, reading: Reading) {
        if let Some(step) = reading.step_since(&self.last) {
            let seconds = Duration::from_secs(step.num_seconds().unsigned_abs());
            let size = humantime::format_duration(seconds);
            if step < TimeDelta::zero() {
                warn!("the clock of this machine was set back by {size}");
                // Else they would make whoever issues a token doubt a clock that is right now.
                stamps::bring_back(&self.folder, reading.wall);
            } else {
                warn!("the clock of this machine was set ahead by {size}, or the machine slept");
            }
        }
        self.last = reading;
        match clock::plausible(reading.wall) {
            // It shows another time at each look.
            Err(doubt) if !self.said.clock.lasts() => {
                self.said.clock.warn(&format!("not ready: {doubt}"));
            }
            Err(_) => {}
            Ok(()) => self.said.clock.clear("the clock of this machine was set"),
        }
    }

    async fn follow_site(&mut self, is_asked: bool, now: DateTime<Utc>) {
        let notices = if is_asked {
            self.watch.reload(now)
        } else {
            self.watch.poll(now)
        };
        say(&notices);
        let sites = self.watch.current();
        self.ledger.follow_sites(&sites).await;
        if !self.said.clock.lasts() {
            self.issuers.say(&sites, now);
        }
        self.current.store(Arc::new(sites));
    }

    async fn follow_certificate(&mut self, now: DateTime<Utc>) {
        let seen = self.identity.fingerprint();
        let url = self.url();
        if self.shown.load().is_due(now) || url != self.url || seen != self.seen {
            self.seen = seen;
            self.renew_certificate(url, now).await;
        }
        match self.shown.load().judge(now) {
            Err(problem) => {
                let problem = format!("not ready: redeemers refuse this server: {problem}");
                self.said.redeemers.warn(&problem);
            }
            Ok(()) => self
                .said
                .redeemers
                .clear("redeemers accept this server again"),
        }
    }

    async fn renew_certificate(&mut self, url: AdvertisedUrl, now: DateTime<Utc>) {
        let hosts = match hosts(&*self.ledger, &url, now).await {
            Ok(hosts) => hosts,
            Err(fault) => {
                let problem = format!("the certificate of the server stays as it was: {fault}");
                self.seen.clear();
                return self.said.renewal.warn(&problem);
            }
        };
        let sites = self.current.load();
        let shown = match self.identity.certificate(&hosts, &sites, now) {
            Ok(shown) => shown,
            Err(problem) => {
                let problem = format!("the certificate of the server stays as it was: {problem}");
                return self.said.renewal.warn(&problem);
            }
        };
        let ca = shown.ca.clone();
        let published = Published { url, ca };
        if let Err(fault) = self.ledger.publish(&published).await {
            let problem = format!("the new certificate of the server is not used yet: {fault}");
            self.seen.clear();
            return self.said.renewal.warn(&problem);
        }
        self.said.renewal.ends();
        self.url = published.url;
        info!(
            "the server shows a new certificate; tokens carry {}",
            self.url
        );
        let offer = RenewalOffer::new(&self.url, &shown.ca).map(Arc::new);
        self.offer.store(offer);
        self.certificate.replace(shown.certified_key.clone());
        self.shown.store(Arc::new(shown));
    }

    /// The address that tokens are to carry: that of the option, else that of the site now.
    fn url(&self) -> AdvertisedUrl {
        let of_site = self.watch.url().filter(|_| !self.is_url_given);
        of_site.unwrap_or(&self.url).clone()
    }

    fn report(&self) {
        let sites = self.current.load();
        self.metrics.set_issuer_ends(sites.issuer_ends());
        self.metrics.set_server_end(self.shown.load().end());
    }

    /// Deletes what ended long ago, but only where both clocks agree about the time since it was
    /// tried last. The steady one says when it is due.
    async fn prune(&mut self, reading: Reading) {
        let pause = self.keep.min(PRUNE);
        let last = self.pruned;
        let passed = last.map_or(TimeDelta::zero(), |last| reading.since(&last));
        if last.is_some() && passed < pause {
            return;
        }
        self.pruned = Some(reading);
        let now = reading.wall;
        let noted = self.ledger.add_service_time(passed, now).await;
        let do_agree = last.is_some_and(|last| reading.step_since(&last).is_none());
        let pruned = match noted {
            // What was made since was made up to a pause later than the ledger knows.
            Ok(()) if do_agree && !self.said.clock.lasts() => {
                stamps::bring_back(&self.folder, now);
                let keep = self.keep.checked_add(&pause).unwrap_or(TimeDelta::MAX);
                self.ledger.prune(keep, now).await
            }
            noted => noted.map(|()| 0),
        };
        if pruned.is_ok()
            && do_agree
            && !self.said.clock.lasts()
            && let Err(fault) = self.ledger.prune_links(self.keep, now).await
        {
            warn!("cannot delete links that ended long ago: {fault}");
        }
        match pruned {
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

/// Pause between two looks at files, clocks and the objects of the cluster.
const LOOK: Duration = Duration::from_secs(2);

/// Pause between two deletions of ended grants, unless they are kept for a shorter time.
const PRUNE: TimeDelta = TimeDelta::minutes(10);

#[cfg(test)]
mod tests;
