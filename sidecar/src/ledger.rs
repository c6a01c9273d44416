//! The ledger: which grants there are, and who redeemed them how often.
//!
//! One trait, so that the service and the tests do not know which store is behind it. How grants are
//! made, listed and ended is a matter of each store.

pub mod kubernetes;
mod sqlite;

use std::fmt;
use std::future::Future;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::redemption::fault::Fault;
use crate::redemption::{Claim, Decision, Grant, GrantState, GrantUid, Redemption, Refusal};

pub use kubernetes::KubernetesLedger;
pub use sqlite::{Earlier, Published, SqliteLedger};

/// A store of grants, as redemptions need it. Every method is one transaction.
pub trait Ledger: Send + Sync + 'static {
    /// The grant of a uid and, when a claim is given, the redemption that was counted for its key.
    ///
    /// The inner refusals are [`Refusal::UnknownGrant`], and [`Refusal::NotReady`] when it is not
    /// known yet whether there is such a grant, or it is not complete.
    fn look(
        &self,
        uid: &GrantUid,
        claim: Option<&Claim>,
    ) -> impl Future<Output = Result<Result<Entry, Refusal>, LedgerFault>> + Send;

    /// The grant that is redeemed by its name in a namespace, as [`Ledger::look`]: the newest one, or
    /// the one that has not been revoked, whose code is [long](crate::redemption::CodeDigest::is_long).
    /// Whoever asks cannot tell a grant with a shorter code from none.
    fn look_by_name(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Result<Grant, Refusal>, LedgerFault>> + Send;

    /// The grant as the store holds it at this moment. It is asked for by somebody who has the code
    /// and would be refused for the grant as it was looked at; a store whose looks are never behind
    /// has nothing to add.
    fn confirm(
        &self,
        grant: &Grant,
        _deadline: Instant,
    ) -> impl Future<Output = Result<Result<Grant, Refusal>, LedgerFault>> + Send {
        let grant = grant.clone();
        async { Ok(Ok(grant)) }
    }

    /// Tells whether what was looked at may be older than [`Ledger::confirm`] allows: whoever is answered
    /// again without a write must be confirmed then.
    fn is_behind(&self, _now: Instant) -> bool {
        false
    }

    /// Decides about a candidate and counts it, durably, in one step. `now` judges the expiry.
    ///
    /// Nothing is decided after the deadline or when nobody awaits the decision any more.
    ///
    /// The outer result is about the store: after a fault the count may or may not have happened.
    /// The inner one is the decision that was stored.
    fn count(
        &self,
        uid: &GrantUid,
        candidate: Redemption,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Result<Decision, Refusal>, LedgerFault>> + Send;

    /// Tells those who look at the grant what keeps redeemers from it, if the store has a place for
    /// that. It never waits.
    fn report(&self, _grant: &Grant, _fault: &Fault) {}

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
    /// The redemption that was counted for the key of the claim.
    pub redemption: Option<Redemption>,
}

/// The store could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerFault {
    message: String,
    is_passing: bool,
    is_forbidden: bool,
}

impl LedgerFault {
    /// A fault, in one line for the operator: what could not be done, then the cause.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_passing: false,
            is_forbidden: false,
        }
    }

    /// A fault that may be over when the same is tried again.
    #[must_use]
    pub fn passing(message: impl Into<String>) -> Self {
        Self {
            is_passing: true,
            ..Self::new(message)
        }
    }

    /// A fault that is over when the service is allowed to do what it tried.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self {
            is_forbidden: true,
            ..Self::passing(message)
        }
    }

    /// Whether the same may go well later, when no option changes.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.is_passing
    }

    /// Whether the service may not do what it tried.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.is_forbidden
    }
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for LedgerFault {}
