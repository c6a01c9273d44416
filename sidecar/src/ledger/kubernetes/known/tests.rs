use serde_json::json;

use super::*;

fn object(number: u8, version: &str) -> GrantObject {
    let uid = GrantUid::from_bytes([number; 16]);
    let object = serde_json::from_value(json!({
        "metadata": {"name": "west", "namespace": "site", "uid": uid.to_string(),
            "resourceVersion": version},
    }));
    GrantObject::read(&object.unwrap()).unwrap()
}

fn versions(grants: &KnownGrants) -> Vec<(GrantUid, String)> {
    let all = grants.all();
    let all = all.iter();
    let mut all: Vec<_> = all
        .map(|object| (object.id.uid, object.resource_version.clone()))
        .collect();
    all.sort();
    all
}

#[test]
fn an_object_becomes_newer_and_never_older() {
    let grants = KnownGrants::default();
    let uid = object(1, "9").id.uid;
    for (version, expected) in [("9", "9"), ("10", "10"), ("9", "10"), ("10", "10")] {
        assert_eq!(grants.keep(object(1, version)).resource_version, expected);
        assert_eq!(grants.find(&uid).unwrap().resource_version, expected);
    }
    assert!(grants.knows(&uid, "10") && !grants.knows(&uid, "9"));
    for (version, expected) in [("11", "11"), ("10", "11")] {
        assert_eq!(grants.renew(object(1, version)).resource_version, expected);
        assert_eq!(grants.find(&uid).unwrap().resource_version, expected);
    }
    grants.forget(&uid);
    assert!(grants.find(&uid).is_none());
    assert_eq!(grants.renew(object(1, "12")).resource_version, "12");
    assert!(grants.find(&uid).is_none(), "deleted before the answer");
    assert_eq!(grants.keep(object(1, "3")).resource_version, "3");
}

#[test]
fn a_list_takes_away_what_it_does_not_hold_when_it_ends() {
    let grants = KnownGrants::default();
    assert!(!grants.is_complete());
    for number in 1..=3 {
        grants.keep(object(number, "5"));
    }
    grants.list_begins();
    grants.keep(object(1, "4"));
    assert_eq!(versions(&grants).len(), 3, "known until the end");
    // A list that breaks off says nothing.
    grants.list_begins();
    grants.keep(object(2, "6"));
    grants.keep(object(3, "4"));
    grants.list_ends();
    let uid = |number| object(number, "").id.uid;
    assert_eq!(
        versions(&grants),
        [(uid(2), "6".to_owned()), (uid(3), "5".to_owned())]
    );
    assert!(grants.is_complete());
}

fn with_code(number: u8, version: &str, bytes: usize) -> GrantObject {
    let status = json!({"code": "x".repeat(bytes), "expirationTime": "2999-01-01T00:00:00Z"});
    let uid = GrantUid::from_bytes([number; 16]);
    let object = serde_json::from_value(json!({
        "metadata": {"name": "west", "namespace": "site", "uid": uid.to_string(),
            "resourceVersion": version},
        "status": status,
    }));
    GrantObject::read(&object.unwrap()).unwrap()
}

#[test]
fn a_grant_with_a_long_code_has_a_name_until_it_is_gone() {
    let grants = KnownGrants::default();
    let uid = |number| GrantUid::from_bytes([number; 16]);
    let named = || {
        let found = grants.find_by_name("site", "west");
        found.map(|object| object.id.uid)
    };
    grants.keep(object(1, "1"));
    assert_eq!(named(), None, "no code yet");
    grants.keep(with_code(1, "2", 31));
    assert_eq!(named(), None, "a short code");
    grants.renew(with_code(1, "3", 32));
    assert_eq!(named(), Some(uid(1)));
    assert!(grants.find_by_name("other", "west").is_none());
    grants.keep(with_code(2, "9", 32));
    assert_eq!(named(), Some(uid(2)), "made again");
    grants.forget(&uid(1));
    grants.renew(with_code(1, "10", 32));
    assert_eq!(named(), Some(uid(2)), "an answer that comes late");
    grants.keep(with_code(2, "11", 16));
    assert_eq!(named(), None, "the code is another one");
    grants.keep(with_code(2, "12", 32));
    grants.list_begins();
    grants.list_ends();
    assert_eq!(named(), None, "gone");
    assert!(grants.read().names.is_empty());
}

#[tokio::test]
async fn a_name_is_known_as_soon_as_the_code_is() {
    let grants = Arc::new(KnownGrants::default());
    let watch = Arc::clone(&grants);
    tokio::spawn(async move {
        watch.keep(object(1, "1"));
        tokio::time::sleep(Duration::from_millis(20)).await;
        watch.keep(with_code(1, "2", 32));
    });
    let find = |grants: &KnownGrants| grants.find_by_name("site", "west");
    assert!(
        grants
            .wait_for(find, Duration::from_mins(1))
            .await
            .is_some()
    );
}

#[tokio::test]
async fn who_is_early_waits_for_the_watch_but_not_for_long() {
    let grants = Arc::new(KnownGrants::default());
    let (known, unknown) = (object(1, "1").id.uid, object(2, "1").id.uid);
    let watch = Arc::clone(&grants);
    tokio::spawn(async move {
        for version in 1..=5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            watch.keep(object(3, &version.to_string()));
        }
        watch.keep(object(1, "1"));
    });
    let minute = Duration::from_mins(1);
    let begin = Instant::now();
    let find = |uid: GrantUid| move |grants: &KnownGrants| grants.find(&uid);
    assert!(grants.wait_for(find(known), minute).await.is_some());
    let patience = Duration::from_millis(100);
    assert!(grants.wait_for(find(unknown), patience).await.is_none());
    assert!((patience..minute).contains(&begin.elapsed()));
}
