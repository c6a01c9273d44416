//! `--own-status`: the status of grants, whoever else writes it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity, Kubectl};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use redemption_sidecar::kubernetes::{AccessGrant, Course, News, Selection, follow};
use redemption_sidecar::redemption::GrantUid;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::history::History;
use crate::room::Room;
use crate::service::Services;

#[tokio::test(flavor = "multi_thread")]
async fn three_services_that_start_at_once_complete_each_grant_once() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "own-status").await;
    room.site().await;
    let history = History::begin(&room).await;
    for number in 0..50 {
        room.bare_grant(&format!("before-{number}")).await;
    }
    let services = Services::new(&cluster, &room).advertising("https://127.0.0.1:9090");
    let mut running: Vec<_> = (0..3).map(|_| services.spawn(&["--own-status"])).collect();
    for number in 0..10 {
        room.bare_grant(&format!("meanwhile-{number}")).await;
    }
    for service in &mut running {
        service.wait_until_ready().await;
    }
    for number in 0..10 {
        room.bare_grant(&format!("after-{number}")).await;
    }
    let complete = room.wait_until_complete().await;
    assert_eq!(complete.len(), 70);
    // Whatever would still be written is written now.
    sleep(SETTLED).await;

    for object in &complete {
        let name = object.metadata.name.as_deref().unwrap();
        let uid = GrantUid::parse(object.metadata.uid.as_deref().unwrap()).unwrap();
        let versions = history.of(&room, name, &uid).await;
        for field in ["code", "expirationTime", "url", "ca"] {
            let values = versions.iter().filter_map(|one| one.status[field].as_str());
            let values: BTreeSet<_> = values.collect();
            assert_eq!(values.len(), 1, "{name}: {field}");
        }
        // As it was made, and complete: nothing was written twice.
        let versions: BTreeSet<_> = versions
            .iter()
            .map(|one| &one.metadata.resource_version)
            .collect();
        assert_eq!(versions.len(), 2, "{name}");
    }
    for object in complete.iter().step_by(7) {
        let name = object.metadata.name.as_deref().unwrap();
        let uid = GrantUid::parse(object.metadata.uid.as_deref().unwrap()).unwrap();
        let code = object.status["code"].as_str().unwrap();
        for service in &running {
            let answer = services
                .ask_with(service.port, &uid, code, "")
                .await
                .unwrap();
            assert_eq!(answer.status, 200, "{name}: {answer:?}");
        }
        assert_eq!(room.redemptions(name).await, 3, "{name}");
    }
    for service in &running {
        let log = service.log();
        assert!(!log.contains(" ERROR "), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_the_state_of_a_grant_and_skuppers_controller_is_not_fought() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "state").await;
    room.site().await;
    let _controller = disabled_controller(&room);
    let services = Services::new(&cluster, &room);
    let _service = services.start(&["--own-status"]).await;
    room.bare_grant("west").await;
    let issuer = room.secrets().get("skupper-site-ca").await.unwrap();
    let endpoints = json!([{"name": "edge", "host": "192.0.2.1", "port": "45671", "group": "g"}]);

    // What is done, then status, Resolved, its reason, and a part of its message.
    let rows = [
        ("nothing", "Ready", "True", "Ready", "OK"),
        ("no endpoint", "Pending", "False", "Pending", "no endpoint"),
        ("an endpoint", "Ready", "True", "Ready", "OK"),
        (
            "an edge site",
            "Error",
            "False",
            "Error",
            "site 'west' is an edge site and accepts no links",
        ),
        ("no edge site", "Ready", "True", "Ready", "OK"),
        (
            "no issuer",
            "Error",
            "False",
            "Error",
            "'skupper-site-ca' cannot be used",
        ),
        ("the issuer again", "Ready", "True", "Ready", "OK"),
        ("no site", "Pending", "False", "Pending", "there is no Site"),
    ];
    for (done, status, resolved, reason, message) in rows {
        match done {
            "no endpoint" => room.set_endpoints(&json!([])).await,
            "an endpoint" => room.set_endpoints(&endpoints).await,
            "an edge site" => room.set_edge(true).await,
            "no edge site" => room.set_edge(false).await,
            "no issuer" => {
                let options = DeleteParams::default();
                room.secrets()
                    .delete("skupper-site-ca", &options)
                    .await
                    .unwrap();
            }
            "the issuer again" => {
                let mut secret = issuer.clone();
                secret.metadata.resource_version = None;
                secret.metadata.uid = None;
                room.secrets()
                    .create(&PostParams::default(), &secret)
                    .await
                    .unwrap();
            }
            "no site" => {
                let (sites, _) = room.sites();
                sites
                    .delete("west", &DeleteParams::default())
                    .await
                    .unwrap();
            }
            _ => {}
        }
        let object = room.wait_for_status("west", status).await;
        let condition = |kind: &str| {
            let mut conditions = object.status["conditions"].as_array().unwrap().iter();
            conditions.find(|one| one["type"] == kind).unwrap().clone()
        };
        let of_site = condition("Resolved");
        assert_eq!(of_site["status"], resolved, "{done}");
        assert_eq!(of_site["reason"], reason, "{done}");
        let text = of_site["message"].as_str().unwrap();
        assert!(text.contains(message), "{done}: {text}");
        let ready = condition("Ready");
        for field in ["status", "reason", "message", "observedGeneration"] {
            assert_eq!(ready[field], of_site[field], "{done}: {field}");
        }
        assert_eq!(condition("Processed")["status"], "True", "{done}");
        room.stays("west", done).await;
        // The controller has the last word there.
        let object = room.grants.get("west").await.unwrap();
        assert_eq!(object.status["message"], NOT_ENABLED, "{done}");
    }
    room.set_allowed("west", 5).await;
    let object = room.stays("west", "another generation").await;
    let ready = object.status["conditions"].as_array().unwrap().iter();
    let ready = ready.clone().find(|one| one["type"] == "Ready").unwrap();
    assert_eq!(
        ready["observedGeneration"],
        object.metadata.generation.unwrap()
    );

    let kubectl = Kubectl::of(&cluster, &Identity::Admin, &room.namespace).unwrap();
    let shown = kubectl.run(&["get", "grant"], "").unwrap();
    let columns: Vec<_> = shown.output.lines().map(str::to_owned).collect();
    assert!(columns[0].contains("STATUS"), "{shown:?}");
    assert!(columns[1].contains(" Pending "), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_has_published_is_replaced_and_two_urls_are_no_fight() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "published").await;
    room.site().await;
    // As Skupper's controller has left it.
    let uid = room.grant("west", 3).await;
    room.set_status(
        "west",
        &json!({"ca": "of Skupper", "status": "Ready", "message": "OK"}),
    )
    .await;
    let before = room.grants.get("west").await.unwrap().status;
    let history = History::begin(&room).await;
    let services = Services::new(&cluster, &room);
    let mut urls = Vec::new();
    let mut running = Vec::new();
    for _ in 0..2 {
        let service = services.start(&["--own-status"]).await;
        let url = format!("https://127.0.0.1:{}/{uid}", service.port);
        let object = room
            .wait_for("west", |status| status["url"] == url.as_str())
            .await;
        assert_eq!(object.status["ca"], services.ca());
        assert_eq!(object.status["code"], before["code"]);
        assert_eq!(object.status["expirationTime"], before["expirationTime"]);
        urls.push(url);
        running.push(service);
    }
    room.stays("west", "two URLs").await;
    // A redemption makes both look again.
    let first = services.ask(running[0].port, &uid).await.unwrap();
    assert_eq!(first.status, 200);
    let object = room.stays("west", "a redemption").await;
    assert_eq!(object.status["url"], urls[1].as_str());
    let versions = history.of(&room, "west", &uid).await;
    let urls_in_turn: Vec<_> = versions
        .iter()
        .map(|one| one.status["url"].clone())
        .collect();
    assert_eq!(
        urls_in_turn,
        [
            &before["url"],
            &json!(urls[0]),
            &json!(urls[1]),
            &json!(urls[1])
        ]
        .map(Clone::clone)
    );
}

/// Skupper's controller that runs with grants disabled: it writes its message, and nothing else.
///
/// Source: Skupper `internal/kube/grants/disabled.go`.
fn disabled_controller(room: &Room) -> Task {
    let (api, client) = (room.grants.clone(), room.grants.clone());
    let (news, mut heard) = tokio::sync::mpsc::unbounded_channel();
    Task(tokio::spawn(async move {
        let course = Course::of("the AccessGrants");
        let watching = follow(api, Selection::default(), &course, |event| {
            if let News::Listed(object) | News::Changed(object) = event {
                news.send(object).unwrap();
            }
        });
        let working = async {
            while let Some(object) = heard.recv().await {
                say_not_enabled(&client, object).await;
            }
        };
        tokio::join!(watching, working);
    }))
}

async fn say_not_enabled(grants: &Api<AccessGrant>, mut object: AccessGrant) {
    if object.status["message"] == NOT_ENABLED {
        return;
    }
    if object.status.is_null() {
        object.status = json!({});
    }
    object.status["message"] = NOT_ENABLED.into();
    let name = object.metadata.name.clone().unwrap();
    // A conflict is followed by an event.
    let _ = grants
        .replace_status(&name, &PostParams::default(), &object)
        .await;
}

/// Ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

const NOT_ENABLED: &str = "AccessGrants are not enabled";

impl Room {
    /// A grant as users make it.
    async fn bare_grant(&self, name: &str) {
        let mut object = AccessGrant {
            spec: json!({"redemptionsAllowed": 3, "expirationWindow": "1h"}),
            ..AccessGrant::default()
        };
        object.metadata.name = Some(name.to_owned());
        self.grants
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }

    /// Every grant, when all of them can be redeemed.
    async fn wait_until_complete(&self) -> Vec<AccessGrant> {
        let start = Instant::now();
        loop {
            let all = self
                .grants
                .list(&ListParams::default())
                .await
                .unwrap()
                .items;
            let is_ready = |object: &AccessGrant| object.status["status"] == "Ready";
            let waiting = all.iter().filter(|object| !is_ready(object)).count();
            if waiting == 0 {
                return all;
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{waiting} are not complete"
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn set_edge(&self, is_edge: bool) {
        let (sites, _) = self.sites();
        let patch = Patch::Merge(json!({"spec": {"edge": is_edge}}));
        sites
            .patch("west", &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// A grant as soon as its status is as it must be.
    async fn wait_for(&self, name: &str, is_right: impl Fn(&Value) -> bool) -> AccessGrant {
        let start = Instant::now();
        loop {
            let object = self.grants.get(name).await.unwrap();
            if is_right(&object.status) {
                return object;
            }
            let late = start.elapsed() > Duration::from_mins(1);
            assert!(!late, "{name}: {}", object.status["conditions"]);
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn wait_for_status(&self, name: &str, status: &str) -> AccessGrant {
        self.wait_for(name, |stored| stored["status"] == status)
            .await
    }

    /// The grant when nobody writes it for a while. What is still to be written is written before.
    async fn stays(&self, name: &str, done: &str) -> AccessGrant {
        sleep(SETTLED).await;
        let before = self.grants.get(name).await.unwrap();
        sleep(SETTLED).await;
        let after = self.grants.get(name).await.unwrap();
        let versions = [&before, &after].map(|object| &object.metadata.resource_version);
        assert_eq!(versions[0], versions[1], "{done}");
        after
    }
}

/// Longer than a service takes to look at its sites again.
const SETTLED: Duration = Duration::from_secs(3);
