//! The embedded ledger: one SQLite file, which several processes use at once.
//!
//! ```text
//! count, create, revoke, prune, publish -> queue -> one thread -> one commit for all who wait
//! look                                  -> a connection that reads, on the calling thread
//! list, show, tally, published          -> another one, on a thread that may block
//! ```
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

mod connection;
mod fault;
mod place;
mod queries;
mod readers;
mod rows;
mod schema;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use super::{Entry, Ledger, LedgerFault};
use crate::redemption::{Claim, Decision, Grant, GrantState, GrantUid, Redemption, Refusal};
use readers::Readers;
use writer::Writer;

/// The keys of the table `meta`.
const URL: &str = "url";
const CA: &str = "ca";
const PROVEN: &str = "proven";

/// How many connections answer `look`, at most; no more than the machine has cores.
const LOOKS: usize = 16;

/// How long `look` waits for a lock: the threads that serve everybody wait with it. Readers of a
/// write-ahead log meet a lock only while it is being recovered or its file is replaced.
const LOOK_PATIENCE: Duration = Duration::from_millis(50);

/// A ledger in a folder. Times are kept in whole microseconds.
pub struct SqliteLedger {
    writer: Writer,
    looks: Readers,
    reports: Arc<Readers>,
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
    /// older schema is migrated.
    ///
    /// # Errors
    /// The folder cannot be made or is on a network file system; the file is damaged, belongs to
    /// another application, or has a newer schema.
    pub fn open(folder: &Path) -> Result<Self, LedgerFault> {
        let file: Arc<Path> = place::make(folder)?.into();
        let connection = connection::open(&file)?;
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            writer: Writer::start(Arc::clone(&file), connection)?,
            looks: Readers::new(Arc::clone(&file), cores.min(LOOKS), LOOK_PATIENCE),
            reports: Arc::new(Readers::new(file, 1, connection::PATIENCE)),
        })
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
        self.write(move |connection| queries::keep(connection, PROVEN, &now))
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
            queries::keep(connection, CA, &ca)
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

    /// Deletes the grants that ended longer ago than `keep`, with their redemptions, and says how
    /// many they were. Each transaction is small, so that redemptions go on between them.
    ///
    /// # Errors
    /// The file could not be written; some grants may be deleted.
    pub async fn prune(&self, keep: TimeDelta, now: DateTime<Utc>) -> Result<usize, LedgerFault> {
        let before = now
            .checked_sub_signed(keep)
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let mut deleted = 0;
        loop {
            let (grants, more) = self
                .write(move |connection| queries::prune(connection, before))
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
        act: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        self.writer
            .write(None, |connection| Ok((act(connection)?, None)))
            .await
    }

    async fn report<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let reports = Arc::clone(&self.reports);
        // In one transaction: everything is of one moment.
        tokio::task::spawn_blocking(move || {
            reports.read(|connection| read(&*connection.unchecked_transaction()?))
        })
        .await
        .map_err(|error| LedgerFault::new(format!("cannot read the ledger: {error}")))?
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
        let found = self
            .looks
            .read(|connection| queries::look(connection, uid, key))?;
        Ok(found.ok_or(Refusal::UnknownGrant))
    }

    async fn count(
        &self,
        uid: &GrantUid,
        candidate: Redemption,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Result<Decision, Refusal>, LedgerFault> {
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
