//! A model of keepers: the agenda and the pace as they are, a server that answers or does not, and time that
//! is only counted.

use chrono::TimeDelta;

use super::*;
use crate::redeemer::exchange::Cause;
use crate::redeemer::keeper::look::{Care, Noted, SeenCertificate};
use crate::redeemer::keeper::pace::Turns;
use crate::redeemer::keeper::schedule::Times;
use crate::redeemer::proxy::Route;
use crate::redemption::{GrantUid, Serial};
use crate::system::clock;

const WEEK: TimeDelta = TimeDelta::days(7);
const HOUR: TimeDelta = TimeDelta::hours(1);

/// A keeper whose renewals follow each other.
struct Keeper {
    agenda: Agenda,
    turns: Turns,
    start: Reading,
    now: Reading,
    number: u64,
    certificates: u64,
    requests: Vec<Duration>,
    renewed: Vec<Duration>,
}

impl Keeper {
    fn new(number: u64, start: Reading) -> Self {
        Self {
            agenda: Agenda::default(),
            turns: Turns::new(start.steady.into()),
            start,
            now: start,
            number,
            certificates: 0,
            requests: Vec::new(),
            renewed: Vec::new(),
        }
    }

    /// A keeper of links that were redeemed so long ago.
    fn of(number: u64, links: usize, life: TimeDelta, age: TimeDelta) -> Self {
        let mut keeper = Self::new(number, start());
        for link in 0..links {
            let begin = keeper.now.wall - age;
            keeper.certify(&name(link), life, begin, Noted::First);
        }
        keeper
    }

    /// Puts a new certificate in the place of a link.
    fn certify(&mut self, name: &LinkName, life: TimeDelta, begin: DateTime<Utc>, telling: Noted) {
        self.certificates += 1;
        let key = [self.number.to_be_bytes(), self.certificates.to_be_bytes()].concat();
        let serial = Serial::derive(&GrantUid::from_bytes([7; 16]), &key);
        let seen = Seen {
            name: name.clone(),
            certificate: Some(SeenCertificate {
                serial: Some(serial),
                subject: None,
                times: Times::new(begin - HOUR, begin + life, Some(&serial)),
                ended: None,
            }),
            care: Ok(Care {
                server: "granting.example:9090".to_owned(),
                telling,
            }),
        };
        self.agenda.see(&seen, 0, true);
    }

    fn pass(&mut self, time: Duration) {
        self.now.steady += time;
        self.now.wall += TimeDelta::from_std(time).unwrap();
    }

    /// Waits for a turn and asks.
    fn ask(&mut self) {
        let at = self.turns.take(self.now.steady.into());
        let wait = at.saturating_duration_since(self.now.steady.into());
        self.pass(wait);
        self.requests.push(self.elapsed());
        self.pass(Duration::from_millis(20));
    }

    fn elapsed(&self) -> Duration {
        self.now.steady - self.start.steady
    }

    /// Goes on for some time, with a server that answers from a moment on.
    fn run(&mut self, time: Duration, answers_from: Duration, life: TimeDelta) {
        while self.elapsed() < time {
            let wait = match self.agenda.next(self.now, |_| true) {
                Next::Wait(wait) => wait,
                Next::Renew(name, _) => {
                    self.turns.set_pause(self.agenda.pace(self.now));
                    self.agenda.begin(&name);
                    self.ask();
                    let result = if self.elapsed() < answers_from {
                        Err(no_answer())
                    } else {
                        self.certify(&name, life, self.now.wall, Noted::All);
                        self.ask();
                        self.renewed.push(self.elapsed());
                        Ok(renewed())
                    };
                    let chance = (self.elapsed().as_nanos() % 0xffff_ffff) as u32;
                    self.agenda.end(&name, &result, self.now, chance);
                    Duration::ZERO
                }
            };
            self.pass(wait.min(time.saturating_sub(self.elapsed())));
        }
    }
}

fn start() -> Reading {
    Reading {
        wall: clock::EARLIEST + TimeDelta::days(365),
        steady: Instant::now(),
    }
}

fn name(number: usize) -> LinkName {
    LinkName {
        namespace: None,
        name: format!("link-{number}"),
    }
}

fn no_answer() -> KeepProblem {
    KeepProblem::Server {
        cause: Cause::Late(Duration::from_secs(10)),
        route: Route::Direct,
    }
}

fn renewed() -> Done {
    Done {
        renewal: Renewal::Renewed {
            from: None,
            to: None,
            not_after: DateTime::UNIX_EPOCH,
            has_moved: false,
            new_server: None,
        },
        told: Told::All,
    }
}

/// Most of these moments that lie within a second.
fn most_in_a_second(moments: &mut [Duration]) -> usize {
    moments.sort_unstable();
    let in_second = |begin: &Duration| {
        let end = *begin + Duration::from_secs(1);
        let first = moments.partition_point(|moment| moment < begin);
        moments.partition_point(|moment| *moment < end) - first
    };
    moments.iter().map(in_second).max().unwrap_or_default()
}

/// Keepers of 1,000 links each that all begin at once, all of their links due, while nothing answers for ten
/// minutes. They do not know of each other: 20 of them begin 20 times as many requests as one.
#[test]
fn after_an_outage_all_are_renewed_within_an_hour_and_never_in_a_stampede() {
    let outage = Duration::from_mins(10);
    let mut requests = Vec::new();
    let mut due = Vec::new();
    for number in 0..4 {
        let mut keeper = Keeper::of(number, 1000, WEEK, TimeDelta::days(4));
        keeper.run(outage + Duration::from_hours(1), outage, WEEK);
        assert_eq!(keeper.renewed.len(), 1000, "keeper {number}");
        let in_vain = keeper.requests.iter().filter(|at| **at < outage).count();
        assert!(in_vain <= 20, "{in_vain} requests while nobody answered");
        requests.extend(keeper.requests);
        let entries = keeper.agenda.links.into_values();
        due.extend(entries.map(|entry| entry.times.unwrap().due()));
    }
    let most = most_in_a_second(&mut requests);
    assert!(most <= 4, "{most} requests of 4 keepers in a second");

    // At rest: the next renewals, without the ends of the time over which they are spread.
    due.sort_unstable();
    let middle = &due[400..3600];
    let time = middle[middle.len() - 1] - middle[0];
    assert!(time > TimeDelta::hours(5), "within {time}");
    let hours = usize::try_from(time.num_hours()).unwrap();
    let of_hour = |begin: &DateTime<Utc>| {
        let first = middle.partition_point(|moment| moment < begin);
        middle.partition_point(|moment| *moment < *begin + HOUR) - first
    };
    let fullest = middle.iter().map(of_hour).max().unwrap();
    let mean = middle.len() / hours;
    assert!(
        fullest < mean * 3 / 2,
        "{fullest} in an hour, {mean} on average"
    );
}

#[test]
fn links_of_short_lives_are_renewed_in_time_however_many_they_are() {
    for (links, life, minutes) in [
        (1, TimeDelta::minutes(1), 60),
        (10, TimeDelta::minutes(1), 60),
        (300, TimeDelta::minutes(1), 5),
        (300, TimeDelta::hours(1), 180),
    ] {
        let mut keeper = Keeper::of(0, links, life, TimeDelta::zero());
        let time = Duration::from_mins(minutes);
        let mut next = Duration::ZERO;
        while next < time {
            next += Duration::from_secs(30);
            keeper.run(next, Duration::ZERO, life);
            let tally = keeper.agenda.tally(keeper.now.wall);
            let ended = tally.states[&LinkState::Ended];
            assert_eq!(ended, 0, "{links} links of {life} after {next:?}");
        }
        let lives = time.as_secs() / u64::try_from(life.num_seconds()).unwrap();
        let least = links * usize::try_from(lives).unwrap();
        let most = least * 9 / 4 + links;
        let count = keeper.renewed.len();
        assert!(
            (least..=most).contains(&count),
            "{links} of {life}: {count}"
        );
    }
}

#[test]
fn a_wall_clock_that_jumps_makes_no_storm_and_is_followed() {
    let day = Duration::from_hours(24);
    for (case, jump) in [
        ("ahead by less than a life", TimeDelta::days(5)),
        ("back", TimeDelta::days(-5)),
        ("ahead by years", TimeDelta::days(2000)),
    ] {
        let mut keeper = Keeper::of(0, 500, WEEK, TimeDelta::zero());
        keeper.run(day, Duration::ZERO, WEEK);
        assert_eq!(keeper.renewed.len(), 0, "{case}");
        keeper.now.wall += jump;
        keeper.run(2 * day, Duration::ZERO, WEEK);
        assert!(keeper.renewed.len() <= 500, "{case}");
        assert_eq!(
            keeper.renewed.is_empty(),
            jump < TimeDelta::zero(),
            "{case}"
        );
        let most = most_in_a_second(&mut keeper.requests);
        assert!(most <= 1, "{case}: {most}");
        keeper.now.wall -= jump;
        let elapsed = keeper.elapsed();
        keeper.run(elapsed + 6 * day, Duration::ZERO, WEEK);
        let tally = keeper.agenda.tally(keeper.now.wall);
        assert_eq!(tally.states[&LinkState::Kept], 500, "{case}: {tally:?}");
    }
}

/// A clock that is ahead of the server's sees each certificate past the half of its life.
#[test]
fn a_clock_that_is_ahead_does_not_renew_in_a_loop() {
    let life = TimeDelta::minutes(1);
    let mut keeper = Keeper::of(0, 1, life, TimeDelta::zero());
    let begun = keeper.now.wall;
    for minute in 1..=10 {
        keeper.run(Duration::from_mins(minute), Duration::ZERO, life);
        let late = keeper.now.wall - TimeDelta::seconds(40);
        keeper.certify(&name(0), life, late, Noted::All);
    }
    assert!(begun < keeper.now.wall);
    let requests = keeper.requests.len();
    assert!(requests <= 2 * 10 * 10, "{requests} requests in 10 minutes");
}

#[test]
fn one_link_that_is_refused_keeps_no_other_from_its_renewal() {
    let mut keeper = Keeper::of(0, 2, WEEK, TimeDelta::days(4));
    let refused = Err(KeepProblem::Refused {
        status: 403,
        retry_after: None,
        text: "This link was revoked".to_owned(),
    });
    keeper.agenda.begin(&name(0));
    keeper.agenda.end(&name(0), &refused, keeper.now, 0);
    assert_eq!(
        keeper.agenda.next(keeper.now, |_| true),
        Next::Renew(name(1), 0)
    );
    keeper.agenda.begin(&name(1));
    keeper.agenda.end(&name(1), &Ok(renewed()), keeper.now, 0);
    keeper.certify(&name(1), WEEK, keeper.now.wall, Noted::All);
    let Next::Wait(wait) = keeper.agenda.next(keeper.now, |_| true) else {
        panic!("it was refused a moment ago");
    };
    assert!(
        wait <= Duration::from_secs(5),
        "{wait:?}: somebody may restore it"
    );
    assert!(keeper.agenda.warns(&name(0), "refused", keeper.now.steady));
    keeper.pass(Duration::from_mins(59));
    assert!(!keeper.agenda.warns(&name(0), "refused", keeper.now.steady));
    assert!(
        keeper
            .agenda
            .warns(&name(0), "unavailable", keeper.now.steady)
    );
}

#[test]
fn a_router_that_was_not_told_is_told_again_and_shows() {
    let mut keeper = Keeper::of(0, 0, WEEK, TimeDelta::zero());
    keeper.certify(&name(0), WEEK, keeper.now.wall, Noted::Untold);
    let states = |keeper: &Keeper| keeper.agenda.tally(keeper.now.wall).states;
    assert_eq!(states(&keeper)[&LinkState::NotTold], 1);
    assert_eq!(
        keeper.agenda.next(keeper.now, |_| true),
        Next::Renew(name(0), 0)
    );
    let untold = Ok(Done {
        told: Told::NoTelling(KeepProblem::Interrupted),
        ..renewed()
    });
    keeper.agenda.begin(&name(0));
    keeper.agenda.end(&name(0), &untold, keeper.now, 0);
    assert_eq!(states(&keeper)[&LinkState::Failing], 1);
    let next = keeper.agenda.next(keeper.now, |_| true);
    assert!(
        matches!(next, Next::Wait(wait) if wait <= Duration::from_secs(5)),
        "{next:?}"
    );
    keeper.certify(&name(0), WEEK, keeper.now.wall, Noted::All);
    keeper.agenda.end(&name(0), &Ok(renewed()), keeper.now, 0);
    assert_eq!(states(&keeper)[&LinkState::Kept], 1);
}
