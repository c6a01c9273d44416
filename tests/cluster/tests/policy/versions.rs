//! A version of Skupper's API that comes later.

use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Order, User};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::{done, refused};

#[tokio::test]
async fn a_version_that_takes_the_place_of_the_present_one_is_judged_and_completed() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let user = User::admin(&cluster, "later").await.unwrap();
    let policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    serve_only(&user, "v2").await;

    let grants = "/apis/skupper.io/v2/namespaces/later/accessgrants";
    let grant = |name: &str, spec: Value| json!({"apiVersion": "skupper.io/v2", "kind": "AccessGrant", "metadata": {"name": name}, "spec": spec});
    let create = |object: Value| {
        let user = user.clone();
        async move {
            user.send(Method::POST, grants, JSON, &object)
                .await
                .unwrap()
        }
    };
    let asked = policy.asked();
    let answer = create(grant("west", json!({"expirationWindow": "1 day"}))).await;
    assert!(refused(&answer).contains("write '24h'"), "{answer:?}");
    // Two rules match the present version, and one every other: each request is asked about once.
    assert_eq!(policy.asked(), asked + 1);
    let stored = done(create(grant("east", json!({}))).await);
    assert_eq!(stored["spec"]["expirationWindow"], "15m");
}

#[tokio::test]
async fn the_present_version_is_asked_about_once_although_two_rules_match_it() {
    let (_cluster, user) = crate::admin("versions-once").await;
    let policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let asked = policy.asked();
    let kind = cluster_tests::Kind::AccessGrant;
    done(user.create(kind, &kind.object("west", None)).await.unwrap());
    assert_eq!(policy.asked(), asked + 1);
}

/// Serves AccessGrants in another version, of the same schema, and not in the present one any more.
async fn serve_only(user: &User, version: &str) {
    let url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/accessgrants.skupper.io";
    let request = |uri: &str| Request::get(uri).body(Vec::new()).unwrap();
    let mut definition: Value = user.client().request(request(url)).await.unwrap();
    let mut later = definition["spec"]["versions"][0].clone();
    later["name"] = version.into();
    later["storage"] = false.into();
    let versions = definition["spec"]["versions"].as_array_mut().unwrap();
    versions[0]["served"] = false.into();
    versions.push(later);
    done(
        user.send(Method::PUT, url, JSON, &definition)
            .await
            .unwrap(),
    );

    let list = format!("/apis/skupper.io/{version}/accessgrants");
    let start = Instant::now();
    while user
        .client()
        .request::<Value>(request(&list))
        .await
        .is_err()
    {
        assert!(start.elapsed() < Duration::from_secs(20), "not served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const JSON: &str = "application/json";
