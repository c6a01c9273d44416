//! Windows at an API server, with the policy and without.

use std::collections::BTreeMap;

use cluster_tests::Kind::AccessGrant;
use cluster_tests::Order;
use kube::api::{Api, ApiResource, GroupVersionKind, ListParams, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{admin, done, refused};

#[tokio::test]
async fn every_window_that_was_seen_is_stored_or_refused_as_specified() {
    let (_cluster, without) = admin("windows-without").await;
    let (_cluster, with) = admin("windows-with").await;
    let _policy = Order::of_skupper_kinds().deploy(&with).await.unwrap();
    let mut outcomes = BTreeMap::new();
    for (row, name) in windows().iter().zip(names()) {
        let window = row["value"].as_str().unwrap();
        let grant = AccessGrant.object(&name, Some(json!({"expirationWindow": window})));

        let seen = without.create(AccessGrant, &grant).await.unwrap();
        assert_eq!(seen.code, row["http"], "{window:?}: {seen:?}");
        if seen.is_done() {
            assert_eq!(seen.body["spec"]["expirationWindow"], row["stored"]);
        }

        let answer = with.create(AccessGrant, &grant).await.unwrap();
        let outcome = match window {
            "" => {
                assert_eq!(done(answer)["spec"]["expirationWindow"], "15m");
                "defaulted"
            }
            _ if is_readable_and_positive(row) => {
                assert_eq!(answer.warnings, [""; 0], "{window:?}");
                assert_eq!(done(answer)["spec"]["expirationWindow"], window);
                "kept"
            }
            _ => {
                let told = refused(&answer);
                let start = format!(
                    "AccessGrant.skupper.io \"{name}\" is invalid: spec.expirationWindow: Invalid value: "
                );
                assert!(told.starts_with(&start), "{window:?}: {told}");
                "refused"
            }
        };
        let before = if seen.is_done() { "stored" } else { "refused" };
        *outcomes.entry((before, outcome)).or_insert(0) += 1;
    }
    let expected = [
        (("refused", "defaulted"), 1),
        (("refused", "refused"), 17),
        (("stored", "kept"), 14),
        // Skupper cannot read 38 of them, and the other 5 end a grant at its birth.
        (("stored", "refused"), 43),
    ];
    assert_eq!(outcomes, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_list_as_window_breaks_typed_lists_and_the_policy_keeps_it_out() {
    let (_cluster, user) = admin("windows-list").await;
    let listed = || async {
        let kind = GroupVersionKind::gvk("skupper.io", "v2alpha1", "AccessGrant");
        let kind = ApiResource::from_gvk(&kind);
        let grants: Api<Object<Spec, Value>> =
            Api::namespaced_with(user.client().clone(), user.namespace(), &kind);
        grants.list(&ListParams::default()).await
    };
    done(
        user.create(AccessGrant, &AccessGrant.object("good", Some(json!({}))))
            .await
            .unwrap(),
    );
    assert_eq!(listed().await.unwrap().items.len(), 1);

    let list = AccessGrant.object("list", Some(json!({"expirationWindow": ["15m"]})));
    let stored = done(user.create(AccessGrant, &list).await.unwrap());
    assert_eq!(stored["spec"]["expirationWindow"], json!(["15m"]));
    assert!(matches!(listed().await, Err(kube::Error::SerdeError(_))));

    // Where it is stored already, it can be put right and cannot be put back.
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let repair = json!({"spec": {"expirationWindow": "15m"}});
    done(user.merge(AccessGrant, "list", &repair).await.unwrap());
    assert_eq!(listed().await.unwrap().items.len(), 2);
    let again = json!({"spec": {"expirationWindow": ["15m"]}});
    let answer = user.merge(AccessGrant, "list", &again).await.unwrap();
    assert!(refused(&answer).contains("must be a string"), "{answer:?}");
    done(user.delete(AccessGrant, "list").await.unwrap());
    let answer = user.create(AccessGrant, &list).await.unwrap();
    assert!(refused(&answer).contains("must be a string"), "{answer:?}");
    assert_eq!(listed().await.unwrap().items.len(), 1);
}

/// As a controller reads it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    expiration_window: Option<String>,
}

fn windows() -> Vec<Value> {
    let seen = include_str!("../../../durations/expiration-window-seen.json");
    let mut rows: Vec<Value> = serde_json::from_str(seen).unwrap();
    rows.retain(|row| row["value"].is_string());
    rows
}

fn names() -> impl Iterator<Item = String> {
    (0..).map(|number| format!("window-{number}"))
}

/// As Go prints what it reads: never without a unit.
fn is_readable_and_positive(row: &Value) -> bool {
    let go = row["go"].as_str().unwrap();
    !go.starts_with("error: ") && !go.starts_with('-') && go != "0s"
}
