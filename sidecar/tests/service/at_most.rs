//! A grant certifies at most as many keys as it allows, however many ask at once.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::raw::Answer;
use crate::redeemers::{Certificate, Counted, Door, Redeemer};
use crate::sidecar::{PATIENCE, Sidecar, Token};

const REDEEMERS: usize = 64;
const SPENT: &str = "No such access granted\n";
const ENDED: &str = "No such claim\n";

#[test]
fn of_64_redeemers_at_once_exactly_as_many_are_certified_as_the_grant_allows() {
    let sidecar = Sidecar::start();
    let doors = |token: &Token| doors(&[sidecar.port], token);
    for allowed in [1, 10] {
        let options = ["--redemptions-allowed", &allowed.to_string()];
        for (name, make) in KINDS {
            let name = format!("{name}-{allowed}");
            let token = sidecar.issue(&name, &options);
            rush(&sidecar, &name, allowed, &token, &doors(&token), make);
        }
    }
}

#[test]
fn four_services_on_one_ledger_certify_as_many_as_one() {
    let first = Sidecar::start();
    let more = [(); 3].map(|()| Sidecar::start_in(first.folder(), &[]));
    let mut ports = vec![first.port];
    ports.extend(more.iter().map(|sidecar| sidecar.port));
    for allowed in [1, 10, 40] {
        let options = ["--redemptions-allowed", &allowed.to_string()];
        for (name, make) in KINDS {
            let name = format!("{name}-{allowed}");
            let token = first.issue(&name, &options);
            let doors = doors(&ports, &token);
            rush(&first, &name, allowed, &token, &doors, make);
        }
    }
}

#[test]
fn commands_beside_a_burst_never_fail_and_a_revocation_ends_retries_at_once() {
    const CLIENTS: usize = 16;
    const TURNS: usize = 30;
    let sidecar = Sidecar::start();
    let other = Sidecar::start_in(sidecar.folder(), &[]);
    let token = sidecar.issue("burst", &["--redemptions-allowed", "1000000"]);
    let (is_revoked, received) = (AtomicBool::new(false), AtomicUsize::new(0));
    let known = Redeemer::with_own_key();
    let door = Door::new(other.port, &token.ca, 0);
    let certificate = Certificate::of(&known.ask_once(&door, &token));

    let slowest = scope(|scope| {
        for client in 0..CLIENTS {
            let (sidecar, token, is_revoked, received) = (&sidecar, &token, &is_revoked, &received);
            scope.spawn(move || {
                let door = Door::new(sidecar.port, &token.ca, client);
                let mut connection = door.open().unwrap();
                loop {
                    // Before the request: only then it must be refused.
                    let must_be_refused = is_revoked.load(Ordering::SeqCst);
                    let answer = Redeemer::plain().ask(&mut connection, token).unwrap();
                    if answer.status == 200 {
                        assert!(!must_be_refused, "redeemed after the revocation");
                        received.fetch_add(1, Ordering::SeqCst);
                    } else {
                        assert_eq!((answer.status, answer.body.as_str()), (404, ENDED));
                        break;
                    }
                }
            });
        }
        let mut slowest = Duration::ZERO;
        let mut works = |arguments: &[&str]| {
            let start = Instant::now();
            let output = sidecar.run(arguments);
            slowest = slowest.max(start.elapsed());
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {errors}");
            assert!(slowest < PATIENCE / 2, "{arguments:?} took {slowest:?}");
        };
        for turn in 0..TURNS {
            let name = format!("west-{turn}");
            works(&["issue", &name]);
            match turn % 3 {
                0 => works(&["list"]),
                1 => works(&["show", &name]),
                _ => works(&["revoke", &name]),
            }
        }
        works(&["show", "burst"]);
        let again = Certificate::of(&known.ask_once(&door, &token));
        assert_eq!(again, certificate);
        works(&["revoke", "burst"]);
        is_revoked.store(true, Ordering::SeqCst);
        // The other service did not see the revocation happen.
        for port in [other.port, sidecar.port] {
            let door = Door::new(port, &token.ca, 0);
            for redeemer in [&known, &Redeemer::with_own_key(), &Redeemer::plain()] {
                let answer = redeemer.ask_once(&door, &token);
                assert_eq!((answer.status, answer.body.as_str()), (404, ENDED));
            }
        }
        slowest
    });

    let received = received.into_inner();
    let counted = Counted::read(sidecar.folder(), "burst");
    assert_eq!(counted.plain.len(), received, "no answer was lost");
    assert_eq!(counted.own, BTreeSet::from([certificate.serial]));
    assert!(received > 2 * TURNS, "no burst: {received}");
    println!("{received} redemptions beside {TURNS} turns; the slowest command: {slowest:?}");
}

type Make = fn() -> Redeemer;

/// Names for grants, and how their redeemers are made.
const KINDS: [(&str, Make); 2] = [("own", Redeemer::with_own_key), ("plain", Redeemer::plain)];

/// A way for each redeemer, spread over the services.
fn doors(ports: &[u16], token: &Token) -> Vec<Door> {
    let ports = ports.iter().cycle().take(REDEEMERS).enumerate();
    ports
        .map(|(number, port)| Door::new(*port, &token.ca, number / 4))
        .collect()
}

/// Every redeemer asks at the same moment, and once more. Exactly `allowed` are certified.
fn rush(
    sidecar: &Sidecar,
    name: &str,
    allowed: usize,
    token: &Token,
    doors: &[Door],
    make: fn() -> Redeemer,
) {
    let start = Barrier::new(doors.len());
    let answers: Vec<[Answer; 2]> = scope(|scope| {
        let threads: Vec<_> = doors
            .iter()
            .map(|door| {
                scope.spawn(|| {
                    let redeemer = make();
                    let mut connection = door.open().unwrap();
                    start.wait();
                    [(); 2].map(|()| redeemer.ask(&mut connection, token).unwrap())
                })
            })
            .collect();
        let threads = threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).collect()
    });

    let mut received = BTreeSet::new();
    for [first, second] in &answers {
        for answer in [first, second] {
            if answer.status == 200 {
                received.insert(Certificate::of(answer));
            } else {
                assert_eq!(
                    (answer.status, answer.body.as_str()),
                    (404, SPENT),
                    "{name}"
                );
            }
        }
        if name.starts_with("own") {
            let statuses = (first.status, second.status);
            assert_eq!(statuses.0, statuses.1, "{name}: a key is certified or not");
        }
    }
    assert_eq!(received.len(), allowed, "{name}: certificates received");
    let received: BTreeSet<_> = received.into_iter().map(|it| it.serial).collect();
    let counted = Counted::read(sidecar.folder(), name);
    assert_eq!(counted.serials(), received, "{name}");
    assert_eq!(counted.redemptions, allowed, "{name}");
}
