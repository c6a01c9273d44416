use serde_json::json;

use super::*;

fn read(text: &str) -> Option<GrantObject> {
    GrantObject::read(&serde_json::from_str(text).unwrap())
}

/// A complete grant, with some of its text replaced.
fn edited(from: &str, to: &str) -> GrantObject {
    assert!(OBJECT.contains(from), "{from}");
    read(&OBJECT.replace(from, to)).unwrap()
}

const OBJECT: &str = r#"{
    "apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant",
    "metadata": {"name": "west", "namespace": "site", "generation": 1,
        "uid": "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10", "resourceVersion": "41",
        "creationTimestamp": "2026-07-25T17:20:00Z"},
    "spec": {"redemptionsAllowed": 3, "expirationWindow": "15m", "issuer": "partners"},
    "status": {"code": "a code of sixteen", "expirationTime": "2026-07-25T19:35:00+02:00",
        "redemptions": 2, "conditions": [{"type": "redemption-sidecar/keys",
            "message": "AQEBAQEBAQEBAQEBAQEBAQ 1785000000 1942680000 AAAAAA"}]}}"#;

#[test]
fn a_grant_is_what_spec_and_status_say() {
    let object = read(OBJECT).unwrap();
    let uid = GrantUid::parse("6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10").unwrap();
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(
        object.grant,
        Some(Grant {
            uid,
            name: "west".to_owned(),
            code: CodeDigest::of_code(&uid, b"a code of sixteen"),
            redemptions_allowed: 3,
            redemptions: 2,
            created: time("2026-07-25T17:20:00Z"),
            expiration_time: time("2026-07-25T17:35:00Z"),
            revoked: None,
            issuer: Some("partners".to_owned()),
            namespace: Some("site".into()),
            has_short_code: false,
        })
    );
    assert_eq!(object.keys().len(), 1);
    let deleted = edited(
        "\"generation\": 1",
        "\"deletionTimestamp\": \"2026-07-25T17:21:00Z\"",
    );
    assert_eq!(
        deleted.grant.unwrap().revoked,
        Some(time("2026-07-25T17:21:00Z"))
    );
    let issuer = edited("\"partners\"", "\"\"").grant.unwrap().issuer;
    assert_eq!(issuer, None, "an empty issuer is none");
    for (code, expected) in [("exactly sixteen.", false), ("fifteen letters", true)] {
        let grant = edited("a code of sixteen", code).grant.unwrap();
        assert_eq!(grant.has_short_code, expected, "{code}");
    }
}

#[test]
fn numbers_of_redemptions_are_read_so_that_a_doubt_redeems_nothing() {
    let (allowed, counted) = ("\"redemptionsAllowed\": 3", "\"redemptions\": 2");
    let table = [
        ("absent", allowed, "\"x\": 3", (1, 2)),
        ("null", allowed, "\"redemptionsAllowed\": null", (1, 2)),
        ("none", allowed, "\"redemptionsAllowed\": 0", (0, 2)),
        ("negative", allowed, "\"redemptionsAllowed\": -1", (0, 2)),
        ("text", allowed, "\"redemptionsAllowed\": \"9\"", (0, 2)),
        (
            "large",
            allowed,
            "\"redemptionsAllowed\": 4294967296",
            (u32::MAX, 2),
        ),
        ("absent, one noted", counted, "\"x\": 2", (3, 1)),
        ("null, one noted", counted, "\"redemptions\": null", (3, 1)),
        (
            "negative, one noted",
            counted,
            "\"redemptions\": -5",
            (3, 1),
        ),
        ("text", counted, "\"redemptions\": \"0\"", (3, u32::MAX)),
        ("a fraction", counted, "\"redemptions\": 0.5", (3, u32::MAX)),
        (
            "large",
            counted,
            "\"redemptions\": 4294967296",
            (3, u32::MAX),
        ),
    ];
    for (name, from, to, expected) in table {
        let grant = edited(from, to).grant.unwrap();
        assert_eq!(
            (grant.redemptions_allowed, grant.redemptions),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_grant_without_a_code_or_an_end_is_not_complete() {
    let (code, end) = ("\"a code of sixteen\"", "\"2026-07-25T19:35:00+02:00\"");
    for (name, from, to) in [
        ("no code", "\"code\"", "\"other\""),
        ("an empty code", code, "\"\""),
        ("a list of codes", code, "[\"a code of sixteen\"]"),
        ("no end", "\"expirationTime\"", "\"other\""),
        ("an end that is no time", end, "\"soon\""),
        ("a list of ends", end, "[\"2026-07-25T19:35:00+02:00\"]"),
        (
            "a status that is a list",
            "\"status\": {",
            "\"status\": [{}], \"other\": {",
        ),
        ("no status", "\"status\"", "\"other\""),
    ] {
        assert!(edited(from, to).grant.is_none(), "{name}");
    }
}

#[test]
fn an_object_without_an_identity_is_none() {
    for (name, from) in [
        ("uid", "\"6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10\""),
        ("name", "\"west\""),
        ("namespace", "\"site\""),
        ("version", "\"41\""),
    ] {
        assert!(read(&OBJECT.replace(from, "null")).is_none(), "{name}");
    }
    assert!(
        read(&OBJECT.replace("6f1f0d3c-", "")).is_none(),
        "a uid that is none"
    );
}

#[test]
fn a_write_names_the_object_and_its_version_and_no_spec() {
    let object = read(OBJECT).unwrap();
    let mut written = serde_json::to_value(object.with_status(object.status())).unwrap();
    let status = written["status"].take();
    assert_eq!(
        status,
        serde_json::from_str::<Value>(OBJECT).unwrap()["status"]
    );
    assert_eq!(
        written,
        json!({
            "apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "status": null,
            "metadata": {"name": "west", "namespace": "site", "resourceVersion": "41",
                "uid": "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10"},
        })
    );
}

#[test]
fn a_ca_is_kept_once_and_is_part_of_every_status() {
    let with = |ca: &str| {
        edited(
            "\"redemptions\": 2",
            &format!("\"redemptions\": 2, \"ca\": {ca}"),
        )
    };
    let mut shared = None;
    let mut first = with("\"pem\"");
    let mut second = with("\"pem\"");
    let mut other = with("\"other\"");
    for object in [&mut first, &mut second, &mut other] {
        object.share_ca(&mut shared);
    }
    let (one, two) = (first.ca.as_ref().unwrap(), second.ca.as_ref().unwrap());
    assert!(Arc::ptr_eq(one, two));
    for (object, ca) in [
        (first, json!("pem")),
        (second, json!("pem")),
        (other, json!("other")),
        (with("[7]"), json!([7])),
        (with("null"), Value::Null),
    ] {
        let mut status = serde_json::from_str::<Value>(OBJECT).unwrap()["status"].take();
        status["ca"] = ca;
        assert_eq!(Value::Object(object.status()), status);
    }
}

#[test]
fn versions_are_compared_as_numbers_where_they_are_some() {
    let of = |version: &str| edited("\"41\"", &format!("\"{version}\""));
    for (own, other, expected) in [
        ("41", "41", true),
        ("100", "99", true),
        ("99", "100", false),
        ("opaque", "100", true),
        ("99", "opaque", true),
    ] {
        assert_eq!(of(own).is_as_new_as(&of(other)), expected, "{own}, {other}");
    }
}

#[test]
fn conditions_of_any_shape_take_the_note() {
    let now = DateTime::UNIX_EPOCH;
    for (name, conditions) in [
        ("none", Value::Null),
        ("no list", json!("x")),
        ("others", json!([{"type": "Ready"}, 7])),
        ("one that is no object", json!(["redemption-sidecar/keys"])),
    ] {
        let mut status = Map::from_iter([("conditions".to_owned(), conditions)]);
        let object = read(OBJECT).unwrap();
        note(&mut status, 2, &object.keys(), now);
        assert_eq!(keys(Some(&status)), object.keys(), "{name}");
    }
}

#[test]
fn nothing_prints_the_code() {
    let object: AccessGrant = serde_json::from_str(OBJECT).unwrap();
    assert!(!format!("{object:?}").contains("sixteen"));
}
