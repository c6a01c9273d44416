//! The open connections of a listener, and which one goes when there is no room for another.
//!
//! [`table`](super::table) decides; here are the lock, the orders to the tasks and what a task and
//! a handler may ask for.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{self, Arc, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::peer::Peer;
use super::table::{ConnectionId, Phase, Table};
use crate::telemetry::metrics::{Bound, ConnectionMetrics};

/// The open connections of a listener.
pub struct Connections {
    table: sync::Mutex<Table<Handle>>,
    open: watch::Sender<usize>,
    /// Cuts every connection.
    cut: CancellationToken,
    metrics: ConnectionMetrics,
}

/// A connection as the table has it.
#[derive(Clone)]
struct Handle {
    cut: CancellationToken,
    /// Shared by the connections of a peer.
    turn: Arc<Mutex<()>>,
}

impl Connections {
    /// A table without connections.
    #[must_use]
    pub fn new(limits: &Limits, metrics: ConnectionMetrics) -> Arc<Self> {
        Arc::new(Self {
            table: sync::Mutex::new(Table::new(limits.connections, limits.connections_per_peer)),
            open: watch::Sender::new(0),
            cut: CancellationToken::new(),
            metrics,
        })
    }

    /// Admits a connection, and closes another one where that is needed. `None` when none could be
    /// closed: the new one is to be dropped.
    #[must_use]
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<Arc<Connection>> {
        let peer = Peer::of(address);
        let mut table = self.lock();
        let turn = table.any_of(peer).map(|other| Arc::clone(&other.turn));
        let handle = Handle {
            cut: self.cut.child_token(),
            turn: turn.unwrap_or_default(),
        };
        let admission = table.admit(peer, now, handle.clone());
        self.count(&table);
        drop(table);
        let (id, closed) = match admission {
            Ok(admitted) => admitted,
            Err(bound) => {
                self.metrics.close(bound);
                return None;
            }
        };
        if let Some((bound, closed)) = closed {
            self.metrics.close(bound);
            closed.cut.cancel();
        }
        Some(Arc::new(Connection {
            address: address.to_canonical(),
            peer,
            id,
            handle,
            sends: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            certificate: OnceLock::new(),
            undelivered: sync::Mutex::default(),
            connections: Arc::clone(self),
        }))
    }

    /// Number of open ones.
    #[must_use]
    pub fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Cuts every connection.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Waits until none is open.
    pub(super) async fn emptied(&self) {
        // The sender lives as long as `self`.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    fn leave(&self, table: &mut Table<Handle>, id: ConnectionId) {
        table.leave(id);
        self.count(table);
    }

    fn count(&self, table: &Table<Handle>) {
        let open = table.open();
        self.metrics.set_open(open);
        self.open.send_replace(open);
    }

    fn lock(&self) -> MutexGuard<'_, Table<Handle>> {
        // Every method of the table leaves it whole, whatever panicked elsewhere.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection, as its task and the handler see it. It stays in the table until the last of
/// them has let it go.
pub struct Connection {
    address: IpAddr,
    peer: Peer,
    id: ConnectionId,
    handle: Handle,
    /// True while the answer to a right code is on its way.
    sends: AtomicBool,
    lingers: AtomicBool,
    /// The certificate that the client showed in the handshake, in DER.
    certificate: OnceLock<Box<[u8]>>,
    undelivered: sync::Mutex<Vec<Undelivered>>,
    connections: Arc<Connections>,
}

impl Connection {
    /// The address of the client; an IPv4-mapped one as IPv4.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The peer that the limits count it for.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// The certificate that the client showed, in DER. It has the key of it; who made it is not known.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.get().map(AsRef::as_ref)
    }

    /// Says that the code was right. From here to its answer the connection is not closed to make
    /// room, and the handler runs on when the connection is lost.
    ///
    /// `false`: the connection is closed already and the handler is being ended; count nothing.
    #[must_use]
    pub fn answering(&self) -> bool {
        self.connections.lock().set(self.id, Phase::Answering)
    }

    /// Calls a function when the connection ends before the answer of this request was handed to the
    /// kernel in full. An answer that the kernel has counts as delivered.
    pub fn on_lost_answer(&self, lost: impl FnOnce() + Send + 'static) {
        self.undelivered().push(Undelivered {
            is_written: false,
            lost: Box::new(lost),
        });
    }

    /// Says that a request is being looked at: the client's time stands still.
    pub(super) fn asks(&self) {
        let mut table = self.connections.lock();
        if let Some(Phase::Waiting(since) | Phase::Idle(since)) = table.phase(self.id) {
            table.set(self.id, Phase::Asking(since));
        }
    }

    /// Notes the certificate that the client showed.
    pub(super) fn shows(&self, certificate: &[u8]) {
        // A handshake has one.
        let _ = self.certificate.set(certificate.into());
    }

    /// The turn of the peer: whichever of its connections has it may stand in line with other peers.
    pub(super) fn turn(&self) -> &Mutex<()> {
        &self.handle.turn
    }

    /// Says that the handshake is done, and the client may ask.
    pub(super) fn waits(&self, now: Instant) {
        self.connections.lock().set(self.id, Phase::Waiting(now));
    }

    /// Says that there is an answer, to be sent at once. The client counts as answered before it
    /// is: it may have read the answer and connected again while this thread was set aside.
    pub(super) fn answered(&self, now: Instant) {
        let mut table = self.connections.lock();
        let is_right = table.phase(self.id) == Some(Phase::Answering);
        table.set(self.id, Phase::Idle(now));
        self.sends.store(is_right, Ordering::Relaxed);
        drop(table);
        for answer in self.undelivered().iter_mut() {
            answer.is_written = true;
        }
    }

    /// Says that the client does not read: an answer to a right code keeps its place meanwhile.
    pub(super) fn blocked(&self) {
        if self.sends.load(Ordering::Relaxed) {
            let mut table = self.connections.lock();
            if let Some(Phase::Idle(since)) = table.phase(self.id) {
                table.set(self.id, Phase::Sending(since));
            }
        }
    }

    /// Says that everything is sent.
    pub(super) fn sent(&self) {
        self.undelivered().retain(|answer| !answer.is_written);
        if self.sends.swap(false, Ordering::Relaxed) {
            let mut table = self.connections.lock();
            if let Some(Phase::Sending(since)) = table.phase(self.id) {
                table.set(self.id, Phase::Idle(since));
            }
        }
    }

    /// Time that is left to a client that may take `limit` for its turn.
    pub(super) fn patience(&self, limit: Duration, now: Instant) -> Patience {
        let (since, bound) = match self.connections.lock().phase(self.id) {
            None => return Patience::Gone,
            Some(Phase::Asking(_) | Phase::Answering) => return Patience::Until(now + limit),
            Some(Phase::Waiting(since)) => (since, Bound::Request),
            Some(Phase::Idle(since)) => (since, Bound::Idle),
            Some(Phase::Sending(since)) => (since, Bound::Answer),
        };
        if since + limit > now {
            Patience::Until(since + limit)
        } else {
            Patience::Over(bound)
        }
    }

    /// Gives the place in the table back, unless a right code is being answered. Returns whether it
    /// is given back: the handler cannot get past [`Connection::answering`] any more.
    pub(super) fn leave(&self) -> bool {
        let mut table = self.connections.lock();
        if table.phase(self.id) == Some(Phase::Answering) {
            return false;
        }
        self.connections.leave(&mut table, self.id);
        true
    }

    /// Waits until the connection is to be closed at once.
    pub(super) async fn cut(&self) {
        self.handle.cut.cancelled().await;
    }

    /// Says that a body was left unread: see [`limits::LINGER_BYTES`](super::limits::LINGER_BYTES).
    pub(super) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    fn undelivered(&self) -> MutexGuard<'_, Vec<Undelivered>> {
        let undelivered = self.undelivered.lock();
        undelivered.unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts that it was closed by a bound.
    pub(super) fn closed_by(&self, bound: Bound) {
        self.connections.metrics.close(bound);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        self.connections.leave(&mut table, self.id);
        drop(table);
        for answer in self.undelivered().drain(..) {
            (answer.lost)();
        }
    }
}

/// An answer that matters, until the kernel has it.
struct Undelivered {
    /// True when HTTP has it: the next flush that ends has handed it over.
    is_written: bool,
    lost: Box<dyn FnOnce() + Send>,
}

/// Time that a client is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// At least until then.
    Until(Instant),
    /// No longer, because of this bound.
    Over(Bound),
    /// The connection has lost its place.
    Gone,
}

#[cfg(test)]
mod tests;
