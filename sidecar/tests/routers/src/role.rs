//! The first words of a connection.

use std::io;

/// The use of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that routers talk to each other on.
    Control,
    /// One of those that carry flows.
    Data,
}

impl Role {
    /// The byte that the connecting router sends first.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Control => b'c',
            Self::Data => b'd',
        }
    }

    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Control, Self::Data]
            .into_iter()
            .find(|role| role.byte() == byte)
    }
}

/// True when a handshake failed because one side would not have it. A peer that has gone is no refusal;
/// a reset is one: who refuses closes with the rest of the handshake unread.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
