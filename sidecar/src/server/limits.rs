//! Every limit of the service, in one table.

use std::time::Duration;

/// The limits of one listener. [`Limits::default`] is the table; tests use shorter times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`HANDSHAKE`].
    pub handshake: Duration,
    /// See [`HEAD`].
    pub head: Duration,
    /// See [`BODY`].
    pub body: Duration,
    /// See [`STOP`].
    pub stop: Duration,
    /// See [`CONNECTIONS`].
    pub connections: usize,
    /// See [`CONNECTIONS_PER_PEER`].
    pub connections_per_peer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: HANDSHAKE,
            head: HEAD,
            body: BODY,
            stop: STOP,
            connections: CONNECTIONS,
            connections_per_peer: CONNECTIONS_PER_PEER,
        }
    }
}

/// From the accepted connection to the end of the TLS handshake: two round trips and a tenth
/// of a millisecond of work.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// From the end of the handshake or of the last answer to the end of the next request's head. It
/// is the limit of idle kept-alive connections, of slow heads, and of clients that do not read
/// their answer.
pub const HEAD: Duration = Duration::from_secs(5);

/// From the end of a head to the end of its body.
pub const BODY: Duration = Duration::from_secs(5);

/// From the head of a request to the statements that count its redemption. Redeemers give up after
/// 10 s; what is counted after that is counted for nobody.
pub const COUNT: Duration = Duration::from_secs(5);

/// Time that running requests may go on after the signal to stop. Kubernetes kills after 30 s.
pub const STOP: Duration = Duration::from_secs(10);

/// Open connections. An idle one with TLS takes about 30 KiB.
pub const CONNECTIONS: usize = 1024;

/// Open connections of one [peer](super::Peer), so that no single one can take them all.
pub const CONNECTIONS_PER_PEER: usize = 64;

/// The body of a request, in bytes. Codes have at most 1,024.
pub const BODY_BYTES: usize = 4096;

/// The head of a request, in bytes: a certificate request in base64 has at most 684, and some
/// proxies add headers. Also the size of a connection's buffers.
pub const HEAD_BYTES: usize = 16 * 1024;

/// The certificates that a client shows in the handshake, in bytes of DER. Those of links have 600; one
/// with RSA and two CAs above it has 4,000.
pub const CLIENT_CHAIN_BYTES: usize = 8 * 1024;

/// Renewals of one link in [`ATTEMPTS_WINDOW`].
pub const RENEWALS: u32 = 10;

/// Links whose renewals are counted.
pub const RENEWAL_ENTRIES: usize = 65_536;

/// Bytes that are still read and thrown away after an answer to a request whose body was not
/// read. A connection that is closed over unread bytes is reset, and the client may lose the
/// answer.
pub const LINGER_BYTES: usize = 256 * 1024;

/// Wrong codes of one peer for one grant in [`ATTEMPTS_WINDOW`].
pub const ATTEMPTS: u32 = 20;

/// The time in which wrong codes are counted together; it begins with the first.
pub const ATTEMPTS_WINDOW: Duration = Duration::from_mins(1);

/// Wrong codes of all peers together for one grant with a short code in [`SHORT_CODE_WINDOW`]: it
/// takes days to try all codes of 4 digits.
pub const SHORT_CODE_ATTEMPTS: u32 = 100;

/// The time in which wrong codes for a grant with a short code are counted together.
pub const SHORT_CODE_WINDOW: Duration = Duration::from_hours(1);

/// Wrong codes of all peers together that are sent to the name of one grant in [`ATTEMPTS_WINDOW`]:
/// strangers can guess a name, and then shut others out for a minute, from that path alone.
pub const BY_NAME_ATTEMPTS: u32 = 100;

/// Grants with short codes for which wrong codes are counted.
pub const SHORT_CODE_ENTRIES: usize = 16_384;

/// Pairs of grant and peer for which wrong codes are counted; the one that was looked at
/// longest ago is forgotten first. About 100 bytes each.
pub const ATTEMPTS_ENTRIES: usize = 65_536;
