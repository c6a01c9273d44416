//! AccessGrants, as their users make and change them.

use std::time::Duration;

use cluster_tests::Kind::AccessGrant;
use cluster_tests::{Order, User};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{admin, done, refused, version};

#[tokio::test]
async fn defaults_are_stored_and_what_the_user_wrote_stays() {
    let (_cluster, user) = admin("grant-defaults").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let defaults = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});
    let full = json!({
        "redemptionsAllowed": 3,
        "expirationWindow": "1h30m",
        "code": "0123456789abcdef",
        "settings": {"a": "b"},
    });
    let cases = [
        ("no-spec", None, defaults.clone()),
        ("an-empty-spec", Some(json!({})), defaults.clone()),
        (
            "null-and-empty",
            Some(json!({"redemptionsAllowed": null, "expirationWindow": ""})),
            defaults,
        ),
        (
            "one-of-two",
            Some(json!({"redemptionsAllowed": 2})),
            json!({"redemptionsAllowed": 2, "expirationWindow": "15m"}),
        ),
        ("all", Some(full.clone()), full),
    ];
    for (name, spec, stored) in cases {
        let created = user
            .create(AccessGrant, &AccessGrant.object(name, spec))
            .await
            .unwrap();
        assert_eq!(created.warnings, [""; 0], "{name}");
        assert_eq!(done(created)["spec"], stored, "{name}");
        assert_eq!(spec_of(&user, name).await, stored, "{name}");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_stored_and_the_user_is_told_all_of_it() {
    let (_cluster, user) = admin("grant-refused").await;
    let settings = json!({
        "accessGrant": {"maxRedemptionsAllowed": 10, "maxExpirationWindow": "24h"},
        "rules": {"grant-code-length": "deny"},
    });
    let policy = Order::of_skupper_kinds().settings(settings);
    let _policy = policy.deploy(&user).await.unwrap();
    let cases = [
        (
            json!({"expirationWindow": "1 day"}),
            "spec.expirationWindow: Invalid value: \"1 day\": must be a Go duration: write '24h'",
        ),
        (
            json!({"expirationWindow": "48h"}),
            "spec.expirationWindow: Invalid value: \"48h\": ",
        ),
        (
            json!({"redemptionsAllowed": 11}),
            "spec.redemptionsAllowed: Invalid value: 11: ",
        ),
        (json!({"code": "canary"}), "spec.code: Too short: "),
        (
            json!({"code": "canary", "redemptionsAllowed": -1}),
            "[spec.redemptionsAllowed: Invalid value: -1: ",
        ),
    ];
    for (spec, start) in cases {
        let grant = AccessGrant.object("west", Some(spec.clone()));
        for answer in [
            user.create(AccessGrant, &grant).await.unwrap(),
            user.apply(AccessGrant, &grant).await.unwrap(),
            user.dry_run(AccessGrant, &grant).await.unwrap(),
        ] {
            let told = refused(&answer);
            let start = format!("AccessGrant.skupper.io \"west\" is invalid: {start}");
            assert!(told.starts_with(&start), "{spec}: {told}");
            assert!(!answer.body.to_string().contains("canary"), "{answer:?}");
        }
        assert_eq!(user.get(AccessGrant, "west").await.unwrap().code, 404);
    }
}

#[tokio::test]
async fn warnings_and_audit_annotations_arrive() {
    let (cluster, user) = admin("grant-warnings").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let spec = json!({"code": "short", "issuer": "my-ca"});
    let grant = AccessGrant.object("west", Some(spec));
    let created = user.create(AccessGrant, &grant).await.unwrap();
    let [length, issuer] = created.warnings.as_slice() else {
        panic!("{:?}", created.warnings);
    };
    assert!(length.starts_with("spec.code: "), "{length}");
    assert!(issuer.starts_with("spec.issuer: "), "{issuer}");
    let created = done(created);

    let annotations = cluster
        .audit_events()
        .unwrap()
        .into_iter()
        .find(|event| {
            event["objectRef"]["namespace"] == "grant-warnings"
                && event["objectRef"]["name"] == created["metadata"]["name"]
        })
        .map(|event| event["annotations"].clone())
        .unwrap();
    assert_eq!(
        annotations["clusterwide-grant-warnings.kubewarden.admission/findings"],
        "grant-code-length,grant-issuer-ignored"
    );
}

#[tokio::test]
async fn applying_a_file_again_writes_nothing() {
    let (_cluster, user) = admin("grant-apply").await;
    let settings = json!({"accessGrant": {
        "rewriteWindows": true, "maxExpirationWindow": "48h", "overlong": "clamp"}});
    let policy = Order::of_skupper_kinds().settings(settings);
    let _policy = policy.deploy(&user).await.unwrap();
    let cases = [
        (
            "a-lowered-window",
            Some(json!({"expirationWindow": "72h0m0s"})),
        ),
        ("no-spec", None),
        ("an-empty-spec", Some(json!({}))),
        (
            "all",
            Some(json!({"redemptionsAllowed": 3, "expirationWindow": "1h30m"})),
        ),
        (
            "a-rewritten-window",
            Some(json!({"expirationWindow": "1 day"})),
        ),
    ];
    let grants = cases.map(|(name, spec)| AccessGrant.object(name, spec));
    let mut applied = Vec::new();
    for grant in &grants {
        let mut first = done(user.apply(AccessGrant, grant).await.unwrap());
        if first["metadata"]["managedFields"].is_null() {
            // A file without any field owns nothing. The API server then takes what is stored, once,
            // for what was there before anybody applied.
            first = done(user.apply(AccessGrant, grant).await.unwrap());
        }
        applied.push(first);
    }
    // The time of a managed field is in seconds: a change would show after one.
    sleep(Duration::from_millis(1100)).await;
    for time in 1..3 {
        for (grant, first) in grants.iter().zip(&applied) {
            let again = done(user.apply(AccessGrant, grant).await.unwrap());
            assert_eq!(version(&again), version(first), "{grant}, time {time}");
        }
    }

    // `kubectl apply` on the client finds no difference, and a controller puts back what it read.
    for (grant, first) in grants.iter().zip(&applied) {
        let name = grant["metadata"]["name"].as_str().unwrap();
        let merged = done(user.merge(AccessGrant, name, &json!({})).await.unwrap());
        assert_eq!(version(&merged), version(first), "{name}");
        let replaced = done(user.replace(AccessGrant, first).await.unwrap());
        assert_eq!(version(&replaced), version(first), "{name}");
    }
}

#[tokio::test]
async fn patches_are_judged_as_the_object_they_make() {
    let (_cluster, user) = admin("grant-patch").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let grant = AccessGrant.object("west", Some(json!({"expirationWindow": "1h"})));
    let created = done(user.create(AccessGrant, &grant).await.unwrap());

    let more = json!({"spec": {"redemptionsAllowed": 5}});
    let merged = done(user.merge(AccessGrant, "west", &more).await.unwrap());
    assert_eq!(
        merged["spec"],
        json!({"redemptionsAllowed": 5, "expirationWindow": "1h"})
    );

    let path = "/spec/expirationWindow";
    let removal = json!([{"op": "remove", "path": path}]);
    let patched = done(user.patch(AccessGrant, "west", &removal).await.unwrap());
    assert_eq!(
        patched["spec"],
        json!({"redemptionsAllowed": 5, "expirationWindow": "15m"})
    );

    let words = json!([{"op": "replace", "path": path, "value": "2 hours"}]);
    let answer = user.patch(AccessGrant, "west", &words).await.unwrap();
    assert!(refused(&answer).ends_with("write '2h'"), "{answer:?}");
    let words = json!({"spec": {"expirationWindow": "2 hours"}});
    refused(&user.merge(AccessGrant, "west", &words).await.unwrap());

    // A PUT of what was read at first, as an editor sends it: it is out of date.
    let replaced = user.replace(AccessGrant, &created).await.unwrap();
    assert_eq!(replaced.code, 409, "{replaced:?}");
    assert_eq!(spec_of(&user, "west").await, patched["spec"]);
}

#[tokio::test]
async fn an_object_from_before_the_policy_can_be_labelled_finalized_and_deleted() {
    let (_cluster, user) = admin("grant-before").await;
    let broken = json!({"expirationWindow": "hello 5m world", "redemptionsAllowed": -4});
    for name in ["west", "east"] {
        let grant = AccessGrant.object(name, Some(broken.clone()));
        done(user.create(AccessGrant, &grant).await.unwrap());
    }
    let mut policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();

    let touch = async |name: &str, metadata: Value| {
        let patch = json!({"metadata": metadata});
        let patched = user.merge(AccessGrant, name, &patch).await.unwrap();
        assert_eq!(patched.warnings, [""; 0]);
        assert_eq!(done(patched)["spec"], broken, "{patch}");
    };
    touch("west", json!({"labels": {"team": "a"}})).await;
    touch("west", json!({"annotations": {"note": "b"}})).await;
    touch("east", json!({"finalizers": ["example.com/hold"]})).await;
    let leaving = done(user.delete(AccessGrant, "east").await.unwrap());
    assert!(leaving["metadata"]["deletionTimestamp"].is_string());
    touch("east", json!({"labels": {"team": "a"}})).await;
    touch("east", json!({"finalizers": null})).await;
    assert_eq!(user.get(AccessGrant, "east").await.unwrap().code, 404);

    // A change of a field that is right is no reason to judge the others.
    let patch = json!({"spec": {"settings": {"a": "b"}}});
    let patched = done(user.merge(AccessGrant, "west", &patch).await.unwrap());
    assert_eq!(
        patched["spec"]["expirationWindow"],
        broken["expirationWindow"]
    );

    policy.take_down();
    let patch = json!({"metadata": {"labels": {"team": "b"}}});
    let answer = user.merge(AccessGrant, "west", &patch).await.unwrap();
    assert_eq!(answer.code, 500, "{answer:?}");
    assert!(
        answer.message().contains("failed calling webhook"),
        "{answer:?}"
    );
    done(user.delete(AccessGrant, "west").await.unwrap());
    assert_eq!(user.get(AccessGrant, "west").await.unwrap().code, 404);
}

#[tokio::test]
async fn generated_names_dry_runs_and_scale() {
    let (_cluster, user) = admin("grant-names").await;
    let policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let defaults = json!({"redemptionsAllowed": 1, "expirationWindow": "15m"});

    let mut generated = AccessGrant.object("", None);
    generated["metadata"] = json!({"generateName": "west-"});
    let mut names = Vec::new();
    for _ in 0..2 {
        let created = done(user.create(AccessGrant, &generated).await.unwrap());
        assert_eq!(created["spec"], defaults);
        names.push(created["metadata"]["name"].as_str().unwrap().to_owned());
    }
    assert!(
        names.iter().all(|name| name.starts_with("west-")),
        "{names:?}"
    );
    assert_ne!(names[0], names[1]);

    generated["spec"] = json!({"expirationWindow": "1 day"});
    let answer = user.create(AccessGrant, &generated).await.unwrap();
    assert!(
        refused(&answer).starts_with("AccessGrant.skupper.io \"west-\" is invalid: "),
        "{answer:?}"
    );

    let rehearsed = user
        .dry_run(AccessGrant, &AccessGrant.object("dry", None))
        .await
        .unwrap();
    assert_eq!(done(rehearsed)["spec"], defaults);
    assert_eq!(user.get(AccessGrant, "dry").await.unwrap().code, 404);

    // `kubectl scale` finds nothing to scale, and nobody is asked.
    let asked = policy.asked();
    let replicas = json!({"spec": {"replicas": 3}});
    let scale = format!("{}/scale", names[0]);
    let answer = user.merge(AccessGrant, &scale, &replicas).await.unwrap();
    assert_eq!(answer.code, 404, "{answer:?}");
    assert_eq!(policy.asked(), asked);
}

#[tokio::test]
async fn a_processed_grant_keeps_its_window_and_its_controller_is_never_stopped() {
    let (_cluster, user) = admin("grant-status").await;
    let policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let grant = |spec| AccessGrant.object("west", Some(spec));
    let file = grant(json!({"expirationWindow": "1h", "redemptionsAllowed": 5}));
    done(user.apply(AccessGrant, &file).await.unwrap());

    let asked = policy.asked();
    let status = json!({
        "code": "0123456789abcdefghijklmn",
        "redemptions": 3,
        "expirationTime": "2999-01-01T00:00:00Z",
    });
    let written = done(
        user.merge_status(AccessGrant, "west", &status)
            .await
            .unwrap(),
    );
    assert_eq!(written["status"], status);
    assert_eq!(policy.asked(), asked, "a status write is not the policy's");

    let again = done(user.apply(AccessGrant, &file).await.unwrap());
    assert_eq!(version(&again), version(&written));

    let other = json!({"expirationWindow": "2h", "redemptionsAllowed": 5});
    let answer = user.apply(AccessGrant, &grant(other)).await.unwrap();
    assert!(
        refused(&answer).contains("spec.expirationWindow: Forbidden: "),
        "{answer:?}"
    );

    // Left out of the file: it comes back, as Skupper computed with it.
    let shorter = json!({"redemptionsAllowed": 5});
    let kept = done(user.apply(AccessGrant, &grant(shorter)).await.unwrap());
    assert_eq!(kept["spec"]["expirationWindow"], "1h");

    let fewer = json!({"spec": {"redemptionsAllowed": 3}});
    let answer = user.merge(AccessGrant, "west", &fewer).await.unwrap();
    let [spent] = answer.warnings.as_slice() else {
        panic!("{:?}", answer.warnings);
    };
    assert!(spent.starts_with("spec.redemptionsAllowed: "), "{spent}");
    assert_eq!(done(answer)["spec"]["redemptionsAllowed"], 3);
}

#[tokio::test]
async fn a_validating_deployment_changes_nothing_and_stands_behind_a_mutating_one() {
    let (_cluster, user) = admin("grant-validating").await;
    let judge = Order::of("policy-validating").deploy(&user).await.unwrap();
    let alone = user
        .create(AccessGrant, &AccessGrant.object("alone", Some(json!({}))))
        .await;
    assert_eq!(done(alone.unwrap())["spec"], json!({}));
    let words = AccessGrant.object("words", Some(json!({"expirationWindow": "1 day"})));
    refused(&user.create(AccessGrant, &words).await.unwrap());

    let settings = json!({"accessGrant": {"rewriteWindows": true}});
    let mutating = Order::of_skupper_kinds().settings(settings);
    let _mutating = mutating.deploy(&user).await.unwrap();
    let asked = judge.asked();
    let behind = done(user.create(AccessGrant, &words).await.unwrap());
    assert_eq!(
        behind["spec"],
        json!({"expirationWindow": "24h", "redemptionsAllowed": 1})
    );
    assert!(judge.asked() > asked);

    // With defaulting left on, policy-server refuses what the policy would change.
    let (_cluster, user) = admin("grant-validating-wrong").await;
    let wrong = Order::of_skupper_kinds().validating();
    let _wrong = wrong.deploy(&user).await.unwrap();
    let answer = user
        .create(AccessGrant, &AccessGrant.object("west", None))
        .await
        .unwrap();
    assert_eq!(answer.code, 500, "{answer:?}");
}

async fn spec_of(user: &User, name: &str) -> Value {
    done(user.get(AccessGrant, name).await.unwrap())["spec"].take()
}
