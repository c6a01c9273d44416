//! The register of links in a cluster: a [Lease](super::lease) for each.
//!
//! It is written behind the answers, and read by nobody who answers: revocations are
//! [followed](super::revocations).

mod inventory;
mod notes;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kube::Client;

use super::KubernetesLedger;
use super::revocations::Revocations;
use crate::kubernetes::Scope;
use crate::ledger::{LedgerFault, LinkTally, Register};
use crate::redemption::{GrantUid, LinkId, Serial};
use crate::renewal::{Issued, LinkCertificate, Standing};
use inventory::Inventory;
use notes::NoteQueue;

/// The Leases of a scope.
pub(super) struct Leases {
    revocations: Revocations,
    notes: Arc<NoteQueue>,
    inventory: Inventory,
    /// The namespace of what names none.
    namespace: Arc<str>,
}

impl Leases {
    /// Starts to follow the revocations. `home` is the namespace of the service.
    pub(super) fn start(client: Client, scope: &Scope, home: &str) -> Self {
        let namespace = match scope {
            Scope::Namespace(namespace) => namespace,
            Scope::Cluster => home,
        };
        Self {
            revocations: Revocations::start(client.clone(), scope, home),
            notes: NoteQueue::new(client.clone()),
            inventory: Inventory::new(client, scope.clone()),
            namespace: namespace.into(),
        }
    }
}

impl Register for KubernetesLedger {
    async fn standing(
        &self,
        namespace: Option<&str>,
        certificate: &LinkCertificate,
    ) -> Result<Standing, LedgerFault> {
        let namespace = namespace.unwrap_or(&self.leases.namespace);
        Ok(self.leases.revocations.standing(namespace, certificate))
    }

    /// No renewal is certified before the heartbeat tells it.
    async fn expect_life(&self, life: TimeDelta) -> Result<(), LedgerFault> {
        self.leases.revocations.expect_life(life);
        Ok(())
    }

    /// Only the first certificate of a link leads to its grant.
    fn grant_of(&self, certificate: &LinkCertificate) -> Option<GrantUid> {
        let grants = self.grants.all();
        let mut uids = grants.iter().map(|object| object.id.uid);
        uids.find(|uid| certificate.is_of(uid))
    }

    fn note(&self, issued: Issued) {
        let namespace = issued.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| Arc::clone(&self.leases.namespace));
        self.leases.notes.issued(namespace, issued);
    }

    fn note_told(&self, namespace: Option<&str>, link: LinkId, serial: Serial) {
        let own = || Arc::clone(&self.leases.namespace);
        let namespace = namespace.map_or_else(own, Arc::from);
        self.leases.notes.told(namespace, link, serial);
    }

    async fn tally_links(&self, now: DateTime<Utc>) -> Result<LinkTally, LedgerFault> {
        Ok(self.leases.inventory.tally(now).await?)
    }

    async fn prune_links(&self, keep: TimeDelta, now: DateTime<Utc>) -> Result<usize, LedgerFault> {
        let home = &self.leases.namespace;
        Ok(self.leases.inventory.prune(home, keep, now).await?)
    }
}
