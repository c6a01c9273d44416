use serde_json::{Value, json};

use super::*;
use crate::kubernetes::AccessGrant;
use crate::redemption::{GrantUid, KeyDigest, KeyOrigin, Serial};

const UID: &str = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
/// In seconds since 1970.
const NOW: i64 = 1_785_000_000;

fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_secs(seconds).unwrap()
}

fn candidate(key: u8) -> Candidate {
    let uid = GrantUid::parse(UID).unwrap();
    Candidate {
        redemption: Redemption {
            key: KeyDigest::of_spki(&[key]),
            origin: KeyOrigin::Redeemer,
            subject: "west".to_owned(),
            serial: Serial::derive(&uid, &[key]),
            at: time(NOW),
            certificate_end: time(NOW + 1000),
            authority: None,
        },
        now: time(NOW),
        is_in_doubt: false,
        is_late: false,
    }
}

/// A grant with these keys counted, a second ago.
fn object(allowed: u32, redemptions: u32, counted: &[u8], more: Value) -> GrantObject {
    let mut keys = Keys::default();
    for key in counted {
        let mut redemption = candidate(*key).redemption;
        redemption.at = time(NOW - 1);
        keys.push(Key::of(&redemption));
    }
    let mut status = json!({
        "code": "a code of sixteen",
        "expirationTime": time(NOW).to_rfc3339(),
        "url": "https://skupper.example",
        "conditions": [{"type": "Ready", "status": "True"}],
    });
    note(
        status.as_object_mut().unwrap(),
        redemptions,
        &keys,
        time(NOW - 1),
    );
    for (field, value) in more.as_object().unwrap() {
        status[field] = value.clone();
    }
    let mut object = AccessGrant {
        spec: json!({"redemptionsAllowed": allowed}),
        status,
        ..AccessGrant::default()
    };
    object.metadata.name = Some("west".to_owned());
    object.metadata.namespace = Some("site".to_owned());
    object.metadata.uid = Some(UID.to_owned());
    object.metadata.resource_version = Some("7".to_owned());
    GrantObject::read(&object).unwrap()
}

fn again(key: u8) -> Result<Decision, Refusal> {
    let mut redemption = candidate(key).redemption;
    redemption.at = time(NOW - 1);
    Ok(Decision::Again(redemption))
}

const COUNT: Result<Decision, Refusal> = Ok(Decision::Count);
const SPENT: Result<Decision, Refusal> = Err(Refusal::Spent);

#[test]
fn everybody_is_decided_about_in_order_against_the_object_and_those_before() {
    use RestsOn::{Object, Write};
    let other_subject = |key| {
        let mut candidate = candidate(key);
        candidate.redemption.subject = "east".to_owned();
        candidate
    };
    let late = |key| Candidate {
        now: time(NOW + 1),
        ..candidate(key)
    };
    let in_doubt = |key| Candidate {
        is_in_doubt: true,
        ..candidate(key)
    };
    let own_write = |key| {
        let mut candidate = in_doubt(key);
        candidate.redemption.at = time(NOW - 1);
        candidate
    };
    let looked_for = |candidate| Candidate {
        is_late: true,
        ..candidate
    };
    let same = |key| {
        let redemption = candidate(key).redemption;
        Ok(Decision::Again(redemption))
    };
    let none = json!({});
    // The last column: redemptions and noted keys after the write.
    let table = [
        (
            "nobody",
            object(1, 0, &[], none.clone()),
            vec![],
            vec![],
            None,
        ),
        (
            "one",
            object(1, 0, &[], none.clone()),
            vec![candidate(1)],
            vec![(COUNT, Write)],
            Some((1, 1)),
        ),
        (
            "more than there are",
            object(2, 0, &[], none.clone()),
            vec![candidate(1), candidate(2), candidate(3)],
            vec![(COUNT, Write), (COUNT, Write), (SPENT, Write)],
            Some((2, 2)),
        ),
        (
            "one key twice",
            object(2, 0, &[], none.clone()),
            vec![candidate(1), candidate(1)],
            vec![(COUNT, Write), (same(1), Write)],
            Some((1, 1)),
        ),
        (
            "used up",
            object(1, 1, &[9], none.clone()),
            vec![candidate(1), candidate(9)],
            vec![(SPENT, Object), (again(9), Object)],
            None,
        ),
        (
            "counted by somebody else, too",
            object(3, 2, &[], none.clone()),
            vec![candidate(1), candidate(2)],
            vec![(COUNT, Write), (SPENT, Write)],
            Some((3, 1)),
        ),
        (
            "counted lower than what is noted",
            object(2, 0, &[8, 9], none.clone()),
            vec![candidate(1)],
            vec![(SPENT, Object)],
            None,
        ),
        (
            "another subject",
            object(2, 1, &[9], none.clone()),
            vec![other_subject(9)],
            vec![(Err(Refusal::OtherSubject), Object)],
            None,
        ),
        (
            "too late",
            object(1, 0, &[], none.clone()),
            vec![late(1), candidate(2)],
            vec![(Err(Refusal::Ended), Object), (COUNT, Write)],
            Some((1, 1)),
        ),
        (
            "in doubt, and not stored",
            object(1, 0, &[], none.clone()),
            vec![in_doubt(1)],
            vec![(COUNT, Write)],
            Some((1, 1)),
        ),
        (
            "in doubt, and stored",
            object(1, 1, &[9], none.clone()),
            vec![own_write(9)],
            vec![(COUNT, Object)],
            None,
        ),
        (
            "in doubt, and stored by an earlier request with the key",
            object(1, 1, &[9], none.clone()),
            vec![in_doubt(9)],
            vec![(again(9), Object)],
            None,
        ),
        (
            "looked for, and not stored",
            object(2, 1, &[9], none.clone()),
            vec![looked_for(in_doubt(1)), candidate(2)],
            vec![(Err(Refusal::Unavailable), Object), (COUNT, Write)],
            Some((2, 2)),
        ),
        (
            "looked for, and stored",
            object(2, 1, &[9], none.clone()),
            vec![looked_for(own_write(9))],
            vec![(COUNT, Object)],
            None,
        ),
        (
            "not complete",
            object(1, 0, &[], json!({"code": null})),
            vec![candidate(1)],
            vec![(Err(Refusal::NotReady), Object)],
            None,
        ),
    ];
    for (name, object, waiting, expected, written) in table {
        let admission = admit(&object, &waiting);
        let answers = admission.answers.into_iter();
        let answers = answers.map(|answer| (answer.decision, answer.rests_on));
        assert_eq!(answers.collect::<Vec<_>>(), expected, "{name}");
        let after = admission.status.map(|status| {
            assert_eq!(status["code"], "a code of sixteen", "{name}");
            assert_eq!(status["url"], "https://skupper.example", "{name}");
            assert_eq!(status["conditions"][0]["type"], "Ready", "{name}");
            let mut written = object.with_status(status);
            written.metadata.creation_timestamp = None;
            let written = GrantObject::read(&written).unwrap();
            (
                written.grant.as_ref().unwrap().redemptions,
                written.keys().len(),
            )
        });
        assert_eq!(after, written, "{name}");
    }
}

#[test]
fn a_write_changes_the_count_and_the_note_and_nothing_else() {
    let object = object(3, 1, &[9], json!({"unknown": {"a": [1]}}));
    let mut before = object.status();
    let mut after = admit(&object, &[candidate(1)]).status.unwrap();
    let message = after["conditions"][1]["message"].take();
    assert_eq!(Keys::parse(message.as_str().unwrap()).len(), 2);
    before["conditions"][1]["message"] = Value::Null;
    assert_eq!(
        after.insert("redemptions".to_owned(), 1.into()),
        Some(2.into())
    );
    assert_eq!(after, before);
}
