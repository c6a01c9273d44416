//! Opening a port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tracing::{info, warn};

use super::limits::Limits;
use crate::system::wording;

/// Listens on an address. `[::]` takes IPv4, too, and means `0.0.0.0` on a host without IPv6.
///
/// # Errors
/// [`ListenProblem`]: the port is in use or must not be used.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenProblem> {
    match open(address) {
        Err(cause) if address.ip() == UNSPECIFIED_IPV6 && lacks_ipv6(&cause) => {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            info!("this host has no IPv6: listening on {address}");
            open(address).map_err(|cause| ListenProblem::new(address, cause))
        }
        listener => listener.map_err(|cause| ListenProblem::new(address, cause)),
    }
}

/// Lets the process open as many files as it may, which the limits of a shell often do not allow
/// at first, and returns limits of connections that leave room for everything else. Says when they are
/// lower than wanted.
///
/// # Errors
/// Not even a few connections could be open.
pub fn within_file_limit(wanted: Limits) -> Result<Limits, FileLimitProblem> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let limits = fitting(wanted, files)?;
    if limits.connections < wanted.connections {
        warn!(
            "at most {} files can be open: {} connections are served at once, {} of one peer, \
             instead of {} and {}; raise the limit of open files",
            files.unwrap_or_default(),
            limits.connections,
            limits.connections_per_peer,
            wanted.connections,
            wanted.connections_per_peer,
        );
    }
    Ok(limits)
}

/// The wanted limits, or as many connections as can be open beside other files. One peer may still
/// have no more than its share.
fn fitting(wanted: Limits, files: Option<u64>) -> Result<Limits, FileLimitProblem> {
    let Some(files) = files else {
        return Ok(wanted);
    };
    let room = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    if room < FEWEST_CONNECTIONS {
        return Err(FileLimitProblem(files));
    }
    let share = wanted.connections / wanted.connections_per_peer.max(1);
    let connections = wanted.connections.min(room);
    let of_peer = (connections / share.max(1)).max(1);
    Ok(Limits {
        connections,
        connections_per_peer: wanted.connections_per_peer.min(of_peer.max(MOST_OF_FEW)),
        ..wanted
    })
}

/// Too few files can be open: holds how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "at most {0} files can be open, and {needed} are needed: raise the limit of open files \
     ('ulimit -n', LimitNOFILE)", needed = OTHER_FILES + FEWEST_CONNECTIONS as u64
)]
pub struct FileLimitProblem(u64);

/// Reason a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenProblem {
    /// Another program has it.
    #[error("cannot listen on {0}: port {port} is in use, choose another", port = .0.port())]
    InUse(SocketAddr),
    /// Only root may use it.
    #[error(
        "cannot listen on {0}: port {port} needs privileges, choose one from 1024", port = .0.port()
    )]
    Privileged(SocketAddr),
    /// The host does not have the address.
    #[error(
        "cannot listen on {0}: {ip} is no address of this host, choose another", ip = .0.ip()
    )]
    ForeignAddress(SocketAddr),
    /// The system refuses it.
    #[error(
        "cannot listen on {address}: {}, choose another address",
        wording::io(cause)
    )]
    Refused {
        /// The address.
        address: SocketAddr,
        /// Error of the system.
        cause: io::Error,
    },
}

impl ListenProblem {
    fn new(address: SocketAddr, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::PermissionDenied => Self::Privileged(address),
            io::ErrorKind::AddrNotAvailable => Self::ForeignAddress(address),
            _ => Self::Refused { address, cause },
        }
    }

    /// True when only another address can help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Privileged(_) | Self::ForeignAddress(_))
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        let socket = TcpSocket::new_v6()?;
        // The default is a setting of the host.
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
        socket
    } else {
        TcpSocket::new_v4()?
    };
    // Connections of a server that has just ended must not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn lacks_ipv6(cause: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    cause.raw_os_error() == Some(unsupported) || cause.kind() == io::ErrorKind::AddrNotAvailable
}

const UNSPECIFIED_IPV6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;

/// Files that are open beside the connections: two of each connection to the ledger, the operations
/// port with its connections, and what is read meanwhile.
const OTHER_FILES: u64 = 160;

/// With fewer connections a few idle clients would keep everybody out.
const FEWEST_CONNECTIONS: usize = 32;

/// Connections that one peer may have at least: two redeemers at once behind one address.
const MOST_OF_FEW: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_files_that_can_be_open() {
        let wanted = Limits {
            connections: 1024,
            connections_per_peer: 64,
            ..Limits::default()
        };
        for (files, expected) in [
            (None, Some((1024, 64))),
            (Some(u64::MAX), Some((1024, 64))),
            (Some(1024 + OTHER_FILES), Some((1024, 64))),
            (Some(1024), Some((864, 54))),
            (Some(256), Some((96, 6))),
            (Some(OTHER_FILES + 32), Some((32, 4))),
            (Some(OTHER_FILES + 31), None),
            (Some(0), None),
        ] {
            let found = fitting(wanted, files).ok();
            let found = found.map(|limits| (limits.connections, limits.connections_per_peer));
            assert_eq!(found, expected, "{files:?}");
        }
    }
}
