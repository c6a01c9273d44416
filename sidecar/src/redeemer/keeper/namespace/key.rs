//! The Secret in which the key of the next certificate waits.

use std::time::Instant;

use kube::api::DynamicObject;
use tokio::time::sleep;

use super::NamespacePlace;
use crate::redeemer::cluster::object::{self, Draft, KeyOf, ObjectName};
use crate::redeemer::cluster::problem::ClusterProblem;
use crate::redeemer::cluster::requests::Run;
use crate::redeemer::cluster::{GOING, LOOK, PENDING};
use crate::redeemer::destination::PendingKey;
use crate::redeemer::keeper::kept::Kept;
use crate::redeemer::keeper::problem::KeepProblem;

impl NamespacePlace<'_> {
    /// Reads it anew.
    pub(super) async fn read_pending(&mut self, name: &str) -> Result<(), KeepProblem> {
        self.pending = self.requests.get(&pending_name(name)).await?;
        Ok(())
    }

    /// The key that waits for a link.
    pub(super) fn own_key(&self, kept: &Kept) -> Option<PendingKey> {
        object::key(self.own_pending(kept)?)
    }

    /// The key that waits for a link, or a new one. That of an earlier link of the name is of no use any
    /// more, and neither is a damaged one: no server counts renewals.
    pub(super) async fn pending_key(&mut self, kept: &Kept) -> Result<PendingKey, KeepProblem> {
        let name = pending_name(kept.name());
        let start = Instant::now();
        loop {
            self.read_pending(kept.name()).await?;
            if let Some(key) = self.own_key(kept) {
                return Ok(key);
            }
            if let Some(other) = &self.pending {
                if !matches!(KeyOf::read(other), Some(KeyOf::Link(_))) {
                    return Err(ClusterProblem::OtherUse(name).into());
                }
                if start.elapsed() > GOING {
                    return Err(ClusterProblem::Contended(name).into());
                }
                self.requests.delete(&name, other, Run::Real).await?;
            }
            let pending = PendingKey::generate();
            let link = link_of(kept);
            let draft = Draft::of_key(name.clone(), KeyOf::Link(&link), &pending.key.to_pem());
            self.pending = self.requests.create(&draft, Run::Real).await?;
            if self.pending.is_some() {
                return Ok(pending);
            }
            sleep(LOOK).await;
        }
    }

    /// Removes the key, if it is still the one that was read.
    pub(super) async fn discard_pending(&mut self, kept: &Kept) -> Result<(), KeepProblem> {
        if let Some(pending) = self.own_pending(kept) {
            let name = pending_name(kept.name());
            self.requests.delete(&name, pending, Run::Real).await?;
            self.pending = None;
        }
        Ok(())
    }

    fn own_pending(&self, kept: &Kept) -> Option<&DynamicObject> {
        let link = link_of(kept);
        let pending = self.pending.as_ref();
        pending.filter(|secret| KeyOf::read(secret) == Some(KeyOf::Link(&link)))
    }
}

fn pending_name(name: &str) -> ObjectName {
    ObjectName::secret(&format!("{name}{PENDING}"))
}

/// The id of a link. One without is never renewed.
fn link_of(kept: &Kept) -> String {
    let serial = kept.credential.serial;
    serial.map_or_else(String::new, |serial| serial.link().to_string())
}
