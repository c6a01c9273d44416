//! The register of links: what is noted, who is shut out and for how long, and what it costs nobody.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use redemption_sidecar::ledger::{
    Grants as _, Ledger as _, LinkChoice, LinkRecord, LinkState, Links as _, Register as _,
    SqliteLedger,
};
use redemption_sidecar::redemption::{Decision, Grant, GrantUid, LinkId, Serial};
use redemption_sidecar::renewal::{AuthorityId, Issued, LinkCertificate, Shown, Standing};
use rusqlite::Connection;

use crate::*;

const DAY: TimeDelta = TimeDelta::days(1);

/// Chooses among redeemed links and one that nobody knows.
type Choose = fn(&[Redeemed], LinkId) -> LinkChoice;

/// A grant, and a link that was redeemed from it with a key.
struct Redeemed {
    grant: Grant,
    redemption: Redemption,
}

impl Redeemed {
    /// The certificate lives for a day.
    async fn new(ledger: &SqliteLedger, number: u32, name: &str) -> Self {
        let grant = grant(number, name, 5);
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        Self::again(ledger, grant, 1).await
    }

    /// Another link of the grant.
    async fn again(ledger: &SqliteLedger, grant: Grant, key: u32) -> Self {
        let redemption = Redemption {
            authority: Some(AuthorityId::of(b"first CA")),
            ..redemption(&grant, key)
        };
        let counted = ledger.count(&grant.uid, redemption.clone(), now(), soon());
        assert_eq!(counted.await.unwrap(), Ok(Decision::Count));
        Self { grant, redemption }
    }

    fn link(&self) -> LinkId {
        self.redemption.serial.link()
    }

    /// The certificate of a redemption.
    fn certificate(&self) -> LinkCertificate {
        certificate(self.link(), Some(self.grant.uid))
    }

    /// The renewal of that certificate at a time.
    fn renewed(&self, at: DateTime<Utc>) -> Issued {
        Issued {
            link: self.link(),
            grant: Some(self.grant.uid),
            grant_name: None,
            namespace: None,
            subject: self.redemption.subject.clone(),
            serial: Serial::renewed(self.link(), &at.timestamp().to_be_bytes()),
            authority: AuthorityId::of(b"next CA"),
            at,
            certificate_end: at + DAY,
            shown: Some(Shown {
                key: self.redemption.key,
                end: self.redemption.certificate_end,
            }),
        }
    }
}

fn certificate(link: LinkId, grant: Option<GrantUid>) -> LinkCertificate {
    LinkCertificate {
        link,
        grant,
        subject: "west".to_owned(),
        serial: Serial::renewed(link, b"key"),
        spki: b"key".to_vec(),
        not_after: now() + DAY,
    }
}

async fn links(ledger: &SqliteLedger, choice: &LinkChoice) -> Vec<LinkRecord> {
    ledger.links(choice).await.unwrap()
}

/// The links once they are as they must become: notes are written a moment later.
async fn links_when(
    ledger: &SqliteLedger,
    is_so: impl Fn(&[LinkRecord]) -> bool,
) -> Vec<LinkRecord> {
    let begun = Instant::now();
    loop {
        let links = links(ledger, &LinkChoice::All).await;
        if is_so(&links) {
            return links;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{links:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn standing(ledger: &SqliteLedger, certificate: &LinkCertificate) -> Standing {
    ledger.standing(None, certificate).await.unwrap()
}

#[tokio::test]
async fn a_link_is_known_from_its_redemption_and_renewals_are_noted_behind_it() {
    let folder = folder();
    let ledger = open(folder.path());
    let west = Redeemed::new(&ledger, 1, "west").await;
    let redeemed = LinkRecord {
        link: west.link(),
        grant: Some(west.grant.uid),
        grant_name: Some("west".to_owned()),
        subject: Some("west".to_owned()),
        serial: Some(west.redemption.serial),
        authority: Some(AuthorityId::of(b"first CA")),
        first: Some(west.redemption.at),
        last: Some(west.redemption.at),
        certificate_end: Some(west.redemption.certificate_end),
        latest_end: Some(west.redemption.certificate_end),
        renewals: 0,
        told: None,
        revoked: None,
    };
    assert_eq!(
        links(&ledger, &LinkChoice::All).await,
        std::slice::from_ref(&redeemed),
        "never renewed"
    );
    assert!(redeemed.is_told());

    let second = west.renewed(now() + DAY / 2);
    for issued in [west.renewed(now() + HOUR), second.clone()] {
        ledger.note(issued);
    }
    ledger.note_told(None, west.link(), second.serial);
    let renewed = LinkRecord {
        serial: Some(second.serial),
        authority: Some(AuthorityId::of(b"next CA")),
        last: Some(second.at),
        certificate_end: Some(second.certificate_end),
        latest_end: Some(second.certificate_end),
        renewals: 2,
        told: Some(second.serial),
        ..redeemed
    };
    let found = links_when(&ledger, |links| links[0].renewals == 2).await;
    assert_eq!(found, std::slice::from_ref(&renewed));
    assert!(found[0].is_told());

    // What waits when a service ends is written, and a shorter life hides no longer one.
    let third = Issued {
        certificate_end: now() + DAY,
        ..west.renewed(now() + DAY / 2 + SECOND)
    };
    ledger.note(third.clone());
    drop(ledger);
    let ledger = open(folder.path());
    let found = links(&ledger, &LinkChoice::All).await;
    let renewed = LinkRecord {
        serial: Some(third.serial),
        last: Some(third.at),
        certificate_end: Some(third.certificate_end),
        renewals: 3,
        ..renewed
    };
    assert_eq!(found, [renewed]);
    assert!(!found[0].is_told());
}

#[tokio::test]
async fn links_are_chosen_and_taken_back_by_id_by_subject_and_by_grant() {
    let unknown = Serial::from_bytes([7; 16]).link();
    let names = ["west", "west", "east"];
    let table: [(&str, Choose, &[usize], bool); 6] = [
        ("all", |_, _| LinkChoice::All, &[0, 1, 2], false),
        (
            "a link",
            |links, _| LinkChoice::Link(links[1].link()),
            &[1],
            false,
        ),
        (
            "a link that nobody knows",
            |_, unknown| LinkChoice::Link(unknown),
            &[],
            true,
        ),
        (
            "a subject",
            |_, _| LinkChoice::Subject("east".to_owned()),
            &[2],
            false,
        ),
        (
            "a grant",
            |_, _| LinkChoice::Grant("west".to_owned()),
            &[0, 1],
            false,
        ),
        (
            "no such grant",
            |_, _| LinkChoice::Grant("north".to_owned()),
            &[],
            false,
        ),
    ];
    for is_renewed in [false, true] {
        for (name, choice, chosen, is_unknown) in table {
            let name = format!("{name}, renewed: {is_renewed}");
            let folder = folder();
            let [ledger, other] = [open(folder.path()), open(folder.path())];
            let first = Redeemed::new(&ledger, 1, names[0]).await;
            let second = Redeemed::again(&ledger, first.grant.clone(), 2).await;
            let third = Redeemed::new(&ledger, 2, names[2]).await;
            let redeemed = [first, second, third];
            if is_renewed {
                for link in &redeemed {
                    ledger.note(link.renewed(now() + HOUR));
                }
                links_when(&ledger, |links| links.iter().all(|link| link.renewals == 1)).await;
            }
            let choice = choice(&redeemed, unknown);
            let mut expected: Vec<_> = chosen.iter().map(|at| redeemed[*at].link()).collect();
            let ids = |links: &[LinkRecord]| {
                let mut ids: Vec<_> = links.iter().map(|link| link.link).collect();
                ids.sort();
                ids
            };
            expected.sort();
            assert_eq!(ids(&links(&ledger, &choice).await), expected, "{name}");
            if is_unknown {
                expected.push(unknown);
            }
            let revoked = ledger.revoke_links(&choice, now() + HOUR).await.unwrap();
            assert_eq!(ids(&revoked), expected, "{name}");
            for link in &revoked {
                assert_eq!(link.revoked, Some(now() + HOUR), "{name}");
                assert_eq!(link.state(now() + HOUR), LinkState::Revoked, "{name}");
            }
            for link in &redeemed {
                let expected = if expected.contains(&link.link()) {
                    Standing::Revoked
                } else {
                    Standing::Good
                };
                // Another process sees it at once.
                assert_eq!(
                    standing(&other, &link.certificate()).await,
                    expected,
                    "{name}"
                );
                // It does not need to say which grant it is of.
                let silent = certificate(link.link(), None);
                assert_eq!(standing(&other, &silent).await, expected, "{name}");
            }
            let silent = certificate(unknown, None);
            let expected = if is_unknown {
                Standing::Revoked
            } else {
                Standing::Good
            };
            assert_eq!(standing(&other, &silent).await, expected, "{name}");
            let again = ledger.revoke_links(&choice, now() + HOUR * 2).await;
            assert_eq!(again.unwrap(), [], "{name}: taken back already");
            let found = links(&ledger, &choice).await;
            let times = found.iter().map(|link| link.revoked);
            assert!(times.eq(revoked.iter().map(|link| link.revoked)), "{name}");
        }
    }
}

#[tokio::test]
async fn a_grant_is_taken_back_with_links_that_the_ledger_does_not_know() {
    let folder = folder();
    let ledger = open(folder.path());
    let west = grant(1, "west", 1);
    ledger.insert(&west, now()).await.unwrap().unwrap();
    let lost = certificate(Serial::from_bytes([7; 16]).link(), Some(west.uid));
    assert_eq!(standing(&ledger, &lost).await, Standing::Good);
    let choice = LinkChoice::Grant("west".to_owned());
    let revoked = ledger.revoke_links(&choice, now()).await.unwrap();
    assert_eq!(
        (revoked, standing(&ledger, &lost).await),
        (vec![], Standing::Revoked)
    );
}

#[tokio::test]
async fn links_are_counted_by_their_state() {
    let folder = folder();
    let ledger = open(folder.path());
    let mut all = Vec::new();
    for number in 1..=4 {
        all.push(Redeemed::new(&ledger, number, &format!("grant-{number}")).await);
    }
    ledger.note(all[0].renewed(now() + HOUR));
    ledger.note(all[1].renewed(now() + HOUR * 2));
    links_when(&ledger, |links| {
        links[..2].iter().all(|link| link.renewals == 1)
    })
    .await;
    ledger
        .revoke_links(&LinkChoice::Link(all[1].link()), now())
        .await
        .unwrap();
    ledger
        .revoke_links(&LinkChoice::Grant("grant-4".to_owned()), now())
        .await
        .unwrap();
    let first = now() + DAY;
    for (name, at, counts, soonest) in [
        ("at first", now(), [2, 2, 0], Some(first)),
        ("at the end", first, [2, 2, 0], Some(first)),
        (
            "after that of the redeemed",
            first + SECOND,
            [1, 1, 2],
            Some(first + HOUR),
        ),
        ("after the next one", first + HOUR + SECOND, [0, 1, 3], None),
        ("after all", first + DAY, [0, 0, 4], None),
    ] {
        let tally = ledger.tally_links(at).await.unwrap();
        let expected: Vec<_> = LinkState::ALL.into_iter().zip(counts).collect();
        assert_eq!(
            (tally.states, tally.soonest_end),
            (expected, soonest),
            "{name}"
        );
        let listed = links(&ledger, &LinkChoice::All).await;
        for (state, count) in LinkState::ALL.into_iter().zip(counts) {
            let listed = listed.iter().filter(|link| link.state(at) == state);
            assert_eq!(listed.count() as u64, count, "{name}: {state:?}");
        }
    }
}

/// renewal-never-counts
#[tokio::test]
async fn renewals_change_no_byte_of_grants_and_redemptions() {
    let folder = folder();
    let ledger = open(folder.path());
    let mut all = Vec::new();
    for number in 1..=3 {
        all.push(Redeemed::new(&ledger, number, &format!("grant-{number}")).await);
    }
    ledger.revoke("grant-2", now()).await.unwrap();
    let before = grant_rows(folder.path());
    for hours in 1..=20 {
        for link in &all {
            let issued = link.renewed(now() + HOUR * hours);
            ledger.note(issued.clone());
            ledger.note_told(None, issued.link, issued.serial);
            standing(&ledger, &link.certificate()).await;
        }
    }
    links_when(&ledger, |links| {
        links.iter().all(|link| link.renewals == 20)
    })
    .await;
    let revoked = ledger.revoke_links(&LinkChoice::All, now() + HOUR).await;
    assert_eq!(revoked.unwrap().len(), 3);
    assert_eq!(grant_rows(folder.path()), before);
}

/// Every value of the tables of grants and redemptions.
fn grant_rows(folder: &Path) -> Vec<String> {
    let file = Connection::open(folder.join("ledger.db")).unwrap();
    let rows = |table: &str| {
        let mut statement = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
            Ok(format!("{:?}", values.collect::<Vec<_>>()))
        });
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    [rows("grants"), rows("redemptions")].concat()
}

#[tokio::test]
async fn the_links_of_a_deleted_grant_stay_until_their_certificates_have_ended() {
    for is_renewed in [false, true] {
        let folder = folder();
        let ledger = open(folder.path());
        let west = Redeemed::new(&ledger, 1, "west").await;
        let end = west.redemption.certificate_end;
        let mut expected = links(&ledger, &LinkChoice::All).await;
        if is_renewed {
            ledger.note(west.renewed(now() + HOUR));
            expected = links_when(&ledger, |links| links[0].renewals == 1).await;
        }
        let served = HOUR + SECOND;
        let later = now() + served;
        ledger.add_service_time(served, later).await.unwrap();
        let none = TimeDelta::zero();
        assert_eq!(ledger.prune(none, later).await.unwrap(), 1);
        assert_eq!(ledger.prune_links(none, later).await.unwrap(), 0);
        assert_eq!(listed(&ledger).await, []);
        assert_eq!(
            links(&ledger, &LinkChoice::All).await,
            expected,
            "{is_renewed}"
        );
        let choice = LinkChoice::Grant("west".to_owned());
        let revoked = ledger.revoke_links(&choice, later).await.unwrap();
        assert_eq!(revoked.len(), 1, "{is_renewed}");

        let after = end + HOUR + SECOND;
        assert_eq!(
            ledger.prune_links(none, after).await.unwrap(),
            0,
            "by one clock"
        );
        ledger
            .add_service_time(DAY + HOUR * 2, after + HOUR * 2)
            .await
            .unwrap();
        assert_eq!(
            ledger.prune_links(none, now()).await.unwrap(),
            0,
            "by the other"
        );
        // The link and its revocation; that of the grant stays for links that nobody knows.
        assert_eq!(
            ledger.prune_links(DAY, after).await.unwrap(),
            0,
            "not so old"
        );
        assert_eq!(
            ledger.prune_links(none, after).await.unwrap(),
            2,
            "{is_renewed}"
        );
        assert_eq!(links(&ledger, &LinkChoice::All).await, []);
        assert_eq!(
            standing(&ledger, &west.certificate()).await,
            Standing::Revoked
        );
    }
}

#[tokio::test]
async fn a_revocation_outlives_a_certificate_whose_note_was_lost_or_came_late() {
    for (name, life) in [("lost", None), ("late", Some(DAY * 3))] {
        let folder = folder();
        let ledger = open(folder.path());
        ledger.expect_life(DAY / 2).await.unwrap();
        ledger.expect_life(DAY).await.unwrap();
        ledger.expect_life(HOUR).await.unwrap();
        let grant = grant(1, "west", 1);
        ledger.insert(&grant, now()).await.unwrap().unwrap();
        let redemption = Redemption {
            certificate_end: now() + HOUR,
            ..redemption(&grant, 1)
        };
        let counted = ledger.count(&grant.uid, redemption.clone(), now(), soon());
        counted.await.unwrap().unwrap();
        let west = Redeemed { grant, redemption };
        let choice = LinkChoice::Link(west.link());
        assert_eq!(ledger.revoke_links(&choice, now()).await.unwrap().len(), 1);
        if let Some(life) = life {
            ledger.note(Issued {
                certificate_end: now() + life,
                ..west.renewed(now())
            });
        }
        drop(ledger);
        let ledger = open(folder.path());
        let end = now() + life.unwrap_or(DAY);
        for (at, expected) in [(end, Standing::Revoked), (end + SECOND, Standing::Good)] {
            let served = if at == end { end - now() } else { SECOND };
            ledger.add_service_time(served, at).await.unwrap();
            ledger.prune_links(TimeDelta::zero(), at).await.unwrap();
            assert_eq!(
                standing(&ledger, &west.certificate()).await,
                expected,
                "{name}: {at}"
            );
        }
    }
}

#[tokio::test]
async fn a_link_whose_last_note_was_lost_is_known_until_that_certificate_has_ended() {
    let folder = folder();
    let ledger = open(folder.path());
    ledger.expect_life(DAY).await.unwrap();
    let west = Redeemed::new(&ledger, 1, "west").await;
    let known_end = west.redemption.certificate_end;
    // It was renewed in the last moment.
    let end = known_end + DAY;
    let served = end - now();
    ledger.add_service_time(served, end).await.unwrap();
    assert_eq!(ledger.prune(TimeDelta::zero(), end).await.unwrap(), 1);
    ledger
        .add_service_time(DAY * 3, end + DAY * 3)
        .await
        .unwrap();
    ledger.prune_links(TimeDelta::zero(), end).await.unwrap();
    let choice = LinkChoice::Grant("west".to_owned());
    assert_eq!(links(&ledger, &choice).await.len(), 1);
    // It has ended as far as is known.
    assert_eq!(ledger.revoke_links(&choice, end).await.unwrap(), []);
    let silent = certificate(west.link(), None);
    assert_eq!(standing(&ledger, &silent).await, Standing::Revoked);
    ledger
        .prune_links(TimeDelta::zero(), end + SECOND)
        .await
        .unwrap();
    assert_eq!(links(&ledger, &choice).await, []);
}

/// An event: the wall clock is set so many days off, some hours pass, and something happens to a link.
fn step() -> impl Strategy<Value = (i64, i32, usize, Event)> {
    let event = prop_oneof![
        Just(Event::Redeem),
        Just(Event::Renew(Note::Written)),
        Just(Event::Renew(Note::Lost)),
        Just(Event::Revoke),
        Just(Event::RevokeAmidRenewal(Note::Written)),
        Just(Event::RevokeAmidRenewal(Note::Lost)),
        Just(Event::RevokeGrant),
    ];
    let error = prop_oneof![2 => Just(0), 3 => -70_i64..=70];
    (error, 1_i32..60, 0_usize..3, event)
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Redeem,
    Renew(Note),
    Revoke,
    /// It is certified just before, and noted after.
    RevokeAmidRenewal(Note),
    RevokeGrant,
}

/// No two notes of a link are lost one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    Written,
    Lost,
}

/// A link as it is in truth.
struct Followed {
    link: Redeemed,
    /// The end of its certificates.
    end: DateTime<Utc>,
    last_note: Note,
    is_revoked: bool,
}

impl Followed {
    async fn redeem(ledger: &SqliteLedger, number: u32, wall: DateTime<Utc>) -> Redeemed {
        let grant = Grant {
            created: wall,
            expiration_time: wall + HOUR,
            ..grant(number, &format!("grant-{number}"), 1)
        };
        ledger.insert(&grant, wall).await.unwrap().unwrap();
        let redemption = Redemption {
            at: wall,
            certificate_end: wall + DAY * 3,
            ..redemption(&grant, 1)
        };
        let counted = ledger.count(&grant.uid, redemption.clone(), wall, soon());
        counted.await.unwrap().unwrap();
        Redeemed { grant, redemption }
    }

    fn renew(
        &mut self,
        ledger: &SqliteLedger,
        note: Note,
        truth: DateTime<Utc>,
        wall: DateTime<Utc>,
    ) {
        if self.last_note == Note::Written && note == Note::Lost {
            self.last_note = Note::Lost;
        } else {
            self.last_note = Note::Written;
            ledger.note(self.link.renewed(wall));
        }
        self.end = self.end.max(truth + DAY);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// revoked-never-renews
    #[test]
    fn a_link_stays_out_while_a_certificate_of_it_lives_whatever_the_wall_clock_says(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let folder = folder();
            let mut ledger = open(folder.path());
            ledger.expect_life(DAY).await.unwrap();
            let mut links: Vec<Followed> = Vec::new();
            let mut truth = now();
            for (error, hours, chosen, event) in steps {
                truth += HOUR * hours;
                let wall = truth + TimeDelta::days(error);
                ledger.add_service_time(HOUR * hours, wall).await.unwrap();
                ledger.prune(HOUR, wall).await.unwrap();
                ledger.prune_links(HOUR, wall).await.unwrap();
                for Followed { link, end, is_revoked, .. } in &links {
                    let standing = standing(&ledger, &link.certificate()).await;
                    let must_stay_out = *is_revoked && truth <= *end;
                    assert!(
                        !must_stay_out || standing == Standing::Revoked,
                        "{} is in again at {truth}, before {end}",
                        link.link()
                    );
                    assert!(*is_revoked || standing == Standing::Good);
                }
                let number = links.len();
                let live = links.iter_mut().filter(|link| link.end >= truth && !link.is_revoked);
                let mut live: Vec<_> = live.collect();
                let count = live.len().max(1);
                let chosen = live.get_mut(chosen % count);
                let (Some(chosen), false) = (chosen, matches!(event, Event::Redeem)) else {
                    let number = u32::try_from(number).unwrap();
                    links.push(Followed {
                        link: Followed::redeem(&ledger, number, wall).await,
                        end: truth + DAY * 3,
                        last_note: Note::Written,
                        is_revoked: false,
                    });
                    continue;
                };
                if let Event::Renew(note) = event {
                    chosen.renew(&ledger, note, truth, wall);
                    // What waits is written at the end of a service.
                    drop(ledger);
                    ledger = open(folder.path());
                    continue;
                }
                let choice = match event {
                    Event::RevokeGrant => LinkChoice::Grant(chosen.link.grant.name.clone()),
                    _ => LinkChoice::Link(chosen.link.link()),
                };
                ledger.revoke_links(&choice, wall).await.unwrap();
                chosen.is_revoked = true;
                if let Event::RevokeAmidRenewal(note) = event {
                    chosen.renew(&ledger, note, truth, wall);
                    drop(ledger);
                    ledger = open(folder.path());
                }
            }
        });
    }
}

#[tokio::test]
async fn a_ledger_of_each_earlier_schema_keeps_its_links() {
    for schema in 1..=3 {
        let folder = folder();
        let ledger = open(folder.path());
        let west = Redeemed::new(&ledger, 1, "west").await;
        let before = links(&ledger, &LinkChoice::All).await;
        drop(ledger);
        schemas::go_back(folder.path(), schema);
        let ledger = open(folder.path());
        let after = links(&ledger, &LinkChoice::All).await;
        let without_authority: Vec<_> = before
            .into_iter()
            .map(|link| LinkRecord {
                authority: None,
                ..link
            })
            .collect();
        assert_eq!(after, without_authority, "{schema}");
        let choice = LinkChoice::Grant("west".to_owned());
        assert_eq!(ledger.revoke_links(&choice, now()).await.unwrap().len(), 1);
        let silent = certificate(west.link(), None);
        assert_eq!(
            standing(&ledger, &silent).await,
            Standing::Revoked,
            "{schema}"
        );
    }
}

#[tokio::test]
async fn a_register_that_was_emptied_lets_links_go_on_and_fills_again() {
    let folder = folder();
    let ledger = open(folder.path());
    let west = Redeemed::new(&ledger, 1, "west").await;
    ledger.note(west.renewed(now() + HOUR));
    links_when(&ledger, |links| links[0].renewals == 1).await;
    let file = Connection::open(folder.path().join("ledger.db")).unwrap();
    assert_eq!(file.execute("DELETE FROM links", ()).unwrap(), 1);
    assert_eq!(standing(&ledger, &west.certificate()).await, Standing::Good);
    ledger.note(west.renewed(now() + HOUR * 2));
    let links = links_when(&ledger, |links| links[0].renewals == 1).await;
    assert_eq!(links[0].first, Some(west.redemption.at));
}

#[tokio::test]
async fn a_ledger_that_lacks_changes_renews_nothing_until_the_loss_is_accepted() {
    let folder = folder();
    let ledger = open(folder.path());
    let west = Redeemed::new(&ledger, 1, "west").await;
    let choice = LinkChoice::Link(west.link());
    let left = crate::folder();
    let copy = |name: &str| {
        std::fs::copy(folder.path().join(name), left.path().join(name)).unwrap();
    };
    // A log that lacks the revocation, and a mark that knows of it.
    for name in ["ledger.db", "ledger.db-wal"] {
        copy(name);
    }
    assert_eq!(ledger.revoke_links(&choice, now()).await.unwrap().len(), 1);
    copy("ledger.mark");
    let ledger = open(left.path());
    let fault = ledger
        .standing(None, &west.certificate())
        .await
        .unwrap_err();
    assert!(
        fault.to_string().contains("lacks its last change"),
        "{fault}"
    );
    ledger.accept_loss().unwrap();
    assert_eq!(standing(&ledger, &west.certificate()).await, Standing::Good);
}
