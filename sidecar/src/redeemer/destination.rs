//! Destination of the Secret and the Links, in which key and answer wait until they are there.

use chrono::{DateTime, Utc};

use super::answer::Answer;
use super::existing::Existing;
use super::problem::RedeemProblem;
use super::progress::Progress;
use crate::pki::key::{KeyKind, PrivateKey};

/// A folder, or a namespace of a cluster, for the objects of one name and one token.
///
/// A redeemer calls [`Destination::kept`] first. What a method has written is there when it returns, also
/// for a process that begins after this one was killed.
pub(super) trait Destination {
    /// The answer that an earlier run kept. One that is of no use any more is as good as none.
    async fn kept(&mut self, now: DateTime<Utc>) -> Result<Option<Answer>, RedeemProblem>;

    /// Objects that are there, as far as it can be known before the answer.
    async fn find(&mut self, now: DateTime<Utc>) -> Result<Existing, RedeemProblem>;

    /// The key of this token: that of an earlier run, else a new one that is kept.
    async fn key(&mut self, force: bool) -> Result<PendingKey, RedeemProblem>;

    /// Removes the key. No server can know it: nothing is lost with it, and it does no harm if it
    /// stays.
    async fn discard_key(&mut self);

    /// Keeps an answer until it is in place, and returns the one that is kept: another redeemer may
    /// have been faster with one of the same redemption.
    async fn keep(&mut self, answer: Answer, now: DateTime<Utc>) -> Result<Answer, RedeemProblem>;

    /// Puts Secret and Links in place, the Secret first. Writes nothing when something is there that
    /// may not be replaced.
    async fn put(
        &mut self,
        answer: &Answer,
        replace: Replace,
        progress: &mut impl Progress,
    ) -> Result<(), RedeemProblem>;

    /// Removes key and answer once everything is in place.
    async fn clear(&mut self) -> Result<(), RedeemProblem>;

    /// Location of the Secret of a name, for a message or a script.
    fn secret(&self, name: &str) -> String;

    /// Location of the Link of a name.
    fn link(&self, name: &str) -> String;
}

/// Objects that may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    Nothing,
    /// The Secret, which is one of the same redemption.
    Secret,
    Everything,
}

/// A key that is kept. No `Debug`.
pub(super) struct PendingKey {
    /// The key.
    pub(super) key: PrivateKey,
    /// Time at which an earlier run made it; absent when this run did. A request may have been sent since.
    pub(super) made_before: Option<DateTime<Utc>>,
}

impl PendingKey {
    /// A new key.
    pub(super) fn generate() -> Self {
        Self {
            key: PrivateKey::generate(KeyKind::P256),
            made_before: None,
        }
    }

    /// Reads the PEM of an earlier run, which made the key at this Unix time. `None` when it holds no
    /// key on P-256.
    pub(super) fn read(pem: &str, made: i64) -> Option<Self> {
        let made = DateTime::from_timestamp(made, 0).unwrap_or_default();
        Some(Self {
            key: PrivateKey::from_pem(pem).ok().filter(PrivateKey::is_p256)?,
            made_before: Some(made),
        })
    }
}
