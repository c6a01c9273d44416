//! Events about AccessGrants: of which faults, how many, and what they say.

use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity};
use k8s_openapi::api::core::v1;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use redemption_sidecar::ledger::Ledger;
use redemption_sidecar::ledger::kubernetes::events::Events;
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::redemption::fault::Fault;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::room::{CODE, Room};
use crate::service::Services;

/// The Events about a grant, once there are so many.
async fn events(room: &Room, uid: &GrantUid, count: usize) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(room.client.clone(), &room.namespace);
    let about = ListParams::default().fields(&format!("regarding.uid={uid}"));
    let start = Instant::now();
    loop {
        let found = api.list(&about).await.unwrap().items;
        if found.len() >= count {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{found:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn the_event(room: &Room, uid: &GrantUid) -> Event {
    let mut events = events(room, uid, 1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_out_and_a_fault_of_the_site_are_events_and_nothing_else_is() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "events").await;
    room.site().await;
    let services = Services::new(&cluster, &room);
    let service = services.start(&[]).await;
    let port = service.port;

    let good = room.grant("good", 1).await;
    let guessed = room.grant("guessed", 1).await;
    let short = room
        .grant_of("short", json!({"redemptionsAllowed": 1}), "1234")
        .await;
    let other = room
        .grant_of("other", json!({"issuer": "partners"}), CODE)
        .await;
    for uid in [good, guessed, short, other] {
        assert_ne!(
            services.status_with(port, &uid, "").await,
            Some(503),
            "{uid}"
        );
    }

    assert_eq!(services.status(port, &good).await, Some(200));
    assert_eq!(services.status(port, &good).await, Some(404));
    assert_eq!(services.status(port, &other).await, Some(503));
    for uid in [guessed, short] {
        for attempt in 1..=25 {
            let answer = services.status_with(port, &uid, "Canary-wrong-code").await;
            // An empty code was the first one.
            let expected = if attempt < 20 { 403 } else { 429 };
            assert_eq!(answer, Some(expected), "{attempt}");
        }
    }
    room.set_endpoints(&Value::Null).await;
    let edge = room.grant("edge", 1).await;
    while services.status(port, &edge).await != Some(503) {
        // Counted as long as the endpoint is known.
        room.set_allowed("edge", 1000).await;
    }

    let mut said = Vec::new();
    for uid in [guessed, short, other, edge] {
        let event = the_event(&room, &uid).await;
        let text = serde_json::to_string(&event).unwrap();
        assert!(
            !text.contains("Canary") && !text.contains("127.0.0.1"),
            "{text}"
        );
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        said.push(event.reason.unwrap());
    }
    assert_eq!(
        said,
        ["WrongCodes", "WrongCodes", "IssuerNotServed", "NoEndpoints"]
    );
    assert!(events(&room, &good, 0).await.is_empty());

    // What `kubectl describe` asks for.
    let api: Api<v1::Event> = Api::namespaced(room.client.clone(), &room.namespace);
    let about = "involvedObject.kind=AccessGrant,involvedObject.name=other";
    let described = api
        .list(&ListParams::default().fields(about))
        .await
        .unwrap();
    let message = described.items[0].message.clone().unwrap();
    assert!(message.contains("'--issuer partners'"), "{message}");
    // A fault that lasts is told of once a minute.
    for _ in 0..5 {
        assert_eq!(services.status(port, &edge).await, Some(503));
    }
    sleep(Duration::from_millis(500)).await;
    assert!(the_event(&room, &edge).await.series.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_lasts_is_one_event_with_a_growing_count() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "series-of-events").await;
    let ledger = room.ledger().await;
    let uid = room.grant("west", 1).await;
    let grant = loop {
        if let Ok(entry) = ledger.look(&uid, None).await.unwrap() {
            break entry.grant;
        }
        sleep(Duration::from_millis(10)).await;
    };
    let told = Events::start(room.client.clone());
    let start = Instant::now();
    let minute = |number: u32| start + Duration::from_mins(1) * number;
    for number in 0..3 {
        told.offer(&grant, &Fault::NoEndpoints, minute(number));
        told.offer(&grant, &Fault::NoEndpoints, minute(number));
    }
    let series = loop {
        let event = the_event(&room, &uid).await;
        match event.series {
            Some(series) if series.count == 3 => break series,
            _ => sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(series.count, 3);
    told.offer(&grant, &Fault::Forbidden, minute(3));
    assert_eq!(events(&room, &uid, 2).await.len(), 2);

    // The API server forgets Events after an hour.
    let api: Api<Event> = Api::namespaced(room.client.clone(), &room.namespace);
    api.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .unwrap();
    told.offer(&grant, &Fault::NoEndpoints, minute(4));
    assert!(the_event(&room, &uid).await.series.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_may_not_count_says_so_and_one_that_may_not_tell_counts() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "forbidden").await;
    room.site().await;
    let read = json!([
        {"apiGroups": ["skupper.io"], "resources": ["accessgrants", "sites"],
            "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["skupper-site-ca"],
            "verbs": ["get", "list", "watch"]},
    ]);
    let with = |rule: Value| {
        let mut rules = read.as_array().unwrap().clone();
        rules.push(rule);
        Value::Array(rules)
    };
    let tell = json!({"apiGroups": ["events.k8s.io"], "resources": ["events"],
        "verbs": ["create", "patch"]});
    let count = json!({"apiGroups": ["skupper.io"], "resources": ["accessgrants/status"],
        "verbs": ["update"]});
    room.allow("teller", with(tell)).await;
    room.allow("counter", with(count)).await;
    let uid = room.grant("west", 2).await;

    let services = Services::of(&cluster, &room, &Identity::user("teller", &[]));
    let teller = services.start(&[]).await;
    assert_eq!(services.status(teller.port, &uid).await, Some(503));
    let event = the_event(&room, &uid).await;
    assert_eq!(event.reason.as_deref(), Some("Forbidden"));
    assert!(teller.log().contains("cannot count in AccessGrant 'west'"));
    assert_eq!(room.redemptions("west").await, 0);

    let services = Services::of(&cluster, &room, &Identity::user("counter", &[]));
    let counter = services.start(&[]).await;
    for name in ["one", "two", "three"] {
        let uid = room
            .grant_of(name, json!({"issuer": "partners"}), CODE)
            .await;
        while services.status_with(counter.port, &uid, "").await != Some(403) {}
        assert_eq!(services.status(counter.port, &uid).await, Some(503));
    }
    assert_eq!(services.status(counter.port, &uid).await, Some(200));
    sleep(Duration::from_secs(1)).await;
    let log = counter.log();
    let complaints = log.matches("cannot write Events").count();
    assert_eq!(complaints, 1, "{log}");
}
