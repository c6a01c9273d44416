//! The table of connections, and the choice of the one that goes when there is no room for another.
//!
//! Room is made by closing a connection, of the same peer when that peer has all it may have: the
//! one that has waited longest for another request after an answer, or else the one that has waited
//! longest. A connection whose request brought a right code is never closed. Neither lock nor clock
//! is here.
//!
//! Connections that had an answer go first because many of them are left already: a client that
//! connects anew for each request is ahead of the news that its last connection was closed.

use std::collections::BTreeMap;
use std::time::Instant;

use super::peer::Peer;
use crate::telemetry::metrics::Bound;

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The client has not asked anything since then, when it came.
    Waiting(Instant),
    /// The client was answered, and has not asked anything since then.
    Idle(Instant),
    /// A request is being read or looked at, and may turn out worthless: it counts as waiting since
    /// the client came or was answered last.
    Asking(Instant),
    /// A right code is being answered.
    Answering,
    /// The answer to a right code is being sent since then.
    Sending(Instant),
}

/// Number of a connection, in the order in which they came. None is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

struct Entry<T> {
    peer: Peer,
    phase: Phase,
    handle: T,
}

/// The table itself, without locks and clocks. It never holds more than its limits.
pub(super) struct Table<T> {
    entries: BTreeMap<ConnectionId, Entry<T>>,
    next: u64,
    limit: usize,
    limit_per_peer: usize,
}

/// The connection that an admission closed, and because of which bound.
pub(super) type Closed<T> = Option<(Bound, T)>;

impl<T> Table<T> {
    pub(super) fn new(limit: usize, limit_per_peer: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            next: 0,
            limit,
            limit_per_peer,
        }
    }

    pub(super) fn admit(
        &mut self,
        peer: Peer,
        now: Instant,
        handle: T,
    ) -> Result<(ConnectionId, Closed<T>), Bound> {
        let of_peer = self.entries.values().filter(|entry| entry.peer == peer);
        let closed = if of_peer.count() >= self.limit_per_peer {
            Some(self.make_room(Bound::Peer, peer)?)
        } else if self.entries.len() >= self.limit {
            Some(self.make_room(Bound::Connections, peer)?)
        } else {
            None
        };
        let id = ConnectionId(self.next);
        self.next += 1;
        let phase = Phase::Waiting(now);
        let entry = Entry {
            peer,
            phase,
            handle,
        };
        self.entries.insert(id, entry);
        Ok((id, closed))
    }

    /// The phase of a connection; `None` when it is closed.
    pub(super) fn phase(&self, id: ConnectionId) -> Option<Phase> {
        self.entries.get(&id).map(|entry| entry.phase)
    }

    /// Returns whether the connection is in the table.
    pub(super) fn set(&mut self, id: ConnectionId, phase: Phase) -> bool {
        let entry = self.entries.get_mut(&id);
        entry.map(|entry| entry.phase = phase).is_some()
    }

    pub(super) fn leave(&mut self, id: ConnectionId) {
        self.entries.remove(&id);
    }

    /// One of a peer's connections.
    pub(super) fn any_of(&self, peer: Peer) -> Option<&T> {
        let mut entries = self.entries.values();
        let entry = entries.find(|entry| entry.peer == peer)?;
        Some(&entry.handle)
    }

    /// Number of connections.
    pub(super) fn open(&self) -> usize {
        self.entries.len()
    }

    /// Closes the connection that has waited longest. Looking at all of them takes microseconds,
    /// next to a hundred for a handshake.
    fn make_room(&mut self, bound: Bound, peer: Peer) -> Result<(Bound, T), Bound> {
        let candidates = self.entries.iter();
        let candidates = candidates.filter(|(_, entry)| bound != Bound::Peer || entry.peer == peer);
        let waiting = candidates.filter_map(|(id, entry)| match entry.phase {
            Phase::Idle(since) => Some((false, since, *id)),
            Phase::Waiting(since) | Phase::Asking(since) => Some((true, since, *id)),
            Phase::Answering | Phase::Sending(_) => None,
        });
        let (.., longest) = waiting.min().ok_or(bound)?;
        let closed = self.entries.remove(&longest).ok_or(bound)?;
        Ok((bound, closed.handle))
    }
}

#[cfg(test)]
mod tests;
