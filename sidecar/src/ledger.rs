//! The ledger: which grants there are, and who redeemed them how often.
//!
//! [`Ledger`] is what a service needs of a store, [`Grants`] what those need who make, list and end
//! grants; [`Register`] and [`Links`] are the same for the links that were redeemed. Nobody else knows
//! which store is behind them.

mod fault;
mod grants;
pub mod kubernetes;
mod order;
mod register;
mod sqlite;

use std::future::{Future, ready};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use crate::redemption::fault::Fault;
use crate::redemption::{Claim, Decision, Grant, GrantState, GrantUid, Redemption, Refusal};
use crate::site::Sites;
use crate::wire::advertised::AdvertisedUrl;

pub use fault::{Cause, LedgerFault};
pub use grants::{Answer, GrantRecord, Grants, Issued, NotedKey, Prospect, Redeemed, Taken};
pub use kubernetes::{KubernetesGrants, KubernetesLedger, KubernetesLinks};
pub use order::{GrantOrder, OrderProblem};
pub use register::{LinkChoice, LinkRecord, LinkState, LinkTally, Links, Register};
pub use sqlite::SqliteLedger;

/// A store of grants, as a service needs it. Every method is one transaction.
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
        ready(Ok(Ok(grant.clone())))
    }

    /// True when what was looked at may be older than [`Ledger::confirm`] allows: whoever is answered
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

    /// Number of grants in each state.
    fn tally(
        &self,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<(GrantState, u64)>, LedgerFault>> + Send;

    /// Proves that a redemption could be counted at this time.
    fn prove(&self, now: DateTime<Utc>) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Makes known where the service is reached, for those who make tokens.
    fn publish(
        &self,
        published: &Published,
    ) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Makes known which sites there are, as far as the store tells of them.
    fn follow_sites(&self, sites: &Sites) -> impl Future<Output = ()> + Send;

    /// The addresses that tokens in the field carry beside this one, which is to be published.
    fn earlier(
        &self,
        _next: &AdvertisedUrl,
        _now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<EarlierUrl>, LedgerFault>> + Send {
        ready(Ok(Vec::new()))
    }

    /// Notes that the store was served for some time: `passed`, by a clock that nobody sets, since
    /// the same process noted it last.
    fn add_service_time(
        &self,
        _passed: TimeDelta,
        _now: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), LedgerFault>> + Send {
        ready(Ok(()))
    }

    /// Deletes the grants that ended longer ago than `keep`, if they belong to the store, and returns
    /// how many they were.
    fn prune(
        &self,
        _keep: TimeDelta,
        _now: DateTime<Utc>,
    ) -> impl Future<Output = Result<usize, LedgerFault>> + Send {
        ready(Ok(0))
    }
}

/// The record of a ledger about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The grant.
    pub grant: Grant,
    /// The redemption that was counted for the key of the claim.
    pub redemption: Option<Redemption>,
}

/// Address of a service, and the CA that it answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The URL in front of the uid of a grant.
    pub url: AdvertisedUrl,
    /// The certificates of the CA, in PEM.
    pub ca: String,
}

/// An address that tokens carry although it is not published any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierUrl {
    /// The address.
    pub url: AdvertisedUrl,
    /// The end of the last grant that was made for it.
    pub until: DateTime<Utc>,
}
