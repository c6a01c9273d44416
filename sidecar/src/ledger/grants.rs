//! The grants of a store, for those who make, list and end them.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{GrantOrder, LedgerFault, Published};
use crate::redemption::{Grant, GrantUid, Redemption};

/// Answer of a store.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerFault>> + Send + 'a>>;

/// A store of grants, as commands need it.
pub trait Grants: Send + Sync {
    /// Finds out where tokens of a new grant will lead. Makes nothing.
    ///
    /// # Errors
    /// The site accepts no links, or no service has run.
    fn prospect(&self) -> Answer<'_, Prospect>;

    /// Makes a grant, and waits until its code is known. Tokens of it carry what is published here, or
    /// what the store knows.
    ///
    /// # Errors
    /// There is no grant then, as far as the store answers.
    fn create(
        &self,
        order: GrantOrder,
        published: Option<Published>,
        now: DateTime<Utc>,
    ) -> Answer<'_, Result<Issued, Taken>>;

    /// Every grant, by name, the newest of a name first. Redemptions need not be among what is known.
    fn list(&self) -> Answer<'_, Vec<GrantRecord>>;

    /// The grants of a name, the newest first.
    fn find<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<GrantRecord>>;

    /// Ends every grant of a name that has not ended, and returns them as they were ended, the newest
    /// first: every redemption is in them.
    fn revoke<'a>(&'a self, name: &'a str, now: DateTime<Utc>) -> Answer<'a, Vec<GrantRecord>>;
}

/// Facts that are known before a grant is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prospect {
    /// The place that its tokens will lead to; absent while only the grant itself will tell.
    pub published: Option<Published>,
    /// An obstacle that redeemers will meet.
    pub warning: Option<String>,
}

/// A grant that was made. No `Debug`: it holds the code.
pub struct Issued {
    /// The grant.
    pub grant: Grant,
    /// Its code.
    pub code: SecretString,
    /// The whole URL at which it is redeemed.
    pub url: String,
    /// The certificates of the CA that answers there, in PEM.
    pub ca: String,
}

/// The name of a new grant means another one that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The end of that one, where it is known.
    pub until: Option<DateTime<Utc>>,
}

/// A grant and what is known of its redemptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRecord {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: GrantUid,
    /// Its terms and count; absent while it has no code or no end.
    pub grant: Option<Grant>,
    /// Its redemptions.
    pub redeemed: Redeemed,
}

/// The redemptions of a grant, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// Everything about each.
    Redemptions(Vec<Redemption>),
    /// Notes of the newest ones.
    Keys(Vec<NotedKey>),
}

/// Note of a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedKey {
    /// The key, as the note has it.
    pub key: String,
    /// Time of the count.
    pub at: DateTime<Utc>,
    /// The end of the certificate.
    pub certificate_end: DateTime<Utc>,
}

impl GrantRecord {
    /// A grant with all its redemptions.
    #[must_use]
    pub fn new(grant: Grant, redemptions: Vec<Redemption>) -> Self {
        Self {
            name: grant.name.clone(),
            uid: grant.uid,
            grant: Some(grant),
            redeemed: Redeemed::Redemptions(redemptions),
        }
    }
}
