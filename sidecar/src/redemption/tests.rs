use chrono::TimeDelta;

use super::*;

fn redemption(key: u8, subject: &str, at: DateTime<Utc>) -> Redemption {
    Redemption {
        key: KeyDigest::of_spki(&[key]),
        origin: KeyOrigin::Redeemer,
        subject: subject.to_owned(),
        serial: Serial::derive(&GrantUid::from_bytes([1; 16]), &[key]),
        at,
        certificate_end: at + TimeDelta::days(1),
        authority: None,
    }
}

#[test]
fn a_key_counts_once_and_a_grant_counts_as_often_as_it_allows() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let second = TimeDelta::seconds(1);
    let uid = GrantUid::from_bytes([1; 16]);
    let live = Grant {
        uid,
        name: "west".to_owned(),
        code: CodeDigest::of_code(&uid, b"a code of sixteen"),
        redemptions_allowed: 2,
        redemptions: 1,
        created: now - second,
        expiration_time: now,
        revoked: None,
        issuer: None,
        namespace: None,
        has_short_code: false,
    };
    let spent = Grant {
        redemptions: 2,
        ..live.clone()
    };
    let over = Grant {
        redemptions: 3,
        ..live.clone()
    };
    let expired = Grant {
        expiration_time: now - second,
        ..live.clone()
    };
    let revoked = Grant {
        revoked: Some(now - second),
        ..live.clone()
    };
    let known = redemption(1, "west", now - second);
    let over_certificate = Redemption {
        certificate_end: now,
        ..known.clone()
    };
    let again = Ok(Decision::Again(known.clone()));
    let cases = [
        ("a new key", &live, None, "west", Ok(Decision::Count)),
        ("the last second", &live, None, "west", Ok(Decision::Count)),
        ("a counted key", &live, Some(&known), "west", again.clone()),
        (
            "a counted key of a spent grant",
            &spent,
            Some(&known),
            "west",
            again,
        ),
        (
            "another subject",
            &live,
            Some(&known),
            "east",
            Err(Refusal::OtherSubject),
        ),
        ("spent", &spent, None, "west", Err(Refusal::Spent)),
        ("counted too high", &over, None, "west", Err(Refusal::Spent)),
        ("expired", &expired, None, "west", Err(Refusal::Ended)),
        (
            "a counted key of an expired grant",
            &expired,
            Some(&known),
            "west",
            Err(Refusal::Ended),
        ),
        ("revoked", &revoked, None, "west", Err(Refusal::Ended)),
        (
            "a counted key of a revoked grant",
            &revoked,
            Some(&known),
            "east",
            Err(Refusal::Ended),
        ),
        (
            "a counted key whose certificate is over",
            &live,
            Some(&over_certificate),
            "west",
            Err(Refusal::Ended),
        ),
    ];
    for (name, grant, known, subject, expected) in cases {
        assert_eq!(decide(grant, known, subject, now), expected, "{name}");
    }
}

#[test]
fn a_uid_is_read_in_its_hyphenated_form_only() {
    let text = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
    assert_eq!(
        GrantUid::parse(text).map(|uid| uid.to_string()),
        Some(text.to_owned())
    );
    assert_eq!(GrantUid::parse(&text.to_uppercase()), GrantUid::parse(text));
    let bare = text.replace('-', "");
    let braced = format!("{{{text}}}");
    let urn = format!("urn:uuid:{text}");
    for (name, other) in [
        ("nothing", ""),
        ("without hyphens", &bare),
        ("in braces", &braced),
        ("a URN", &urn),
        ("a name", "west"),
        ("of that length", "------------------------------------"),
    ] {
        assert_eq!(GrantUid::parse(other), None, "{name}");
    }
}
