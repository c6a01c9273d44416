//! The embedded ledger: one SQLite file, which several processes use at once.
//!
//! ```text
//! count, insert, revoke, prune, publish -> queue -> one thread -> one commit for all who wait
//! look, standing                        -> a connection that reads, on the calling thread
//! list, find, tally, published          -> another one, on a thread that may block
//! note                                  -> memory -> another thread -> the queue, in batches
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
//! assert_eq!(ledger.insert(&grant, now).await?, Ok(()));
//! assert_eq!(ledger.look(&uid, None).await?.map(|entry| entry.grant), Ok(grant));
//! # Ok::<(), redemption_sidecar::ledger::LedgerFault>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod addresses;
mod connection;
mod fault;
mod files;
mod grants;
mod links;
mod main_file;
mod mark;
mod notes;
mod place;
mod queries;
mod readers;
mod register;
mod revocations;
mod rows;
mod schema;
mod writer;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::{EarlierUrl, Entry, Ledger, LedgerFault, Published};
use crate::redemption::{Claim, Decision, Grant, GrantState, GrantUid, Redemption, Refusal};
use crate::site::Sites;
use crate::wire::advertised::AdvertisedUrl;
use files::Files;
use notes::Notes;
use queries::Effect;
use register::KnownTally;
use writer::{Executed, Writer};

/// The keys of the table `meta`.
const URL: &str = "url";
const CA: &str = "ca";
const PROVEN: &str = "proven";
const EDGE_SITE: &str = "edge_site";
const AUTHORITIES: &str = "authorities";

/// A ledger in a folder. Times are kept in whole microseconds.
pub struct SqliteLedger {
    // Closed in this order: notes are written, and what is open in `files` outlives the writer.
    notes: Notes,
    writer: Writer,
    files: Arc<Files>,
    tally: Mutex<Option<KnownTally>>,
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
        let writer = Writer::start(Arc::clone(&files))?;
        Ok(Self {
            notes: Notes::new(writer.queue()?.clone()),
            writer,
            files,
            tally: Mutex::default(),
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

    /// True when there is a ledger in a folder. Makes nothing.
    ///
    /// # Errors
    /// The folder cannot be looked into.
    pub fn is_in(folder: &Path) -> io::Result<bool> {
        place::exists(folder)
    }

    /// The facts that were published last. `None` when no service ran on this ledger yet.
    ///
    /// # Errors
    /// The file could not be read.
    pub async fn published(&self) -> Result<Option<Published>, LedgerFault> {
        self.read(|connection| {
            let url = queries::kept(connection, URL)?.and_then(|url| url.parse().ok());
            let ca = queries::kept(connection, CA)?;
            Ok(url.zip(ca).map(|(url, ca)| Published { url, ca }))
        })
        .await
    }

    /// Adds a grant. `Ok(Err(_))` holds the live grant that has the name already.
    ///
    /// # Errors
    /// The file could not be written.
    pub async fn insert(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
    ) -> Result<Result<(), Box<Grant>>, LedgerFault> {
        let grant = grant.clone();
        self.write(move |connection| queries::insert(connection, &grant, now))
            .await
    }

    /// The name of the site that was served last, if it is an edge site.
    async fn edge_site(&self) -> Result<Option<String>, LedgerFault> {
        let kept = self.read(|connection| queries::kept(connection, EDGE_SITE));
        Ok(kept.await?.filter(|name| !name.is_empty()))
    }

    async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Executed<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        self.writer.write(None, act).await
    }

    /// Writes what may be lost with the log: it is not numbered as a change.
    async fn write_unnumbered<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        self.write(|connection| Ok((act(connection)?, Effect::Nothing)))
            .await
    }

    /// Reads in one transaction, so that everything is of one moment, on a thread that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let files = Arc::clone(&self.files);
        let found = tokio::task::spawn_blocking(move || {
            files.with_current(|opened| {
                let reports = &opened.reports;
                reports.read(|connection| read(&*connection.unchecked_transaction()?))
            })
        });
        let found = found.await.map_err(|error| {
            LedgerFault::unavailable(format!("cannot read the ledger: {error}"))
        })?;
        self.renew_after(&found).await;
        found
    }

    /// Looks for a grant.
    async fn find_one<T>(
        &self,
        find: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>>,
    ) -> Result<Result<T, Refusal>, LedgerFault> {
        Ok(self.look_up(find).await?.ok_or(Refusal::UnknownGrant))
    }

    /// Reads on the calling thread: a few microseconds from the page cache are less than the way to
    /// another one.
    async fn look_up<T>(
        &self,
        find: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerFault> {
        let found = self.files.with_current(|opened| opened.looks.read(find));
        self.renew_after(&found).await;
        found
    }

    /// Lets the one who writes open the files anew after a fault that comes from other files.
    async fn renew_after<T>(&self, found: &Result<T, LedgerFault>) {
        if found.is_err() && self.files.is_renewal_due() {
            // Its own fault says no more, and is logged.
            let _ = self.write_unnumbered(|_| Ok(())).await;
        }
    }
}

impl Ledger for SqliteLedger {
    async fn look(
        &self,
        uid: &GrantUid,
        claim: Option<&Claim>,
    ) -> Result<Result<Entry, Refusal>, LedgerFault> {
        let key = claim.map(|claim| &claim.key);
        self.find_one(|connection| queries::look(connection, uid, key))
            .await
    }

    /// The ledger has no namespaces: every one is the right one.
    async fn look_by_name(
        &self,
        _namespace: &str,
        name: &str,
    ) -> Result<Result<Grant, Refusal>, LedgerFault> {
        self.find_one(|connection| queries::look_by_name(connection, name))
            .await
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
        self.read(move |connection| queries::tally(connection, now))
            .await
    }

    /// Writes a little, durably.
    async fn prove(&self, now: DateTime<Utc>) -> Result<(), LedgerFault> {
        let now = now.timestamp_micros().to_string();
        self.write_unnumbered(move |connection| queries::keep(connection, PROVEN, &now))
            .await
    }

    async fn publish(&self, published: &Published) -> Result<(), LedgerFault> {
        let (url, ca) = (published.url.to_string(), published.ca.clone());
        self.write_unnumbered(move |connection| {
            queries::keep(connection, URL, &url)?;
            queries::keep(connection, CA, &ca)
        })
        .await
    }

    /// Keeps the name of an edge site, for which no tokens are made, and the CAs of the site.
    async fn follow_sites(&self, sites: &Sites) {
        let site = sites.of(None).filter(|site| site.is_edge);
        let edge = site.map(|site| site.name.clone()).unwrap_or_default();
        let authorities = sites.authorities().to_string();
        for (key, value) in [(EDGE_SITE, edge), (AUTHORITIES, authorities)] {
            // Each look finds out anew: what cannot be kept now is kept then.
            let kept = self.read(move |connection| queries::kept(connection, key));
            if let Ok(kept) = kept.await
                && kept.unwrap_or_default() != value
            {
                let keep = move |connection: &Connection| queries::keep(connection, key, &value);
                let _ = self.write_unnumbered(keep).await;
            }
        }
    }

    async fn earlier(
        &self,
        next: &AdvertisedUrl,
        now: DateTime<Utc>,
    ) -> Result<Vec<EarlierUrl>, LedgerFault> {
        let next = next.clone();
        self.write_unnumbered(move |connection| addresses::note_earlier(connection, &next, now))
            .await
    }

    /// Counts only as far as the wall clock agrees, so that several processes do not count the same
    /// time twice.
    async fn add_service_time(
        &self,
        passed: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerFault> {
        self.write_unnumbered(move |connection| queries::add_service_time(connection, passed, now))
            .await
    }

    /// The wall clock alone decides nothing: the ledger was served for as long as the grant was to
    /// live and for `keep`, too. Each transaction is small, so that redemptions go on between them.
    async fn prune(&self, keep: TimeDelta, now: DateTime<Utc>) -> Result<usize, LedgerFault> {
        let mut deleted = 0;
        loop {
            let prune = move |connection: &Connection| queries::prune(connection, keep, now);
            let (grants, more) = self.write_unnumbered(prune).await?;
            deleted += grants;
            if !more {
                return Ok(deleted);
            }
        }
    }
}
