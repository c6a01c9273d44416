//! The embedded ledger, from the outside: through its trait, several at once on one folder, and
//! with files that are no ledger.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contention;
mod files;
mod lost_log;
mod register;
mod replaced;
mod schemas;

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::ledger::{GrantRecord, Grants, Ledger, Published, Redeemed, SqliteLedger};
use redemption_sidecar::redemption::{
    CodeDigest, Decision, Grant, GrantState, GrantUid, KeyDigest, KeyOrigin, Redemption, Refusal,
    Serial,
};
use tempfile::TempDir;

const HOUR: TimeDelta = TimeDelta::hours(1);
const SECOND: TimeDelta = TimeDelta::seconds(1);

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// A deadline that no test meets.
fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn uid(number: u32) -> GrantUid {
    let [a, b, c, d] = number.to_be_bytes();
    GrantUid::from_random([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

fn grant(number: u32, name: &str, redemptions_allowed: u32) -> Grant {
    let uid = uid(number);
    Grant {
        uid,
        name: name.to_owned(),
        code: CodeDigest::of_code(&uid, b"a code of sixteen"),
        redemptions_allowed,
        redemptions: 0,
        created: now(),
        expiration_time: now() + HOUR,
        revoked: None,
        issuer: None,
        namespace: None,
        has_short_code: false,
    }
}

fn redemption(grant: &Grant, key: u32) -> Redemption {
    let spki = key.to_be_bytes();
    Redemption {
        key: KeyDigest::of_spki(&spki),
        origin: KeyOrigin::Redeemer,
        subject: grant.name.clone(),
        serial: Serial::derive(&grant.uid, &spki),
        at: now() + SECOND,
        certificate_end: now() + TimeDelta::days(1),
        authority: None,
    }
}

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

fn open(folder: &Path) -> SqliteLedger {
    SqliteLedger::open(folder).unwrap()
}

/// Grants with their redemptions.
fn parts(records: Vec<GrantRecord>) -> Vec<(Grant, Vec<Redemption>)> {
    let part = |record: GrantRecord| match record.redeemed {
        Redeemed::Redemptions(redemptions) => (record.grant.unwrap(), redemptions),
        Redeemed::Keys(_) => unreachable!("this ledger keeps everything"),
    };
    records.into_iter().map(part).collect()
}

fn published() -> Published {
    Published {
        url: "https://grants.example:9090".parse().unwrap(),
        ca: "CA".to_owned(),
    }
}

async fn shown(ledger: &SqliteLedger, name: &str) -> Vec<(Grant, Vec<Redemption>)> {
    parts(ledger.find(name).await.unwrap())
}

async fn listed(ledger: &SqliteLedger) -> Vec<Grant> {
    let all = parts(ledger.list().await.unwrap()).into_iter();
    all.map(|(grant, _)| grant).collect()
}

#[tokio::test]
async fn a_name_finds_the_newest_grant_with_a_long_code_that_was_not_revoked() {
    let folder = folder();
    let ledger = open(folder.path());
    let long = |number, name: &str, created| {
        let mut grant = grant(number, name, 1);
        grant.code = CodeDigest::of_code(&grant.uid, &[b'x'; 32]);
        (grant.created, grant.expiration_time) = (created, created + HOUR);
        grant
    };
    let rows = [
        (long(1, "west", now()), true),
        (long(2, "west", now() + SECOND * 2), true),
        (long(3, "west", now() + SECOND * 3), false),
        (grant(4, "short", 1), false),
    ];
    for (grant, is_revoked) in &rows {
        assert_eq!(ledger.insert(grant, grant.created).await.unwrap(), Ok(()));
        if *is_revoked {
            ledger.revoke(&grant.name, grant.created).await.unwrap();
        }
    }
    let found = async |name: &str| {
        let found = ledger.look_by_name("any", name).await.unwrap();
        found.map(|grant| grant.uid)
    };
    assert_eq!(found("west").await, Ok(uid(3)));
    ledger.revoke("west", now() + SECOND * 4).await.unwrap();
    assert_eq!(found("west").await, Ok(uid(3)));
    for name in ["short", "none", ""] {
        assert_eq!(found(name).await, Err(Refusal::UnknownGrant), "{name}");
    }
}

#[tokio::test]
async fn a_ledger_of_the_first_schema_keeps_its_grants_and_they_have_no_names() {
    let folder = folder();
    let before = grant(1, "west", 2);
    {
        let ledger = open(folder.path());
        ledger.insert(&before, now()).await.unwrap().unwrap();
    }
    schemas::go_back(folder.path(), 1);
    let ledger = open(folder.path());
    assert_eq!(listed(&ledger).await, [before]);
    let found = ledger.look_by_name("any", "west").await.unwrap();
    assert_eq!(found, Err(Refusal::UnknownGrant));
}

#[tokio::test]
async fn a_counted_key_is_the_same_redemption_again() {
    let folder = folder();
    let grant = grant(1, "west", 1);
    let first = redemption(&grant, 1);
    {
        let ledger = open(folder.path());
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        let counted = ledger.count(&grant.uid, first.clone(), now(), soon()).await;
        assert_eq!(counted.unwrap(), Ok(Decision::Count));
    }
    let ledger = open(folder.path());
    let later = Redemption {
        at: first.at + HOUR,
        ..first.clone()
    };
    let other_subject = Redemption {
        subject: "east".to_owned(),
        ..first.clone()
    };
    let other_key = redemption(&grant, 2);
    let unknown = uid(2);
    let last = grant.expiration_time;
    for (name, uid, candidate, at, expected) in [
        (
            "again",
            grant.uid,
            &first,
            now(),
            Ok(Decision::Again(first.clone())),
        ),
        (
            "later",
            grant.uid,
            &later,
            last,
            Ok(Decision::Again(first.clone())),
        ),
        (
            "other subject",
            grant.uid,
            &other_subject,
            now(),
            Err(Refusal::OtherSubject),
        ),
        (
            "other key",
            grant.uid,
            &other_key,
            now(),
            Err(Refusal::Spent),
        ),
        (
            "too late",
            grant.uid,
            &first,
            last + SECOND,
            Err(Refusal::Ended),
        ),
        (
            "no such grant",
            unknown,
            &first,
            now(),
            Err(Refusal::UnknownGrant),
        ),
    ] {
        let decision = ledger
            .count(&uid, candidate.clone(), at, soon())
            .await
            .unwrap();
        assert_eq!(decision, expected, "{name}");
    }
    let entry = ledger
        .look(&grant.uid, Some(&first.claim()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.redemption, Some(first));
    assert_eq!(
        entry.grant,
        Grant {
            redemptions: 1,
            ..grant
        }
    );
}

#[tokio::test]
async fn a_name_means_one_grant_that_has_not_ended() {
    let folder = folder();
    let ledger = open(folder.path());
    let first = grant(1, "west", 1);
    let end = first.expiration_time;
    let second = Grant {
        created: end,
        expiration_time: end + HOUR,
        ..grant(2, "west", 1)
    };
    let third = Grant {
        created: end + SECOND,
        expiration_time: end + HOUR,
        ..grant(3, "west", 1)
    };
    assert_eq!(ledger.insert(&first, now()).await.unwrap(), Ok(()));
    let candidate = redemption(&first, 1);
    ledger
        .count(&first.uid, candidate, now(), soon())
        .await
        .unwrap()
        .unwrap();
    let spent = Box::new(Grant {
        redemptions: 1,
        ..first.clone()
    });
    assert_eq!(
        ledger.insert(&second, end).await.unwrap(),
        Err(spent),
        "a spent one"
    );
    let next = end + SECOND;
    assert_eq!(
        ledger.insert(&second, next).await.unwrap(),
        Ok(()),
        "an expired one"
    );
    let revoked = ledger.revoke("west", next).await.unwrap();
    assert_eq!(
        parts(revoked),
        [(
            Grant {
                revoked: Some(next),
                ..second.clone()
            },
            vec![]
        )]
    );
    assert_eq!(
        ledger.revoke("west", next).await.unwrap(),
        [],
        "revoked already"
    );
    assert_eq!(
        ledger.insert(&third, next).await.unwrap(),
        Ok(()),
        "a revoked one"
    );
    let of_name = shown(&ledger, "west").await.into_iter();
    let uids: Vec<_> = of_name.map(|(grant, _)| grant.uid).collect();
    assert_eq!(uids, [third.uid, second.uid, first.uid]);
    let all = listed(&ledger).await.into_iter();
    assert_eq!(all.map(|grant| grant.uid).collect::<Vec<_>>(), uids);
}

#[tokio::test]
async fn a_revoked_grant_ends_at_once() {
    let folder = folder();
    let ledger = open(folder.path());
    let grant = grant(1, "west", 2);
    let counted = redemption(&grant, 1);
    ledger.insert(&grant, now()).await.unwrap().unwrap();
    ledger
        .count(&grant.uid, counted.clone(), now(), soon())
        .await
        .unwrap()
        .unwrap();
    let revoked = parts(ledger.revoke("west", now()).await.unwrap());
    let [(revoked, redemptions)] = revoked.as_slice() else {
        panic!("not one grant: {revoked:?}");
    };
    assert_eq!(revoked.revoked, Some(now()));
    assert_eq!(*redemptions, [counted]);
    for (name, key) in [("the same key", 1), ("another key", 2)] {
        let candidate = redemption(&grant, key);
        let decision = ledger
            .count(&grant.uid, candidate, now(), soon())
            .await
            .unwrap();
        assert_eq!(decision, Err(Refusal::Ended), "{name}");
    }
}

#[tokio::test]
async fn every_live_grant_of_a_name_is_revoked() {
    let folder = folder();
    let ledger = open(folder.path());
    let [first, second] = [1, 2].map(|number| grant(number, "west", 1));
    let other = grant(3, "east", 1);
    let later = first.expiration_time + SECOND;
    // The clock was ahead for a while, in which the first one had ended.
    for (grant, at) in [(&first, now()), (&second, later), (&other, now())] {
        ledger.insert(grant, at).await.unwrap().unwrap();
    }
    let revoked = ledger.revoke("west", now()).await.unwrap();
    let revoked: Vec<_> = revoked.iter().map(|record| record.uid).collect();
    assert_eq!(revoked, [second.uid, first.uid]);
    let left = listed(&ledger).await;
    let left = left.iter().filter(|grant| grant.revoked.is_none());
    assert_eq!(left.map(|grant| grant.uid).collect::<Vec<_>>(), [other.uid]);
}

#[tokio::test]
async fn grants_are_counted_by_their_state_and_ended_ones_are_deleted() {
    let folder = folder();
    let ledger = open(folder.path());
    let mut number = 0;
    for (allowed, ends_after, is_revoked) in [
        (1, TimeDelta::zero(), false),
        (1, TimeDelta::zero(), true),
        (2, TimeDelta::zero(), false),
        (1, SECOND, false),
        (2, SECOND, false),
        (1, -SECOND, false),
        (2, -SECOND, false),
        (1, HOUR, true),
        (2, HOUR, true),
    ] {
        number += 1;
        let grant = Grant {
            created: now() - HOUR,
            expiration_time: now() + ends_after,
            ..grant(number, &format!("grant-{number}"), allowed)
        };
        ledger.insert(&grant, now() - HOUR).await.unwrap().unwrap();
        let candidate = redemption(&grant, 1);
        ledger
            .count(&grant.uid, candidate, now() - HOUR, soon())
            .await
            .unwrap()
            .unwrap();
        if is_revoked {
            let revoked = ledger.revoke(&grant.name, now() - SECOND).await;
            assert_eq!(revoked.unwrap().len(), 1);
        }
    }
    for (name, moment) in [
        ("now", now()),
        ("later", now() + HOUR),
        ("before", now() - HOUR),
    ] {
        let grants = listed(&ledger).await;
        let expected: Vec<_> = GrantState::ALL
            .into_iter()
            .map(|state| {
                (
                    state,
                    grants
                        .iter()
                        .filter(|grant| grant.state(moment) == state)
                        .count() as u64,
                )
            })
            .collect();
        assert_eq!(ledger.tally(moment).await.unwrap(), expected, "{name}");
    }
    // What the wall clock says is not enough.
    assert_eq!(ledger.prune(TimeDelta::zero(), now()).await.unwrap(), 0);
    let served = HOUR + HOUR + SECOND;
    ledger.add_service_time(served, now()).await.unwrap();
    for (name, keep, expected) in [
        ("nothing so old", SECOND, 0),
        ("more than no time ago", TimeDelta::zero(), 5),
        ("nothing twice", TimeDelta::zero(), 0),
        ("a time before all times", TimeDelta::MAX, 0),
    ] {
        assert_eq!(ledger.prune(keep, now()).await.unwrap(), expected, "{name}");
    }
    assert_eq!(ledger.list().await.unwrap().len(), 4);
}

#[tokio::test]
async fn many_ended_grants_are_deleted_with_their_redemptions() {
    let folder = folder();
    let ledger = open(folder.path());
    for (number, redemptions) in [(1, 1_300), (2, 0), (3, 499), (4, 1)] {
        let grant = grant(number, &format!("grant-{number}"), 2_000);
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        let counts = (0..redemptions)
            .map(|key| ledger.count(&grant.uid, redemption(&grant, key), now(), soon()));
        for counted in futures(counts).await {
            assert_eq!(counted.unwrap(), Ok(Decision::Count));
        }
    }
    let later = now() + HOUR + SECOND;
    let served = ledger.add_service_time(later - now(), later).await;
    served.unwrap();
    assert_eq!(ledger.prune(TimeDelta::zero(), later).await.unwrap(), 4);
    assert_eq!(listed(&ledger).await, []);
    let again = grant(1, "west", 2_000);
    ledger.insert(&again, now()).await.unwrap().unwrap();
    let shown = shown(&ledger, "west").await;
    assert_eq!(shown, [(again, vec![])], "no redemption is left");
}

#[tokio::test]
async fn what_is_published_stays() {
    let folder = folder();
    let ledger = open(folder.path());
    assert_eq!(ledger.published().await.unwrap(), None);
    for (url, ca) in [("https://a:9090", "CA 1"), ("https://[::1]:9090", "CA 2")] {
        let expected = Published {
            url: url.parse().unwrap(),
            ca: ca.to_owned(),
        };
        ledger.publish(&expected).await.unwrap();
        assert_eq!(
            open(folder.path()).published().await.unwrap(),
            Some(expected)
        );
    }
}

/// Waits for all futures at once, in one task.
async fn futures<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_ready = true;
        for (future, output) in &mut pending {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
