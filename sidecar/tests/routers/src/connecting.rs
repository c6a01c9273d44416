//! The router that keeps a link.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::count::{FlowCount, Flows, HandshakeCount, Handshakes};
use crate::profile::{Profile, ProfileProblem, Router, Shown, Update};
use crate::role::Role;
use crate::set::{Common, Set};
use crate::settings::{Link, Settings};
use crate::stream::{FlowProblem, Stream};

/// A router that keeps a link until it is dropped: one control connection, and several for data.
pub struct ConnectingRouter {
    common: Arc<Common>,
    settings: Settings,
    state: Mutex<State>,
}

/// A set of connections, as the router shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownSet {
    /// The revision of this router's files under which it was opened.
    pub ordinal: u64,
    /// Its open control connections: one or none.
    pub control: usize,
    /// Its open data connections.
    pub data: usize,
}

impl ConnectingRouter {
    /// Reads the three files and begins to connect. Needs a runtime of tokio.
    ///
    /// # Errors
    /// The files are of no use.
    pub fn start(folder: &Path, link: Link, settings: Settings) -> Result<Self, ProfileProblem> {
        let (profile, credentials) = Profile::open(folder, settings.ordinal)?;
        let common = Arc::new(Common {
            link,
            handshakes: HandshakeCount::default(),
            flows: FlowCount::default(),
            refusal: Mutex::new(None),
        });
        let tls = settings.connecting(credentials);
        let sets = vec![Set::open(&common, settings.ordinal, &tls)];
        Ok(Self {
            common,
            settings,
            state: Mutex::new(State { profile, sets }),
        })
    }

    /// The sets, the oldest first. The last one is current; the others are never opened again.
    #[must_use]
    pub fn sets(&self) -> Vec<ShownSet> {
        let state = self.state.lock().unwrap();
        let shown = state.sets.iter().map(|set| ShownSet {
            ordinal: set.ordinal,
            control: set.channels(Role::Control).len(),
            data: set.channels(Role::Data).len(),
        });
        shown.collect()
    }

    /// True when all connections of the current set are open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let data = self.common.link.data_connections;
        let current = self.sets().pop();
        current.is_some_and(|set| set.control == 1 && set.data == data)
    }

    /// Opens a stream on a data connection, in turn, and waits until its first bytes have come back. It takes the
    /// current set; while that has no open data connection, the newest older set that has one, so that a flow
    /// fails only when nothing is open.
    ///
    /// # Errors
    /// No data connection is open, or the one that was taken ended at once.
    pub async fn open_flow(&self) -> Result<Stream, FlowProblem> {
        let opened = self.first_bytes().await;
        let flows = &self.common.flows;
        let count = opened.as_ref().map_or(&flows.failed, |_| &flows.done);
        count.add(1);
        opened
    }

    /// The handshakes since its start, of all sets.
    #[must_use]
    pub fn handshakes(&self) -> Handshakes {
        self.common.handshakes.read()
    }

    /// The flows since its start.
    #[must_use]
    pub fn flows(&self) -> Flows {
        self.common.flows.read()
    }

    /// The reason of the last handshake that was refused, by either side, in the words of its TLS.
    #[must_use]
    pub fn last_refusal(&self) -> Option<String> {
        self.common.refusal.lock().unwrap().clone()
    }

    async fn first_bytes(&self) -> Result<Stream, FlowProblem> {
        let mut stream = self.new_stream().ok_or(FlowProblem::NoConnection)?;
        stream.ping(b"first bytes").await?;
        stream.keep();
        Ok(stream)
    }

    fn new_stream(&self) -> Option<Stream> {
        let state = self.state.lock().unwrap();
        let mut channels = state.sets.iter().rev().filter_map(Set::next_channel);
        channels.find_map(|channel| channel.open())
    }
}

impl Router for ConnectingRouter {
    /// Opens a whole new set at once, and closes those with an ordinal below `oldest_valid_ordinal`.
    fn update(&self, ordinal: u64, oldest_valid_ordinal: u64) -> Update {
        let offered = Shown {
            ordinal,
            oldest_valid_ordinal,
        };
        let State { profile, sets } = &mut *self.state.lock().unwrap();
        profile.update(offered, |credentials| {
            let tls = self.settings.connecting(credentials);
            sets.iter().for_each(Set::retire);
            sets.push(Set::open(&self.common, ordinal, &tls));
            sets.retain(|set| set.ordinal >= oldest_valid_ordinal);
        })
    }

    fn read(&self) -> Shown {
        self.state.lock().unwrap().profile.shown()
    }
}

struct State {
    profile: Profile,
    sets: Vec<Set>,
}
