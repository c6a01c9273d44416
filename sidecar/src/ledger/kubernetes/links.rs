//! The links of a namespace, for those who list them and take them back.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::{Api, Client};
use skupper_access_policy::value::name::SubdomainName;
use tokio::time::{Instant, sleep};

use super::lease::{self, HEARTBEAT};
use super::store::as_sidecar;
use crate::kubernetes::{AccessGrant, FailedRequest, FailureKind, answered, lacks_verb, wording};
use crate::ledger::{Answer, LinkChoice, LinkRecord, LinkState, Links};
use crate::pki::issuer::LONGEST_LIFE;
use crate::redemption::{GrantUid, LinkId};

/// The Leases of a namespace.
pub struct KubernetesLinks {
    leases: Api<Lease>,
    grants: Api<AccessGrant>,
}

impl Links for KubernetesLinks {
    fn links<'a>(&'a self, choice: &'a LinkChoice) -> Answer<'a, Vec<LinkRecord>> {
        Box::pin(async move { Ok(self.found(choice).await?.links) })
    }

    /// The revocation of a grant is stored first: it reaches the links that have no Lease.
    fn revoke_links<'a>(
        &'a self,
        choice: &'a LinkChoice,
        now: DateTime<Utc>,
    ) -> Answer<'a, Vec<LinkRecord>> {
        Box::pin(async move {
            let found = self.found(choice).await?;
            for grant in &found.grants {
                self.revoke(&grant.to_string(), now).await?;
            }
            let mut links: Vec<LinkId> = found
                .links
                .iter()
                .filter(|record| record.state(now) == LinkState::Live)
                .map(|record| record.link)
                .collect();
            if let LinkChoice::Link(link) = choice
                && found.links.is_empty()
            {
                links.push(*link);
            }
            let mut revoked = Vec::new();
            for link in links {
                let lease = self.revoke(&link.to_string(), now).await?;
                revoked.extend(lease::read(&lease));
            }
            Ok(revoked)
        })
    }
}

/// Chosen links, and the chosen grants that are not revoked yet.
#[derive(Default)]
struct Found {
    links: Vec<LinkRecord>,
    grants: Vec<GrantUid>,
}

impl KubernetesLinks {
    /// The links of a namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            leases: Api::namespaced(client.clone(), namespace),
            grants: Api::namespaced(client, namespace),
        }
    }

    /// The links that are chosen, by subject and id. Those of a grant that was revoked are revoked, too.
    async fn found(&self, choice: &LinkChoice) -> Result<Found, FailedRequest> {
        let live = match choice {
            LinkChoice::Grant(name) => self.grant(name).await?,
            _ => None,
        };
        let mut links = Vec::new();
        let mut revoked = BTreeMap::new();
        self.list(|lease| {
            links.extend(lease::read(&lease));
            let grant = lease.metadata.name.as_deref().and_then(GrantUid::parse);
            if let Some((grant, at)) = grant.zip(lease::revocation(&lease)) {
                revoked.insert(grant, at);
            }
        })
        .await?;
        for record in &mut links {
            let of_grant = record.grant.and_then(|grant| revoked.get(&grant));
            record.revoked = record.revoked.or(of_grant.copied());
        }
        let mut found = Found::default();
        if let LinkChoice::Grant(name) = choice {
            let named = links
                .iter()
                .filter(|record| record.grant_name.as_deref() == Some(name));
            let mut grants: Vec<_> = named.filter_map(|record| record.grant).collect();
            grants.extend(live);
            grants.sort_unstable();
            grants.dedup();
            links.retain(|record| {
                let is_of = record.grant.is_some_and(|grant| grants.contains(&grant));
                is_of || record.grant_name.as_deref() == Some(name)
            });
            grants.retain(|grant| !revoked.contains_key(grant));
            found.grants = grants;
        }
        links.retain(|record| match choice {
            LinkChoice::All | LinkChoice::Grant(_) => true,
            LinkChoice::Link(link) => record.link == *link,
            LinkChoice::Subject(subject) => record.subject.as_ref() == Some(subject),
        });
        links.sort_by(|one, other| (&one.subject, one.link).cmp(&(&other.subject, other.link)));
        found.links = links;
        Ok(found)
    }

    /// The uid of the grant that has a name now.
    async fn grant(&self, name: &str) -> Result<Option<GrantUid>, FailedRequest> {
        // It becomes a part of a URL.
        if SubdomainName::parse(name).is_err() {
            return Ok(None);
        }
        let found = self.grants.get_opt(name).await;
        let found = found.map_err(|error| super::grants::failed("get", &error))?;
        let uid = found.and_then(|found| found.metadata.uid);
        Ok(uid.and_then(|uid| GrantUid::parse(&uid)))
    }

    async fn list(&self, mut take: impl FnMut(Lease)) -> Result<(), FailedRequest> {
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let found = self.leases.list(&page).await;
            let found = found.map_err(|error| failed("list", &error))?;
            found.items.into_iter().for_each(&mut take);
            match found.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => return Ok(()),
            }
        }
    }

    /// Stores a revocation under a name, again until it is known to be stored.
    async fn revoke(&self, name: &str, now: DateTime<Utc>) -> Result<Lease, FailedRequest> {
        let end = Instant::now() + REVOCATION;
        loop {
            let failed = match self.revoke_once(name, now).await {
                Ok(lease) => return Ok(lease),
                Err(failed) => failed,
            };
            let pause = match failed.kind {
                FailureKind::Conflict | FailureKind::Unknown => LOOK,
                FailureKind::Busy(pause) => pause,
                FailureKind::Gone | FailureKind::Denied | FailureKind::Refused => {
                    return Err(failed);
                }
            };
            if Instant::now() + pause >= end {
                return Err(failed.with(
                    "it is not known whether the revocation is stored, run the same command again",
                ));
            }
            sleep(pause).await;
        }
    }

    async fn revoke_once(&self, name: &str, now: DateTime<Utc>) -> Result<Lease, FailedRequest> {
        let found = answered(PATIENCE, self.leases.get_opt(name)).await?;
        let is_there = found.is_some();
        if let Some(lease) = found
            .as_ref()
            .filter(|lease| lease::revocation(lease).is_some())
        {
            return Ok(lease.clone());
        }
        // A certificate that was handed out a moment ago, and is not noted, ends a life from now.
        let beat = answered(PATIENCE, self.leases.get_opt(HEARTBEAT)).await?;
        let of_renewals = beat.as_ref().and_then(lease::life).unwrap_or(LONGEST_LIFE);
        let life = found.as_ref().and_then(lease::life).unwrap_or(LONGEST_LIFE);
        let life = life.max(of_renewals);
        let lease = lease::revoked(found, name, now, now + life);
        let options = as_sidecar();
        let (verb, written) = if is_there {
            let replaced = self.leases.replace(name, &options, &lease);
            ("update", answered(PATIENCE, replaced).await)
        } else {
            let created = self.leases.create(&options, &lease);
            ("create", answered(PATIENCE, created).await)
        };
        written.map_err(|failed| failed.with(format_args!("cannot {verb} Lease '{name}'")))
    }
}

fn failed(verb: &str, error: &kube::Error) -> FailedRequest {
    let said = wording(error);
    let message = if lacks_verb(error, verb) {
        format!("grant the verb '{verb}' on 'leases' and run the same command again: {said}")
    } else {
        format!("cannot {verb} Leases: {said}")
    };
    FailedRequest {
        kind: FailureKind::of(error),
        message,
    }
}

/// Number of Leases that are read at once.
const PAGE: u32 = 500;

/// Longest time of one revocation.
const REVOCATION: Duration = Duration::from_secs(30);

const LOOK: Duration = Duration::from_millis(200);

/// Longest time of an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(5);
