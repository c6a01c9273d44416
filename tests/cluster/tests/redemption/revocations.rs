//! Links that are taken back, at every replica, whoever does it and whatever becomes of the Leases.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity, Kubectl};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use tokio::time::sleep;

use crate::balancer::{Balancer, Line};
use crate::room::{CODE, Room};
use crate::service::{Pair, Service, Services};

/// A site with replicas.
struct Site {
    room: Room,
    services: Services,
    replicas: Vec<Service>,
    leases: Api<Lease>,
}

impl Site {
    async fn new(cluster: &Cluster, namespace: &str, replicas: usize) -> Self {
        let room = Room::new(cluster, namespace).await;
        let services = Services::new(cluster, &room);
        Self::with(room, services, replicas).await
    }

    /// The services are made with care by the caller.
    async fn with(room: Room, services: Services, replicas: usize) -> Self {
        room.site().await;
        let mut running = Vec::new();
        for _ in 0..replicas {
            running.push(services.start(&[]).await);
        }
        Self {
            leases: Api::namespaced(room.client.clone(), &room.namespace),
            room,
            services,
            replicas: running,
        }
    }

    /// Redeems a link from a new grant, and waits for its Lease.
    async fn link(&self, name: &str) -> Pair {
        let uid = self.room.grant(name, 1).await;
        self.room
            .is_known(&self.services, &self.replicas, &uid)
            .await;
        let subject = format!("subject: {name}\r\n");
        let port = self.replicas[0].port;
        let answer = self.services.ask_with(port, &uid, CODE, &subject).await;
        let pair = answer.unwrap().pair();
        self.lease(&pair).await;
        pair
    }

    /// The Lease of a link, as soon as there is one.
    async fn lease(&self, link: &Pair) -> Lease {
        self.lease_that(link, |_| true).await
    }

    async fn lease_that(&self, link: &Pair, is_so: impl Fn(&Lease) -> bool) -> Lease {
        let name = link.link().to_string();
        let start = Instant::now();
        loop {
            let lease = self.leases.get_opt(&name).await.unwrap();
            if let Some(lease) = lease.filter(&is_so) {
                return lease;
            }
            assert!(start.elapsed() < PATIENCE, "{}", self.replicas[0].log());
            sleep(LOOK).await;
        }
    }

    async fn delete_lease(&self, link: &Pair) {
        let name = link.link().to_string();
        let params = DeleteParams::default();
        self.leases.delete(&name, &params).await.unwrap();
    }

    async fn renew_at(&self, replica: &Service, link: &Pair) -> u16 {
        let answer = self.services.renew(replica.port, link).await.unwrap();
        answer.status
    }

    /// Asks one replica until it answers so.
    async fn until(&self, replica: &Service, link: &Pair, name: &str, expected: &[u16]) -> u16 {
        let start = Instant::now();
        loop {
            let status = self.renew_at(replica, link).await;
            if expected.contains(&status) {
                return status;
            }
            let is_late = start.elapsed() > PATIENCE;
            assert!(!is_late, "{name}: {status}: {}", replica.log());
            sleep(LOOK).await;
        }
    }

    async fn assert_renews(&self, link: &Pair, name: &str) {
        for replica in &self.replicas {
            self.until(replica, link, name, GOOD).await;
        }
    }

    /// Every replica refuses after a while, and from then on for ever.
    async fn assert_is_refused(&self, link: &Pair, name: &str) {
        for replica in &self.replicas {
            self.until(replica, link, name, REFUSED).await;
        }
        for replica in self.replicas.iter().cycle().take(3 * self.replicas.len()) {
            let answer = self.services.renew(replica.port, link).await.unwrap();
            let told = (answer.status, answer.body.as_str());
            assert_eq!(told, (403, "This link was revoked\n"), "{name}");
        }
    }

    fn command(&self, arguments: &[&str]) {
        let output = self.services.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_a_link_back_no_replica_renews_it_and_the_others_go_on() {
    let cluster = Cluster::shared().await.unwrap();
    let site = Site::new(&cluster, "revocations", 3).await;
    let other = Room::new(&cluster, "revocations-elsewhere").await;
    let kubectl = Kubectl::of(&cluster, &Identity::Admin, "revocations").unwrap();
    let label = |link: &Pair, value: &str| {
        let label = format!("redemption-sidecar/revoked{value}");
        let id = link.link().to_string();
        kubectl.run(&["label", "lease", &id, &label], "").unwrap();
    };
    let elsewhere = site.link("elsewhere").await;
    let by_hand = site.link("by-hand").await;
    let by_link = site.link("by-link").await;
    for (name, link) in [
        ("its grant", site.link("west").await),
        ("its id", by_link.clone()),
        ("its subject", site.link("east").await),
        ("by hand", by_hand.clone()),
    ] {
        site.assert_renews(&link, name).await;
        match name {
            "its grant" => site.command(&["revoke", "west"]),
            "its id" => {
                site.command(&["revoke", "--link", &link.link().to_string()]);
            }
            "its subject" => site.command(&["revoke", "--subject", "east"]),
            _ => label(&link, "="),
        }
        site.assert_is_refused(&link, name).await;
    }
    label(&by_hand, "-");
    site.assert_renews(&by_hand, "the label is taken away")
        .await;

    let leases: Api<Lease> = Api::namespaced(other.client.clone(), &other.namespace);
    let lease = json!({"metadata": {"name": elsewhere.link().to_string(),
        "labels": {"redemption-sidecar/revoked": ""}}});
    let lease = serde_json::from_value(lease).unwrap();
    let options = PostParams::default();
    leases.create(&options, &lease).await.unwrap();
    // What is written behind it has reached every replica.
    label(&by_hand, "=");
    site.assert_is_refused(&by_hand, "by hand, again").await;
    site.assert_renews(&elsewhere, "in another namespace").await;
    site.assert_is_refused(&by_link, "as before").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_go_on_without_leases_which_come_back_and_change_no_grant() {
    let cluster = Cluster::shared().await.unwrap();
    let site = Site::new(&cluster, "lost-leases", 3).await;
    let link = site.link("west").await;
    let version = async || {
        let grant = site.room.grants.get("west").await.unwrap();
        grant.metadata.resource_version
    };
    let before = version().await;
    for round in 0..2 {
        site.delete_lease(&link).await;
        let name = format!("round {round}");
        site.assert_renews(&link, &name).await;
        let is_renewed = |lease: &Lease| {
            let spec = lease.spec.as_ref().unwrap();
            spec.holder_identity.as_deref() == Some("west") && spec.lease_transitions >= Some(1)
        };
        site.lease_that(&link, is_renewed).await;
    }
    sleep(WRITTEN).await;
    assert_eq!(version().await, before, "a renewal has changed the grant");

    // The last notes are written: nobody makes the Lease again.
    site.delete_lease(&link).await;
    site.command(&["revoke", "west"]);
    site.assert_is_refused(&link, "its Lease was lost").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_hears_nothing_renews_nothing_until_it_knows_all() {
    let cluster = Cluster::shared().await.unwrap();
    for (name, lost) in [
        ("cut", Line::Cut),
        ("silent", Line::Silent),
        ("mute", Line::Mute),
    ] {
        let line = Balancer::before(&cluster).await;
        let room = Room::new(&cluster, &format!("revocations-{name}")).await;
        let services = Services::new(&cluster, &room);
        services.lead_through(&cluster, line.port);
        let site = Site::with(room, services, 1).await;
        let [kept, revoked] = [site.link("west").await, site.link("east").await];
        let replica = &site.replicas[0];
        line.set(lost);
        site.until(replica, &kept, name, UNKNOWN).await;
        site.command(&["revoke", "east"]);
        line.set(Line::Open);
        let told = site.until(replica, &revoked, name, &[200, 403, 429]).await;
        assert_eq!(told, 403, "{name}: it was renewed before all was known");
        site.assert_renews(&kept, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_wait_for_an_api_server_that_is_away() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let cluster = Arc::new(cluster);
    let site = Site::new(&cluster, "revocations-away", 3).await;
    let [kept, revoked] = [site.link("west").await, site.link("east").await];
    site.command(&["revoke", "east"]);
    site.assert_is_refused(&revoked, "before").await;
    cluster.stop_api_server();
    for replica in &site.replicas {
        site.until(replica, &kept, "away", UNKNOWN).await;
    }
    cluster.start_api_server().await.unwrap();
    site.assert_renews(&kept, "back").await;
    site.assert_is_refused(&revoked, "after").await;
}

/// Ten renewals of a link in a minute are certified: more get 429, behind the question whether it was taken
/// back.
const GOOD: &[u16] = &[200, 429];

const REFUSED: &[u16] = &[403];

/// It is not known which links were taken back.
const UNKNOWN: &[u16] = &[503];

const PATIENCE: Duration = Duration::from_mins(1);

const LOOK: Duration = Duration::from_millis(100);

/// Time in which the notes of renewals are written.
const WRITTEN: Duration = Duration::from_secs(2);
