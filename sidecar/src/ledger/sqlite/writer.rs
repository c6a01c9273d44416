//! The one thread of a ledger that writes: everybody who waits shares a commit.
//!
//! It takes what waits in its queue, runs it in one write transaction, commits, and only then
//! answers. An order whose deadline is over by then, or for which nobody waits any more, is not
//! run.
//!
//! A statement that fails over what a row holds is undone, and only its order fails. When the store
//! or the commit fails, nobody knows what was stored: everybody who waited gets the fault, and the
//! connection is opened anew to look for what was counted in vain.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::fault::{SqliteFault, is_of_store};
use super::files::Files;
use super::queries::{Counted, Effect};
use super::{connection, queries};
use crate::ledger::LedgerFault;
use crate::telemetry::outage::Outage;

/// Most orders that wait, and that share a commit.
const BATCH: usize = 256;

/// Length of the write-ahead log above which it is shortened, in bytes.
const LONGEST_LOG: u64 = 8 << 20;

/// Result of statements, and their effect.
pub(super) type Executed<T> = rusqlite::Result<(T, Effect)>;

/// The thread, which ends when this and every copy of its queue is dropped; what was queued is done
/// before.
pub(super) struct Writer {
    queue: Option<Queue>,
    thread: Option<JoinHandle<()>>,
}

/// The queue to the thread.
#[derive(Clone)]
pub(super) struct Queue(mpsc::Sender<Box<dyn Order>>);

impl Writer {
    /// Starts the thread, with a connection of its own.
    pub(super) fn start(files: Arc<Files>) -> Result<Self, LedgerFault> {
        let (queue, orders) = mpsc::channel(BATCH);
        let mut store = Store::open(files)?;
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || store.serve(orders))
            .map_err(|error| {
                LedgerFault::unavailable(format!("cannot start the thread of the ledger: {error}"))
            })?;
        Ok(Self {
            queue: Some(Queue(queue)),
            thread: Some(thread),
        })
    }

    /// Runs statements in a write transaction that is shared with others and waits until it is
    /// durable. They are begun before the deadline, and while somebody waits, or not at all.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        deadline: Option<Instant>,
        act: impl FnOnce(&Connection) -> Executed<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let queue = self.queue()?;
        let (reply, answer) = oneshot::channel();
        let order = Waiting::boxed(deadline, act, reply);
        queue.0.send(order).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// The queue, for a thread of its own.
    pub(super) fn queue(&self) -> Result<&Queue, LedgerFault> {
        self.queue.as_ref().ok_or_else(stopped)
    }
}

impl Queue {
    /// Runs statements as [`Writer::write`] does, for a thread that may block.
    pub(super) fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Executed<T> + Send + 'static,
    ) -> Result<T, LedgerFault> {
        let (reply, answer) = oneshot::channel();
        let order = Waiting::boxed(None, act, reply);
        self.0.blocking_send(order).map_err(|_| stopped())?;
        answer.blocking_recv().map_err(|_| stopped())?
    }
}

fn stopped() -> LedgerFault {
    LedgerFault::unavailable("the thread of the ledger has stopped, start again")
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
    /// True while it may still be run.
    fn is_due(&self, now: Instant) -> bool;
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Keeps the fault of this order alone; what it did is undone.
    fn undone(&mut self, fault: LedgerFault);
    fn effect(&self) -> &Effect;
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, fault: LedgerFault);
}

struct Waiting<T, F> {
    deadline: Option<Instant>,
    act: Option<F>,
    outcome: Option<Result<T, LedgerFault>>,
    effect: Effect,
    reply: oneshot::Sender<Result<T, LedgerFault>>,
}

impl<T, F> Waiting<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Executed<T> + Send + 'static,
{
    fn boxed(
        deadline: Option<Instant>,
        act: F,
        reply: oneshot::Sender<Result<T, LedgerFault>>,
    ) -> Box<dyn Order> {
        Box::new(Self {
            deadline,
            act: Some(act),
            outcome: None,
            effect: Effect::Nothing,
            reply,
        })
    }
}

impl<T: Send, F: FnOnce(&Connection) -> Executed<T> + Send> Order for Waiting<T, F> {
    fn is_due(&self, now: Instant) -> bool {
        !self.reply.is_closed() && self.deadline.is_none_or(|deadline| now < deadline)
    }

    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(act) = self.act.take() {
            let (outcome, effect) = act(connection)?;
            self.outcome = Some(Ok(outcome));
            self.effect = effect;
        }
        Ok(())
    }

    fn undone(&mut self, fault: LedgerFault) {
        self.outcome = Some(Err(fault));
        self.effect = Effect::Nothing;
    }

    fn effect(&self) -> &Effect {
        &self.effect
    }

    fn answer(self: Box<Self>) {
        let Some(outcome) = self.outcome else { return };
        let is_lost = self.reply.send(outcome).is_err();
        if let Effect::Counted(counted) = &self.effect
            && is_lost
        {
            log_lost(counted);
        }
    }

    fn fail(self: Box<Self>, fault: LedgerFault) {
        // Whoever is gone needs no answer.
        let _delivered = self.reply.send(Err(fault));
    }
}

/// Everything that the thread owns. Without a connection the last one failed and none was had since.
struct Store {
    files: Arc<Files>,
    /// The length in bytes at which the log is shortened.
    longest_log: u64,
    connection: Option<Connection>,
    in_doubt: Vec<Counted>,
    outage: Outage,
}

impl Store {
    fn open(files: Arc<Files>) -> Result<Self, LedgerFault> {
        Ok(Self {
            connection: Some(connection::open(files.file())?),
            files,
            longest_log: LONGEST_LOG,
            in_doubt: Vec::new(),
            outage: Outage::default(),
        })
    }

    fn serve(&mut self, mut orders: mpsc::Receiver<Box<dyn Order>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while orders.blocking_recv_many(&mut batch, BATCH) > 0 {
            let committed = catch_unwind(AssertUnwindSafe(|| self.commit(&mut batch)));
            let panicked = || LedgerFault::unavailable("the thread of the ledger panicked");
            match committed.unwrap_or_else(|_| Err(panicked())) {
                Ok(log_length) => {
                    batch.drain(..).for_each(Order::answer);
                    self.shorten_log(log_length);
                }
                Err(fault) => self.fail(&mut batch, &fault),
            }
        }
    }

    /// Runs a batch in one transaction. Returns the length of the log before it, in bytes.
    fn commit(&mut self, batch: &mut [Box<dyn Order>]) -> Result<u64, LedgerFault> {
        self.reopen()?;
        let log_length = self.files.check()?;
        let file = self.files.file();
        let Some(connection) = &mut self.connection else {
            return Err(SqliteFault::NotOpen(Arc::clone(file)).into());
        };
        let writing = |error| SqliteFault::Writing(Arc::clone(file), error);
        // A transaction without a change commits without touching the disk.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = transaction.map_err(writing)?;
        let number = queries::changes(&transaction).map_err(writing)?;
        // An older ledger may have been written into this one.
        self.files.check_newest(number)?;
        let number = run(file, &mut transaction, batch).map_err(writing)?;
        transaction.commit().map_err(writing)?;
        if let Some(number) = number {
            self.files.note(number);
        }
        Ok(log_length)
    }

    /// Processes that commit without a pause never leave each other the moment in which the log
    /// begins anew. When it is long, one of them takes that moment, but waits for no slow reader.
    fn shorten_log(&mut self, length: u64) {
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
        let counted = batch.iter().filter_map(|order| match order.effect() {
            Effect::Counted(counted) => Some(counted.clone()),
            Effect::Nothing | Effect::Changed => None,
        });
        self.in_doubt.extend(counted);
        for order in batch.drain(..) {
            order.fail(fault.clone());
        }
        if let Err(fault) = self.reopen()
            && self.outage.begins(&fault, Instant::now())
        {
            tracing::error!(%fault, "the ledger is not open, the next request tries again");
        }
    }

    /// Opens the file when the last connection failed, and says which redemptions are counted
    /// although their requesters got a fault.
    fn reopen(&mut self) -> Result<(), LedgerFault> {
        if self.connection.is_some() {
            return Ok(());
        }
        self.files.renew()?;
        let file = self.files.file();
        let connection = connection::open(file)?;
        for counted in &self.in_doubt {
            let Counted {
                uid, redemption, ..
            } = counted;
            let entry = queries::look(&connection, uid, Some(&redemption.key))
                .map_err(|error| SqliteFault::Reading(Arc::clone(file), error))?;
            let stored = entry.and_then(|entry| entry.redemption);
            if stored.is_some_and(|stored| stored.serial == redemption.serial) {
                log_lost(counted);
            }
        }
        self.in_doubt.clear();
        self.outage.ends();
        self.connection = Some(connection);
        Ok(())
    }
}

/// Runs orders in a transaction, and returns the number of what they changed. An error is one of the
/// store.
fn run(
    file: &Path,
    transaction: &mut Transaction<'_>,
    batch: &mut [Box<dyn Order>],
) -> rusqlite::Result<Option<u64>> {
    for order in batch.iter_mut() {
        // Now, after the wait for the lock.
        if !order.is_due(Instant::now()) {
            order.undone(LedgerFault::unavailable(
                "a request waited too long for the ledger, nothing was written: try again",
            ));
            continue;
        }
        let savepoint = transaction.savepoint()?;
        match order.run(&savepoint) {
            Ok(()) => savepoint.commit()?,
            // SQLite ends the transaction over some faults.
            Err(error) if is_of_store(&error) || savepoint.is_autocommit() => {
                return Err(error);
            }
            Err(error) => {
                savepoint.finish()?;
                order.undone(SqliteFault::Writing(file.into(), error).into());
            }
        }
    }
    let mut effects = batch.iter().map(|order| order.effect());
    if effects.any(|effect| !matches!(effect, Effect::Nothing)) {
        return queries::number_change(transaction).map(Some);
    }
    Ok(None)
}

fn log_lost(counted: &Counted) {
    tracing::error!(
        grant = %counted.uid,
        name = counted.name,
        // In quotes: a client chose it.
        subject = counted.redemption.subject,
        serial = %counted.redemption.serial,
        key_origin = ?counted.redemption.origin,
        "a redemption is counted, and its requester does not know",
    );
}

#[cfg(test)]
mod tests;
