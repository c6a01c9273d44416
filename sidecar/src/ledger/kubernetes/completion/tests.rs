use serde_json::json;

use super::*;
use crate::ledger::kubernetes::object::GrantObject;

const UID: &str = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
const NOT_ENABLED: &str = "AccessGrants are not enabled";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_secs(1_785_000_000).unwrap()
}

fn facts(host: &str) -> Published {
    Published {
        url: format!("https://{host}:9090").parse().unwrap(),
        ca: format!("CA of {host}"),
    }
}

fn object(spec: Value, status: Value) -> AccessGrant {
    let object = json!({"metadata": {"name": "west", "namespace": "site", "uid": UID,
        "resourceVersion": "1", "generation": 2}, "spec": spec, "status": status});
    serde_json::from_value(object).unwrap()
}

fn completion(object: &AccessGrant, site: Option<Result<(), Fault>>) -> Option<Completion> {
    let code = || SecretString::from("a random code");
    complete(object, &facts("west"), site, now(), code)
}

/// The object with what is written of it, if anything is.
fn completed(object: &AccessGrant, site: Option<Result<(), Fault>>) -> Option<AccessGrant> {
    let completion = completion(object, site)?;
    Some(AccessGrant {
        status: Value::Object(completion.status),
        ..object.clone()
    })
}

fn condition<'o>(object: &'o AccessGrant, kind: &str) -> &'o Value {
    let mut conditions = object.status["conditions"].as_array().unwrap().iter();
    conditions.find(|one| one["type"] == kind).unwrap()
}

/// The columns of `kubectl get`, then status and reason of the conditions.
fn shown(object: &AccessGrant) -> [&str; 5] {
    let resolved = condition(object, "Resolved");
    let text = |value: &'static str| object.status[value].as_str().unwrap();
    [
        text("status"),
        condition(object, "Processed")["status"].as_str().unwrap(),
        resolved["status"].as_str().unwrap(),
        resolved["reason"].as_str().unwrap(),
        condition(object, "Ready")["status"].as_str().unwrap(),
    ]
}

#[test]
fn an_empty_status_is_filled_and_then_stays() {
    let after = completed(&object(json!({}), Value::Null), Some(Ok(()))).unwrap();
    let status = &after.status;
    assert_eq!(status["code"], "a random code");
    assert_eq!(status["url"], format!("https://west:9090/{UID}"));
    assert_eq!(status["ca"], "CA of west");
    assert_eq!(status["expirationTime"], "2026-07-25T17:35:00Z");
    assert_eq!(status["message"], "OK");
    assert_eq!(shown(&after), ["Ready", "True", "True", "Ready", "True"]);
    for condition in status["conditions"].as_array().unwrap() {
        assert_eq!(condition["observedGeneration"], 2);
        assert_eq!(condition["lastTransitionTime"], "2026-07-25T17:20:00Z");
    }
    assert!(GrantObject::read(&after).unwrap().grant.is_some());
    assert!(published(status).is_some());
    assert!(completed(&after, Some(Ok(()))).is_none());
}

#[test]
fn the_status_says_what_keeps_redeemers_from_the_grant() {
    let pending = ["Pending", "True", "False", "Pending", "False"];
    let error = ["Error", "True", "False", "Error", "False"];
    let issuer = "partners".to_owned();
    let not_served = Fault::IssuerNotServed {
        grant: "west".to_owned(),
        issuer: issuer.clone(),
    };
    for (site, expected, words) in [
        (None, pending, "which sites there are"),
        (Some(Err(Fault::NoSite)), pending, "there is no Site"),
        (Some(Err(Fault::NoEndpoints)), pending, "no endpoint"),
        (
            Some(Err(Fault::EdgeSite(issuer.clone()))),
            error,
            "is an edge site and accepts no links",
        ),
        (
            Some(Err(Fault::IssuerUnusable(issuer))),
            error,
            "'partners' cannot be used",
        ),
        (
            Some(Err(not_served)),
            error,
            "'partners' of the grant is not served",
        ),
    ] {
        let new = object(json!({}), json!({}));
        let after = completed(&new, site.clone()).unwrap();
        assert_eq!(shown(&after), expected, "{words}");
        let message = after.status["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        for kind in ["Resolved", "Ready"] {
            assert_eq!(condition(&after, kind)["message"], message, "{kind}");
        }
        assert!(after.status["code"].is_string() && published(&after.status).is_some());
        assert!(completed(&after, site).is_none(), "{words}");
        // What was mended is said, and what is not known any more stays as it is.
        let mended = completed(&after, Some(Ok(()))).unwrap();
        assert_eq!(shown(&mended), ["Ready", "True", "True", "Ready", "True"]);
        assert_eq!(mended.status["message"], "OK");
        assert!(completed(&mended, None).is_none(), "{words}");
    }
    let bad_window = object(json!({"expirationWindow": "1 day"}), json!({}));
    let after = completed(&bad_window, Some(Err(Fault::NoSite))).unwrap();
    assert_eq!(
        shown(&after),
        ["Error", "False", "False", "Pending", "False"]
    );
    let message = after.status["message"].as_str().unwrap();
    assert!(message.starts_with("spec.expirationWindow"), "{message}");
}

#[test]
fn the_message_of_skuppers_controller_stays_until_the_state_is_another_one() {
    let first = completed(
        &object(json!({}), json!({"message": NOT_ENABLED})),
        Some(Ok(())),
    );
    let mut rewritten = first.unwrap();
    assert_eq!(rewritten.status["message"], "OK");
    rewritten.status["message"] = NOT_ENABLED.into();
    assert!(completed(&rewritten, Some(Ok(()))).is_none());
    rewritten.metadata.generation = Some(3);
    let observed = completed(&rewritten, Some(Ok(()))).unwrap();
    assert_eq!(observed.status["message"], NOT_ENABLED);
    assert_eq!(condition(&observed, "Ready")["observedGeneration"], 3);
    let other = completed(&observed, Some(Err(Fault::NoSite))).unwrap();
    assert_eq!(shown(&other)[0], "Pending");
    assert_ne!(other.status["message"], NOT_ENABLED);
}

#[test]
fn a_condition_keeps_its_time_until_its_status_is_another_one() {
    let before = json!({"type": "Ready", "status": "True", "reason": "Old", "message": "x",
        "lastTransitionTime": "2026-07-01T00:00:00Z"});
    let object = object(json!({}), json!({"conditions": [before]}));
    let time = |site| {
        let after = completed(&object, Some(site)).unwrap();
        let ready = condition(&after, "Ready")["lastTransitionTime"].clone();
        ready.as_str().unwrap().to_owned()
    };
    assert_eq!(time(Ok(())), "2026-07-01T00:00:00Z");
    assert_eq!(time(Err(Fault::NoSite)), "2026-07-25T17:20:00Z");
}

#[test]
fn code_end_and_what_others_note_stay() {
    let keys = json!({"type": "redemption-sidecar/keys", "message": "x"});
    let status = json!({"code": "first", "redemptions": 3,
        "expirationTime": "2026-07-25T19:35:00Z", "conditions": [keys]});
    let spec = json!({"code": "of the spec", "expirationWindow": "1h"});
    let after = completed(&object(spec, status.clone()), Some(Ok(())))
        .unwrap()
        .status;
    for field in ["code", "redemptions", "expirationTime"] {
        assert_eq!(after[field], status[field], "{field}");
    }
    assert_eq!(after["conditions"][0], keys);
}

#[test]
fn code_and_end_are_those_of_the_spec() {
    let end = |window: Value| {
        let spec = json!({"code": "of the spec", "expirationWindow": window});
        let after = completed(&object(spec, json!({})), Some(Ok(()))).unwrap();
        assert_eq!(after.status["code"], "of the spec");
        let end = text(&after.status, "expirationTime").map(str::to_owned);
        (end, shown(&after)[0].to_owned())
    };
    let good = |text: &str| (Some(text.to_owned()), "Ready".to_owned());
    let bad = (None, "Error".to_owned());
    for (window, expected) in [
        (json!("1h"), good("2026-07-25T18:20:00Z")),
        (json!(""), good("2026-07-25T17:35:00Z")),
        (Value::Null, good("2026-07-25T17:35:00Z")),
        (json!("1 day"), bad.clone()),
        (json!(["15m"]), bad.clone()),
        (json!(15), bad),
    ] {
        assert_eq!(end(window.clone()), expected, "{window}");
    }
}

#[test]
fn url_and_ca_of_another_server_are_replaced() {
    let skuppers = json!({"code": "first", "expirationTime": "2026-07-25T19:35:00Z",
        "url": "https://skupper.example/x", "ca": "CA of Skupper", "status": "Ready"});
    assert!(published(&skuppers).is_none());
    let after = completed(&object(json!({}), skuppers), Some(Ok(()))).unwrap();
    let url = format!("https://west:9090/{UID}");
    let status = &after.status;
    assert_eq!(
        (&status["url"], &status["ca"]),
        (&url.into(), &"CA of west".into())
    );
    assert!(published(status).is_some());
    // Skupper's controller has written again.
    let mut rewritten = status.clone();
    rewritten["url"] = "https://skupper.example/x".into();
    assert!(published(&rewritten).is_none());
}

#[test]
fn services_that_say_the_same_have_the_same_digest_and_others_have_not() {
    let new = object(json!({}), json!({}));
    let digest = |site| completion(&new, site).unwrap().digest;
    assert_eq!(digest(Some(Ok(()))), digest(Some(Ok(()))));
    assert_ne!(digest(Some(Ok(()))), digest(Some(Err(Fault::NoSite))));
    let code = || SecretString::from("another code");
    let other = complete(&new, &facts("east"), Some(Ok(())), now(), code).unwrap();
    assert_ne!(other.digest, digest(Some(Ok(()))));
    let later = now() + TimeDelta::days(1);
    let same = complete(&new, &facts("west"), Some(Ok(())), later, code).unwrap();
    assert_eq!(same.digest, digest(Some(Ok(()))));
}

#[test]
fn a_grant_that_is_being_deleted_or_has_ended_is_left_alone() {
    let mut deleted = object(json!({}), Value::Null);
    let time = serde_json::from_value(json!("2026-07-25T17:20:00Z"));
    deleted.metadata.deletion_timestamp = Some(time.unwrap());
    assert!(completed(&deleted, Some(Ok(()))).is_none());
    let ended = json!({"code": "x", "expirationTime": "2026-07-25T17:19:59Z", "status": "Ready"});
    assert!(completed(&object(json!({}), ended.clone()), Some(Ok(()))).is_none());
    let mut untold = ended;
    untold["status"] = Value::Null;
    assert!(completed(&object(json!({}), untold), Some(Ok(()))).is_some());
}
