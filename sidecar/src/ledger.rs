//! The ledger: which grants there are, and who redeemed them how often.
//!
//! One trait, so that the service, the commands and the tests do not know which store is behind it.

mod sqlite;

use std::fmt;
use std::future::Future;

use chrono::{DateTime, Utc};

use crate::redemption::{Decision, Grant, GrantState, GrantUid, KeyDigest, Redemption, Refusal};

pub use sqlite::{Published, SqliteLedger};

/// A store of grants. Every method is one transaction.
pub trait Ledger: Send + Sync + 'static {
    /// The grant of a uid and, when a key is given, the redemption that was counted for it.
    fn look(
        &self,
        uid: &GrantUid,
        key: Option<&KeyDigest>,
    ) -> impl Future<Output = Result<Option<Entry>, LedgerFault>> + Send;

    /// Decides about a candidate and counts it, durably, in one step. `now` judges the expiry.
    ///
    /// The outer result is about the store: after a fault the count may or may not have happened.
    /// The inner one is the decision that was stored.
    fn count(
        &self,
        uid: &GrantUid,
        candidate: Redemption,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Result<Decision, Refusal>, LedgerFault>> + Send;

    /// Adds a grant. `Ok(Err(_))` holds the live grant that has the name already.
    fn create(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Result<(), Box<Grant>>, LedgerFault>> + Send;

    /// Every grant, by name, the newest of a name first.
    fn list(&self) -> impl Future<Output = Result<Vec<Grant>, LedgerFault>> + Send;

    /// The grants of a name with their redemptions in the order of their time, the newest grant
    /// first.
    fn show(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Vec<(Grant, Vec<Redemption>)>, LedgerFault>> + Send;

    /// Ends the grant of a name that has not ended yet. `None` when there is none.
    fn revoke(
        &self,
        name: &str,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<(Grant, Vec<Redemption>)>, LedgerFault>> + Send;

    /// How many grants are in each state.
    fn tally(
        &self,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<(GrantState, u64)>, LedgerFault>> + Send;
}

/// What a ledger holds about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The grant.
    pub grant: Grant,
    /// The redemption of the key that was asked for.
    pub redemption: Option<Redemption>,
}

/// The store could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFault {
    message: String,
    is_passing: bool,
}

impl LedgerFault {
    /// A fault, in one line for the operator: what could not be done, then the cause.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_passing: false,
        }
    }

    /// A fault that may be over when the same is tried again.
    #[must_use]
    pub fn passing(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_passing: true,
        }
    }

    /// Whether the same may go well later, when no option changes.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.is_passing
    }
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for LedgerFault {}
