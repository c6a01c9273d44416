//! The Leases of a scope as a whole: how many links there are, and which nobody needs any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use tokio::sync::Mutex;

use crate::kubernetes::{FailedRequest, FailureKind, Scope, answered};
use crate::ledger::kubernetes::lease::{self, MANAGED_BY, REVOKED};
use crate::ledger::kubernetes::store::as_sidecar;
use crate::ledger::{LinkRecord, LinkState, LinkTally};
use crate::redemption::GrantUid;
use crate::system::random;

/// The Leases of a scope.
pub(super) struct Inventory {
    client: Client,
    scope: Scope,
    /// The links as they were listed last, with what a tally needs of them.
    listed: Mutex<Option<(Instant, Vec<LinkRecord>)>>,
}

impl Inventory {
    pub(super) fn new(client: Client, scope: Scope) -> Self {
        Self {
            client,
            scope,
            listed: Mutex::default(),
        }
    }

    /// Number of links in each state, as they were listed within [`FRESH`].
    pub(super) async fn tally(&self, now: DateTime<Utc>) -> Result<LinkTally, FailedRequest> {
        let mut listed = self.listed.lock().await;
        let is_fresh = |(at, _): &(Instant, Vec<_>)| at.elapsed() < FRESH;
        if !listed.as_ref().is_some_and(is_fresh) {
            let mut counted = Counted::default();
            let managed = format!("{MANAGED_BY}=redemption-sidecar");
            self.list(&managed, |lease| counted.add(&lease)).await?;
            *listed = Some((Instant::now(), counted.records()));
        }
        let records = listed.as_ref().map_or(&[][..], |(_, records)| records);
        Ok(tally(records, now))
    }

    /// Deletes the Leases that nobody needs any more: those of links whose last certificate ended longer
    /// ago than `keep`, and revocations whose time is over. The clock of the API server must agree.
    pub(super) async fn prune(
        &self,
        home: &str,
        keep: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<usize, FailedRequest> {
        let mut over = Vec::new();
        let mut note = |lease: Lease| {
            let is_revoked = lease::revocation(&lease).is_some();
            let keep = if is_revoked { TimeDelta::zero() } else { keep };
            let until =
                lease::needed_until(&lease).and_then(|until| until.checked_add_signed(keep));
            let is_own = lease.metadata.name.as_deref() != Some(lease::HEARTBEAT);
            if let Some(until) = until.filter(|until| is_own && *until < now)
                && over.len() < DELETED_AT_ONCE
            {
                over.push((until, lease.metadata));
            }
        };
        self.list(&format!("{MANAGED_BY}=redemption-sidecar"), &mut note)
            .await?;
        // Those that were made by hand.
        let by_hand = format!("{REVOKED},{MANAGED_BY}!=redemption-sidecar");
        self.list(&by_hand, &mut note).await?;
        if over.is_empty() {
            return Ok(0);
        }
        let time_of_server = self.time_of_server(home).await?;
        over.retain(|(until, _)| *until < time_of_server);
        let mut deleted = 0;
        for (_, metadata) in over {
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            let leases: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
            // One that was renewed meanwhile is another version.
            let options = DeleteParams {
                preconditions: Some(Preconditions {
                    uid: metadata.uid.clone(),
                    resource_version: metadata.resource_version.clone(),
                }),
                ..DeleteParams::default()
            };
            let name = metadata.name.unwrap_or_default();
            match answered(PATIENCE, leases.delete(&name, &options)).await {
                Ok(_) => deleted += 1,
                Err(failed) if matches!(failed.kind, FailureKind::Conflict | FailureKind::Gone) => {
                }
                Err(failed) => return Err(failed.with("cannot delete a Lease")),
            }
        }
        Ok(deleted)
    }

    /// The time of the API server, from a Lease that is not made.
    async fn time_of_server(&self, home: &str) -> Result<DateTime<Utc>, FailedRequest> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), home);
        let mut lease = Lease::default();
        let name = u64::from_be_bytes(random::bytes());
        lease.metadata.name = Some(format!("redemption-sidecar-{name:016x}"));
        let options = PostParams {
            dry_run: true,
            ..as_sidecar()
        };
        let made = answered(PATIENCE, leases.create(&options, &lease)).await?;
        let at = made.metadata.creation_timestamp.map(|at| at.0.as_second());
        let at = at.and_then(DateTime::from_timestamp_secs);
        at.ok_or_else(|| FailedRequest {
            kind: FailureKind::Unknown,
            message: "the API server does not tell its time".to_owned(),
        })
    }

    /// Lists the Leases with a label, page by page.
    async fn list(&self, label: &str, mut take: impl FnMut(Lease)) -> Result<(), FailedRequest> {
        let leases: Api<Lease> = match &self.scope {
            Scope::Namespace(namespace) => Api::namespaced(self.client.clone(), namespace),
            Scope::Cluster => Api::all(self.client.clone()),
        };
        let mut page = ListParams::default().labels(label).limit(PAGE);
        loop {
            let found = answered(PATIENCE, leases.list(&page)).await;
            let found = found.map_err(|failed| failed.with("cannot list Leases"))?;
            found.items.into_iter().for_each(&mut take);
            match found.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => return Ok(()),
            }
        }
    }
}

/// Links, and the grants that were revoked with theirs, by namespace.
#[derive(Default)]
struct Counted {
    links: Vec<(Option<String>, LinkRecord)>,
    revoked: HashMap<(Option<String>, GrantUid), DateTime<Utc>>,
}

impl Counted {
    fn add(&mut self, lease: &Lease) {
        let namespace = lease.metadata.namespace.clone();
        let grant = lease.metadata.name.as_deref().and_then(GrantUid::parse);
        if let Some(record) = lease::read(lease) {
            self.links.push((namespace, bare(&record)));
        } else if let Some((grant, at)) = grant.zip(lease::revocation(lease)) {
            self.revoked.insert((namespace, grant), at);
        }
    }

    /// The links, those of a revoked grant revoked.
    fn records(self) -> Vec<LinkRecord> {
        let revoked = self.revoked;
        let links = self.links.into_iter().map(|(namespace, mut record)| {
            let of_grant = record
                .grant
                .and_then(|grant| revoked.get(&(namespace, grant)));
            record.revoked = record.revoked.or(of_grant.copied());
            record
        });
        links.collect()
    }
}

/// A record without its texts, of which a tally needs none.
fn bare(record: &LinkRecord) -> LinkRecord {
    LinkRecord {
        grant_name: None,
        subject: None,
        authority: None,
        ..record.clone()
    }
}

fn tally(records: &[LinkRecord], now: DateTime<Utc>) -> LinkTally {
    let count = |state| {
        let records = records.iter();
        let count = records.filter(|record| record.state(now) == state).count();
        (state, u64::try_from(count).unwrap_or(u64::MAX))
    };
    let live = records
        .iter()
        .filter(|record| record.state(now) == LinkState::Live);
    LinkTally {
        states: LinkState::ALL.map(count).into(),
        soonest_end: live
            .filter_map(|record| record.certificate_end)
            .filter(|end| *end >= now)
            .min(),
    }
}

/// Longest age of what a tally is made of.
const FRESH: Duration = Duration::from_mins(1);

/// Most Leases that are deleted at a time: others follow at the next.
const DELETED_AT_ONCE: usize = 500;

/// Number of Leases in one answer.
const PAGE: u32 = 500;

/// Longest time of an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_link_of_a_revoked_grant_is_counted_as_revoked_in_its_namespace_alone() {
        let uid = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
        let lease = |namespace: &str, name: &str, label: &str, value: &str| -> Lease {
            let metadata = json!({"namespace": namespace, "name": name, "labels": {label: value}});
            serde_json::from_value(json!({"metadata": metadata})).unwrap()
        };
        let mut counted = Counted::default();
        for namespace in ["west", "east"] {
            let link = "0123456789abcdef0123";
            counted.add(&lease(namespace, link, "redemption-sidecar/grant", uid));
        }
        counted.add(&lease("west", uid, REVOKED, "1"));
        let tally = tally(&counted.records(), DateTime::UNIX_EPOCH);
        let expected = [
            (LinkState::Live, 1),
            (LinkState::Revoked, 1),
            (LinkState::Ended, 0),
        ];
        assert_eq!(tally.states, expected);
    }
}
