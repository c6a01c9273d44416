//! AccessTokens, as their users make and change them.

use cluster_tests::Kind::AccessToken;
use cluster_tests::Order;
use serde_json::{Value, json};

use crate::{admin, done, refused, version};

#[tokio::test]
async fn the_link_cost_is_filled_in_and_what_the_user_wrote_stays() {
    let (_cluster, user) = admin("token-defaults").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let created = user
        .create(AccessToken, &AccessToken.object("west", Some(spec())))
        .await
        .unwrap();
    assert_eq!(created.warnings, [""; 0]);
    let mut stored = spec();
    stored["linkCost"] = json!(1);
    assert_eq!(done(created)["spec"], stored);

    stored["linkCost"] = json!(7);
    stored["settings"] = json!({"a": "b"});
    let all = AccessToken.object("all", Some(stored.clone()));
    assert_eq!(
        done(user.create(AccessToken, &all).await.unwrap())["spec"],
        stored
    );

    let mut generated = AccessToken.object("", Some(spec()));
    generated["metadata"] = json!({"generateName": "west-"});
    let created = done(user.create(AccessToken, &generated).await.unwrap());
    assert_eq!(created["spec"]["linkCost"], 1);
    assert!(
        created["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with("west-")
    );
}

#[tokio::test]
async fn what_is_refused_is_not_stored_and_tells_no_secret() {
    let (_cluster, user) = admin("token-refused").await;
    let settings = json!({"accessToken": {"allowedHosts": ["*.example.com"], "maxLinkCost": 100}});
    let policy = Order::of_skupper_kinds().settings(settings);
    let _policy = policy.deploy(&user).await.unwrap();
    let key = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n";
    let cases = [
        ("url", json!("http://grants.example.com/1"), "spec.url: "),
        (
            "url",
            json!("https://evil.example/1"),
            "spec.url: Forbidden: ",
        ),
        (
            "url",
            json!("https://canary:canary@grants.example.com/1"),
            "spec.url: ",
        ),
        ("url", json!(""), "spec.url: Required value"),
        ("code", json!("canary\n"), "spec.code: Invalid value: "),
        ("code", json!(""), "spec.code: Required value"),
        ("ca", json!("canary"), "spec.ca: "),
        ("ca", json!(key), "spec.ca: "),
        (
            "linkCost",
            json!(101),
            "spec.linkCost: Invalid value: 101: ",
        ),
        ("linkCost", json!(0), "spec.linkCost: Invalid value: 0: "),
    ];
    for (field, value, start) in cases {
        let mut spec = spec();
        spec[field] = value;
        let token = AccessToken.object("west", Some(spec));
        for answer in [
            user.create(AccessToken, &token).await.unwrap(),
            user.apply(AccessToken, &token).await.unwrap(),
            user.dry_run(AccessToken, &token).await.unwrap(),
        ] {
            let told = refused(&answer);
            let start = format!("AccessToken.skupper.io \"west\" is invalid: {start}");
            assert!(told.starts_with(&start), "{told}");
            let all = format!("{answer:?}");
            assert!(!all.contains("canary"), "{field}: {all}");
            assert!(!all.contains("0123456789abcdef"), "{field}: {all}");
        }
        assert_eq!(user.get(AccessToken, "west").await.unwrap().code, 404);
    }
}

#[tokio::test]
async fn what_the_definition_forgets_or_demands_is_told_by_the_policy_first() {
    let (_cluster, user) = admin("token-missing").await;
    let nothing = AccessToken.object("nothing", None);
    done(user.dry_run(AccessToken, &nothing).await.unwrap());
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();

    let answer = user.create(AccessToken, &nothing).await.unwrap();
    assert_eq!(
        refused(&answer),
        "AccessToken.skupper.io \"nothing\" is invalid: spec: Required value: url, code and ca are \
         required"
    );

    let answer = user
        .create(AccessToken, &AccessToken.object("empty", Some(json!({}))))
        .await
        .unwrap();
    let told = refused(&answer);
    assert!(
        told.contains("spec.url: Required value") && told.contains("spec.code: Required value"),
        "{told}"
    );

    // Empty, it would pass Skupper's definition.
    let mut without_ca = spec();
    without_ca["ca"] = json!("");
    let empty_ca = without_ca.clone();
    without_ca.as_object_mut().unwrap().remove("ca");
    for spec in [without_ca, empty_ca] {
        let token = AccessToken.object("no-ca", Some(spec));
        let answer = user.create(AccessToken, &token).await.unwrap();
        assert!(
            refused(&answer).contains("spec.ca: Required value"),
            "{answer:?}"
        );
    }

    let reserved = AccessToken.object("skupper-site-ca", Some(spec()));
    let answer = user.create(AccessToken, &reserved).await.unwrap();
    assert!(
        refused(&answer).contains("metadata.name: Forbidden: "),
        "{answer:?}"
    );
}

#[tokio::test]
async fn without_settings_a_missing_ca_is_warned_of_and_refused_by_the_definition() {
    let (_cluster, user) = admin("token-without-ca").await;
    let policy = Order::of_skupper_kinds().settings(json!({}));
    let _policy = policy.deploy(&user).await.unwrap();
    let mut without_ca = spec();
    without_ca.as_object_mut().unwrap().remove("ca");
    let token = AccessToken.object("no-ca", Some(without_ca));
    let answer = user.create(AccessToken, &token).await.unwrap();
    assert_eq!(answer.code, 422);
    assert!(
        answer.message().contains("spec.ca: Required value"),
        "{answer:?}"
    );
    assert!(
        !answer.message().contains("denied the request"),
        "{answer:?}"
    );
    assert!(
        answer
            .warnings
            .iter()
            .any(|text| text.starts_with("spec.ca: ")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_expired_ca_is_stored_with_a_warning() {
    let (_cluster, user) = admin("token-warnings").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let mut spec = spec();
    spec["ca"] = json!(include_str!("../../../certificates/expired.pem"));
    let token = AccessToken.object("west", Some(spec.clone()));
    let created = user.create(AccessToken, &token).await.unwrap();
    let [expired] = created.warnings.as_slice() else {
        panic!("{:?}", created.warnings);
    };
    assert!(expired.starts_with("spec.ca: "), "{expired}");
    assert_eq!(done(created)["spec"]["ca"], spec["ca"]);
}

#[tokio::test]
async fn applying_a_file_again_writes_nothing_and_a_redeemed_token_stays_as_it_is() {
    let (_cluster, user) = admin("token-redeemed").await;
    let policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let file = AccessToken.object("west", Some(spec()));
    let first = done(user.apply(AccessToken, &file).await.unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let again = done(user.apply(AccessToken, &file).await.unwrap());
    assert_eq!(version(&again), version(&first));

    let cost = json!([{"op": "replace", "path": "/spec/linkCost", "value": 5}]);
    done(user.patch(AccessToken, "west", &cost).await.unwrap());

    let asked = policy.asked();
    let redeemed = json!({"redeemed": true});
    let written = done(
        user.merge_status(AccessToken, "west", &redeemed)
            .await
            .unwrap(),
    );
    assert_eq!(policy.asked(), asked, "a status write is not the policy's");

    let cost = json!({"spec": {"linkCost": 9}});
    let answer = user.merge(AccessToken, "west", &cost).await.unwrap();
    assert!(refused(&answer).contains("Forbidden: "), "{answer:?}");

    let label = json!({"metadata": {"labels": {"team": "a"}}});
    let labelled = done(user.merge(AccessToken, "west", &label).await.unwrap());
    assert_eq!(labelled["spec"], written["spec"]);
    done(user.delete(AccessToken, "west").await.unwrap());
}

#[tokio::test]
async fn more_settings_than_there_may_be_are_refused_and_block_no_label() {
    let (_cluster, user) = admin("token-too-many").await;
    let with = |count: usize| {
        let entries = (0..count).map(|number| (format!("key-{number:05}"), json!("value")));
        let mut spec = spec();
        spec["settings"] = Value::Object(entries.collect());
        spec
    };
    let before = AccessToken.object("before", Some(with(65)));
    done(user.create(AccessToken, &before).await.unwrap());
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();

    for count in [65, 45_000] {
        let token = AccessToken.object("west", Some(with(count)));
        let answer = user.create(AccessToken, &token).await.unwrap();
        assert_eq!(
            refused(&answer),
            "AccessToken.skupper.io \"west\" is invalid: spec.settings: Too many: must have at most 64 \
             entries"
        );
    }
    let token = AccessToken.object("west", Some(with(64)));
    done(user.create(AccessToken, &token).await.unwrap());

    let label = json!({"metadata": {"labels": {"team": "a"}, "finalizers": ["example.com/hold"]}});
    done(user.merge(AccessToken, "before", &label).await.unwrap());
    let cost = json!({"spec": {"linkCost": 9}});
    refused(&user.merge(AccessToken, "before", &cost).await.unwrap());
    let mended =
        json!({"spec": {"settings": {"key-00000": null}}, "metadata": {"finalizers": null}});
    done(user.merge(AccessToken, "before", &mended).await.unwrap());
    done(user.delete(AccessToken, "before").await.unwrap());
}

fn spec() -> Value {
    json!({
        "url": "https://grants.example.com:9090/5a1b2c3d",
        "code": "0123456789abcdef01234567",
        "ca": include_str!("../../../certificates/p256.pem"),
    })
}
