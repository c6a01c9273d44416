//! `kill -9`, again and again, in the middle of a burst, of one or both services of a ledger: nobody
//! with a key of its own loses a redemption, and no grant certifies more keys than it allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::raw::Answer;
use crate::redeemers::{Certificate, Counted, Door, Redeemer};
use crate::sidecar::{PATIENCE, Random, Sidecar, Token};

const KILLS: usize = 220;
const SEED: u64 = 4;

/// Of each kind of client.
const CLIENTS: usize = 4;

/// How long a service lives after it listens, in microseconds.
const LIFE: std::ops::Range<u64> = 5_000..25_000;

/// How many redemptions the grants allow, one grant after the other.
const ALLOWED: [usize; 8] = [1, 10, 2, 30, 1, 60, 5, 100];

#[test]
fn more_than_200_kills_in_a_burst_cost_own_keys_nothing_and_certify_nothing_in_excess() {
    println!("seed {SEED}");
    let mut random = Random::new(SEED);
    let first = Sidecar::start();
    let mut grants: Vec<Grant> = (0..64)
        .map(|number| Grant::issue(&first, number, ALLOWED[number % ALLOWED.len()]))
        .collect();
    grants.push(Grant::issue(&first, grants.len(), 1_000_000));
    let second = Sidecar::start_in(first.folder(), &[]);
    let services = [&first, &second].map(|sidecar| Service {
        port: sidecar.port,
        life: AtomicUsize::new(0),
    });
    let burst = Burst {
        grants,
        services,
        ..Burst::default()
    };

    let begun = Instant::now();
    let (kills, sidecars) = scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn({
                let burst = &burst;
                move || burst.own_keys(client)
            });
            scope.spawn({
                let burst = &burst;
                move || burst.plain(client)
            });
        }
        let _stop = Stop(&burst.is_over);
        let mut sidecars = vec![first, second];
        let mut kills = 0;
        while kills < KILLS {
            sleep(Duration::from_micros(random.of(LIFE)));
            // One that goes on with what the other left, or nobody.
            let victims =
                [0..1, 1..2, 0..2, 0..2][usize::try_from(random.of(0..4)).unwrap()].clone();
            let mut killed: Vec<_> = sidecars.drain(victims.clone()).collect();
            for (sidecar, victim) in killed.iter_mut().zip(victims.clone()) {
                sidecar.kill();
                burst.services[victim].life.fetch_add(1, Ordering::SeqCst);
                kills += 1;
            }
            let next = killed.into_iter().map(|it| scope.spawn(|| it.restart()));
            let next: Vec<_> = next.collect();
            let next = next.into_iter().map(|thread| thread.join().unwrap());
            sidecars.splice(victims.start..victims.start, next);
            assert!(begun.elapsed() < 6 * PATIENCE, "only {kills} kills");
        }
        // Those with a key of their own ask until they know.
        (kills, sidecars)
    });
    let took = begun.elapsed();
    for sidecar in &sidecars {
        let log = sidecar.log();
        // Tests are reached on loopback only, and each service of the folder has an address of its own:
        // both are warned of.
        let expected = [
            "which only this machine can reach",
            "tokens in the field carry",
        ];
        let problem = log.lines().find(|line| {
            let is_problem = line.contains("WARN") || line.contains("ERROR");
            is_problem && !expected.iter().any(|expected| line.contains(expected))
        });
        assert_eq!(problem, None, "a restart found something wrong");
    }

    let (mut own, mut plain, mut in_vain, mut spent) = (0, 0, 0, 0);
    for grant in &burst.grants {
        let name = &grant.name;
        let counted = Counted::read(sidecars[0].folder(), name);
        let received = grant.received.lock().unwrap();
        let own_received = received.own.values().map(|it| it.serial.clone()).collect();
        assert_eq!(counted.own, own_received, "{name}: own keys");
        let plain_received = received.plain.iter().cloned().collect();
        assert!(counted.plain.is_superset(&plain_received), "{name}: plain");
        assert_eq!(plain_received.len(), received.plain.len(), "{name}: twice");
        assert!(counted.redemptions <= grant.allowed, "{name}: {counted:?}");
        own += counted.own.len();
        plain += plain_received.len();
        in_vain += counted.plain.len() - plain_received.len();
        spent += usize::from(counted.redemptions == grant.allowed);
    }
    let hits = burst.hits.into_inner().unwrap().len();
    let lost = burst.lost.into_inner();
    println!(
        "{kills} kills in {took:?}, {hits} of them with requests outstanding, {lost} answers lost; \
         {own} own keys received = counted; {plain} plain ones received, {in_vain} counted in \
         vain; {spent} of {} grants spent",
        burst.grants.len()
    );
    assert!(hits * 2 >= kills, "only {hits} kills hit a request");
    assert!(own > 100 && plain > 100 && spent > 8, "no burst");
    assert!(in_vain > 0, "no kill came between the count and the answer");
}

/// A grant, and what was received for it.
struct Grant {
    name: String,
    allowed: usize,
    token: Token,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    /// By the number of the key.
    own: BTreeMap<usize, Certificate>,
    plain: Vec<String>,
}

impl Grant {
    fn issue(sidecar: &Sidecar, number: usize, allowed: usize) -> Self {
        let name = format!("west-{number}");
        let token = sidecar.issue_here(&name, u32::try_from(allowed).unwrap());
        Self {
            name,
            allowed,
            token,
            received: Mutex::default(),
        }
    }
}

/// What all clients share.
#[derive(Default)]
struct Burst {
    grants: Vec<Grant>,
    services: [Service; 2],
    is_over: AtomicBool,
    /// Requests that were sent and not answered.
    lost: AtomicUsize,
    /// The lives of services that ended while a request was outstanding.
    hits: Mutex<BTreeSet<(u16, usize)>>,
    /// Own keys that were made.
    keys: AtomicUsize,
}

#[derive(Default)]
struct Service {
    port: u16,
    /// How often it was killed.
    life: AtomicUsize,
}

/// Ends the burst, however the scope is left.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Burst {
    /// Redeems one grant after the other with new keys; each key is asked for until there is an
    /// answer, and then once more.
    fn own_keys(&self, client: usize) {
        let mut ways = self.ways(client);
        for grant in &self.grants {
            loop {
                if self.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let number = self.keys.fetch_add(1, Ordering::SeqCst);
                let redeemer = Redeemer::with_own_key();
                let mut answer = || {
                    let begun = Instant::now();
                    loop {
                        if let Some(answer) = self.attempt(&mut ways, &redeemer, grant) {
                            return answer;
                        }
                        assert!(begun.elapsed() < 6 * PATIENCE, "no answer");
                        sleep(PAUSE);
                    }
                };
                let first = answer();
                if first.status == 404 {
                    break;
                }
                let certificate = Certificate::of(&first);
                assert_eq!(Certificate::of(&answer()), certificate);
                grant
                    .received
                    .lock()
                    .unwrap()
                    .own
                    .insert(number, certificate);
            }
        }
    }

    /// Redeems one grant after the other as Skupper's clients do: every request is a new
    /// redemption.
    fn plain(&self, client: usize) {
        let mut ways = self.ways(client);
        for grant in &self.grants {
            while !self.is_over.load(Ordering::SeqCst) {
                match self.attempt(&mut ways, &Redeemer::plain(), grant) {
                    None => sleep(PAUSE),
                    Some(answer) if answer.status == 404 => break,
                    Some(answer) => {
                        let serial = Certificate::of(&answer).serial;
                        grant.received.lock().unwrap().plain.push(serial);
                    }
                }
            }
        }
    }

    /// The services, the ways to them, in turn.
    fn ways(&self, client: usize) -> impl Iterator<Item = (&Service, Door)> {
        let ca = &self.grants[0].token.ca;
        let ways = self.services.each_ref();
        let ways = ways.map(|service| (service, Door::new(service.port, ca, client)));
        ways.into_iter().cycle().skip(client % 2)
    }

    /// Asks the next service once.
    fn attempt<'a>(
        &'a self,
        ways: &mut impl Iterator<Item = (&'a Service, Door)>,
        redeemer: &Redeemer,
        grant: &Grant,
    ) -> Option<Answer> {
        let (service, door) = ways.next().unwrap();
        let mut connection = door.open().ok()?;
        let life = service.life.load(Ordering::SeqCst);
        let answer = redeemer.ask(&mut connection, &grant.token);
        if answer.is_none() {
            self.lost.fetch_add(1, Ordering::SeqCst);
            self.hits.lock().unwrap().insert((service.port, life));
        }
        answer
    }
}

const PAUSE: Duration = Duration::from_millis(1);
