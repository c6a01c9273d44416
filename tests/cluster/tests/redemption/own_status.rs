//! `--own-status`: services that start at once complete each grant once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cluster_tests::Cluster;
use kube::api::{ListParams, PostParams};
use redemption_sidecar::kubernetes::AccessGrant;
use redemption_sidecar::redemption::GrantUid;
use serde_json::json;
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
    let services = Services::new(&cluster, &room);
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
    sleep(Duration::from_secs(3)).await;

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
            let is_ready = |object: &AccessGrant| {
                let conditions = object.status["conditions"].as_array();
                let mut conditions = conditions.into_iter().flatten();
                conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
            };
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
}
