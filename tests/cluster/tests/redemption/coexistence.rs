//! Services beside Skupper's controller, where both redeem the same grant.
//!
//! The controller is a stand-in that writes as it does: it keeps objects in memory as its watch tells
//! them, older ones over newer ones too; it counts in that memory first and then puts the whole object
//! with a status of known fields; what it counted in vain stays in memory until the next event.
//!
//! Source: Skupper `internal/kube/grants/grants.go`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster_tests::Cluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::PostParams;
use redemption_sidecar::kubernetes::{AccessGrant, Course, News, Selection, follow};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::certificate_request;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::balancer::Balancer;
use crate::burst::Burst;
use crate::dice::Dice;
use crate::history::{History, lawful_count};
use crate::room::{CODE, Room, noted, time};
use crate::service::Services;

/// Skupper's controller, as far as one grant is concerned.
struct Controller {
    grants: Api<AccessGrant>,
    memory: Mutex<AccessGrant>,
    dice: Arc<Dice>,
}

/// The fields of a status that the controller knows. Others are lost when it writes.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<Condition>,
    #[serde(rename = "status", skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    code: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ca: String,
    #[serde(skip_serializing_if = "is_zero")]
    redemptions: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    expiration_time: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Status {
    fn of(object: &AccessGrant) -> Self {
        serde_json::from_value(object.status.clone()).unwrap_or_default()
    }

    /// Writes its own condition anew and keeps foreign ones.
    fn set_ready(&mut self, message: &str) {
        let ready = json!({"type": "Ready", "status": "True", "reason": "Ready", "message": message,
            "lastTransitionTime": time(clock::now())});
        self.conditions
            .retain(|condition| condition.type_ != "Ready");
        self.conditions
            .insert(0, serde_json::from_value(ready).unwrap());
    }
}

impl Controller {
    async fn start(room: &Room, name: &str, dice: &Arc<Dice>) -> (Arc<Self>, JoinHandle<()>) {
        let controller = Arc::new(Self {
            grants: room.grants.clone(),
            memory: Mutex::new(room.grants.get(name).await.unwrap()),
            dice: Arc::clone(dice),
        });
        let (news, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let api = room.grants.clone();
        let selection = Selection {
            field: Some(format!("metadata.name={name}")),
            ..Selection::default()
        };
        let of_watch = Arc::clone(&controller);
        let task = tokio::spawn(async move {
            let course = Course::of("the AccessGrants");
            let watching = follow(api, selection, &course, |event| {
                if let News::Changed(object) | News::Listed(object) = event {
                    news.send(object).unwrap();
                }
            });
            let working = async {
                while let Some(object) = heard.recv().await {
                    // Its queue is often behind.
                    sleep(of_watch.dice.milliseconds(6)).await;
                    *of_watch.memory.lock().unwrap() = object;
                }
            };
            tokio::join!(watching, working);
        });
        (controller, task)
    }

    /// Redeems. None is its answer 503: somebody else wrote meanwhile.
    async fn redeem(&self) -> Option<bool> {
        let object = {
            let mut memory = self.memory.lock().unwrap();
            let mut status = Status::of(&memory);
            if status.redemptions >= memory.spec["redemptionsAllowed"].as_u64().unwrap() {
                return Some(false);
            }
            status.redemptions += 1;
            memory.status = serde_json::to_value(status).unwrap();
            memory.clone()
        };
        self.put(object).await.then_some(true)
    }

    /// Writes a new CA and its conditions, as it does when a Secret changes.
    async fn recheck(&self, round: usize) {
        let object = {
            let mut memory = self.memory.lock().unwrap();
            let mut status = Status::of(&memory);
            status.ca = format!("CA number {round}");
            status.set_ready(&format!("round {round}"));
            memory.status = serde_json::to_value(status).unwrap();
            memory.clone()
        };
        self.put(object).await;
    }

    async fn put(&self, object: AccessGrant) -> bool {
        let name = object.metadata.name.clone().unwrap();
        let options = PostParams::default();
        match self.grants.replace_status(&name, &options, &object).await {
            Ok(updated) => {
                *self.memory.lock().unwrap() = updated;
                true
            }
            Err(kube::Error::Api(status)) if status.code == 409 => false,
            Err(error) => unreachable!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_skuppers_controller_the_count_is_never_below_the_certificates() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "beside-skupper").await;
    room.site().await;
    let dice = Arc::new(Dice::new("beside-skupper"));
    let services = Arc::new(Services::new(&cluster, &room));
    let running = [services.start(&[]).await, services.start(&[]).await];
    let ports = running.iter().map(|service| service.port).collect();
    let balancer = Balancer::start(ports, Arc::clone(&dice)).await;
    let history = History::begin(&room).await;
    for allowed in [5, 40, 200] {
        let name = format!("west-{allowed}");
        let uid = room.grant(&name, allowed).await;
        room.is_known(&services, &running, &uid).await;
        let (controller, watch) = Controller::start(&room, &name, &dice).await;
        let key = PrivateKey::generate(KeyKind::P256);
        let own = certificate_request::create(&key);
        let own = format!("certificate-request: {own}\r\n");
        let first = services.ask_with(balancer.port, &uid, CODE, &own).await;
        let first = first.unwrap().serial();

        let mut of_controller = JoinSet::new();
        for _ in 0..16 {
            let controller = Arc::clone(&controller);
            of_controller.spawn(async move {
                for _ in 0..40 {
                    if let Some(is_redeemed) = controller.redeem().await {
                        return u64::from(is_redeemed);
                    }
                    sleep(controller.dice.milliseconds(60)).await;
                }
                0
            });
        }
        let rechecks = {
            let controller = Arc::clone(&controller);
            tokio::spawn(async move {
                for round in 0.. {
                    controller.recheck(round).await;
                    sleep(controller.dice.milliseconds(80)).await;
                }
            })
        };
        // In waves, so that now one is first and now the other.
        let mut burst = Burst::default();
        for _ in 0..8 {
            burst.own(&services, balancer.port, uid, 3);
            burst.plain(&services, balancer.port, uid, 3);
            sleep(dice.milliseconds(150)).await;
        }
        let received = burst.end().await;
        let of_controller: u64 = of_controller.join_all().await.into_iter().sum();
        // What is in its memory still is written by now.
        sleep(Duration::from_millis(300)).await;
        rechecks.abort();
        watch.abort();
        let own_count = 1 + (received.own.len() + received.plain.len()) as u64;
        let versions = history.of(&room, &name, &uid).await;
        let counted = lawful_count(&versions);
        println!(
            "{name}: {own_count} by services, {of_controller} by the controller, {counted} counted"
        );
        assert!(own_count + of_controller <= counted, "{name}");
        assert!(counted <= u64::from(allowed), "{name}");
        assert!(
            of_controller > 0 || allowed < 40,
            "{name}: the controller was never first"
        );
        // It keeps what is noted: the key is the same redemption still.
        assert_eq!(noted(versions.last().unwrap()), own_count, "{name}");
        let again = services.ask_with(balancer.port, &uid, CODE, &own).await;
        assert_eq!(again.unwrap().serial(), first, "{name}");
    }
}
