//! The way to a host: its addresses, and its name in TLS.

use std::io;
use std::num::NonZeroU16;
use std::time::Duration;

use rustls::pki_types::ServerName;
use skupper_access_policy::value::host::Host;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use tokio::net::TcpStream;
use tokio::time::{self, Instant};

/// Tries the addresses of the host one after the other, each with its share of the time: one that
/// is a black hole must not eat up what the others need.
pub(super) async fn connect(url: &RedemptionUrl) -> io::Result<TcpStream> {
    let port = url.port().map_or(HTTPS_PORT, NonZeroU16::get);
    let mut addresses = match url.host() {
        Host::Ip(address) => vec![(*address, port).into()],
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), port))
            .await?
            .collect(),
    };
    addresses.truncate(MAX_ADDRESSES);
    let deadline = Instant::now() + CONNECT_TIME;
    let mut problem = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (position, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - position).unwrap_or(1);
        let share = deadline.duration_since(Instant::now()) / others;
        match time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => problem = error,
            Err(_) => problem = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(problem)
}

pub(super) fn server_name(host: &Host) -> io::Result<ServerName<'static>> {
    match host {
        Host::Ip(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => {
            let name = ServerName::try_from(name.as_str().to_owned());
            name.map_err(io::Error::other)
        }
    }
}

/// Time to connect, all addresses together.
const CONNECT_TIME: Duration = Duration::from_secs(8);

const MAX_ADDRESSES: usize = 8;

const HTTPS_PORT: u16 = 443;
