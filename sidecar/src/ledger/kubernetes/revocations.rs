//! The revocations of a cluster, followed: the Leases with the label `redemption-sidecar/revoked`.
//!
//! A watch that was lost without a word and one on which nothing happens look the same. So one Lease is
//! renewed whenever it was not heard of for a while, by whichever service notices that first. A service that
//! hears nothing for longer knows nothing.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::lease::{self, HEARTBEAT, REVOKED};
use super::store::as_sidecar;
use crate::kubernetes::{
    Course, FailedRequest, FailureKind, News, Scope, Selection, answered, follow,
};
use crate::redemption::{GrantUid, LinkId};
use crate::renewal::{LinkCertificate, Standing};
use crate::system::{clock, random};
use crate::telemetry::outage::Outage;

/// The revocations in a scope, followed until this is dropped.
pub(super) struct Revocations {
    known: Arc<RwLock<Known>>,
    course: Arc<Course>,
    tasks: [JoinHandle<()>; 2],
}

/// Revocations by the namespace of their Lease, which alone they hold in.
#[derive(Default)]
struct Known {
    is_complete: bool,
    links: HashSet<(Arc<str>, LinkId)>,
    grants: HashSet<(Arc<str>, GrantUid)>,
}

impl Revocations {
    /// Starts to follow. The Lease that is renewed is in the namespace `home`, which is in the scope.
    pub(super) fn start(client: Client, scope: &Scope, home: &str) -> Self {
        let known = Arc::new(RwLock::new(Known::default()));
        let course = Arc::new(Course::of("the revocations"));
        let api: Api<Lease> = match scope {
            Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
            Scope::Cluster => Api::all(client.clone()),
        };
        let (of_task, noted) = (Arc::clone(&course), Arc::clone(&known));
        let selection = Selection {
            label: Some(REVOKED.to_owned()),
            is_consistent: true,
            ..Selection::default()
        };
        let following = tokio::spawn(async move {
            let mut listed = Known::default();
            follow(api, selection, &of_task, |news| {
                take(&noted, &mut listed, &news);
            })
            .await;
        });
        let heartbeat = Api::namespaced(client, home);
        let beating = tokio::spawn(beat(heartbeat, Arc::clone(&course)));
        Self {
            known,
            course,
            tasks: [following, beating],
        }
    }

    /// The standing of a link in a namespace.
    pub(super) fn standing(&self, namespace: &str, certificate: &LinkCertificate) -> Standing {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if !known.is_complete || self.course.is_silent(Instant::now(), SILENCE) {
            return Standing::Unknown;
        }
        if known.has(namespace, certificate) {
            Standing::Revoked
        } else {
            Standing::Good
        }
    }
}

impl Drop for Revocations {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Known {
    fn has(&self, namespace: &str, certificate: &LinkCertificate) -> bool {
        let namespace: Arc<str> = namespace.into();
        if self
            .links
            .contains(&(Arc::clone(&namespace), certificate.link))
        {
            return true;
        }
        match certificate.grant {
            Some(grant) => self.grants.contains(&(namespace, grant)),
            // It does not name its grant; the first one of a link follows from it.
            None => self
                .grants
                .iter()
                .any(|(of, grant)| *of == namespace && certificate.is_of(grant)),
        }
    }

    fn set(&mut self, lease: &Lease, is_there: bool) {
        let Some(namespace) = lease.metadata.namespace.as_deref().map(Arc::from) else {
            return;
        };
        let name = lease.metadata.name.as_deref().unwrap_or_default();
        match (LinkId::parse(name), GrantUid::parse(name), is_there) {
            (Some(link), _, true) => drop(self.links.insert((namespace, link))),
            (Some(link), _, false) => drop(self.links.remove(&(namespace, link))),
            (None, Some(grant), true) => drop(self.grants.insert((namespace, grant))),
            (None, Some(grant), false) => drop(self.grants.remove(&(namespace, grant))),
            (None, None, _) => {}
        }
    }
}

/// Takes news. What is listed takes the place of what was known when the list is at its end.
fn take(known: &RwLock<Known>, listed: &mut Known, news: &News<Lease>) {
    let known = || known.write().unwrap_or_else(PoisonError::into_inner);
    match news {
        News::ListBegins => *listed = Known::default(),
        News::Listed(lease) => listed.set(lease, true),
        News::ListEnds => {
            listed.is_complete = true;
            *known() = std::mem::take(listed);
        }
        News::Changed(lease) => known().set(lease, true),
        // Its label may have been taken away, too.
        News::Gone(lease) => known().set(lease, false),
    }
}

/// Renews a Lease whenever nothing was heard of the watch for a while, for ever.
async fn beat(leases: Api<Lease>, course: Arc<Course>) {
    let outage = Outage::default();
    loop {
        let [byte] = random::bytes::<1>();
        sleep(LOOK + LOOK * u32::from(byte) / 255).await;
        if !course.is_silent(Instant::now(), QUIET) {
            continue;
        }
        match renew(&leases).await {
            Ok(()) => outage.clear("the watch of revocations is kept awake again"),
            // Another service was faster.
            Err(failed) if failed.kind == FailureKind::Conflict => {}
            Err(failed) => outage.warn(&format!(
                "renewals get 503 soon: cannot renew Lease '{HEARTBEAT}': {failed}"
            )),
        }
    }
}

async fn renew(leases: &Api<Lease>) -> Result<(), FailedRequest> {
    let found = answered(PATIENCE, leases.get_opt(HEARTBEAT)).await?;
    let is_there = found.is_some();
    let next = lease::heartbeat(found, clock::now());
    let options: PostParams = as_sidecar();
    let written = if is_there {
        answered(PATIENCE, leases.replace(HEARTBEAT, &options, &next)).await
    } else {
        answered(PATIENCE, leases.create(&options, &next)).await
    };
    written.map(drop)
}

/// Longest silence of the watch in which what is known is held to be all.
const SILENCE: Duration = Duration::from_secs(10);

/// Silence after which the watch is kept awake.
const QUIET: Duration = Duration::from_secs(3);

/// Shortest pause between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Longest time of an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
