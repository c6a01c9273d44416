//! A stand-in for two linked Skupper routers, for tests of the certificates that link them.
//!
//! It does what the real ones do with their certificates, and echoes what flows:
//!
//! ```
//! use std::sync::Arc;
//! use router_stand_in::{
//!     AcceptingRouter, ConnectingRouter, LOOPBACK, Link, Router as _, Settings, Update, until,
//! };
//! # use sidecar_test_support::openssl::{CA, Pki};
//! # let pki = Pki::with_ca("P-256 PKCS#8", "/CN=ca", CA);
//! # let folder = |name: &str, subject: &str, extensions: &str| {
//! #     pki.key(name, "P-256 PKCS#8");
//! #     pki.certificate("ca", name, subject, extensions);
//! #     let folder = tempfile::tempdir().unwrap();
//! #     for (file, from) in [("ca.crt", "ca.crt"), ("tls.crt", &format!("{name}.crt")), ("tls.key", &format!("{name}.key"))] {
//! #         std::fs::write(folder.path().join(file), pki.read(from)).unwrap();
//! #     }
//! #     folder
//! # };
//! # let east = folder("east", "/CN=east", "subjectAltName = DNS:east.example");
//! # let west = folder("west", "/OU=0123/CN=west", "basicConstraints = CA:FALSE");
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // Each folder holds ca.crt, tls.crt and tls.key.
//! let east = AcceptingRouter::start(east.path(), LOOPBACK, Settings::default()).await?;
//! let link = Link::new("east.example", east.address());
//! let router = Arc::new(ConnectingRouter::start(west.path(), link, Settings::default())?);
//! until("the link is open", || router.is_open()).await;
//! assert!(east.peers().iter().all(|peer| peer.subject == "CN=west,OU=0123"));
//!
//! let mut stream = router.open_flow().await?;
//! // ... the files in `west` are written anew ...
//! assert!(matches!(router.update(1, 0), Update::Taken));
//! until("the new set is open", || router.is_open()).await;
//! assert_eq!(router.open_flow().await?.ordinal(), 1);
//! stream.ping(b"still on its first connection").await?;
//!
//! router.update(2, 2);
//! stream.broken().await;
//! assert_eq!((router.flows().failed, router.flows().broken), (0, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In `Link`, a test makes the waits before a reconnect short. A [`Clock`] in `Settings` ends certificates,
//! and a [`Controller`] stands in for Skupper's on Kubernetes.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "what cannot be made must fail the test"
)]

mod accepting;
mod connecting;
mod controller;
mod count;
mod profile;
mod role;
mod set;
mod settings;
mod stream;
mod verify;

pub use accepting::{AcceptingRouter, Peer, StartProblem};
pub use connecting::{ConnectingRouter, ShownSet};
pub use controller::{Controller, SecretContent};
pub use count::{Flows, Handshakes};
pub use profile::{FILES, ProfileProblem, Router, Shown, Update};
pub use role::Role;
pub use settings::{Clock, Link, Settings, Versions};
pub use stream::{FlowProblem, Stream};

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

/// A free port of this machine.
pub const LOOPBACK: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// Waits until a claim holds.
///
/// # Panics
/// It does not within half a minute.
pub async fn until(claim: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(in_time.is_ok(), "it never holds that {claim}");
}
