//! A namespace of a cluster in which links are kept: Secret `NAME`, its Links, and `NAME-pending` while a
//! renewal goes on.
//!
//! Nothing is locked. What is changed is patched, field by field, if it has the version that was read: what
//! others write into the same objects at the same time stays. Of several keepers of one link the first one's
//! key is that of all.

mod key;
mod links;
mod ordinal;
mod secret;
mod telling;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kube::api::DynamicObject;
use skupper_access_policy::value::name::SubdomainName;

use super::kept::Kept;
use super::place::{Place, Telling};
use super::problem::KeepProblem;
use crate::redeemer::ClusterTarget;
use crate::redeemer::answer::Answer;
use crate::redeemer::cluster::object::ObjectName;
use crate::redeemer::cluster::problem::ClusterProblem;
use crate::redeemer::cluster::requests::Requests;
use crate::redeemer::destination::PendingKey;
use crate::redeemer::renewal_server::RenewalServer;
use crate::wire::objects::Annotation;
use secret::Found;

pub(super) use secret::judge;

/// A namespace, for the objects of one link.
pub(super) struct NamespacePlace<'a> {
    requests: Requests<'a>,
    /// Longest time until Skupper's controller is to have noticed a change.
    patience: Duration,
    /// The server of a link that is not kept yet.
    adopted: Option<RenewalServer>,
    /// The time of the last reading.
    read_at: DateTime<Utc>,
    /// The Secret as it was read or written last.
    secret: Option<DynamicObject>,
    /// The Secret in which the key waits, likewise.
    pending: Option<DynamicObject>,
    /// True once this call has put a certificate in place.
    has_put: bool,
}

impl<'a> NamespacePlace<'a> {
    pub(super) fn new(target: &'a ClusterTarget<'_>, patience: Duration) -> Self {
        Self {
            requests: Requests {
                client: &target.client,
                namespace: target.namespace,
            },
            patience,
            adopted: None,
            read_at: DateTime::UNIX_EPOCH,
            secret: None,
            pending: None,
            has_put: false,
        }
    }

    /// The same for a link that becomes one that is kept.
    pub(super) fn adopting(self, server: RenewalServer) -> Self {
        Self {
            adopted: Some(server),
            ..self
        }
    }

    /// Reads the Secret anew.
    async fn look(&mut self, name: &str, now: DateTime<Utc>) -> Result<Found, KeepProblem> {
        let gone = || KeepProblem::NotThere(name.to_owned());
        SubdomainName::parse(name).map_err(|_| gone())?;
        let object = self.requests.get(&ObjectName::secret(name)).await?;
        let object = self.secret.insert(object.ok_or_else(gone)?);
        Found::read(object, name, self.adopted.as_ref(), now)
    }

    async fn put_secret(&mut self, kept: &Kept, renewed: &Answer) -> Result<(), KeepProblem> {
        let name = ObjectName::secret(kept.name());
        let changed = || KeepProblem::Changed(kept.name().to_owned());
        let start = Instant::now();
        while start.elapsed() < CONTENTION {
            let secret = self.secret.as_ref().ok_or_else(changed)?;
            if secret::is_of_another(secret) {
                return Err(ClusterProblem::Managed(name).into());
            }
            let patch = secret::renewal(secret, renewed);
            let written = self.requests.patch(&name, &patch).await?;
            if written.is_some() {
                self.secret = written;
                return Ok(());
            }
            let found = self.look(kept.name(), self.read_at).await?;
            if found.credential.shares_key(&renewed.credential) {
                return Ok(());
            }
            if !found.is(kept) {
                return Err(changed());
            }
        }
        Err(changed())
    }

    /// Notes something of a certificate while it is in place. Of another one, its own keeper will.
    async fn note(&mut self, kept: &Kept, annotation: Annotation) -> Result<(), KeepProblem> {
        let name = ObjectName::secret(kept.name());
        let start = Instant::now();
        while start.elapsed() < CONTENTION {
            let is_noted = match &self.secret {
                Some(secret) if !secret::has_certificate(secret, kept) => return Ok(()),
                Some(secret) => {
                    let patch = secret::note(secret, annotation, &kept.serial());
                    self.requests.patch(&name, &patch).await?.is_some()
                }
                None => false,
            };
            if is_noted {
                return Ok(());
            }
            let there = self.requests.get(&name).await?;
            let gone = || KeepProblem::NotThere(kept.name().to_owned());
            self.secret = Some(there.ok_or_else(gone)?);
        }
        Err(KeepProblem::Changed(kept.name().to_owned()))
    }
}

impl Place for NamespacePlace<'_> {
    async fn read(&mut self, name: &str, now: DateTime<Utc>) -> Result<Kept, KeepProblem> {
        self.read_at = now;
        let found = self.look(name, now).await?;
        let links = links::find(&self.requests, name).await?;
        Ok(found.into_kept(links))
    }

    async fn key(&mut self, kept: &Kept) -> Result<PendingKey, KeepProblem> {
        self.pending_key(kept).await
    }

    async fn is_unfinished(&mut self, kept: &Kept) -> Result<bool, KeepProblem> {
        self.read_pending(kept.name()).await?;
        let key = self.own_key(kept);
        Ok(key.is_some_and(|pending| kept.credential.is_for(pending.key.spki())))
    }

    async fn put(&mut self, kept: &Kept, renewed: &Answer) -> Result<(), KeepProblem> {
        self.put_secret(kept, renewed).await?;
        self.adopted = None;
        self.has_put = true;
        links::put(&self.requests, kept, &renewed.links).await
    }

    async fn discard_key(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.discard_pending(kept).await
    }

    async fn tell(&mut self, kept: &Kept) -> Result<Telling, KeepProblem> {
        self.tell_controller(kept).await
    }

    async fn note_told(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.note(kept, Annotation::Told).await
    }

    async fn note_reported(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        self.note(kept, Annotation::Reported).await
    }
}

/// Longest time for which a write is repeated that others are faster than.
const CONTENTION: Duration = Duration::from_secs(30);
