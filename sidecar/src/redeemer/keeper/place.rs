//! Places of links: a folder, or a namespace of a cluster.

use chrono::{DateTime, Utc};

use super::kept::Kept;
use super::problem::KeepProblem;
use crate::redeemer::answer::Answer;
use crate::redeemer::destination::PendingKey;

/// A place in which links are kept. What a method has written is there when it returns, also for a process
/// that begins after this one was killed.
pub(super) trait Place {
    /// The link of a name.
    ///
    /// # Errors
    /// There is none, or it cannot be kept.
    async fn read(&mut self, name: &str, now: DateTime<Utc>) -> Result<Kept, KeepProblem>;

    /// The key of the next certificate: that of an earlier attempt, else a new one that is kept.
    async fn key(&mut self, kept: &Kept) -> Result<PendingKey, KeepProblem>;

    /// Puts the renewed Secret in the place of the old one, as a whole, if that is still what was read, else
    /// [`KeepProblem::Changed`]; then each Link whose endpoints have changed, and removes those that the answer does not have.
    async fn put(&mut self, kept: &Kept, renewed: &Answer) -> Result<(), KeepProblem>;

    /// True where the key of the certificate in place waits still: a renewal was stopped before all of its
    /// answer was there.
    async fn is_unfinished(&mut self, kept: &Kept) -> Result<bool, KeepProblem>;

    /// Removes the key: it is in the Secret, or another one is.
    async fn discard_key(&mut self, kept: &Kept) -> Result<(), KeepProblem>;

    /// Tells the router that its certificate has changed, and waits until it has taken it.
    async fn tell(&mut self, kept: &Kept) -> Result<Telling, KeepProblem>;

    /// Notes that the router was told of the certificate in place.
    async fn note_told(&mut self, kept: &Kept) -> Result<(), KeepProblem>;

    /// Notes that the granting site has heard of that.
    async fn note_reported(&mut self, kept: &Kept) -> Result<(), KeepProblem>;
}

/// Result of telling a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// It uses the certificate.
    Told,
    /// No router reads this place.
    NoRouter,
}
