//! News of a redemption while it goes on.

use std::fmt;
use std::time::Duration;

/// Listener to a redeemer: to its pauses, and to its acts that nobody asked for.
pub trait Progress {
    /// An attempt failed, for this reason, and another one follows after a pause.
    fn waiting(&mut self, reason: &dyn fmt::Display, pause: Duration);

    /// Something was done that nobody asked for in so many words.
    fn remark(&mut self, what: &dyn fmt::Display);
}

/// Tells nobody.
impl Progress for () {
    fn waiting(&mut self, _reason: &dyn fmt::Display, _pause: Duration) {}

    fn remark(&mut self, _what: &dyn fmt::Display) {}
}
