//! `kill -9`, again and again, in the middle of a burst: nobody with a key of its own loses a
//! redemption, and no grant certifies more keys than it allows.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::redeemers::{Certificate, Counted, Door, Redeemer};
use crate::sidecar::{PATIENCE, Random, Sidecar, Token, free_port};

const KILLS: usize = 220;
const SEED: u64 = 4;

/// Of each kind of client.
const CLIENTS: usize = 6;

/// How long a service lives after it listens, in microseconds.
const LIFE: std::ops::Range<u64> = 5_000..40_000;

/// How many redemptions the grants allow, one grant after the other.
const ALLOWED: [usize; 8] = [1, 10, 2, 30, 1, 60, 5, 100];

#[test]
fn more_than_200_kills_in_a_burst_cost_own_keys_nothing_and_certify_nothing_in_excess() {
    println!("seed {SEED}");
    let mut random = Random::new(SEED);
    let sidecar = Sidecar::start();
    let mut grants: Vec<Grant> = (0..64)
        .map(|number| Grant::issue(&sidecar, number, ALLOWED[number % ALLOWED.len()]))
        .collect();
    grants.push(Grant::issue(&sidecar, grants.len(), 1_000_000));
    let port = free_port();
    let tally = Tally::default();
    let mut hits = 0;

    let begun = Instant::now();
    let sidecar = scope(|scope| {
        for client in 0..CLIENTS {
            let (grants, tally) = (&grants, &tally);
            let door = Door::new(port, &grants[0].token.ca, client);
            let other = door.clone();
            scope.spawn(move || own_keys(&door, grants, tally));
            scope.spawn(move || plain(&other, grants, tally));
        }
        let _stop = Stop(&tally.is_over);
        let mut sidecar = sidecar;
        for kill in 0..KILLS {
            sidecar = sidecar.restart_at(port);
            sleep(Duration::from_micros(random.of(LIFE)));
            let lost = tally.lost.load(Ordering::SeqCst);
            sidecar.kill();
            // Whoever waits for an answer learns now that there is none.
            sleep(Duration::from_millis(2));
            hits += usize::from(tally.lost.load(Ordering::SeqCst) > lost);
            assert!(begun.elapsed() < 6 * PATIENCE, "only {kill} kills");
        }
        // Those with a key of their own ask until they know.
        sidecar.restart_at(port)
    });
    let took = begun.elapsed();
    let log = sidecar.log();
    let problem = log.lines().find(|line| !line.contains(" INFO "));
    assert_eq!(problem, None, "a restart found something wrong");

    let (mut own, mut plain, mut in_vain, mut spent) = (0, 0, 0, 0);
    for grant in &grants {
        let name = &grant.name;
        let counted = Counted::read(sidecar.folder(), name);
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
    let lost = tally.lost.into_inner();
    println!(
        "{KILLS} kills in {took:?}, {hits} of them with requests outstanding, {lost} answers lost; \
         {own} own keys received = counted; {plain} plain ones received, {in_vain} counted in \
         vain; {spent} of {} grants spent",
        grants.len()
    );
    assert!(hits * 2 >= KILLS, "only {hits} kills hit a request");
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

#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    /// Requests that were sent and not answered.
    lost: AtomicUsize,
    /// Own keys that were made.
    keys: AtomicUsize,
}

/// Ends the burst, however the scope is left.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Redeems one grant after the other with new keys; each key is asked for until there is an
/// answer, and then once more.
fn own_keys(door: &Door, grants: &[Grant], tally: &Tally) {
    for grant in grants {
        loop {
            if tally.is_over.load(Ordering::SeqCst) {
                return;
            }
            let number = tally.keys.fetch_add(1, Ordering::SeqCst);
            let redeemer = Redeemer::with_own_key();
            let mut is_spent = false;
            for time in ["first", "again"] {
                let answer = until_answered(|| attempt(door, &redeemer, grant, tally));
                if answer.status == 404 {
                    assert_eq!(time, "first", "certified, and then refused");
                    is_spent = true;
                    break;
                }
                let certificate = Certificate::of(&answer);
                let mut received = grant.received.lock().unwrap();
                let known = received.own.insert(number, certificate.clone());
                assert!(known.is_none_or(|known| known == certificate), "changed");
            }
            if is_spent {
                break;
            }
        }
    }
}

/// Redeems one grant after the other as Skupper's clients do: every request is a new redemption.
fn plain(door: &Door, grants: &[Grant], tally: &Tally) {
    for grant in grants {
        while !tally.is_over.load(Ordering::SeqCst) {
            match attempt(door, &Redeemer::plain(), grant, tally) {
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

fn attempt(
    door: &Door,
    redeemer: &Redeemer,
    grant: &Grant,
    tally: &Tally,
) -> Option<crate::raw::Answer> {
    let mut connection = door.open().ok()?;
    let answer = redeemer.ask(&mut connection, &grant.token);
    if answer.is_none() {
        tally.lost.fetch_add(1, Ordering::SeqCst);
    }
    answer
}

fn until_answered<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = attempt() {
            return answer;
        }
        assert!(begun.elapsed() < 6 * PATIENCE, "no answer for a long time");
        sleep(PAUSE);
    }
}

const PAUSE: Duration = Duration::from_millis(1);
