use serde_json::json;

use super::*;
use crate::redemption::Serial;

fn lease(namespace: &str, name: &str) -> Lease {
    let metadata = json!({"namespace": namespace, "name": name, "labels": {REVOKED: ""}});
    serde_json::from_value(json!({"metadata": metadata})).unwrap()
}

fn certificate(grant: Option<GrantUid>) -> LinkCertificate {
    let serial = Serial::derive(&uid(), b"spki");
    LinkCertificate {
        link: serial.link(),
        grant,
        subject: "west".to_owned(),
        serial,
        spki: b"spki".to_vec(),
        not_after: chrono::DateTime::UNIX_EPOCH,
    }
}

fn uid() -> GrantUid {
    GrantUid::from_bytes([7; 16])
}

#[test]
fn a_revocation_reaches_the_links_of_its_namespace_and_no_others() {
    let link = certificate(None).link.to_string();
    let (grant, other) = (uid().to_string(), GrantUid::from_bytes([8; 16]));
    let other_grant = other.to_string();
    for (name, revoked, shown, expected) in [
        ("the link", ("west", &link), Some(uid()), true),
        ("in another namespace", ("east", &link), Some(uid()), false),
        ("its grant", ("west", &grant), Some(uid()), true),
        ("its grant, elsewhere", ("east", &grant), Some(uid()), false),
        (
            "its grant, which it does not name",
            ("west", &grant),
            None,
            true,
        ),
        ("another grant", ("west", &other_grant), Some(uid()), false),
        (
            "another grant, and it names none",
            ("west", &other_grant),
            None,
            false,
        ),
        (
            "a renewed one names its grant",
            ("west", &grant),
            Some(other),
            false,
        ),
    ] {
        let mut known = Known::default();
        known.set(&lease(revoked.0, revoked.1), true);
        assert_eq!(known.has("west", &certificate(shown)), expected, "{name}");
        known.set(&lease(revoked.0, revoked.1), false);
        assert!(!known.has("west", &certificate(shown)), "{name}");
    }
}

#[test]
fn a_list_takes_the_place_of_what_was_known_when_it_is_whole() {
    let known = RwLock::new(Known::default());
    let mut listed = Known::default();
    let link = certificate(None).link.to_string();
    let has = || known.read().unwrap().has("west", &certificate(None));
    take(&known, &mut listed, &News::ListBegins);
    take(&known, &mut listed, &News::Listed(lease("west", &link)));
    assert!(!has() && !known.read().unwrap().is_complete);
    take(&known, &mut listed, &News::ListEnds);
    assert!(has() && known.read().unwrap().is_complete);
    // The next list, in which it is missing, is of no force before its end.
    take(&known, &mut listed, &News::ListBegins);
    assert!(has());
    take(&known, &mut listed, &News::ListEnds);
    assert!(!has());
    take(&known, &mut listed, &News::Changed(lease("west", &link)));
    assert!(has());
    take(&known, &mut listed, &News::Gone(lease("west", &link)));
    assert!(!has());
}
