use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;
use crate::redemption::KeyDigest;
use crate::renewal::Shown;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_secs(1_785_000_000 + seconds).unwrap()
}

fn issued(serial: Serial, begin: i64, end: i64, is_renewal: bool) -> Issued {
    let shown = Shown {
        key: KeyDigest::of_spki(b"key"),
        end: at(begin),
    };
    Issued {
        link: serial.link(),
        grant: Some(uid()),
        grant_name: (!is_renewal).then(|| "west".to_owned()),
        namespace: None,
        subject: "west".to_owned(),
        serial,
        authority: AuthorityId::from_stored("0123456789abcdef"),
        at: at(begin),
        certificate_end: at(end),
        shown: is_renewal.then_some(shown),
    }
}

fn uid() -> GrantUid {
    GrantUid::from_bytes([7; 16])
}

fn notes(issued: Issued) -> Notes {
    Notes {
        renewals: u32::from(issued.is_renewal()),
        issued: Some(issued),
        told: None,
    }
}

#[test]
fn what_is_noted_of_a_link_is_read_back() {
    let first = Serial::derive(&uid(), b"first");
    let second = Serial::renewed(first.link(), b"second");
    let lease = noted(None, first.link(), &notes(issued(first, 0, 1000, false)));
    let lease = noted(
        Some(lease),
        first.link(),
        &notes(issued(second, 500, 900, true)),
    );
    let told = Notes {
        told: Some(second),
        ..Notes::default()
    };
    let lease = noted(Some(lease), first.link(), &told);
    assert_eq!(
        read(&lease),
        Some(LinkRecord {
            link: first.link(),
            grant: Some(uid()),
            grant_name: Some("west".to_owned()),
            subject: Some("west".to_owned()),
            serial: Some(second),
            authority: Some(AuthorityId::from_stored("0123456789abcdef")),
            first: Some(at(0)),
            last: Some(at(500)),
            certificate_end: Some(at(900)),
            latest_end: Some(at(1000)),
            renewals: 1,
            told: Some(second),
            revoked: None,
        })
    );
    let lease = revoked(Some(lease), "", at(600), at(2000));
    assert_eq!(revocation(&lease), Some(at(600)));
}

#[test]
fn notes_that_come_late_or_again_keep_the_last_certificate() {
    let first = Serial::derive(&uid(), b"first");
    let second = Serial::renewed(first.link(), b"second");
    let third = Serial::renewed(first.link(), b"third");
    let redeemed = notes(issued(first, 0, 1000, false));
    let renewed = notes(issued(second, 500, 1500, true));
    let again = notes(issued(third, 900, 1900, true));
    for (name, order, last, renewals) in [
        ("in order", vec![&redeemed, &renewed, &again], third, 2),
        (
            "written again",
            vec![&redeemed, &renewed, &renewed],
            second,
            1,
        ),
        (
            "a late renewal",
            vec![&redeemed, &again, &renewed],
            third,
            1,
        ),
        (
            "redeemed again",
            vec![&redeemed, &renewed, &redeemed],
            second,
            1,
        ),
        ("a late redemption", vec![&renewed, &redeemed], second, 1),
    ] {
        let lease = order
            .into_iter()
            .fold(None, |lease, notes| Some(noted(lease, first.link(), notes)));
        let record = read(&lease.unwrap()).unwrap();
        let seen = (record.serial, record.renewals, record.first);
        assert_eq!(seen, (Some(last), renewals, Some(at(0))), "{name}");
    }
}

#[test]
fn the_latest_end_is_that_of_the_certificate_that_was_shown_where_it_outlives_others() {
    let serial = Serial::renewed(Serial::derive(&uid(), b"first").link(), b"second");
    let mut renewed = issued(serial, 500, 1500, true);
    if let Some(shown) = &mut renewed.shown {
        shown.end = at(90_000);
    }
    let lease = noted(None, serial.link(), &notes(renewed));
    let record = read(&lease).unwrap();
    assert_eq!(record.certificate_end, Some(at(1500)));
    assert_eq!(record.latest_end, Some(at(90_000)));
}

#[test]
fn a_renewal_of_a_link_whose_lease_was_lost_is_noted_anew() {
    let serial = Serial::renewed(LinkId::from_bytes([1; 10]), b"key");
    let lease = noted(None, serial.link(), &notes(issued(serial, 0, 10, true)));
    let record = read(&lease).unwrap();
    assert_eq!((record.renewals, record.first), (1, None));
    assert_eq!(record.grant, Some(uid()));
}

#[test]
fn what_others_have_written_stays() {
    let serial = Serial::derive(&uid(), b"key");
    let foreign = json!({
        "metadata": {"name": serial.link().to_string(), "resourceVersion": "7",
            "labels": {"team": "a", REVOKED: "false"}, "annotations": {"note": "b"}},
        "spec": {"holderIdentity": "someone", "leaseTransitions": 4},
    });
    let found: Lease = serde_json::from_value(foreign).unwrap();
    let lease = noted(
        Some(found),
        serial.link(),
        &notes(issued(serial, 0, 10, true)),
    );
    let object = serde_json::to_value(&lease).unwrap();
    assert_eq!(object["metadata"]["labels"]["team"], "a");
    assert_eq!(object["metadata"]["annotations"]["note"], "b");
    assert_eq!(object["metadata"]["resourceVersion"], "7");
    assert_eq!(object["spec"]["leaseTransitions"], 5);
    // Whatever the value, the label is a revocation.
    assert!(revocation(&lease).is_some());
}

#[test]
fn a_lease_has_the_form_that_the_api_server_takes() {
    let serial = Serial::derive(&uid(), b"key");
    let lease = noted(None, serial.link(), &notes(issued(serial, 0, 0, false)));
    let spec = serde_json::to_value(&lease).unwrap()["spec"].clone();
    assert_eq!(spec["acquireTime"], "2026-07-25T17:20:00.000000Z");
    assert_eq!(spec["leaseDurationSeconds"], 1);
    let endless = notes(issued(serial, 0, i64::from(i32::MAX) + 7, false));
    let lease = noted(None, serial.link(), &endless);
    assert_eq!(lease.spec.unwrap().lease_duration_seconds, Some(i32::MAX));
}

#[test]
fn a_lease_is_needed_until_the_last_certificate_has_ended_and_a_revocation_for_longer() {
    let serial = Serial::derive(&uid(), b"key");
    let noted = noted(None, serial.link(), &notes(issued(serial, 0, 1000, false)));
    let by_hand = |lease: &Lease| {
        let mut lease = lease.clone();
        let labels = lease.metadata.labels.get_or_insert_default();
        labels.insert(REVOKED.to_owned(), String::new());
        lease
    };
    let grant = revoked(None, &uid().to_string(), at(5), at(500));
    for (name, lease, expected) in [
        ("a link", noted.clone(), at(1000)),
        (
            "taken back, longer",
            revoked(Some(noted.clone()), "", at(5), at(2000)),
            at(2000),
        ),
        (
            "taken back, shorter",
            revoked(Some(noted.clone()), "", at(5), at(10)),
            at(1000),
        ),
        ("by hand", by_hand(&noted), at(1000) + LONGEST_LIFE),
        ("a grant", grant, at(500)),
        (
            "by hand, after it was taken back before",
            by_hand(&revoked(Some(noted.clone()), "", at(5), at(2000))),
            at(1000) + LONGEST_LIFE,
        ),
    ] {
        let mut lease = lease;
        lease.metadata.creation_timestamp =
            Timestamp::from_second(at(0).timestamp()).ok().map(Time);
        assert_eq!(needed_until(&lease), Some(expected), "{name}");
    }
}

#[test]
fn the_heartbeat_tells_the_longest_life_that_any_service_has_told() {
    let mut beat = None;
    for (told, expected) in [(0, None), (60, Some(60)), (30, Some(60)), (90, Some(90))] {
        let next = heartbeat(beat, TimeDelta::seconds(told), at(0));
        assert_eq!(life(&next), expected.map(TimeDelta::seconds), "{told}");
        beat = Some(next);
    }
}

#[test]
fn the_heartbeat_and_other_leases_are_no_links() {
    let beat = heartbeat(None, TimeDelta::zero(), at(0));
    assert_eq!(read(&beat), None);
    let other: Lease = serde_json::from_value(json!({"metadata": {"name": "leader"}})).unwrap();
    assert_eq!(read(&other), None);
    let object = serde_json::to_value(&beat).unwrap();
    assert_eq!(object["metadata"]["labels"][REVOKED], Value::from("none"));
}
