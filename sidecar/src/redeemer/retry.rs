//! The step after an attempt. Pure: times and chance are arguments.
//!
//! A request that was sent may have been counted. A server that answers with `safe-retry: 1` counts
//! a key once, so asking it again is free. Another server is asked again at most once: the
//! redeemer's user may rather ask for a new token than lose redemptions of this one.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// With a whole answer.
    Reply {
        status: u16,
        is_retry_safe: bool,
        /// A redemption server can have written it.
        is_own: bool,
        retry_after: Option<Duration>,
    },
    /// Without one.
    Fault {
        is_after_request: bool,
        is_retry_safe: bool,
        /// It will not be better the next time.
        is_final: bool,
    },
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The answer is a redemption.
    Take,
    /// Try again after a pause.
    Wait(Duration),
    /// It is refused for good.
    Refuse,
    /// No redemption server answered, or it is not the one of the token. This may be better another
    /// time, but not in a moment.
    Stop,
    /// The request may have been counted and a retry may cost another redemption.
    Doubt,
    /// There is no time for another attempt. Holds the pause that would be needed.
    GiveUp(Duration),
}

/// The attempts of one run.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    timeout: Duration,
    is_retry_safe: bool,
    doubtful_retries: u32,
    pauses: u32,
    doubtful_since: Option<DateTime<Utc>>,
}

impl Attempts {
    /// No attempt yet. `earlier` is the time of the first one of earlier runs.
    pub(super) fn new(timeout: Duration, earlier: Option<DateTime<Utc>>) -> Self {
        Self {
            timeout,
            is_retry_safe: false,
            doubtful_retries: 0,
            pauses: 0,
            doubtful_since: earlier,
        }
    }

    /// Since when there may be a redemption that was counted and did not arrive. A server that
    /// counts a key once would have answered with it again.
    pub(super) fn doubtful_since(&self) -> Option<DateTime<Utc>> {
        self.doubtful_since.filter(|_| !self.is_retry_safe)
    }

    /// True where the server may know the key: then it must not be thrown away.
    pub(super) fn may_be_counted(&self) -> bool {
        self.doubtful_since.is_some()
    }

    /// True where the server counts a key once.
    pub(super) fn is_retry_safe(&self) -> bool {
        self.is_retry_safe
    }

    /// Takes note of an attempt that was begun at `at`. `elapsed` is the time since the first one
    /// of this run, `chance` any number.
    pub(super) fn next(
        &mut self,
        attempt: Attempt,
        at: DateTime<Utc>,
        elapsed: Duration,
        chance: u32,
    ) -> Step {
        let (Attempt::Reply { is_retry_safe, .. } | Attempt::Fault { is_retry_safe, .. }) = attempt;
        // A server that says so says so each time.
        let is_another = self.is_retry_safe && !is_retry_safe;
        self.is_retry_safe |= is_retry_safe;
        let may_be_counted = match attempt {
            Attempt::Reply { status, .. } => status == 200 || status >= 500,
            Attempt::Fault {
                is_after_request, ..
            } => is_after_request,
        };
        if may_be_counted {
            self.doubtful_since.get_or_insert(at);
        }
        match attempt {
            Attempt::Reply { status: 200, .. } => Step::Take,
            Attempt::Reply {
                status: 408 | 429 | 503,
                retry_after,
                ..
            } => self.pause(retry_after, elapsed, chance),
            Attempt::Reply {
                status: 400 | 403 | 404 | 405 | 413,
                is_own: true,
                ..
            } if !is_another => Step::Refuse,
            Attempt::Reply { status: ..500, .. } | Attempt::Fault { is_final: true, .. } => {
                Step::Stop
            }
            // Skupper's server counts before it answers 500 because of its issuer.
            Attempt::Reply { .. }
            | Attempt::Fault {
                is_after_request: true,
                ..
            } if !self.is_retry_safe => {
                if self.doubtful_retries >= MAX_DOUBTFUL_RETRIES {
                    return Step::Doubt;
                }
                self.doubtful_retries += 1;
                self.pause(None, elapsed, chance)
            }
            Attempt::Reply { .. } | Attempt::Fault { .. } => self.pause(None, elapsed, chance),
        }
    }

    fn pause(&mut self, retry_after: Option<Duration>, elapsed: Duration, chance: u32) -> Step {
        // Redeemers that failed together must not come back together.
        let share = f64::from(chance) / f64::from(u32::MAX);
        let longest = LONGEST_PAUSE.min(FIRST_PAUSE * (1 << self.pauses.min(MAX_DOUBLINGS)));
        self.pauses = self.pauses.saturating_add(1);
        let pause = longest.mul_f64(0.5 + 0.5 * share);
        let asked = retry_after.map(|asked| asked.saturating_add(FIRST_PAUSE.mul_f64(share)));
        let pause = asked.map_or(pause, |asked| asked.max(pause));
        if elapsed.saturating_add(pause) > self.timeout {
            return Step::GiveUp(pause);
        }
        Step::Wait(pause)
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
const MAX_DOUBLINGS: u32 = 4;
const MAX_DOUBTFUL_RETRIES: u32 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn reply(status: u16, is_retry_safe: bool) -> Attempt {
        Attempt::Reply {
            status,
            is_retry_safe,
            is_own: true,
            retry_after: None,
        }
    }

    /// Answer of a proxy or a portal.
    fn page(status: u16) -> Attempt {
        Attempt::Reply {
            status,
            is_retry_safe: false,
            is_own: false,
            retry_after: None,
        }
    }

    fn fault(is_after_request: bool, is_retry_safe: bool) -> Attempt {
        Attempt::Fault {
            is_after_request,
            is_retry_safe,
            is_final: false,
        }
    }

    /// The steps of a run, with `w` for a pause; no time goes by.
    fn steps(outcomes: &[Attempt]) -> (String, Attempts) {
        let mut attempts = Attempts::new(MINUTE, None);
        let letter = |step| match step {
            Step::Take => 'T',
            Step::Wait(_) => 'w',
            Step::Refuse => 'R',
            Step::Stop => 'S',
            Step::Doubt => 'D',
            Step::GiveUp(_) => 'G',
        };
        let steps = outcomes
            .iter()
            .map(|outcome| letter(attempts.next(*outcome, NOW, Duration::ZERO, 0)))
            .collect();
        (steps, attempts)
    }

    #[test]
    fn only_what_is_free_is_retried_more_than_once() {
        let lost = fault(true, false);
        let unreachable = fault(false, false);
        let unfit = Attempt::Fault {
            is_after_request: false,
            is_retry_safe: false,
            is_final: true,
        };
        let table: &[(&str, &[Attempt], &str)] = &[
            ("200", &[reply(200, false)], "T"),
            ("another 2xx", &[reply(202, false)], "S"),
            ("a redirect", &[page(307)], "S"),
            ("a page", &[page(404)], "S"),
            ("a page that is not ready", &[page(503), page(403)], "wS"),
            ("a gateway twice, counted perhaps", &[page(502); 2], "wD"),
            (
                "a refusal of another server than before",
                &[reply(503, true), reply(404, false)],
                "wS",
            ),
            ("400", &[reply(400, true)], "R"),
            ("403", &[reply(403, true)], "R"),
            ("404", &[reply(404, true)], "R"),
            ("405", &[reply(405, true)], "R"),
            ("413", &[reply(413, true)], "R"),
            ("a late body", &[reply(408, false), reply(200, false)], "wT"),
            ("429", &[reply(429, false), reply(200, false)], "wT"),
            ("500", &[reply(500, false), reply(200, false)], "wT"),
            ("500 twice, counted perhaps", &[reply(500, false); 2], "wD"),
            (
                "500 of a server that counts keys",
                &[reply(500, true); 4],
                "wwww",
            ),
            ("503", &[reply(503, false); 5], "wwwww"),
            ("a server that is away", &[unreachable; 5], "wwwww"),
            ("a certificate that does not fit", &[unfit], "S"),
            ("one lost answer", &[lost, reply(200, false)], "wT"),
            ("two lost answers", &[lost, lost], "wD"),
            (
                "two lost answers with others between",
                &[lost, unreachable, reply(503, false), lost],
                "wwwD",
            ),
            (
                "lost answers of a server that said so before",
                &[reply(503, true), lost, lost, lost],
                "wwww",
            ),
            (
                "answers cut off behind a head that says so",
                &[fault(true, true); 4],
                "wwww",
            ),
        ];
        for (name, outcomes, expected) in table {
            assert_eq!(steps(outcomes).0, *expected, "{name}");
        }
    }

    #[test]
    fn a_key_may_be_thrown_away_only_when_no_server_can_have_counted_it() {
        let earlier = NOW - Duration::from_hours(1);
        let table: &[(&str, &[Attempt], bool)] = &[
            ("nothing", &[], false),
            ("unreachable", &[fault(false, false)], false),
            ("refused", &[reply(429, false), reply(404, false)], false),
            (
                "a lost answer",
                &[fault(true, false), reply(404, false)],
                true,
            ),
            ("a server's fault", &[reply(500, false)], true),
            ("an answer", &[reply(200, false)], true),
        ];
        for (name, outcomes, expected) in table {
            assert_eq!(steps(outcomes).1.may_be_counted(), *expected, "{name}");
        }
        let reused = Attempts::new(MINUTE, Some(earlier));
        assert!(reused.may_be_counted());
        assert_eq!(reused.doubtful_since(), Some(earlier));
    }

    #[test]
    fn a_doubt_has_the_time_of_the_first_request_and_ends_with_a_server_that_counts_keys() {
        let mut attempts = Attempts::new(MINUTE, None);
        let second = Duration::from_secs(1);
        attempts.next(fault(false, false), NOW, second, 0);
        assert_eq!(attempts.doubtful_since(), None);
        attempts.next(fault(true, false), NOW + second, second, 0);
        attempts.next(reply(503, false), NOW + 2 * second, second, 0);
        assert_eq!(attempts.doubtful_since(), Some(NOW + second));
        attempts.next(reply(404, true), NOW + 3 * second, second, 0);
        assert_eq!(attempts.doubtful_since(), None);
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause_and_the_time_may_be_too_short_for_it() {
        let asked = |seconds| Attempt::Reply {
            status: 429,
            is_retry_safe: false,
            is_own: true,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let next = |outcome, elapsed| Attempts::new(MINUTE, None).next(outcome, NOW, elapsed, 0);
        let seconds = Duration::from_secs;
        assert_eq!(next(asked(7), seconds(0)), Step::Wait(seconds(7)));
        assert_eq!(next(asked(7), seconds(53)), Step::Wait(seconds(7)));
        assert_eq!(next(asked(7), seconds(54)), Step::GiveUp(seconds(7)));
        let longest = Duration::from_secs(u64::MAX);
        assert_eq!(next(asked(u64::MAX), seconds(0)), Step::GiveUp(longest));
        assert_eq!(
            next(asked(0), seconds(0)),
            Step::Wait(Duration::from_millis(250))
        );
    }

    proptest! {
        #[test]
        fn no_run_asks_a_server_that_counts_everything_twice_after_lost_answers(
            outcomes in prop::collection::vec(prop::sample::select(vec![
                fault(true, false), fault(false, false), reply(429, false), reply(408, false),
            ]), 0..40),
        ) {
            let mut attempts = Attempts::new(Duration::MAX, None);
            let mut sent = 0;
            for outcome in outcomes {
                sent += u32::from(outcome == fault(true, false));
                if !matches!(attempts.next(outcome, NOW, Duration::ZERO, 7), Step::Wait(_)) {
                    break;
                }
            }
            prop_assert!(sent <= 2);
        }

        #[test]
        fn pauses_grow_and_stay_below_the_longest(
            chances in prop::collection::vec(any::<u32>(), 1..60),
        ) {
            let mut attempts = Attempts::new(Duration::MAX, None);
            let mut shortest = FIRST_PAUSE / 2;
            for chance in chances {
                let step = attempts.next(fault(false, false), NOW, Duration::ZERO, chance);
                let Step::Wait(pause) = step else { panic!("{step:?}") };
                prop_assert!(shortest <= pause && pause <= LONGEST_PAUSE);
                shortest = (2 * shortest).min(LONGEST_PAUSE / 2);
            }
        }
    }
}
