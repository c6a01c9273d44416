//! Times of one thing.

use std::time::Duration;

/// Times, in no order until asked.
#[derive(Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes down a time.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Takes over other times.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// In milliseconds, as the others.
    pub fn median(&mut self) -> f64 {
        milliseconds(self.percentile(50))
    }

    /// In milliseconds: what one of a hundred exceeds.
    pub fn p99(&mut self) -> f64 {
        milliseconds(self.percentile(99))
    }

    /// In milliseconds.
    pub fn longest(&mut self) -> f64 {
        milliseconds(self.percentile(100))
    }

    fn percentile(&mut self, percent: usize) -> Duration {
        self.0.sort_unstable();
        let index = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or_default()
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut samples = Samples((1..=100).rev().map(Duration::from_millis).collect());
        for (percent, milliseconds) in [(0, 1), (50, 51), (99, 100), (100, 100)] {
            let expected = Duration::from_millis(milliseconds);
            assert_eq!(samples.percentile(percent), expected, "{percent}");
        }
        assert_eq!(Samples::default().percentile(50), Duration::ZERO);
    }
}
