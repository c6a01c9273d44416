//! Metrics of the service, for Prometheus.
//!
//! No label takes its values from a client or from the names of grants.
//!
//! Source: the `OpenMetrics` text format 1.0 and Prometheus' naming conventions.

mod labels;

use std::time::Duration;

use chrono::{DateTime, Utc};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::ledger::LinkTally;
use crate::redemption::GrantState;
use crate::telemetry::log;

pub use labels::{Answered, Bound, Outcome, RenewalOutcome};

use labels::Label;

/// The type of the text that [`Metrics::encode`] makes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of the service.
pub struct Metrics {
    registry: Registry,
    redemptions: Family<Label, Counter>,
    duration: Histogram,
    renewals: Family<Label, Counter>,
    renewal_duration: Histogram,
    links: Family<Label, Gauge>,
    soonest_link_end: Gauge,
    grants: Family<Label, Gauge>,
    issuer_ends: Family<Label<String>, Gauge>,
    server_end: Gauge,
    connections: ConnectionMetrics,
}

impl Metrics {
    /// All counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("redemption_sidecar"),
            redemptions: Family::default(),
            duration: Histogram::new(DURATION_BUCKETS),
            renewals: Family::default(),
            renewal_duration: Histogram::new(DURATION_BUCKETS),
            links: Family::default(),
            soonest_link_end: Gauge::default(),
            grants: Family::default(),
            issuer_ends: Family::default(),
            server_end: Gauge::default(),
            connections: ConnectionMetrics::default(),
        };
        // Series that exist from the start let a rate see the first increase.
        for outcome in Outcome::ALL {
            let _ = metrics.redemptions.get_or_create(&outcome.label());
        }
        for outcome in RenewalOutcome::ALL {
            let _ = metrics.renewals.get_or_create(&outcome.label());
        }
        for bound in Bound::ALL {
            let _ = metrics.connections.closed.get_or_create(&bound.label());
        }
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "redemptions",
            "Answered redemption requests by outcome",
            self.redemptions.clone(),
        );
        registry.register_with_unit(
            "redemption_duration",
            "Time from the end of a request's head to its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "renewals",
            "Answered renewal requests by outcome",
            self.renewals.clone(),
        );
        registry.register_with_unit(
            "renewal_duration",
            "Time from the end of a renewal's head to its answer",
            Unit::Seconds,
            self.renewal_duration.clone(),
        );
        registry.register("links", "Links by state", self.links.clone());
        registry.register_with_unit(
            "link_certificate_soonest_not_after_timestamp",
            "Soonest end of the certificates of live links in Unix time, 0 without any",
            Unit::Seconds,
            self.soonest_link_end.clone(),
        );
        registry.register("grants", "Grants by state", self.grants.clone());
        registry.register_with_unit(
            "issuer_certificate_not_after_timestamp",
            "End of an issuer's certificate in Unix time",
            Unit::Seconds,
            self.issuer_ends.clone(),
        );
        registry.register_with_unit(
            "server_certificate_not_after_timestamp",
            "End of the redemption server's certificate in Unix time",
            Unit::Seconds,
            self.server_end.clone(),
        );
        registry.register(
            "connections",
            "Open connections of redeemers",
            self.connections.open.clone(),
        );
        registry.register(
            "connections_closed",
            "Connections that a bound closed or turned away",
            self.connections.closed.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Lines of the log that standard error did not take",
            log::dropped_lines(),
        );
        self
    }

    /// Counts an answer, and how long it took.
    pub fn answer(&self, answered: Answered, duration: Duration) {
        let seconds = duration.as_secs_f64();
        match answered {
            Answered::Redemption(outcome) => {
                self.redemptions.get_or_create(&outcome.label()).inc();
                self.duration.observe(seconds);
            }
            Answered::Renewal(outcome) => {
                self.renewals.get_or_create(&outcome.label()).inc();
                self.renewal_duration.observe(seconds);
            }
        }
    }

    /// Sets the number of links in each state, and the soonest end; `None` when it is not known now.
    pub fn set_links(&self, tally: Option<&LinkTally>) {
        self.links.clear();
        let tally = tally.cloned().unwrap_or_default();
        for (state, links) in &tally.states {
            let links = i64::try_from(*links).unwrap_or(i64::MAX);
            let state = ("state", state.as_str());
            self.links.get_or_create(&[state]).set(links);
        }
        let end = tally.soonest_end.map_or(0, |end| end.timestamp());
        self.soonest_link_end.set(end);
    }

    /// Sets the number of grants in each state; `None` when it is not known now.
    pub fn set_grants(&self, tally: Option<&[(GrantState, u64)]>) {
        self.grants.clear();
        for (state, grants) in tally.unwrap_or_default() {
            let grants = i64::try_from(*grants).unwrap_or(i64::MAX);
            let state = ("state", state.as_str());
            self.grants.get_or_create(&[state]).set(grants);
        }
    }

    /// Sets the ends of the issuers' certificates, by the name of the issuer.
    pub fn set_issuer_ends<'a>(&self, ends: impl IntoIterator<Item = (&'a str, DateTime<Utc>)>) {
        self.issuer_ends.clear();
        for (issuer, end) in ends {
            let issuer = ("issuer", issuer.to_owned());
            self.issuer_ends
                .get_or_create(&[issuer])
                .set(end.timestamp());
        }
    }

    /// Sets the end of the server's certificate.
    pub fn set_server_end(&self, end: DateTime<Utc>) {
        self.server_end.set(end.timestamp());
    }

    /// The metrics of the redemption port's connections.
    #[must_use]
    pub fn connections(&self) -> &ConnectionMetrics {
        &self.connections
    }

    /// All metrics as text of [`CONTENT_TYPE`], in the same order each time.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut output = String::with_capacity(8192);
        // Writing to a String cannot fail.
        let _ = text::encode(&mut output, &self.registry);
        in_order(&output)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The metrics of one listener's connections.
#[derive(Clone, Debug, Default)]
pub struct ConnectionMetrics {
    open: Gauge,
    closed: Family<Label, Counter>,
}

impl ConnectionMetrics {
    /// Counts a connection that a bound closed.
    pub(crate) fn close(&self, bound: Bound) {
        self.closed.get_or_create(&bound.label()).inc();
    }

    /// Sets the number of open ones.
    pub(crate) fn set_open(&self, open: usize) {
        self.open.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// The number of open ones.
    #[must_use]
    pub fn open(&self) -> u64 {
        u64::try_from(self.open.get()).unwrap_or_default()
    }

    /// The number of connections that a bound closed.
    #[must_use]
    pub fn closed(&self, bound: Bound) -> u64 {
        self.closed.get_or_create(&bound.label()).get()
    }
}

/// Sorts the rows of each metric, which come as a hash table has them; those of a histogram have
/// their order.
pub(super) fn in_order(text: &str) -> String {
    let metric = |line: &str| line.split(['{', ' ']).next().unwrap_or_default().to_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    for rows in lines.chunk_by_mut(|one, other| metric(one) == metric(other)) {
        let name = rows.first().map(|row| metric(row)).unwrap_or_default();
        if !name.starts_with('#') && !name.ends_with("_bucket") {
            rows.sort_unstable();
        }
    }
    lines.push("");
    lines.join("\n")
}

/// Upper bounds in seconds: dense where the goal of 10 ms lies, up to the 10 s after which
/// redeemers give up.
const DURATION_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_same_order_each_time_and_buckets_their_own() {
        let texts: Vec<String> = (0..8).map(|_| Metrics::new().encode()).collect();
        for text in &texts {
            assert_eq!(text, &texts[0]);
        }
        let text = &texts[0];
        let at = |part: &str| text.find(part).unwrap();
        assert!(at("outcome=\"again\"") < at("outcome=\"wrong_code\""));
        assert!(at("le=\"5.0\"") < at("le=\"10.0\""));
        assert!(text.ends_with("# EOF\n"));
    }
}
