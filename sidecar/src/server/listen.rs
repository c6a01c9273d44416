//! Opening a port.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};
use tracing::{info, warn};

use crate::wording;

/// Listens on an address. `[::]` takes IPv4, too, and means `0.0.0.0` on a host without IPv6.
///
/// # Errors
/// [`ListenProblem`]: the port is in use or must not be used.
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenProblem> {
    let problem = |cause| ListenProblem { address, cause };
    match open(address) {
        Err(cause) if address.ip() == UNSPECIFIED_IPV6 && lacks_ipv6(&cause) => {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            info!("this host has no IPv6: listening on {address}");
            open(address).map_err(|cause| ListenProblem { address, cause })
        }
        listener => listener.map_err(problem),
    }
}

/// Lets the process open as many files as it may, which the limits of a shell often do not allow
/// at first, and warns when that is not enough for `connections`.
pub fn raise_file_limit(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHER_FILES);
    if current.is_some_and(|current| current < wanted) {
        warn!(
            "at most {} files can be open, {wanted} are wanted: raise the limit of open files",
            current.unwrap_or_default()
        );
    }
}

/// A port that cannot be opened.
#[derive(Debug)]
pub struct ListenProblem {
    address: SocketAddr,
    cause: io::Error,
}

impl ListenProblem {
    /// Whether only another address can help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        use io::ErrorKind::{AddrNotAvailable, PermissionDenied};
        matches!(self.cause.kind(), AddrNotAvailable | PermissionDenied)
    }
}

impl fmt::Display for ListenProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, cause } = self;
        write!(formatter, "cannot listen on {address}: ")?;
        match cause.kind() {
            io::ErrorKind::AddrInUse => {
                write!(
                    formatter,
                    "port {} is in use, choose another",
                    address.port()
                )
            }
            io::ErrorKind::PermissionDenied => {
                write!(
                    formatter,
                    "port {} needs privileges, choose one from 1024",
                    address.port()
                )
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(
                    formatter,
                    "{} is no address of this host, choose another",
                    address.ip()
                )
            }
            _ => write!(formatter, "{}, choose another address", wording::io(cause)),
        }
    }
}

impl std::error::Error for ListenProblem {}

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

/// Files that are open beside the connections.
const OTHER_FILES: u64 = 64;
