//! Runs of a guest and what they took.

use std::error::Error;
use std::time::Duration;

use crate::engine::Guest;

/// Times of one thing, in no order until asked.
#[derive(Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn median(&mut self) -> Duration {
        self.percentile(50)
    }

    pub(crate) fn p99(&mut self) -> Duration {
        self.percentile(99)
    }

    fn percentile(&mut self, percent: usize) -> Duration {
        self.0.sort_unstable();
        let index = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// Asks both guests in turn, `rounds` times each. Who goes first changes from round to round, so
/// that neither has the warmer caches.
pub(crate) fn in_turn(
    noop: &Guest,
    policy: &Guest,
    operation: &str,
    payload: &[u8],
    rounds: usize,
) -> Result<(Samples, Samples), Box<dyn Error>> {
    let (mut noops, mut policies) = (Samples::default(), Samples::default());
    for round in 0..rounds + WARM_UP {
        let (first, second) = if round % 2 == 0 {
            (
                noop.call(operation, payload)?.1,
                policy.call(operation, payload)?.1,
            )
        } else {
            let late = policy.call(operation, payload)?.1;
            (noop.call(operation, payload)?.1, late)
        };
        if round >= WARM_UP {
            noops.0.push(first);
            policies.0.push(second);
        }
    }
    Ok((noops, policies))
}

/// Asks one guest a few times.
pub(crate) fn alone(guest: &Guest, payload: &[u8]) -> Result<Samples, Box<dyn Error>> {
    let times: Result<Vec<_>, _> = (0..FEW)
        .map(|_| guest.call("validate", payload).map(|(_, time)| time))
        .collect();
    Ok(Samples(times?))
}

/// Compiles a module a few times.
pub(crate) fn compile(wasm: &[u8]) -> Result<Samples, Box<dyn Error>> {
    let times: Result<Vec<_>, _> = (0..FEW)
        .map(|_| Guest::compile(wasm).map(|guest| guest.compile))
        .collect();
    Ok(Samples(times?))
}

/// Rounds whose times are thrown away.
const WARM_UP: usize = 200;

/// Repetitions of what takes milliseconds.
const FEW: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut samples = Samples((1..=100).rev().map(Duration::from_micros).collect());
        assert_eq!(samples.median(), Duration::from_micros(51));
        assert_eq!(samples.p99(), Duration::from_micros(100));
        assert_eq!(Samples::default().median(), Duration::ZERO);
    }
}
