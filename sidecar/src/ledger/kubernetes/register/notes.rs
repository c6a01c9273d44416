//! Notes of links that wait to be written to their Leases, behind the answers.
//!
//! Of each link the last one waits, in the place of the first. A few tasks write them; what a crash loses, or an API server that is
//! away for long, is written at the next renewal.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::time::sleep;

use crate::kubernetes::{FailedRequest, FailureKind, answered};
use crate::ledger::kubernetes::lease::{self, Notes};
use crate::ledger::kubernetes::store::as_sidecar;
use crate::redemption::{LinkId, Serial};
use crate::renewal::Issued;
use crate::telemetry::outage::Outage;

type Place = (Arc<str>, LinkId);

/// Notes that wait, and those who write them.
pub(super) struct NoteQueue {
    client: Client,
    waiting: Mutex<Waiting>,
    outage: Outage,
}

#[derive(Default)]
struct Waiting {
    notes: HashMap<Place, Notes>,
    /// The places of the notes, first in, first out.
    order: VecDeque<Place>,
    /// Number of tasks that write.
    writers: usize,
}

impl NoteQueue {
    pub(super) fn new(client: Client) -> Arc<Self> {
        Arc::new(Self {
            client,
            waiting: Mutex::default(),
            outage: Outage::default(),
        })
    }

    /// Notes a certificate.
    pub(super) fn issued(self: &Arc<Self>, namespace: Arc<str>, issued: Issued) {
        self.add((namespace, issued.link), |notes| {
            notes.renewals += u32::from(issued.is_renewal());
            notes.issued = Some(issued);
        });
    }

    /// Notes that a router was told.
    pub(super) fn told(self: &Arc<Self>, namespace: Arc<str>, link: LinkId, serial: Serial) {
        self.add((namespace, link), |notes| notes.told = Some(serial));
    }

    fn add(self: &Arc<Self>, place: Place, change: impl FnOnce(&mut Notes)) {
        let mut waiting = self.waiting();
        if waiting.notes.len() >= MOST && !waiting.notes.contains_key(&place) {
            drop(waiting);
            self.outage
                .warn("the register of links is behind: the next renewals note what is lost");
            return;
        }
        change(waiting.notes_of(place));
        if waiting.writers < WRITERS {
            waiting.writers += 1;
            drop(waiting);
            tokio::spawn(Arc::clone(self).write_all());
        }
    }

    /// Writes until nothing waits.
    async fn write_all(self: Arc<Self>) {
        while let Some((place, notes)) = self.next() {
            match self.write(&place, &notes).await {
                Ok(()) => self.outage.clear("the register of links is written again"),
                Err(failed) => self.outage.warn(&format!(
                    "the register of links is behind: {failed}; the next renewals note what is lost"
                )),
            }
        }
    }

    /// One that waits. The last task that finds none ends.
    fn next(&self) -> Option<(Place, Notes)> {
        let mut waiting = self.waiting();
        let next = waiting.take();
        if next.is_none() {
            waiting.writers -= 1;
        }
        next
    }

    /// Writes notes of a link, again while others write its Lease or the API server is busy.
    async fn write(&self, (namespace, link): &Place, notes: &Notes) -> Result<(), FailedRequest> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
        let name = link.to_string();
        let mut tries = 0;
        loop {
            let failed = match write_once(&leases, &name, *link, notes).await {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            tries += 1;
            let pause = match failed.kind {
                FailureKind::Conflict => CONTENDED,
                FailureKind::Busy(pause) => pause.max(AWAY),
                FailureKind::Unknown => AWAY,
                FailureKind::Gone | FailureKind::Denied | FailureKind::Refused => {
                    return Err(failed.with(format_args!("cannot write Lease '{name}'")));
                }
            };
            if tries == TRIES {
                return Err(failed.with(format_args!("cannot write Lease '{name}'")));
            }
            sleep(pause).await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn notes_of(&mut self, place: Place) -> &mut Notes {
        if !self.notes.contains_key(&place) {
            self.order.push_back(place.clone());
        }
        self.notes.entry(place).or_default()
    }

    /// Those that have waited longest.
    fn take(&mut self) -> Option<(Place, Notes)> {
        let place = self.order.pop_front()?;
        self.notes.remove_entry(&place)
    }
}

async fn write_once(
    leases: &Api<Lease>,
    name: &str,
    link: LinkId,
    notes: &Notes,
) -> Result<(), FailedRequest> {
    let found = answered(PATIENCE, leases.get_opt(name)).await?;
    let is_there = found.is_some();
    let lease = lease::noted(found, link, notes);
    let written = if is_there {
        answered(PATIENCE, leases.replace(name, &as_sidecar(), &lease)).await
    } else {
        answered(PATIENCE, leases.create(&as_sidecar(), &lease)).await
    };
    written.map(drop)
}

/// Most links whose notes wait, about 400 bytes each.
const MOST: usize = 65_536;

/// Tasks that write at once: they take a share of the API server that redemptions do not miss.
const WRITERS: usize = 4;

/// Tries for one note. An API server that restarts is back before they are over.
const TRIES: u32 = 30;

const CONTENDED: Duration = Duration::from_millis(50);

const AWAY: Duration = Duration::from_secs(1);

/// Longest time of an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_leave_in_the_order_of_the_first_of_each_link() {
        let link = |number| LinkId::from_bytes([number; 10]);
        let place = |number| -> Place { ("west".into(), link(number)) };
        let mut waiting = Waiting::default();
        for number in [9, 1, 5, 9, 3, 1] {
            waiting.notes_of(place(number)).renewals += 1;
        }
        let mut left = Vec::new();
        while let Some(((_, link), notes)) = waiting.take() {
            left.push((link, notes.renewals));
        }
        let expected = [(9, 2), (1, 2), (5, 1), (3, 1)];
        assert_eq!(left, expected.map(|(number, notes)| (link(number), notes)));
    }
}
