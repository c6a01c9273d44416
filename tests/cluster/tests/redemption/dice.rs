//! Chance that can be had again: the seed is printed, and taken from `SEED` when that is set.

use std::env;
use std::sync::Mutex;
use std::time::Duration;

use redemption_sidecar::system::random;

/// A sequence of numbers that follows from its seed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (`SplitMix64`).
pub(crate) struct Dice(Mutex<u64>);

impl Dice {
    /// New dice, or those of `SEED`.
    pub(crate) fn new(what: &str) -> Self {
        let seed = env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(u32::from_be_bytes(random::bytes())));
        println!("{what}: SEED={seed}");
        Self(Mutex::new(seed))
    }

    /// A number below the end.
    pub(crate) fn below(&self, end: usize) -> usize {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = *state;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^= number >> 31;
        usize::try_from(number % u64::try_from(end).unwrap()).unwrap()
    }

    /// A time of so many milliseconds at most.
    pub(crate) fn milliseconds(&self, most: usize) -> Duration {
        Duration::from_millis(self.below(most + 1) as u64)
    }
}
