//! Events about AccessGrants, which `kubectl describe` shows: of faults only.
//!
//! ```text
//! fault -> once a minute and grant -> queue, dropped when full -> one after the other -> API server
//! ```
//!
//! A fault that lasts is one Event with a growing count. Nobody waits for an Event, and none is worth
//! a redemption.
//!
//! Source: Kubernetes `events.k8s.io/v1`, and `pkg/apis/core/validation`, `ValidateEventUpdate`:
//! nothing but the series may change.

mod notice;

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::events::v1::Event;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use lru::LruCache;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use self::notice::Notice;
use super::store::as_sidecar;
use crate::kubernetes::{NO_ANSWER, wording};
use crate::redemption::fault::Fault;
use crate::redemption::{Grant, GrantUid};
use crate::system::clock;

/// A queue of faults. They are written until this is dropped.
pub struct Events {
    /// Time of the last fault that was taken, for each grant.
    taken: Mutex<LruCache<GrantUid, Instant>>,
    queue: mpsc::Sender<Notice>,
}

impl Events {
    /// Starts to write what is offered.
    #[must_use]
    pub fn start(client: Client) -> Self {
        let (events, offered) = Self::new();
        let writer = Writer {
            client,
            series: LruCache::new(SERIES),
            complained: None,
        };
        tokio::spawn(writer.run(offered));
        events
    }

    fn new() -> (Self, mpsc::Receiver<Notice>) {
        let (queue, offered) = mpsc::channel(QUEUE);
        let events = Self {
            taken: Mutex::new(LruCache::new(TAKEN)),
            queue,
        };
        (events, offered)
    }

    /// Takes a fault of a grant, unless one was taken less than a minute ago or too much is to be
    /// written already.
    pub fn offer(&self, grant: &Grant, fault: &Fault, now: Instant) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = taken.get(&grant.uid)
            && now.saturating_duration_since(*at) < BETWEEN
        {
            return;
        }
        let Ok(room) = self.queue.try_reserve() else {
            return;
        };
        taken.put(grant.uid, now);
        drop(taken);
        room.send(Notice {
            grant: grant.clone(),
            fault: fault.clone(),
            at: clock::now(),
        });
    }
}

/// Writes one Event after the other.
struct Writer {
    client: Client,
    /// The Events that were written last, and how often what they say happened.
    series: LruCache<(GrantUid, Fault), (String, i32)>,
    /// Time of the last failure that was logged.
    complained: Option<Instant>,
}

impl Writer {
    async fn run(mut self, mut offered: mpsc::Receiver<Notice>) {
        while let Some(notice) = offered.recv().await {
            let written = timeout(PATIENCE, self.write(&notice)).await;
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.complain(&notice, &wording(&error)),
                Err(_) => self.complain(&notice, NO_ANSWER),
            }
            sleep(PAUSE).await;
        }
    }

    async fn write(&mut self, notice: &Notice) -> Result<(), kube::Error> {
        let events = Api::<Event>::namespaced(self.client.clone(), notice.namespace());
        let series = (notice.grant.uid, notice.fault.clone());
        if let Some((name, count)) = self.series.get_mut(&series) {
            *count = count.saturating_add(1);
            let patch = Patch::Merge(json!({
                "series": {"count": *count, "lastObservedTime": notice.time()},
            }));
            match events.patch(name, &PatchParams::default(), &patch).await {
                // It lives for an hour, and then another one begins.
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                patched => return patched.map(drop),
            }
        }
        let event = notice.event();
        let name = event.metadata.name.clone().unwrap_or_default();
        events.create(&as_sidecar(), &event).await?;
        self.series.put(series, (name, 1));
        Ok(())
    }

    fn complain(&mut self, notice: &Notice, cause: &str) {
        let now = Instant::now();
        if let Some(at) = self.complained
            && now.saturating_duration_since(at) < BETWEEN
        {
            return;
        }
        self.complained = Some(now);
        let namespace = notice.namespace();
        tracing::warn!(
            namespace,
            "cannot write Events about AccessGrants, which tell of faults: {cause}"
        );
    }
}

/// At most one Event for a grant, and one complaint about Events, in this time.
const BETWEEN: Duration = Duration::from_mins(1);

/// Most Events that wait to be written.
const QUEUE: usize = 128;

/// Between two Events: redemptions come first.
const PAUSE: Duration = Duration::from_millis(100);

/// For how many grants it is known when a fault was taken. In a minute there are fewer than
/// [`QUEUE`] and what [`PAUSE`] lets through, so that none is forgotten too early.
const TAKEN: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Most Events that can grow.
const SERIES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Longest time that the API server may take for one Event.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redemption::CodeDigest;
    use chrono::{DateTime, Utc};

    fn grant(number: u32) -> Grant {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let uid = GrantUid::from_bytes(bytes);
        Grant {
            uid,
            name: format!("grant-{number}"),
            code: CodeDigest::of_code(&uid, b"a code of sixteen"),
            redemptions_allowed: 1,
            redemptions: 0,
            created: DateTime::UNIX_EPOCH,
            expiration_time: DateTime::<Utc>::MAX_UTC,
            revoked: None,
            issuer: None,
            namespace: Some("site".into()),
            has_short_code: false,
        }
    }

    #[test]
    fn a_grant_has_one_event_in_a_minute_whatever_the_faults() {
        let (events, mut offered) = Events::new();
        let start = Instant::now();
        let rows = [
            ("the first", 1, Fault::WrongCodes, 0, true),
            ("the same at once", 1, Fault::WrongCodes, 0, false),
            ("another fault", 1, Fault::NoEndpoints, 59_999, false),
            ("another grant", 2, Fault::WrongCodes, 59_999, true),
            ("a minute later", 1, Fault::NoEndpoints, 60_000, true),
            (
                "a minute after the first only",
                1,
                Fault::WrongCodes,
                61_000,
                false,
            ),
        ];
        for (name, number, fault, millis, expected) in rows {
            let now = start + Duration::from_millis(millis);
            events.offer(&grant(number), &fault, now);
            let taken = offered.try_recv().ok();
            assert_eq!(taken.is_some(), expected, "{name}");
            if let Some(notice) = taken {
                assert_eq!(notice.fault, fault, "{name}");
            }
        }
    }

    #[test]
    fn a_flood_is_dropped_and_what_was_dropped_may_come_again() {
        let (events, mut offered) = Events::new();
        let now = Instant::now();
        for number in 0..100_000 {
            events.offer(&grant(number), &Fault::NoEndpoints, now);
        }
        let mut taken = 0;
        while offered.try_recv().is_ok() {
            taken += 1;
        }
        assert_eq!(taken, QUEUE);
        assert!(events.taken.lock().unwrap().len() <= TAKEN.get());
        events.offer(&grant(99_999), &Fault::NoEndpoints, now);
        assert!(offered.try_recv().is_ok(), "it had no Event yet");
        events.offer(&grant(0), &Fault::NoEndpoints, now);
        assert!(offered.try_recv().is_err(), "it had one");
    }

    #[test]
    fn no_grant_is_forgotten_within_its_minute() {
        let let_through = BETWEEN.as_millis() / PAUSE.as_millis();
        assert!(QUEUE as u128 + let_through < TAKEN.get() as u128);
    }
}
