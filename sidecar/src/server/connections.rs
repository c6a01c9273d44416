//! The open connections of a listener, and which one goes when there is no room for another.
//!
//! Room is made by closing the connection that has waited longest, of the same peer when that peer
//! has all it may have. A connection whose request brought a right code is never closed.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{Limits, Peer};
use crate::metrics::{Bound, ConnectionMetrics};

/// The open connections of a listener.
pub struct Connections {
    table: Mutex<Table<Arc<Orders>>>,
    emptied: Notify,
    metrics: ConnectionMetrics,
}

impl Connections {
    /// A table without connections.
    #[must_use]
    pub fn new(limits: &Limits, metrics: ConnectionMetrics) -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::new(Table::new(limits.connections, limits.connections_per_peer)),
            emptied: Notify::new(),
            metrics,
        })
    }

    /// Admits a connection, and closes another one where that is needed. `None` when none could be
    /// closed: the new one is to be dropped.
    #[must_use]
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<Arc<Connection>> {
        let orders = Arc::new(Orders::default());
        let peer = Peer::of(address);
        let mut table = self.lock();
        let admission = table.admit(peer, now, Arc::clone(&orders));
        self.metrics.open.set(table.open_as_gauge());
        drop(table);
        let (place, closed) = match admission {
            Ok(admitted) => admitted,
            Err(bound) => {
                self.metrics.close(bound);
                return None;
            }
        };
        if let Some((bound, orders)) = closed {
            self.metrics.close(bound);
            orders.give(Order::Cut);
        }
        Some(Arc::new(Connection {
            address: address.to_canonical(),
            peer,
            place,
            orders,
            lingers: AtomicBool::new(false),
            connections: Arc::clone(self),
        }))
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().open
    }

    /// Gives an order to every connection.
    pub(super) fn order(&self, order: Order) {
        for orders in self.lock().handles() {
            orders.give(order);
        }
    }

    /// Waits until none is open.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.open() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn leave(&self, table: &mut Table<Arc<Orders>>, place: Place) {
        table.leave(place);
        self.metrics.open.set(table.open_as_gauge());
        if table.open == 0 {
            self.emptied.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table<Arc<Orders>>> {
        // Every method of the table leaves it whole, whatever panicked elsewhere.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection, as its task and the handler see it. It keeps its place in the table until
/// the last of them has let it go.
pub struct Connection {
    address: IpAddr,
    peer: Peer,
    place: Place,
    orders: Arc<Orders>,
    lingers: AtomicBool,
    connections: Arc<Connections>,
}

impl Connection {
    /// The address of the client; an IPv4-mapped one as IPv4.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whom the limits count it for.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Says that the code was right. From here to its answer the connection is not closed to make
    /// room, and the handler runs on when the client goes away.
    ///
    /// `false`: the connection is closed already and the handler is being ended; count nothing.
    #[must_use]
    pub fn answering(&self) -> bool {
        self.connections.lock().set(self.place, Phase::Answering)
    }

    /// Says that a request is being looked at; the limit of [`Phase::Waiting`] does not count.
    pub(super) fn asks(&self) {
        let mut table = self.connections.lock();
        if let Some(Phase::Waiting(since)) = table.phase(self.place) {
            table.set(self.place, Phase::Asking(since));
        }
    }

    /// Says that it is the client's turn.
    pub(super) fn waits(&self, now: Instant) {
        self.connections.lock().set(self.place, Phase::Waiting(now));
    }

    /// When the patience with a client is over that may take `limit` for its turn. `None` when the
    /// connection was closed.
    pub(super) fn patience(&self, limit: Duration, now: Instant) -> Option<Instant> {
        match self.connections.lock().phase(self.place)? {
            Phase::Waiting(since) => Some(since + limit),
            Phase::Asking(_) | Phase::Answering => Some(now + limit),
        }
    }

    /// Gives the place in the table back, unless a right code is being answered. Returns whether it
    /// is given back: the handler cannot get past [`Connection::answering`] any more.
    pub(super) fn leave(&self) -> bool {
        let mut table = self.connections.lock();
        if table.phase(self.place) == Some(Phase::Answering) {
            return false;
        }
        self.connections.leave(&mut table, self.place);
        true
    }

    /// Waits for the next order.
    pub(super) async fn order(&self) -> Order {
        self.orders.given.notified().await;
        match self.orders.order.load(Ordering::Acquire) {
            order if order >= Order::Cut as u8 => Order::Cut,
            _ => Order::Stop,
        }
    }

    /// Says that a body was left unread: see [`limits::LINGER_BYTES`](super::limits::LINGER_BYTES).
    pub(super) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    /// Counts that it was closed by a bound.
    pub(super) fn closed_by(&self, bound: Bound) {
        self.connections.metrics.close(bound);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        self.connections.leave(&mut table, self.place);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Connection({})", self.address)
    }
}

/// What a connection is told from outside. The later one goes further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Finish what runs, then close.
    Stop = 1,
    /// Close now.
    Cut = 2,
}

#[derive(Default)]
struct Orders {
    order: AtomicU8,
    given: Notify,
}

impl Orders {
    fn give(&self, order: Order) {
        self.order.fetch_max(order as u8, Ordering::Release);
        self.given.notify_one();
    }
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is the client's turn: since then.
    Waiting(Instant),
    /// A request is being read or looked at, and may turn out worthless. It still counts as waiting
    /// since then.
    Asking(Instant),
    /// A right code is being answered.
    Answering,
}

/// Where a connection stands in the table. The number tells it from one that had the place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    index: usize,
    number: u64,
}

struct Entry<T> {
    number: u64,
    peer: Peer,
    phase: Phase,
    handle: T,
}

/// The table itself, without locks and clocks. It never holds more than its limits.
struct Table<T> {
    places: Vec<Option<Entry<T>>>,
    open: usize,
    next: u64,
    limit: usize,
    limit_per_peer: usize,
}

/// What an admission closed, and because of which bound.
type Closed<T> = Option<(Bound, T)>;

impl<T> Table<T> {
    fn new(limit: usize, limit_per_peer: usize) -> Self {
        Self {
            places: Vec::new(),
            open: 0,
            next: 0,
            limit,
            limit_per_peer,
        }
    }

    fn admit(&mut self, peer: Peer, now: Instant, handle: T) -> Result<(Place, Closed<T>), Bound> {
        let of_peer = self
            .entries()
            .filter(|(_, entry)| entry.peer == peer)
            .count();
        let bound = if of_peer >= self.limit_per_peer {
            Some(Bound::Peer)
        } else if self.open >= self.limit {
            Some(Bound::Connections)
        } else {
            None
        };
        let index = match bound {
            Some(bound) => self.longest_waiting(bound, peer).ok_or(bound)?,
            None => self.free(),
        };
        let entry = Entry {
            number: self.next,
            peer,
            phase: Phase::Waiting(now),
            handle,
        };
        let place = Place {
            index,
            number: self.next,
        };
        self.next += 1;
        let closed = self
            .places
            .get_mut(index)
            .and_then(|slot| slot.replace(entry));
        if closed.is_none() {
            self.open += 1;
        }
        Ok((place, bound.zip(closed.map(|entry| entry.handle))))
    }

    fn phase(&self, place: Place) -> Option<Phase> {
        let entry = self.places.get(place.index)?.as_ref()?;
        (entry.number == place.number).then_some(entry.phase)
    }

    /// Returns whether the connection is in the table.
    fn set(&mut self, place: Place, phase: Phase) -> bool {
        let entry = self.places.get_mut(place.index).and_then(Option::as_mut);
        match entry.filter(|entry| entry.number == place.number) {
            Some(entry) => {
                entry.phase = phase;
                true
            }
            None => false,
        }
    }

    fn leave(&mut self, place: Place) {
        if self.phase(place).is_some()
            && let Some(slot) = self.places.get_mut(place.index)
        {
            *slot = None;
            self.open -= 1;
        }
    }

    fn handles(&self) -> impl Iterator<Item = &T> {
        self.entries().map(|(_, entry)| &entry.handle)
    }

    fn open_as_gauge(&self) -> i64 {
        i64::try_from(self.open).unwrap_or(i64::MAX)
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &Entry<T>)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(index, slot)| Some((index, slot.as_ref()?)))
    }

    /// Looking at all of them takes a microsecond, next to half a millisecond for a handshake.
    fn longest_waiting(&self, bound: Bound, peer: Peer) -> Option<usize> {
        self.entries()
            .filter(|(_, entry)| bound != Bound::Peer || entry.peer == peer)
            .filter_map(|(index, entry)| match entry.phase {
                Phase::Waiting(since) | Phase::Asking(since) => Some((since, entry.number, index)),
                Phase::Answering => None,
            })
            .min()
            .map(|(_, _, index)| index)
    }

    fn free(&mut self) -> usize {
        if let Some(index) = self.places.iter().position(Option::is_none) {
            return index;
        }
        self.places.push(None);
        self.places.len() - 1
    }
}
