//! The register of links: an inventory, on which nothing depends but revocations.
//!
//! [`Register`] is what a service needs of it, [`Links`] what those need who list links and take them
//! back.

use std::future::{Future, ready};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Answer, LedgerFault};
use crate::redemption::{GrantUid, LinkId, Serial};
use crate::renewal::{Authorities, AuthorityId, Issued, LinkCertificate, Standing};

/// A register of links, as a service needs it.
pub trait Register: Send + Sync + 'static {
    /// The standing of the link of a certificate in a namespace, or of a site without namespaces.
    fn standing(
        &self,
        namespace: Option<&str>,
        certificate: &LinkCertificate,
    ) -> impl Future<Output = Result<Standing, LedgerFault>> + Send;

    /// The grant of a link whose certificate does not name it, as those of earlier versions, as far as the
    /// store knows it at once. Its next certificate names it.
    fn grant_of(&self, _certificate: &LinkCertificate) -> Option<GrantUid> {
        None
    }

    /// Makes known how long the certificates of renewals live: a revocation outlives every one of them,
    /// also those whose note was lost.
    fn expect_life(
        &self,
        _life: TimeDelta,
    ) -> impl Future<Output = Result<(), LedgerFault>> + Send {
        ready(Ok(()))
    }

    /// Notes a certificate that is handed out. It never waits; what is lost is noted at the next
    /// renewal.
    fn note(&self, issued: Issued);

    /// Notes that the router of a link was told of a certificate. It never waits.
    fn note_told(&self, namespace: Option<&str>, link: LinkId, serial: Serial);

    /// Number of links in each state, and the soonest end of those that have not ended.
    fn tally_links(
        &self,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<LinkTally, LedgerFault>> + Send;

    /// Deletes links and revocations that nobody needs any more: those whose last certificate ended
    /// longer ago than `keep`. Returns how many they were.
    fn prune_links(
        &self,
        keep: TimeDelta,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<usize, LedgerFault>> + Send;
}

/// A register of links, as commands need it.
pub trait Links: Send + Sync {
    /// The links that are chosen, by subject and id.
    fn links<'a>(&'a self, choice: &'a LinkChoice) -> Answer<'a, Vec<LinkRecord>>;

    /// The CAs of the site that was served last, where the store knows them.
    fn authorities(&self) -> Answer<'_, Option<Authorities>> {
        Box::pin(ready(Ok(None)))
    }

    /// Takes back the links that are chosen, unless they have ended or were taken back before, and
    /// returns them as they are then. A link that is chosen by its id is taken back although nothing is
    /// known of it, and a grant's links also where they are not known.
    fn revoke_links<'a>(
        &'a self,
        choice: &'a LinkChoice,
        now: DateTime<Utc>,
    ) -> Answer<'a, Vec<LinkRecord>>;
}

/// Choice among the links of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChoice {
    /// All of them.
    All,
    /// One, by its id.
    Link(LinkId),
    /// Those whose certificates have this common name.
    Subject(String),
    /// Those that were redeemed from grants of this name, whether there are any grants or not.
    Grant(String),
}

/// A link as the register knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRecord {
    /// The link.
    pub link: LinkId,
    /// The grant it was redeemed from, where that is known.
    pub grant: Option<GrantUid>,
    /// The name of the grant, where that is known.
    pub grant_name: Option<String>,
    /// The common name; absent for a link of which nothing but a revocation is known, and so on.
    pub subject: Option<String>,
    /// The serial number of the last certificate.
    pub serial: Option<Serial>,
    /// The CA that made it.
    pub authority: Option<AuthorityId>,
    /// Time of the redemption.
    pub first: Option<DateTime<Utc>>,
    /// Time of the last renewal, or of the redemption.
    pub last: Option<DateTime<Utc>>,
    /// The end of the last certificate.
    pub certificate_end: Option<DateTime<Utc>>,
    /// The latest end of any of its certificates: an earlier one may outlive the last.
    pub latest_end: Option<DateTime<Utc>>,
    /// Number of renewals.
    pub renewals: u32,
    /// The serial number of the certificate that its router was told of last.
    pub told: Option<Serial>,
    /// Time at which it was taken back.
    pub revoked: Option<DateTime<Utc>>,
}

/// State of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkState {
    /// A certificate of it is in date.
    Live,
    /// It was taken back, and a certificate of it is in date.
    Revoked,
    /// All of its certificates have ended.
    Ended,
}

impl LinkState {
    /// Every state, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Live, Self::Revoked, Self::Ended];

    /// The word that stands for it in output and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Ended => "ended",
        }
    }
}

impl LinkRecord {
    /// The state at a time. A link whose end is not known may still have a certificate.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> LinkState {
        if self.latest_end.is_some_and(|end| end < now) {
            LinkState::Ended
        } else if self.revoked.is_some() {
            LinkState::Revoked
        } else {
            LinkState::Live
        }
    }

    /// True where its router was told of its last certificate. That of the redemption needs no telling.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.renewals == 0 || (self.told.is_some() && self.told == self.serial)
    }
}

/// Count of links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkTally {
    /// Number of links in each state.
    pub states: Vec<(LinkState, u64)>,
    /// The soonest end of the last certificates of live ones, of those that are in date.
    pub soonest_end: Option<DateTime<Utc>>,
}
