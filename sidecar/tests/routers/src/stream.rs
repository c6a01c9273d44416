//! Streams over one connection. Each message is the stream's number, a length and that many bytes,
//! and comes back as it went.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::count::FlowCount;
use crate::role::Role;

/// A stream that stays on the connection on which it began.
pub struct Stream {
    number: u32,
    channel: Arc<Channel>,
    echoes: UnboundedReceiver<Vec<u8>>,
}

/// A reason why a flow or a stream carries nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FlowProblem {
    /// No set has an open data connection.
    #[error("no data connection is open")]
    NoConnection,
    /// The connection has ended.
    #[error("the connection of the stream has ended")]
    Broken,
    /// More bytes than a message holds.
    #[error("a message must hold at most 65535 bytes")]
    TooLong,
}

impl Stream {
    /// Sends bytes and waits until they have come back.
    ///
    /// # Errors
    /// The connection has ended, or there are more than 65,535 bytes.
    pub async fn ping(&mut self, bytes: &[u8]) -> Result<(), FlowProblem> {
        let length = u16::try_from(bytes.len()).map_err(|_| FlowProblem::TooLong)?;
        let mut message = self.number.to_be_bytes().to_vec();
        message.extend(length.to_be_bytes());
        message.extend(bytes);
        let sent = self.channel.messages.send(message);
        sent.map_err(|_| FlowProblem::Broken)?;
        match self.echoes.recv().await {
            Some(echo) if echo == bytes => Ok(()),
            _ => Err(FlowProblem::Broken),
        }
    }

    /// True when its connection has ended.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.channel.messages.is_closed()
    }

    /// Waits until its connection has ended.
    pub async fn broken(&self) {
        self.channel.messages.closed().await;
    }

    /// The ordinal of the set that its connection belongs to.
    #[must_use]
    pub fn ordinal(&self) -> u64 {
        self.channel.ordinal
    }

    /// From now on, the end of its connection counts as a broken stream.
    pub(crate) fn keep(&self) {
        let mut streams = self.channel.streams.lock().unwrap();
        if let Some(state) = streams.as_mut().and_then(|open| open.get_mut(&self.number)) {
            state.is_kept = true;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(streams) = self.channel.streams.lock().unwrap().as_mut() {
            streams.remove(&self.number);
        }
    }
}

/// The connecting end of an open connection.
pub(crate) struct Channel {
    pub(crate) role: Role,
    pub(crate) ordinal: u64,
    messages: UnboundedSender<Vec<u8>>,
    /// `None` when the connection has ended.
    streams: Mutex<Option<HashMap<u32, StreamState>>>,
    next: Mutex<u32>,
}

struct StreamState {
    echoes: UnboundedSender<Vec<u8>>,
    is_kept: bool,
}

impl Channel {
    /// The channel, and the messages that [`Self::carry`] is to send.
    pub(crate) fn new(role: Role, ordinal: u64) -> (Arc<Self>, UnboundedReceiver<Vec<u8>>) {
        let (messages, to_send) = mpsc::unbounded_channel();
        let channel = Self {
            role,
            ordinal,
            messages,
            streams: Mutex::new(Some(HashMap::new())),
            next: Mutex::new(0),
        };
        (Arc::new(channel), to_send)
    }

    /// A new stream; `None` when the connection has ended.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Stream> {
        let (sender, echoes) = mpsc::unbounded_channel();
        let state = StreamState {
            echoes: sender,
            is_kept: false,
        };
        let number = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            *next
        };
        self.streams.lock().unwrap().as_mut()?.insert(number, state);
        Some(Stream {
            number,
            channel: Arc::clone(self),
            echoes,
        })
    }

    /// Sends and receives until the connection ends.
    pub(crate) async fn carry(
        &self,
        connection: impl AsyncRead + AsyncWrite,
        to_send: &mut UnboundedReceiver<Vec<u8>>,
    ) -> io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(connection);
        let send = async {
            while let Some(message) = to_send.recv().await {
                writer.write_all(&message).await?;
                writer.flush().await?;
            }
            Ok(())
        };
        let receive = async {
            loop {
                let number = reader.read_u32().await?;
                let mut bytes = vec![0; reader.read_u16().await?.into()];
                reader.read_exact(&mut bytes).await?;
                self.deliver(number, bytes);
            }
        };
        tokio::select! {
            ended = send => ended,
            received = receive => received,
        }
    }

    /// Breaks the streams.
    pub(crate) fn close(&self, flows: &FlowCount) {
        let streams = self.streams.lock().unwrap().take();
        let kept = (streams.into_iter().flatten()).filter(|(_, stream)| stream.is_kept);
        flows.broken.add(kept.map(|_| 1).sum());
    }

    fn deliver(&self, number: u32, bytes: Vec<u8>) {
        let streams = self.streams.lock().unwrap();
        if let Some(stream) = streams.as_ref().and_then(|open| open.get(&number)) {
            // A stream that is being dropped takes no more.
            let _ = stream.echoes.send(bytes);
        }
    }
}
