//! The one thread of a ledger that writes: everybody who waits shares a commit.
//!
//! It takes what waits in its queue, runs it in one write transaction, commits, and only then
//! answers. When a statement or the commit fails, nobody knows what was stored: everybody who
//! waited gets the fault, and the connection is opened anew to look for what was counted in vain.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::queries::Counted;
use super::{connection, fault, queries};
use crate::ledger::LedgerFault;

/// How many orders wait, and how many share a commit, at most.
const BATCH: usize = 256;

/// How long the write-ahead log becomes before it is shortened, in bytes.
const LONGEST_LOG: u64 = 8 << 20;

/// What an order found or did: the answer and what it counted.
pub(super) type Outcome<T> = rusqlite::Result<(T, Option<Counted>)>;

/// The queue to the thread, which ends when this is dropped; what was queued is done before.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Order>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on an open connection to the file.
    pub(super) fn start(file: Arc<Path>, connection: Connection) -> Result<Self, LedgerFault> {
        let (queue, orders) = mpsc::channel(BATCH);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || {
                Store::new(file, connection).serve(orders);
            })
            .map_err(|error| {
                LedgerFault::new(format!("cannot start the thread of the ledger: {error}"))
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs statements in a write transaction that is shared with others and waits until it is
    /// durable. They are run even when nobody waits any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let stopped = || LedgerFault::new("the thread of the ledger has stopped, start again");
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue
            .send(Waiting::boxed(act, reply))
            .await
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It catches its panics, so there is nothing to learn from it.
            let _ended = thread.join();
        }
    }
}

/// Somebody who waits in the queue.
trait Order: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn counted(&self) -> Option<&Counted>;
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, fault: LedgerFault);
}

struct Waiting<T, F> {
    act: Option<F>,
    outcome: Option<T>,
    counted: Option<Counted>,
    reply: oneshot::Sender<Result<T, LedgerFault>>,
}

impl<T, F> Waiting<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
{
    fn boxed(act: F, reply: oneshot::Sender<Result<T, LedgerFault>>) -> Box<dyn Order> {
        Box::new(Self {
            act: Some(act),
            outcome: None,
            counted: None,
            reply,
        })
    }
}

impl<T: Send, F: FnOnce(&Connection) -> Outcome<T> + Send> Order for Waiting<T, F> {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(act) = self.act.take() {
            let (outcome, counted) = act(connection)?;
            self.outcome = Some(outcome);
            self.counted = counted;
        }
        Ok(())
    }

    fn counted(&self) -> Option<&Counted> {
        self.counted.as_ref()
    }

    fn answer(self: Box<Self>) {
        let Some(outcome) = self.outcome else { return };
        let is_lost = self.reply.send(Ok(outcome)).is_err();
        if let Some(counted) = self.counted.filter(|_| is_lost) {
            log_lost(&counted);
        }
    }

    fn fail(self: Box<Self>, fault: LedgerFault) {
        // Whoever is gone needs no answer.
        let _delivered = self.reply.send(Err(fault));
    }
}

/// What the thread owns. Without a connection the last one failed and none was had since.
struct Store {
    file: Arc<Path>,
    /// The write-ahead log of the file. Source: SQLite, "WAL-mode File Format".
    log: PathBuf,
    /// The length in bytes at which the log is shortened.
    longest_log: u64,
    connection: Option<Connection>,
    in_doubt: Vec<Counted>,
}

impl Store {
    fn new(file: Arc<Path>, connection: Connection) -> Self {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        Self {
            file,
            log: log.into(),
            longest_log: LONGEST_LOG,
            connection: Some(connection),
            in_doubt: Vec::new(),
        }
    }

    fn serve(&mut self, mut orders: mpsc::Receiver<Box<dyn Order>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while orders.blocking_recv_many(&mut batch, BATCH) > 0 {
            let committed = catch_unwind(AssertUnwindSafe(|| self.commit(&mut batch)))
                .unwrap_or_else(|_| Err(LedgerFault::new("the thread of the ledger panicked")));
            match committed {
                Ok(()) => {
                    batch.drain(..).for_each(Order::answer);
                    self.shorten_log();
                }
                Err(fault) => self.fail(&mut batch, &fault),
            }
        }
    }

    fn commit(&mut self, batch: &mut [Box<dyn Order>]) -> Result<(), LedgerFault> {
        self.reopen()?;
        let Some(connection) = &mut self.connection else {
            return Err(LedgerFault::new("the ledger is not open"));
        };
        run(connection, batch).map_err(|error| fault::writing(&self.file, &error))
    }

    /// Processes that commit without a pause never leave each other the moment in which the log
    /// begins anew. When it is long, one of them takes that moment, but waits for no slow reader.
    fn shorten_log(&mut self) {
        let length = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        let is_long = length > self.longest_log;
        let Some(connection) = self.connection.as_mut().filter(|_| is_long) else {
            return;
        };
        self.longest_log = match connection::shorten_log(connection) {
            Ok(true) => LONGEST_LOG,
            Ok(false) => length.saturating_mul(2),
            Err(error) => {
                tracing::error!(%error, "the log of the ledger cannot be shortened");
                length.saturating_mul(2)
            }
        };
    }

    fn fail(&mut self, batch: &mut Vec<Box<dyn Order>>, fault: &LedgerFault) {
        self.connection = None;
        let counted = batch.iter().filter_map(|order| order.counted().cloned());
        self.in_doubt.extend(counted);
        for order in batch.drain(..) {
            order.fail(fault.clone());
        }
        if let Err(fault) = self.reopen() {
            tracing::error!(%fault, "the ledger is not open, the next request tries again");
        }
    }

    /// Opens the file when the last connection failed, and says which redemptions are counted
    /// although their requesters got a fault.
    fn reopen(&mut self) -> Result<(), LedgerFault> {
        if self.connection.is_some() {
            return Ok(());
        }
        let connection = connection::open(&self.file)?;
        for counted in &self.in_doubt {
            let Counted {
                uid, redemption, ..
            } = counted;
            let entry = queries::look(&connection, uid, Some(&redemption.key))
                .map_err(|error| fault::reading(&self.file, &error))?;
            let stored = entry.and_then(|entry| entry.redemption);
            if stored.is_some_and(|stored| stored.serial == redemption.serial) {
                log_lost(counted);
            }
        }
        self.in_doubt.clear();
        self.connection = Some(connection);
        Ok(())
    }
}

fn run(connection: &mut Connection, batch: &mut [Box<dyn Order>]) -> rusqlite::Result<()> {
    // A transaction without a change commits without touching the disk.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for order in batch {
        order.run(&transaction)?;
    }
    transaction.commit()
}

fn log_lost(counted: &Counted) {
    tracing::error!(
<<<<<<< HEAD
        grant = %counted.uid,
        name = %counted.name,
        subject = %counted.redemption.subject,
=======
        uid = %counted.uid,
        grant = %counted.name,
        // In quotes: a client chose it.
        subject = counted.redemption.subject,
>>>>>>> main
        serial = %counted.redemption.serial,
        key_origin = ?counted.redemption.origin,
        "a redemption is counted, and its requester does not know",
    );
}

#[cfg(test)]
mod tests;
