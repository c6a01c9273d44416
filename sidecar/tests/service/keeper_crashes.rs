//! `kill -9` of keepers and of the granting site while certificates of a minute are renewed: every link lives,
//! and no key is ever beside a certificate that is not its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::keeping::{Keeper, Links};
use crate::sidecar::{Random, Sidecar};

const KILLS: usize = 220;
const LINKS: usize = 8;

/// Longer than a life and a half: each link is renewed twice at least.
const TIME: Duration = Duration::from_secs(95);

#[test]
fn more_than_200_kills_of_keepers_and_of_the_granting_site_end_no_link() {
    let mut sidecar = Sidecar::start_with(&["--init", "--renewed-certificate-duration", "1m"]);
    let links = Links::redeem(&sidecar, LINKS);
    let first = links.pairs();
    let (is_over, kills) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    let is_done = || kills.load(Ordering::SeqCst) >= KILLS && begun.elapsed() > TIME;
    scope(|scope| {
        let _stop = Stop(&is_over);
        let watching = scope.spawn(|| watch(&links, &is_over));
        // Two keepers of the same links.
        for seed in [1, 2] {
            let (links, kills, is_over) = (&links, &kills, &is_over);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                while !is_over.load(Ordering::SeqCst) {
                    let mut keeper = Keeper::start(links);
                    sleep(Duration::from_millis(random.of(20..2000)));
                    keeper.kill();
                    kills.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let mut random = Random::new(3);
        while !is_done() {
            sleep(Duration::from_millis(random.of(200..2500)));
            sidecar = restart(sidecar, &links, &first);
            kills.fetch_add(1, Ordering::SeqCst);
            assert!(begun.elapsed() < 4 * TIME, "only {kills:?} kills");
        }
        is_over.store(true, Ordering::SeqCst);
        let seen = watching.join().unwrap();
        for (name, pair) in &seen {
            assert!(
                pair.len() > 2,
                "{name} was renewed {} times",
                pair.len() - 1
            );
        }
    });
    links.check(&first);
}

fn restart(
    mut sidecar: Sidecar,
    links: &Links,
    first: &BTreeMap<String, crate::keeping::Pair>,
) -> Sidecar {
    sidecar.kill();
    links.check(first);
    sidecar.restart_with(&["--renewed-certificate-duration", "1m"])
}

/// Looks all the time, and returns the serial numbers that each link has had.
fn watch(links: &Links, is_over: &AtomicBool) -> BTreeMap<String, Vec<String>> {
    let mut before = links.pairs();
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while !is_over.load(Ordering::SeqCst) {
        let now = links.check(&before);
        for (name, pair) in &now {
            let serials = seen.entry(name.clone()).or_default();
            if serials.last() != Some(&pair.serial) {
                assert!(!serials.contains(&pair.serial), "{name} went back");
                serials.push(pair.serial.clone());
            }
            assert!(pair.end >= before[name].end, "{name} ends earlier");
        }
        before = now;
        sleep(Duration::from_millis(20));
    }
    seen
}

/// Ends the others when a check fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
