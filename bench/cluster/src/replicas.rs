//! `serve --kubernetes` as processes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use redemption_bench::Fault;
use redemption_bench::client::Client;
use redemption_bench::sidecar::Sidecar;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::room::{NAMESPACE, Room};

/// A service that is ready.
pub(crate) struct Replica {
    pub(crate) sidecar: Sidecar,
    pub(crate) client: Client,
    /// From its start until `/readyz` said so.
    pub(crate) ready_after: Duration,
}

impl Replica {
    /// Starts a service for the grants of the room. All services share a folder, and so the CA of
    /// the redemption server.
    pub(crate) async fn start(room: &Room) -> Result<Self, Fault> {
        Self::start_as(room, &room.administrator()).await
    }

    /// The same with the rights that a kubeconfig gives.
    pub(crate) async fn start_as(room: &Room, kubeconfig: &Path) -> Result<Self, Fault> {
        let begun = Instant::now();
        let sidecar = launch(room, kubeconfig).await?;
        while !is_answered(sidecar.operations, "/readyz").await {
            if begun.elapsed() > START {
                return Err("the sidecar is not ready".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self {
            client: Client::new(sidecar.address)?,
            ready_after: begun.elapsed(),
            sidecar,
        })
    }
}

/// Starts a service that answers, though perhaps that it is not ready.
pub(crate) async fn launch(room: &Room, kubeconfig: &Path) -> Result<Sidecar, Fault> {
    let mut serve = Command::new(&room.binary);
    serve.env("KUBECONFIG", kubeconfig);
    serve.args(["serve", "--kubernetes", "--namespace", NAMESPACE]);
    serve.arg("--data").arg(room.folder().join("data"));
    Sidecar::start(serve).await
}

/// Whether the operations' port answers 200.
pub(crate) async fn is_answered(operations: SocketAddr, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(operations).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask.await.unwrap_or_default()
}

/// How long a start may take.
pub(crate) const START: Duration = Duration::from_mins(1);

/// The pause between two questions to a service that starts.
pub(crate) const LOOK: Duration = Duration::from_millis(2);
