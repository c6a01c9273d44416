//! The revocations of a cluster, followed: the Leases with the label `redemption-sidecar/revoked`.
//!
//! A service whose watch has not shown for a while that it [goes on](heartbeat) knows nothing.

mod heartbeat;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::task::JoinHandle;

use super::lease::{self, REVOKED};
use crate::kubernetes::{Course, News, Scope, Selection, follow};
use crate::redemption::{GrantUid, LinkId};
use crate::renewal::{LinkCertificate, Standing};
use heartbeat::Heartbeat;

/// The revocations in a scope, followed until this is dropped.
pub(super) struct Revocations {
    known: Arc<RwLock<Known>>,
    heartbeat: Arc<Heartbeat>,
    tasks: [JoinHandle<()>; 2],
}

/// Revocations by the namespace of their Lease, which alone they hold in.
#[derive(Default)]
struct Known {
    is_complete: bool,
    /// The last version of a Lease among them.
    version: u64,
    links: HashSet<(Arc<str>, LinkId)>,
    grants: HashSet<(Arc<str>, GrantUid)>,
}

impl Revocations {
    /// Starts to follow. The Lease that is renewed is in the namespace `home`, which is in the scope.
    pub(super) fn start(client: Client, scope: &Scope, home: &str) -> Self {
        let known = Arc::new(RwLock::new(Known::default()));
        let heartbeat = Arc::new(Heartbeat::default());
        let api: Api<Lease> = match scope {
            Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
            Scope::Cluster => Api::all(client.clone()),
        };
        let (shown, noted) = (Arc::clone(&heartbeat), Arc::clone(&known));
        let selection = Selection {
            label: Some(REVOKED.to_owned()),
            is_consistent: true,
            ..Selection::default()
        };
        let following = tokio::spawn(async move {
            let mut listed = Known::default();
            let course = Course::of("the revocations");
            follow(api, selection, &course, |news| {
                shown.show(take(&noted, &mut listed, &news));
            })
            .await;
        });
        let (beaten, leases) = (Arc::clone(&heartbeat), Api::namespaced(client, home));
        let beating = tokio::spawn(async move { beaten.beat(leases).await });
        Self {
            known,
            heartbeat,
            tasks: [following, beating],
        }
    }

    /// Makes known to those who revoke how long certificates of renewals live.
    pub(super) fn expect_life(&self, life: TimeDelta) {
        self.heartbeat.expect_life(life);
    }

    /// The standing of a link in a namespace.
    pub(super) fn standing(&self, namespace: &str, certificate: &LinkCertificate) -> Standing {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if !known.is_complete || self.heartbeat.is_late(Instant::now(), OLDEST) {
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
        self.version = self.version.max(lease::version(lease).unwrap_or_default());
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

/// Takes news, and returns the last version that is known then. What is listed takes the place of what was
/// known when the list is at its end.
fn take(known: &RwLock<Known>, listed: &mut Known, news: &News<Lease>) -> u64 {
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    match news {
        News::ListBegins => *listed = Known::default(),
        News::Listed(lease) => listed.set(lease, true),
        News::ListEnds => {
            listed.is_complete = true;
            *known = std::mem::take(listed);
        }
        News::Changed(lease) => known.set(lease, true),
        // Its label may have been taken away, too.
        News::Gone(lease) => known.set(lease, false),
    }
    known.version
}

/// Age of what is known, after which it is not held to be all.
const OLDEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
