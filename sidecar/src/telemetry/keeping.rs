//! Metrics of a keeper of links, for Prometheus. No label takes its values from a server or from the names of
//! links.

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::log;
use super::metrics::in_order;
use crate::redeemer::keeper::{Done, KeepProblem, KeptTally, REASONS, Renewal, Told};

type Label = [(&'static str, &'static str); 1];

/// Every metric of a keeper.
pub struct KeeperMetrics {
    registry: Registry,
    renewals: Family<Label, Counter>,
    untold: Family<Label, Counter>,
    links: Family<Label, Gauge>,
    soonest_end: Gauge,
}

impl KeeperMetrics {
    /// All counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("redemption_sidecar_keeper"),
            renewals: Family::default(),
            untold: Family::default(),
            links: Family::default(),
            soonest_end: Gauge::default(),
        };
        // Series that exist from the start let a rate see the first increase.
        for reason in REASONS {
            let _ = metrics.renewals.get_or_create(&[(OUTCOME, reason)]);
            let _ = metrics.untold.get_or_create(&[(REASON, reason)]);
        }
        let _ = metrics.renewals.get_or_create(&[(OUTCOME, RENEWED)]);
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "renewals",
            "Renewals that ended, by outcome: renewed, or the reason they failed",
            self.renewals.clone(),
        );
        registry.register(
            "tellings_failed",
            "Routers or granting sites that were not told of a renewed certificate, by reason",
            self.untold.clone(),
        );
        registry.register("links", "Links that are kept, by state", self.links.clone());
        registry.register_with_unit(
            "link_certificate_soonest_not_after_timestamp",
            "Soonest end of the certificates of all links in Unix time, 0 without any",
            Unit::Seconds,
            self.soonest_end.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Lines of the log that standard error did not take",
            log::dropped_lines(),
        );
        self
    }

    /// Counts how a renewal ended.
    pub fn ended(&self, result: &Result<Done, KeepProblem>) {
        let outcome = match result {
            Err(problem) => Some(problem.reason()),
            Ok(done) => match done.renewal {
                Renewal::Renewed { .. } => Some(RENEWED),
                Renewal::NotDue { .. } => None,
            },
        };
        if let Some(outcome) = outcome {
            self.renewals.get_or_create(&[(OUTCOME, outcome)]).inc();
        }
        if let Some(problem) = result
            .as_ref()
            .ok()
            .map(|done| &done.told)
            .and_then(Told::problem)
        {
            self.untold
                .get_or_create(&[(REASON, problem.reason())])
                .inc();
        }
    }

    /// Sets the number of links in each state, and their soonest end.
    pub fn stands(&self, tally: &KeptTally) {
        for (state, links) in &tally.states {
            let links = i64::try_from(*links).unwrap_or(i64::MAX);
            self.links
                .get_or_create(&[("state", state.as_str())])
                .set(links);
        }
        let end = tally.soonest_end.map_or(0, |end| end.timestamp());
        self.soonest_end.set(end);
    }

    /// All metrics as text, in the same order each time.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut output = String::with_capacity(4096);
        // Writing to a String cannot fail.
        let _ = text::encode(&mut output, &self.registry);
        in_order(&output)
    }
}

impl Default for KeeperMetrics {
    fn default() -> Self {
        Self::new()
    }
}

const OUTCOME: &str = "outcome";
const REASON: &str = "reason";
const RENEWED: &str = "renewed";
