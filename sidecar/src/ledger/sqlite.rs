//! The embedded ledger: one SQLite file, which several processes use at once.
//!
//! ```text
//! count, create, revoke, prune, publish -> queue -> one thread -> one commit for all who wait
//! look                                  -> a connection that reads, on the calling thread
//! list, show, tally, published          -> another one, on a thread that may block
//! ```
//!
//! The files are those that were opened, or they are not used; and they hold every change that was
//! answered, or nothing is counted: see [`files`] and [`mark`].
//!
//! A write is answered when it is durable: write-ahead log, `synchronous=FULL`, read back on every
//! connection. The decision about a redemption is made inside the write transaction, so no two
//! processes decide at once.
//!
//! ```
//! use chrono::{DateTime, TimeDelta};
//! use redemption_sidecar::ledger::{Ledger, SqliteLedger};
//! use redemption_sidecar::redemption::{CodeDigest, Grant, GrantUid};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! # let now = DateTime::UNIX_EPOCH;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let ledger = SqliteLedger::open(folder)?;
//! let uid = GrantUid::from_random([7; 16]);
//! let grant = Grant {
//!     uid,
//!     name: "west".to_owned(),
//!     code: CodeDigest::of_code(&uid, b"a code of sixteen"),
//!     redemptions_allowed: 1,
//!     redemptions: 0,
//!     created: now,
//!     expiration_time: now + TimeDelta::hours(1),
//!     revoked: None,
//!     issuer: None,
//!     namespace: None,
//!     has_short_code: false,
//! };
//! assert_eq!(ledger.create(&grant, now).await?, Ok(()));
//! assert_eq!(ledger.look(&uid, None).await?.map(|entry| entry.grant), Ok(grant));
//! # Ok::<(), redemption_sidecar::ledger::LedgerFault>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod addresses;
mod connection;
mod fault;
mod files;
mod main_file;
mod mark;
mod place;
mod queries;
mod readers;
mod rows;
mod schema;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::{Entry, Ledger, LedgerFault};
use crate::redemption::{Claim, Decision, Grant, GrantState, GrantUid, Redemption, Refusal};
use crate::wire::advertised::AdvertisedUrl;
pub use addresses::Earlier;
use files::Files;
use queries::Effect;
use writer::{Outcome, Writer};

/// The keys of the table `meta`.
const URL: &str = "url";
const CA: &str = "ca";
const PROVEN: &str = "proven";
const EDGE_SITE: &str = "edge_site";

/// A ledger in a folder. Times are kept in whole microseconds.
pub struct SqliteLedger {
    // Closed first: what is open in `files` outlives it.
    writer: Writer,
    files: Arc<Files>,
}

/// Where the service of a ledger is reached, and which CA it answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The URL in front of the uid of a grant.
    pub url: String,
    /// The certificates of the CA, in PEM.
    pub ca: String,
}

impl SqliteLedger {
    /// Opens the ledger of a folder. Both are made when they are missing (0700, 0600), and an
    /// older schema is migrated. A ledger that lacks changes is opened, and counts nothing: see
    /// [`SqliteLedger::check_whole`].
    ///
    /// # Errors
    /// The folder cannot be made or is on a network file system; the file is damaged, belongs to
    /// another application, or has a newer schema.
    pub fn open(folder: &Path) -> Result<Self, LedgerFault> {
        let files = Arc::new(Files::open(place::make(folder)?.into())?);
        Ok(Self {
            writer: Writer::start(Arc::clone(&files))?,
            files,
        })
    }

    /// Finds out whether the ledger holds every change that it has held.
    ///
    /// # Errors
    /// It lacks some: its write-ahead log was lost or damaged, or an older file took its place.
    pub fn check_whole(&self) -> Result<(), LedgerFault> {
        self.files.check_whole()
    }

    /// Takes a ledger that lacks changes as it is: what they counted can be counted again.
    ///
    /// # Errors
    /// The loss could not be noted.
    pub fn accept_loss(&self) -> Result<(), LedgerFault> {
        self.files.accept_loss()
    }

    /// Whether there is a ledger in a folder. Makes nothing.
    ///
    /// # Errors
    /// The folder cannot be looked into.
    pub fn is_in(folder: &Path) -> io::Result<bool> {
        place::exists(folder)
    }

    /// Writes a little, durably: whether a redemption could be counted at this time.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn prove(&self, now: DateTime<Utc>) -> Result<(), LedgerFault> {
        let now = now.timestamp_micros().to_string();
        self.write(move |connection| {
            queries::keep(connection, PROVEN, &now)?;
            Ok(((), Effect::Nothing))
        })
        .await
    }

    /// Keeps where the service is reached, for those who print tokens.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn publish(&self, url: &str, ca_pem: &str) -> Result<(), LedgerFault> {
        let (url, ca) = (url.to_owned(), ca_pem.to_owned());
        self.write(move |connection| {
            queries::keep(connection, URL, &url)?;
            queries::keep(connection, CA, &ca)?;
            Ok(((), Effect::Nothing))
        })
        .await
    }

    /// What was published last. `None` when no service ran on this ledger yet.
    ///
    /// # Errors
    /// The file could not be read.
    pub async fn published(&self) -> Result<Option<Published>, LedgerFault> {
        self.report(|connection| {
            let url = queries::kept(connection, URL)?;
            let ca = queries::kept(connection, CA)?;
            Ok(url.zip(ca).map(|(url, ca)| Published { url, ca }))
        })
        .await
    }

    /// Notes that the ledger was served for some time: `passed`, by a clock that nobody sets, since
    /// the same process noted it last. It counts only as far as the wall clock agrees, so that
    /// several processes do not count the same time twice.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn add_service_time(
        &self,
        passed: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerFault> {
        self.write(move |connection| {
            queries::add_service_time(connection, passed, now)?;
            Ok(((), Effect::Nothing))
        })
        .await
    }

    /// Notes what was published when this address is to take its place, and returns the addresses
    /// that tokens in the field carry beside it.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn earlier(
        &self,
        next: &AdvertisedUrl,
        now: DateTime<Utc>,
    ) -> Result<Vec<Earlier>, LedgerFault> {
        let next = next.clone();
        self.write(move |connection| {
            let earlier = addresses::note_earlier(connection, &next, now)?;
            Ok((earlier, Effect::Nothing))
        })
        .await
    }

    /// Keeps the name of the site when it is an edge site, which accepts no links.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn keep_edge_site(&self, name: Option<&str>) -> Result<(), LedgerFault> {
        let name = name.unwrap_or_default().to_owned();
        self.write(move |connection| {
            queries::keep(connection, EDGE_SITE, &name)?;
            Ok(((), Effect::Nothing))
        })
        .await
    }

    /// The name of the site that was served last, if it is an edge site.
    ///
    /// # Errors
    /// The file could not be read.
    pub async fn edge_site(&self) -> Result<Option<String>, LedgerFault> {
        let kept = self.report(|connection| queries::kept(connection, EDGE_SITE));
        Ok(kept.await?.filter(|name| !name.is_empty()))
    }

    /// Deletes the grants that ended longer ago than `keep`, with their redemptions, and says how
    /// many they were. The wall clock alone decides nothing: the ledger was served for as long as
    /// the grant was to live and for `keep`, too; see [`Self::add_service_time`]. Each transaction is
    /// small, so that redemptions go on between them.
    ///
    /// # Errors
    /// The file could not be written; some grants may be deleted.
    pub async fn prune(&self, keep: TimeDelta, now: DateTime<Utc>) -> Result<usize, LedgerFault> {
        let mut deleted = 0;
        loop {
            let (grants, more) = self
                .write(move |connection| {
                    Ok((queries::prune(connection, keep, now)?, Effect::Nothing))
                })
                .await?;
            deleted += grants;
            if !more {
                return Ok(deleted);
            }
        }
    }

    /// Adds a grant. `Ok(Err(_))` holds the live grant that has the name already.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn create(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
    ) -> Result<Result<(), Box<Grant>>, LedgerFault> {
        let grant = grant.clone();
        self.write(move |connection| queries::create(connection, &grant, now))
            .await
    }

    /// Every grant, by name, the newest of a name first.
    ///
    /// # Errors
    /// The file could not be read.
    pub async fn list(&self) -> Result<Vec<Grant>, LedgerFault> {
        self.report(queries::list).await
    }

    /// The grants of a name with their redemptions in the order of their time, the newest grant
    /// first.
    ///
    /// # Errors
    /// The file could not be read.
    pub async fn show(&self, name: &str) -> Result<Vec<(Grant, Vec<Redemption>)>, LedgerFault> {
        let name = name.to_owned();
        self.report(move |connection| queries::show(connection, &name))
            .await
    }

    /// Ends every grant of a name that has not ended yet, and returns them with their redemptions,
    /// the newest grant first. There is more than one only after the clock was set back.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn revoke(
        &self,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Grant, Vec<Redemption>)>, LedgerFault> {
        let name = name.to_owned();
        self.write(move |connection| queries::revoke(connection, &name, now))
            .await
    }

    /// How the last write ended. A ledger that wrote nothing yet is as good as one that did.
    ///
    /// # Errors
    /// The store could not be written.
    pub fn last_write(&self) -> Result<(), LedgerFault> {
        self.writer.last()
    }

    async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        self.writer.write(None, act).await
    }

    async fn report<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let files = Arc::clone(&self.files);
        // In one transaction: everything is of one moment.
        let found = tokio::task::spawn_blocking(move || {
            files.with_current(|opened| {
                let reports = &opened.reports;
                reports.read(|connection| read(&*connection.unchecked_transaction()?))
            })
        });
        let found = found.await;
        let found =
            found.map_err(|error| LedgerFault::new(format!("cannot read the ledger: {error}")))?;
        self.renew_after(&found).await;
        found
    }

    /// Lets the one who writes open the files anew after a fault that comes from other files.
    async fn renew_after<T>(&self, found: &Result<T, LedgerFault>) {
        if found.is_err() && self.files.is_renewal_due() {
            // Its own fault says no more, and is logged.
            let _ = self.write(|_| Ok(((), Effect::Nothing))).await;
        }
    }
}

impl Ledger for SqliteLedger {
    async fn look(
        &self,
        uid: &GrantUid,
        claim: Option<&Claim>,
    ) -> Result<Result<Entry, Refusal>, LedgerFault> {
        // A few microseconds from the page cache: less than the way to another thread.
        let key = claim.map(|claim| &claim.key);
        let found = self.files.with_current(|opened| {
            let looks = &opened.looks;
            looks.read(|connection| queries::look(connection, uid, key))
        });
        self.renew_after(&found).await;
        Ok(found?.ok_or(Refusal::UnknownGrant))
    }

    /// The ledger has no namespaces: every one is the right one.
    async fn look_by_name(
        &self,
        _namespace: &str,
        name: &str,
    ) -> Result<Result<Grant, Refusal>, LedgerFault> {
        let found = self.files.with_current(|opened| {
            let looks = &opened.looks;
            looks.read(|connection| queries::look_by_name(connection, name))
        });
        self.renew_after(&found).await;
        Ok(found?.ok_or(Refusal::UnknownGrant))
    }

    async fn count(
        &self,
        uid: &GrantUid,
        candidate: Redemption,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Result<Decision, Refusal>, LedgerFault> {
        self.check_whole()?;
        let uid = *uid;
        self.writer
            .write(Some(deadline), move |connection| {
                queries::count(connection, &uid, candidate, now)
            })
            .await
    }

    async fn tally(&self, now: DateTime<Utc>) -> Result<Vec<(GrantState, u64)>, LedgerFault> {
        self.report(move |connection| queries::tally(connection, now))
            .await
    }
}
