//! The notes of the register that are not written yet.
//!
//! They are written behind the answers, in batches, by a thread of their own that begins with the first
//! note. What is lost with the process is an inventory: the next renewal of a link notes it again.

use std::collections::BTreeMap;
use std::iter;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::links;
use super::queries::Effect;
use super::writer::{Executed, Queue};
use crate::redemption::{LinkId, Serial};
use crate::renewal::{Issued, Shown};
use crate::telemetry::outage::Outage;

/// Everything that was noted of a link since it was written last.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    /// The last renewal.
    pub(super) issued: Option<Issued>,
    /// The certificate that was shown for the first one.
    shown: Option<Shown>,
    /// The latest end of the certificates that were shown and handed out.
    pub(super) latest_end: DateTime<Utc>,
    /// Number of renewals.
    pub(super) renewals: u32,
    /// The serial number of the certificate that the router was told of last.
    pub(super) told: Option<Serial>,
}

impl Noted {
    pub(super) fn renewal(issued: Issued) -> Self {
        let shown_end = issued.shown.map_or(DateTime::UNIX_EPOCH, |shown| shown.end);
        Self {
            shown: issued.shown,
            latest_end: issued.certificate_end.max(shown_end),
            renewals: 1,
            told: None,
            issued: Some(issued),
        }
    }

    pub(super) fn told(serial: Serial) -> Self {
        Self {
            told: Some(serial),
            ..Self::default()
        }
    }

    fn followed_by(self, later: Self) -> Self {
        Self {
            issued: later.issued.or(self.issued),
            shown: self.shown.or(later.shown),
            latest_end: self.latest_end.max(later.latest_end),
            renewals: self.renewals.saturating_add(later.renewals),
            told: later.told.or(self.told),
        }
    }

    /// The first renewal, as far as it is told apart: by the certificate that was shown for it.
    fn first(&self) -> Option<Issued> {
        let issued = self.issued.clone()?;
        Some(Issued {
            shown: self.shown,
            ..issued
        })
    }
}

/// The notes, and the thread that writes them; it writes what is left when this is dropped.
pub(super) struct Notes {
    shared: Arc<Shared>,
    queue: Queue,
    thread: OnceLock<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Of the writing.
    outage: Outage,
    /// Of the room in memory.
    full: Outage,
    missing: Outage,
}

#[derive(Default)]
struct Waiting {
    links: BTreeMap<LinkId, Noted>,
    is_closed: bool,
}

impl Notes {
    pub(super) fn new(queue: Queue) -> Self {
        Self {
            shared: Arc::default(),
            queue,
            thread: OnceLock::new(),
        }
    }

    /// Notes something of a link. It waits for nothing.
    pub(super) fn add(&self, link: LinkId, noted: Noted) {
        let is_kept = self.shared.lock().add(link, noted);
        if !is_kept && self.shared.full.begins(&FULL, Instant::now()) {
            tracing::warn!("{FULL}");
        }
        self.shared.changed.notify_one();
        self.thread.get_or_init(|| {
            let (shared, queue) = (Arc::clone(&self.shared), self.queue.clone());
            let thread = std::thread::Builder::new().name("register".to_owned());
            let thread = thread.spawn(move || shared.serve(&queue));
            thread
                .inspect_err(|error| tracing::error!(%error, "the register of links is not kept"))
                .ok()
        });
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
        if let Some(Some(thread)) = self.thread.take() {
            // A panic was said by the thread itself.
            let _ended = thread.join();
        }
    }
}

impl Waiting {
    /// Adds a note where there is room, or the link has a note already.
    fn add(&mut self, link: LinkId, noted: Noted) -> bool {
        match self.links.remove(&link) {
            Some(earlier) => {
                self.links.insert(link, earlier.followed_by(noted));
            }
            None if self.links.len() < ROOM => {
                self.links.insert(link, noted);
            }
            None => return false,
        }
        true
    }

    /// Puts back notes that were not written, before those that came meanwhile.
    fn put_back(&mut self, links: Vec<(LinkId, Noted)>) {
        for (link, noted) in links {
            let noted = match self.links.remove(&link) {
                Some(later) => noted.followed_by(later),
                None => noted,
            };
            self.add(link, noted);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, queue: &Queue) {
        let mut pause = PAUSE;
        while let Some(batch) = self.next(pause) {
            let written = batch.clone();
            let written = queue.write(move |connection| write(connection, &written));
            pause = match written {
                Ok(missing) => {
                    self.outage.clear("the register of links is written again");
                    self.warn_of(missing);
                    PAUSE
                }
                Err(fault) => {
                    self.outage
                        .warn(&format!("the register of links is behind: {fault}"));
                    let mut waiting = self.lock();
                    if waiting.is_closed {
                        return;
                    }
                    waiting.put_back(batch);
                    PAUSE_AFTER_FAULT
                }
            };
        }
    }

    /// Waits for notes, and for more of them, but not when there are many or this is the end.
    fn next(&self, pause: Duration) -> Option<Vec<(LinkId, Noted)>> {
        let is_empty = |waiting: &mut Waiting| waiting.links.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(self.lock(), is_empty);
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let are_few = |waiting: &mut Waiting| {
            !waiting.is_closed && (waiting.links.len() < BATCH || pause > PAUSE)
        };
        let waiting = self.changed.wait_timeout_while(waiting, pause, are_few);
        let (mut waiting, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        let batch: Vec<_> = iter::from_fn(|| waiting.links.pop_first())
            .take(BATCH)
            .collect();
        Some(batch).filter(|batch| !batch.is_empty())
    }

    fn warn_of(&self, missing: Option<Issued>) {
        if let Some(issued) = missing
            && self.missing.begins(&MISSING, Instant::now())
        {
            tracing::warn!(link = %issued.link, grant = ?issued.grant, "{MISSING}");
        }
    }
}

/// Writes notes. Returns a link that the ledger should know and does not.
fn write(connection: &Connection, batch: &[(LinkId, Noted)]) -> Executed<Option<Issued>> {
    let mut missing = None;
    for (link, noted) in batch {
        // One is as good as many.
        if missing.is_none()
            && let Some(issued) = noted.first()
            && links::is_missing(connection, &issued)?
        {
            missing = Some(issued);
        }
        links::note(connection, *link, noted)?;
    }
    Ok((missing, Effect::Nothing))
}

/// Most links whose notes wait; 5 MiB.
const ROOM: usize = 16_384;

/// Most notes in one transaction: redemptions wait for it.
const BATCH: usize = 256;

/// Time in which notes are collected.
const PAUSE: Duration = Duration::from_millis(250);

/// The same when they could not be written.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(5);

const FULL: &str = "the register of links is far behind: some renewals are not noted";

const MISSING: &str = "a link was renewed that this ledger does not know, although it has its grant: the \
    ledger is older than the link, and revocations may be lost: revoke again what must stay out";

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::redemption::{GrantUid, KeyDigest};
    use crate::renewal::AuthorityId;

    fn link(number: usize) -> LinkId {
        let mut bytes = [0; 16];
        let (_, end) = bytes.split_at_mut(2);
        end[..8].copy_from_slice(&number.to_be_bytes());
        Serial::from_bytes(bytes).link()
    }

    /// A renewal in some hour, with a certificate for another hour.
    fn renewal(hour: i32) -> Issued {
        let at = DateTime::UNIX_EPOCH + TimeDelta::hours(1) * hour;
        Issued {
            link: link(1),
            grant: Some(GrantUid::from_bytes([1; 16])),
            grant_name: None,
            namespace: None,
            subject: "west".to_owned(),
            serial: Serial::renewed(link(1), &hour.to_be_bytes()),
            authority: AuthorityId::of(b"CA"),
            at,
            certificate_end: at + TimeDelta::hours(1),
            shown: Some(Shown {
                key: KeyDigest::of_spki(&hour.to_be_bytes()),
                end: at,
            }),
        }
    }

    #[test]
    fn notes_of_a_link_are_one_whether_they_were_put_back_or_not() {
        let (first, last) = (renewal(1), renewal(3));
        for is_put_back in [false, true] {
            let mut waiting = Waiting::default();
            waiting.add(link(1), Noted::renewal(first.clone()));
            waiting.add(link(1), Noted::renewal(renewal(2)));
            let batch: Vec<_> = if is_put_back {
                std::mem::take(&mut waiting.links).into_iter().collect()
            } else {
                Vec::new()
            };
            waiting.add(link(1), Noted::renewal(last.clone()));
            waiting.add(link(1), Noted::told(last.serial));
            waiting.put_back(batch);
            let noted = &waiting.links[&link(1)];
            assert_eq!(noted.issued.as_ref(), Some(&last), "{is_put_back}");
            assert_eq!(noted.renewals, 3, "{is_put_back}");
            assert_eq!(noted.latest_end, last.certificate_end, "{is_put_back}");
            assert_eq!(noted.told, Some(last.serial), "{is_put_back}");
            assert_eq!(noted.first().unwrap().shown, first.shown, "{is_put_back}");
        }
    }

    #[test]
    fn a_register_that_is_far_behind_keeps_the_links_it_has_and_takes_no_others() {
        let mut waiting = Waiting::default();
        for number in 0..ROOM {
            assert!(waiting.add(link(number), Noted::renewal(renewal(1))));
        }
        assert!(!waiting.add(link(ROOM), Noted::renewal(renewal(1))));
        assert!(waiting.add(link(0), Noted::renewal(renewal(2))));
        assert_eq!(waiting.links.len(), ROOM);
        waiting.put_back(vec![(link(ROOM), Noted::renewal(renewal(1)))]);
        assert_eq!(waiting.links.len(), ROOM);
    }
}
