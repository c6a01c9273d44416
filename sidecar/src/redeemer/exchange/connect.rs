//! The way to a host.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::thread;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// Tries the addresses of the host one after the other, each with its share of the time: one that
/// is a black hole must not eat up what the others need. IPv6 has no brackets.
pub(super) async fn connect(host: &str, port: u16, time: Duration) -> io::Result<TcpStream> {
    let mut addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![(address, port).into()],
        Err(_) => look_up(host, port).await?,
    };
    addresses.truncate(MAX_ADDRESSES);
    let deadline = Instant::now() + time;
    let mut problem = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (position, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - position).unwrap_or(1);
        let share = deadline.duration_since(Instant::now()) / others;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => problem = error,
            Err(_) => problem = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(problem)
}

/// The addresses of a name. In a thread that nobody waits for: a runtime does not end before the
/// look-ups of its own threads, and those may take much longer than there is time.
async fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (answer, answered) = oneshot::channel();
    let name = name.to_owned();
    thread::Builder::new().spawn(move || {
        let addresses = (name, port).to_socket_addrs();
        // The other end may have given up.
        let _ = answer.send(addresses.map(Iterator::collect));
    })?;
    answered.await.map_err(io::Error::other)?
}

const MAX_ADDRESSES: usize = 8;
