//! The router that accepts links.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use thiserror::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::count::{HandshakeCount, Handshakes};
use crate::profile::{Profile, ProfileProblem, Router, Shown, Update};
use crate::role::{Role, is_refusal};
use crate::settings::Settings;
use crate::verify::subject;

/// A router that accepts links until it is dropped. It echoes what it gets.
///
/// Of a peer that it refuses it says neither who it was nor why: one more is counted.
pub struct AcceptingRouter {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: JoinHandle<()>,
}

/// One open connection, as the router shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The subject of its certificate, the last attribute first: `CN=west,OU=0123`.
    pub subject: String,
    /// The address that it comes from.
    pub address: SocketAddr,
    /// The use that it makes of the connection.
    pub role: Role,
    /// The revision of this router's own files under which it was accepted.
    pub ordinal: u64,
}

/// A reason why the router does not start.
#[derive(Debug, Error)]
pub enum StartProblem {
    /// Its files are of no use.
    #[error(transparent)]
    Profile(#[from] ProfileProblem),
    /// Its address is taken, or not of this machine.
    #[error("the address '{0}' cannot be used: {1}")]
    Address(SocketAddr, io::Error),
}

impl AcceptingRouter {
    /// Reads the three files and listens. With port 0 the system chooses one.
    ///
    /// # Errors
    /// The files are of no use, or the address is.
    pub async fn start(
        folder: &Path,
        address: SocketAddr,
        settings: Settings,
    ) -> Result<Self, StartProblem> {
        let (profile, credentials) = Profile::open(folder, settings.ordinal)?;
        let unusable = |error| StartProblem::Address(address, error);
        let listener = TcpListener::bind(address).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                profile,
                tls: settings.accepting(credentials),
                open: BTreeMap::new(),
                next: 0,
            }),
            settings,
            handshakes: HandshakeCount::default(),
        });
        let listener = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            address,
            listener,
        })
    }

    /// The address at which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The open connections, in the order in which they were accepted.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        let state = self.shared.state.lock().unwrap();
        state.open.values().map(|open| open.peer.clone()).collect()
    }

    /// Closes the connections of some peers, as `ss -K` does, and returns their number. The peers come
    /// again by themselves.
    pub fn cut(&self, of: impl Fn(&Peer) -> bool) -> usize {
        let mut state = self.shared.state.lock().unwrap();
        state.open.extract_if(.., |_, open| of(&open.peer)).count()
    }

    /// The handshakes since its start.
    #[must_use]
    pub fn handshakes(&self) -> Handshakes {
        self.shared.handshakes.read()
    }
}

impl Router for AcceptingRouter {
    /// Closes the connections that were accepted under an ordinal below `oldest_valid_ordinal`, too.
    fn update(&self, ordinal: u64, oldest_valid_ordinal: u64) -> Update {
        let offered = Shown {
            ordinal,
            oldest_valid_ordinal,
        };
        let state = &mut *self.shared.state.lock().unwrap();
        state.profile.update(offered, |credentials| {
            state.tls = self.shared.settings.accepting(credentials);
            state
                .open
                .retain(|_, open| open.peer.ordinal >= oldest_valid_ordinal);
        })
    }

    fn read(&self) -> Shown {
        self.shared.state.lock().unwrap().profile.shown()
    }
}

impl Drop for AcceptingRouter {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    handshakes: HandshakeCount,
}

struct State {
    profile: Profile,
    tls: Arc<ServerConfig>,
    open: BTreeMap<u64, Open>,
    next: u64,
}

/// An entry of the table of connections. Whoever removes it closes the connection.
struct Open {
    peer: Peer,
    _closing: oneshot::Sender<Infallible>,
}

/// The tasks of all connections end with this one.
async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, address)) = accepted {
                connections.spawn(serve(Arc::clone(&shared), socket, address));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, socket: TcpStream, address: SocketAddr) {
    let (tls, ordinal) = {
        let state = shared.state.lock().unwrap();
        (Arc::clone(&state.tls), state.profile.used.ordinal)
    };
    let mut stream = match TlsAcceptor::from(tls).accept(socket).await {
        Ok(stream) => stream,
        Err(error) => {
            shared.handshakes.refused.add(u64::from(is_refusal(&error)));
            return;
        }
    };
    shared.handshakes.done.add(1);
    let Some(role) = stream.read_u8().await.ok().and_then(Role::of_byte) else {
        return;
    };
    let peer = Peer {
        subject: (stream.get_ref().1.peer_certificates())
            .and_then(|chain| chain.first())
            .map_or_else(String::new, subject),
        address,
        role,
        ordinal,
    };
    if let Some(place) = Place::take(shared, peer) {
        place.hold(stream).await;
    }
}

/// A place in the table of connections, given up when it is dropped.
struct Place {
    shared: Arc<Shared>,
    number: u64,
    closed: oneshot::Receiver<Infallible>,
}

impl Place {
    /// `None` when the revision of the handshake has been closed meanwhile.
    fn take(shared: Arc<Shared>, peer: Peer) -> Option<Self> {
        let (closing, closed) = oneshot::channel();
        let number = {
            let mut state = shared.state.lock().unwrap();
            if peer.ordinal < state.profile.used.oldest_valid_ordinal {
                return None;
            }
            state.next += 1;
            let number = state.next;
            let open = Open {
                peer,
                _closing: closing,
            };
            state.open.insert(number, open);
            number
        };
        Some(Self {
            shared,
            number,
            closed,
        })
    }

    /// Confirms the connection and echoes until somebody closes it.
    async fn hold(mut self, mut stream: TlsStream<TcpStream>) {
        tokio::select! {
            _ = &mut self.closed => {}
            _ = echo(&mut stream) => {}
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().open.remove(&self.number);
    }
}

async fn echo(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    stream.write_u8(CONFIRMED).await?;
    stream.flush().await?;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = stream.read(&mut bytes).await?;
        let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else {
            return Ok(());
        };
        stream.write_all(read).await?;
        stream.flush().await?;
    }
}

/// The first byte that a peer gets. With TLS 1.3 a client knows only then that it was accepted.
const CONFIRMED: u8 = 1;
