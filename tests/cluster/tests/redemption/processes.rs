//! Services beside each other, as processes behind a load balancer: what they certify and what is
//! counted, whatever happens to them, to the API server and to the grant.

use std::sync::Arc;
use std::time::Duration;

use cluster_tests::Cluster;
use kube::api::DeleteParams;
use tokio::time::sleep;

use crate::balancer::{Balancer, Line};
use crate::burst::Burst;
use crate::dice::Dice;
use crate::history::{History, lawful_count};
use crate::room::{Room, noted};
use crate::service::{Service, Services};

/// Three services of a room behind a load balancer.
struct Replicas {
    services: Arc<Services>,
    running: Vec<Service>,
    balancer: Balancer,
    dice: Arc<Dice>,
}

impl Replicas {
    async fn start(cluster: &Cluster, room: &Room) -> Self {
        Self::of(Services::new(cluster, room), room).await
    }

    async fn of(services: Services, room: &Room) -> Self {
        room.site().await;
        let mut running = vec![
            services.spawn(&[]),
            services.spawn(&[]),
            services.spawn(&[]),
        ];
        for service in &mut running {
            service.wait_until_ready().await;
        }
        let dice = Arc::new(Dice::new(&room.namespace));
        let ports = running.iter().map(|service| service.port).collect();
        Self {
            services: Arc::new(services),
            balancer: Balancer::start(ports, Arc::clone(&dice)).await,
            running,
            dice,
        }
    }

    /// Ends one of them as a lost machine does, and starts another one.
    fn kill_one(&mut self) {
        self.kill(self.dice.below(self.running.len()));
    }

    fn kill(&mut self, chosen: usize) {
        self.running[chosen].kill();
        let other = self.services.spawn(&[]);
        self.balancer.replace(self.running[chosen].port, other.port);
        self.running[chosen] = other;
    }

    /// Kills the API server, and perhaps one of them meanwhile.
    async fn lose_the_api_server(&mut self, cluster: &Cluster) {
        cluster.stop_api_server();
        sleep(self.dice.milliseconds(200)).await;
        if self.dice.below(2) == 0 {
            self.kill_one();
        }
        cluster.start_api_server().await.unwrap();
    }

    async fn are_ready(&mut self) {
        for service in &mut self.running {
            service.wait_until_ready().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_services_certify_exactly_what_a_grant_allows() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "three-services").await;
    let replicas = Replicas::start(&cluster, &room).await;
    let port = replicas.balancer.port;
    for allowed in [1, 10] {
        let name = format!("own-keys-{allowed}");
        let uid = room.grant(&name, allowed).await;
        let mut burst = Burst::default();
        burst.own(&replicas.services, port, uid, 64);
        let received = burst.end().await.own.len() as u64;
        let counted = room.redemptions(&name).await;
        assert_eq!(
            (received, counted),
            (allowed.into(), allowed.into()),
            "{name}"
        );

        // Each asks once: none is told to come again.
        let name = format!("plain-{allowed}");
        let uid = room.grant(&name, allowed).await;
        room.is_known(&replicas.services, &replicas.running, &uid)
            .await;
        let begin = std::time::Instant::now();
        let asking = (0..50).map(|_| {
            let services = Arc::clone(&replicas.services);
            tokio::spawn(async move { services.ask(port, &uid).await.unwrap().status })
        });
        let mut answers = Vec::new();
        for answer in asking.collect::<Vec<_>>() {
            answers.push(answer.await.unwrap());
        }
        println!("{name}: {:?}", begin.elapsed());
        let with = |status| answers.iter().filter(|answer| **answer == status).count();
        let expected = (allowed as usize, 50 - allowed as usize);
        assert_eq!((with(200), with(404)), expected, "{name}: {answers:?}");
        assert_eq!(room.redemptions(&name).await, u64::from(allowed), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_and_restarts_lose_nothing_of_redeemers_with_keys_of_their_own() {
    // A cluster of its own: its API server is killed.
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let room = Room::new(&cluster, "kills").await;
    let line = Balancer::before(&cluster).await;
    let services = Services::new(&cluster, &room);
    services.lead_through(&cluster, line.port);
    let mut replicas = Replicas::of(services, &room).await;
    let port = replicas.balancer.port;
    let mut lost = 0;
    // Whether the API server is away before the first is counted, or later.
    for (allowed, is_early) in [(1, true), (1, false), (10, true), (10, false), (24, false)] {
        let own_name = format!("own-{allowed}-{is_early}");
        let plain_name = format!("plain-{allowed}-{is_early}");
        let own_grant = room.grant(&own_name, allowed).await;
        let plain_grant = room.grant(&plain_name, allowed).await;
        for uid in [&own_grant, &plain_grant] {
            room.is_known(&replicas.services, &replicas.running, uid)
                .await;
        }
        let (mut own, mut plain) = (Burst::default(), Burst::default());
        own.own(&replicas.services, port, own_grant, 32);
        plain.plain(&replicas.services, port, plain_grant, 32);

        if is_early {
            sleep(replicas.dice.milliseconds(200)).await;
            replicas.lose_the_api_server(&cluster).await;
        }
        // Some are counted and nobody hears of it.
        line.set(Line::Mute);
        while room.redemptions(&plain_name).await == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        let killed = if allowed == 1 {
            3
        } else {
            1 + replicas.dice.below(3)
        };
        for chosen in 0..killed {
            replicas.kill(chosen);
            sleep(replicas.dice.milliseconds(15)).await;
        }
        line.set(Line::Open);
        if !is_early {
            replicas.lose_the_api_server(&cluster).await;
        }
        sleep(replicas.dice.milliseconds(700)).await;
        replicas.kill_one();
        let (own, plain) = (own.end().await.own, plain.end().await.plain);
        let allowed = u64::from(allowed);
        let counted = room.redemptions(&own_name).await;
        println!("{own_name}: {} received, {counted} counted", own.len());
        assert_eq!(
            (own.len() as u64, counted),
            (allowed, allowed),
            "{own_name}"
        );
        let object = room.grants.get(&own_name).await.unwrap();
        assert_eq!(noted(&object), counted, "{own_name}");
        let counted = room.redemptions(&plain_name).await;
        println!("{plain_name}: {} received, {counted} counted", plain.len());
        // Everybody asked until it was told that nothing is left.
        assert_eq!(counted, allowed, "{plain_name}");
        assert!(plain.len() as u64 <= counted, "{plain_name}");
        lost += counted - plain.len() as u64;
        replicas.are_ready().await;
    }
    // Else nobody was killed in the moment that this is about.
    assert!(lost > 0, "no answer was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_made_again_in_a_burst_counts_for_itself() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "made-again").await;
    let mut replicas = Replicas::start(&cluster, &room).await;
    let history = History::begin(&room).await;
    let port = replicas.balancer.port;
    // Whether it is deleted when somebody was counted, and whether services are killed.
    for (allowed, is_met, is_killed) in [
        (1, false, false),
        (1, true, false),
        (10, true, false),
        (24, true, false),
        (24, true, true),
    ] {
        let name = format!("west-{allowed}-{is_met}-{is_killed}");
        let first = room.grant(&name, allowed).await;
        let mut before = Burst::default();
        before.own(&replicas.services, port, first, 32);
        while is_met && room.redemptions(&name).await == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(replicas.dice.milliseconds(30)).await;
        if is_killed {
            replicas.kill_one();
        }
        room.grants
            .delete(&name, &DeleteParams::default())
            .await
            .unwrap();
        let second = room.grant(&name, allowed).await;
        let mut after = Burst::default();
        after.own(&replicas.services, port, second, 32);
        if is_killed {
            sleep(replicas.dice.milliseconds(300)).await;
            replicas.kill_one();
        }
        let (before, after) = (before.end().await.own, after.end().await.own);
        assert!(before.is_disjoint(&after), "{name}");
        let of_first = lawful_count(&history.of(&room, &name, &first).await);
        let of_second = lawful_count(&history.of(&room, &name, &second).await);
        println!(
            "{name}: {} of {of_first}, {} of {of_second}",
            before.len(),
            after.len()
        );
        assert_eq!(after.len() as u64, of_second, "{name}");
        assert_eq!(of_second, u64::from(allowed), "{name}");
        // What was counted before the end is answered, unless the service was lost with the answer.
        assert!(before.len() as u64 <= of_first, "{name}");
        assert!(is_killed || before.len() as u64 == of_first, "{name}");
        replicas.are_ready().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_changes_in_a_burst_never_counts_more_than_it_allows_then() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "raised-and-lowered").await;
    let replicas = Replicas::start(&cluster, &room).await;
    let history = History::begin(&room).await;
    let uid = room.grant("west", 10).await;
    let mut burst = Burst::default();
    burst.own(&replicas.services, replicas.balancer.port, uid, 48);
    burst.plain(&replicas.services, replicas.balancer.port, uid, 16);
    for allowed in [4, 16, 1, 12, 3, 24, 20, 30] {
        sleep(replicas.dice.milliseconds(60)).await;
        room.set_allowed("west", allowed).await;
    }
    let received = burst.end().await;
    let versions = history.of(&room, "west", &uid).await;
    let counted = lawful_count(&versions);
    println!(
        "{} received, {counted} counted",
        received.own.len() + received.plain.len()
    );
    // Nobody was killed, so nobody lost anything.
    assert_eq!((received.own.len() + received.plain.len()) as u64, counted);
    assert!((1..=30).contains(&counted), "{counted}");
    assert_eq!(noted(versions.last().unwrap()), counted);
}
