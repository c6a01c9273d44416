//! A set of connections: one for control and those for data, opened at once under one revision.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::count::{FlowCount, HandshakeCount};
use crate::role::{Role, is_refusal};
use crate::settings::Link;
use crate::stream::Channel;

/// A set, closed when it is dropped.
pub(crate) struct Set {
    pub(crate) ordinal: u64,
    open: Arc<OpenChannels>,
    is_current: watch::Sender<bool>,
}

/// All that the connections of all sets have in common.
pub(crate) struct Common {
    pub(crate) link: Link,
    pub(crate) handshakes: HandshakeCount,
    pub(crate) flows: FlowCount,
    pub(crate) refusal: Mutex<Option<String>>,
}

impl Set {
    /// Opens 1+N connections at once.
    pub(crate) fn open(common: &Arc<Common>, ordinal: u64, tls: &Arc<ClientConfig>) -> Self {
        let (is_current, current) = watch::channel(true);
        let open = Arc::<OpenChannels>::default();
        let data = std::iter::repeat_n(Role::Data, common.link.data_connections);
        for role in std::iter::once(Role::Control).chain(data) {
            let line = Line {
                common: Arc::clone(common),
                ordinal,
                role,
                tls: TlsConnector::from(Arc::clone(tls)),
                open: Arc::clone(&open),
            };
            tokio::spawn(line.run(current.clone()));
        }
        Self {
            ordinal,
            open,
            is_current,
        }
    }

    /// From now on, what is lost stays lost.
    pub(crate) fn retire(&self) {
        self.is_current.send_replace(false);
    }

    /// The open connections of a role, the one that was used longest ago first.
    pub(crate) fn channels(&self, role: Role) -> Vec<Arc<Channel>> {
        let open = self.open.lock().unwrap();
        let of_role = open.iter().filter(|channel| channel.role == role);
        of_role.cloned().collect()
    }

    /// The data connection whose turn it is.
    pub(crate) fn next_channel(&self) -> Option<Arc<Channel>> {
        let mut open = self.open.lock().unwrap();
        let index = open.iter().position(|open| open.role == Role::Data)?;
        let channel = open.remove(index);
        open.push(Arc::clone(&channel));
        Some(channel)
    }
}

type OpenChannels = Mutex<Vec<Arc<Channel>>>;

/// One connection of a set, again and again while the set is current.
struct Line {
    common: Arc<Common>,
    ordinal: u64,
    role: Role,
    tls: TlsConnector,
    open: Arc<OpenChannels>,
}

impl Line {
    async fn run(self, mut current: watch::Receiver<bool>) {
        let mut closed = current.clone();
        tokio::select! {
            () = self.keep(&mut current) => {}
            // The set is gone.
            _ = closed.wait_for(|_| false) => {}
        }
    }

    async fn keep(&self, current: &mut watch::Receiver<bool>) {
        while *current.borrow() {
            let wait = match self.connect().await {
                Ok(connection) => {
                    self.carry(connection).await;
                    self.common.link.after_loss
                }
                Err(error) => {
                    self.note(&error);
                    self.common.link.after_failure
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = current.wait_for(|is_current| !is_current) => return,
            }
        }
    }

    /// A connection that the other side has confirmed: with TLS 1.3 its refusal comes after the handshake.
    async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let link = &self.common.link;
        let socket = if link.to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind((link.from, 0).into())?;
        let name = ServerName::try_from(link.host.clone()).map_err(io::Error::other)?;
        let mut connection = (self.tls)
            .connect(name, socket.connect(link.to).await?)
            .await?;
        // When this fails the reason is there to read.
        let _ = connection.write_u8(self.role.byte()).await;
        let _ = connection.flush().await;
        connection.read_u8().await?;
        self.common.handshakes.done.add(1);
        Ok(connection)
    }

    async fn carry(&self, connection: TlsStream<TcpStream>) {
        let (channel, mut to_send) = Channel::new(self.role, self.ordinal);
        let place = Place::take(self, channel);
        // However it ends, it is a loss.
        let _ = place.channel.carry(connection, &mut to_send).await;
    }

    fn note(&self, error: &io::Error) {
        if is_refusal(error) {
            self.common.handshakes.refused.add(1);
            *self.common.refusal.lock().unwrap() = Some(error.to_string());
        }
    }
}

/// A place among the open connections, given up when it is dropped.
struct Place<'a> {
    line: &'a Line,
    channel: Arc<Channel>,
}

impl<'a> Place<'a> {
    fn take(line: &'a Line, channel: Arc<Channel>) -> Self {
        line.open.lock().unwrap().push(Arc::clone(&channel));
        Self { line, channel }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut open = self.line.open.lock().unwrap();
        open.retain(|channel| !Arc::ptr_eq(channel, &self.channel));
        self.channel.close(&self.line.common.flows);
    }
}
