//! Queues in front of a store in memory, whose writes can go wrong in every way there is.

use std::collections::VecDeque;

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::redemption::{KeyDigest, KeyOrigin, Serial};

/// The object of a grant, and what will happen to the next writes.
struct Memory(Mutex<Content>);

struct Content {
    object: AccessGrant,
    version: u64,
    is_there: bool,
    faults: VecDeque<Fault>,
    /// A write that is stored before the next read or write.
    stray: Option<AccessGrant>,
    writes: u32,
    reads: u32,
}

/// Fate of a request.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// The request fails with this status and nothing else happens.
    Status(u16),
    /// It is stored, and the answer is lost.
    StoredInVain,
    /// It is stored after the next read.
    StoredLater,
    /// Somebody else writes before.
    Overtaken,
    /// The grant is deleted before.
    Deleted,
    /// Another grant has the name.
    Replaced,
    /// It takes this many milliseconds.
    Slow(u64),
}

impl Memory {
    fn new(allowed: u32) -> Arc<Self> {
        let object = serde_json::from_value(json!({
            "metadata": {"name": "west", "namespace": "site", "uid": uid().to_string(),
                "resourceVersion": "1"},
            "spec": {"redemptionsAllowed": allowed},
            "status": {"code": "a code of sixteen", "expirationTime": end().to_rfc3339()},
        }));
        Arc::new(Self(Mutex::new(Content {
            object: object.unwrap(),
            version: 1,
            is_there: true,
            faults: VecDeque::new(),
            stray: None,
            writes: 0,
            reads: 0,
        })))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    fn redemptions(&self) -> u32 {
        self.content().read().grant.unwrap().redemptions
    }

    /// A service of its own on this store.
    fn queues(self: &Arc<Self>) -> Arc<Queues<Arc<Self>>> {
        let grants = Arc::new(KnownGrants::default());
        grants.keep(self.content().read());
        Arc::new(Queues::new(Arc::clone(self), grants))
    }
}

impl Content {
    fn read(&self) -> GrantObject {
        GrantObject::read(&self.object).unwrap()
    }

    fn store(&mut self, object: &AccessGrant) -> Result<GrantObject, FailedRequest> {
        let own = &mut self.object.metadata;
        if !self.is_there {
            return Err(failure(404));
        }
        if own.uid != object.metadata.uid
            || own.resource_version != object.metadata.resource_version
        {
            return Err(failure(409));
        }
        self.writes += 1;
        self.object.status = object.status.clone();
        self.touch();
        Ok(self.read())
    }

    fn touch(&mut self) {
        self.version += 1;
        self.object.metadata.resource_version = Some(self.version.to_string());
    }

    fn store_stray(&mut self) {
        if let Some(stray) = self.stray.take() {
            let _too_late = self.store(&stray);
        }
    }
}

impl Store for Arc<Memory> {
    async fn read(&self, _: &ObjectId) -> Result<GrantObject, FailedRequest> {
        tokio::task::yield_now().await;
        let mut content = self.content();
        content.reads += 1;
        let answer = if content.is_there {
            Ok(content.read())
        } else {
            Err(failure(404))
        };
        content.store_stray();
        answer
    }

    async fn write(&self, object: &AccessGrant) -> Result<GrantObject, FailedRequest> {
        let fault = self.content().faults.pop_front().unwrap_or(Fault::None);
        if let Fault::Slow(milliseconds) = fault {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        tokio::task::yield_now().await;
        let mut content = self.content();
        content.store_stray();
        match fault {
            Fault::None | Fault::Slow(_) => content.store(object),
            Fault::Status(code) => Err(failure(code)),
            Fault::StoredInVain => {
                content.store(object)?;
                Err(failure(500))
            }
            Fault::StoredLater => {
                content.stray = Some(object.clone());
                Err(failure(504))
            }
            Fault::Overtaken => {
                content.touch();
                content.store(object)
            }
            Fault::Deleted => {
                content.is_there = false;
                content.store(object)
            }
            Fault::Replaced => {
                let uid = GrantUid::from_bytes([9; 16]);
                content.object.metadata.uid = Some(uid.to_string());
                content.touch();
                content.store(object)
            }
        }
    }
}

fn failure(code: u16) -> FailedRequest {
    FailedRequest {
        kind: FailureKind::of_code(code, 0),
        message: code.to_string(),
    }
}

fn uid() -> GrantUid {
    GrantUid::from_bytes([1; 16])
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn end() -> DateTime<Utc> {
    now() + TimeDelta::hours(1)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn redemption(key: u32) -> Redemption {
    let spki = key.to_be_bytes();
    Redemption {
        key: KeyDigest::of_spki(&spki),
        origin: KeyOrigin::Redeemer,
        subject: "west".to_owned(),
        serial: Serial::derive(&uid(), &spki),
        at: now(),
        certificate_end: end(),
        authority: None,
    }
}

const COUNT: Reply<Decision> = Ok(Ok(Decision::Count));

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_services_count_exactly_what_a_grant_allows() {
    for (allowed, redeemers) in [(1, 64), (10, 64), (64, 64), (100, 64)] {
        let memory = Memory::new(allowed);
        let services = [memory.queues(), memory.queues(), memory.queues()];
        let tasks = (0..redeemers).map(|key| {
            let queues = Arc::clone(&services[key as usize % 3]);
            tokio::spawn(async move { queues.count(uid(), redemption(key), now(), soon()).await })
        });
        let mut replies = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            replies.push(task.await.unwrap());
        }
        let expected = allowed.min(redeemers);
        let counted = replies.iter().filter(|reply| **reply == COUNT).count();
        let spent = |reply: &&Reply<Decision>| **reply == Ok(Err(Refusal::Spent));
        let refused = replies.iter().filter(spent).count();
        assert_eq!(counted, expected as usize, "{allowed}");
        assert_eq!(refused, (redeemers - expected) as usize, "{allowed}");
        assert_eq!(memory.redemptions(), expected, "{allowed}");
        for service in &services {
            assert!(service.lock().is_empty(), "{allowed}: a queue is left");
        }
    }
}

#[tokio::test]
async fn those_who_wait_together_share_a_write() {
    let memory = Memory::new(100);
    let queues = memory.queues();
    let counts = (0..64).map(|key| queues.count(uid(), redemption(key), now(), soon()));
    let replies = futures_util::future::join_all(counts).await;
    assert!(replies.iter().all(|reply| *reply == COUNT));
    let content = memory.content();
    assert_eq!((content.writes, content.reads), (1, 0));
}

#[tokio::test]
async fn whatever_happens_to_a_write_nobody_is_counted_twice_or_answered_uncounted() {
    use Fault::{Deleted, Overtaken, Replaced, Slow, Status, StoredInVain, StoredLater};
    let unknown = Ok(Err(Refusal::UnknownGrant));
    let table: [(&[Fault], _, _); 13] = [
        (&[], COUNT, 1),
        (&[Overtaken], COUNT, 1),
        (&[Overtaken, Overtaken, Overtaken], COUNT, 1),
        (&[StoredInVain], COUNT, 1),
        (&[StoredLater], COUNT, 1),
        (&[StoredLater, StoredLater], COUNT, 1),
        (&[StoredLater, StoredInVain, Overtaken], COUNT, 1),
        (&[Status(500), Status(504), Status(429)], COUNT, 1),
        (&[Slow(20)], COUNT, 1),
        (&[Deleted], unknown.clone(), 0),
        (&[Replaced], unknown, 0),
        (
            &[Status(403)],
            Err(LedgerFault::Forbidden(Arc::new(failure(403)))),
            0,
        ),
        (
            &[Status(422)],
            Err(LedgerFault::Refused(Arc::new(failure(422)))),
            0,
        ),
    ];
    for (faults, expected, redemptions) in table {
        let memory = Memory::new(1);
        memory.content().faults.extend(faults);
        let queues = memory.queues();
        let reply = queues.count(uid(), redemption(1), now(), soon()).await;
        assert_eq!(reply, expected, "{faults:?}");
        assert_eq!(memory.redemptions(), redemptions, "{faults:?}");
    }
}

/// Two want the last redemption; the write that counts the first of them fails.
#[tokio::test]
async fn nobody_is_refused_for_a_write_that_was_not_stored() {
    let memory = Memory::new(1);
    let queues = memory.queues();
    let faults = [Fault::Slow(50), Fault::Status(422)];
    memory.content().faults.extend(faults);
    let other = memory.queues();
    // The first write is slow; while it is on its way, the others come.
    let first = queues.count(uid(), redemption(0), now(), soon());
    let two = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let one = other.count(uid(), redemption(1), now(), soon());
        let two = other.count(uid(), redemption(2), now(), soon());
        futures_util::future::join(one, two).await
    };
    let (first, (one, two)) = futures_util::future::join(first, two).await;
    assert_eq!(first, COUNT);
    // Not `Spent`: nothing that made it so was stored when they were answered.
    let fault = Err(LedgerFault::Refused(Arc::new(failure(422))));
    assert_eq!((one, two), (fault.clone(), fault));
}

#[tokio::test]
async fn nothing_is_counted_after_the_deadline_or_for_nobody() {
    let memory = Memory::new(9);
    let queues = memory.queues();
    let past = Instant::now();
    let reply = queues.count(uid(), redemption(1), now(), past).await;
    assert_eq!(reply, Err(given_up()));
    let late = queues.confirm(uid(), past).await;
    assert_eq!(late, Err(given_up()));

    // Whoever leaves while another write is on its way is not part of the next one.
    memory.content().faults.push_back(Fault::Slow(50));
    let first = queues.count(uid(), redemption(2), now(), soon());
    let leaving = async {
        let count = queues.count(uid(), redemption(3), now(), soon());
        tokio::time::timeout(Duration::from_millis(10), count).await
    };
    let (first, left) = futures_util::future::join(first, async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        leaving.await
    })
    .await;
    assert_eq!(first, COUNT);
    assert!(left.is_err());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(memory.redemptions(), 1);
}

#[tokio::test]
async fn who_may_be_counted_is_looked_for_after_the_deadline_and_counted_by_nothing_else() {
    for (name, fault, expected) in [
        ("stored", Fault::StoredInVain, COUNT),
        (
            "not stored",
            Fault::Status(500),
            Ok(Err(Refusal::Unavailable)),
        ),
    ] {
        let memory = Memory::new(9);
        memory.content().faults.push_back(fault);
        let queues = memory.queues();
        // Over when the write has failed: the pause alone takes longer.
        let deadline = Instant::now() + Duration::from_millis(15);
        let reply = queues.count(uid(), redemption(1), now(), deadline).await;
        assert_eq!(reply, expected, "{name}");
        let counted = u32::from(expected == COUNT);
        assert_eq!(memory.redemptions(), counted, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_is_confirmed_by_one_read_for_everybody() {
    let memory = Memory::new(1);
    let queues = memory.queues();
    assert_eq!(
        queues.count(uid(), redemption(0), now(), soon()).await,
        COUNT
    );
    // What this service does not know yet.
    memory.content().object.spec["redemptionsAllowed"] = 3.into();
    memory.content().touch();
    let reads = memory.content().reads;
    let counts = (1..=3).map(|key| queues.count(uid(), redemption(key), now(), soon()));
    let replies = futures_util::future::join_all(counts).await;
    assert_eq!(replies, [COUNT, COUNT, Ok(Err(Refusal::Spent))]);
    assert_eq!(memory.content().reads, reads + 1);
    let grant = queues.confirm(uid(), soon()).await.unwrap().unwrap();
    assert_eq!((grant.redemptions, grant.redemptions_allowed), (3, 3));
    assert_eq!(memory.content().reads, reads + 2);
}

#[tokio::test]
async fn a_key_again_is_answered_without_a_write() {
    let memory = Memory::new(1);
    let queues = memory.queues();
    for (expected, writes) in [(COUNT, 1), (Ok(Ok(Decision::Again(redemption(1)))), 1)] {
        let reply = queues.count(uid(), redemption(1), now(), soon()).await;
        assert_eq!(reply, expected);
        assert_eq!(memory.content().writes, writes);
    }
}
