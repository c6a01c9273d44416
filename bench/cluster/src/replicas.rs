//! `serve --kubernetes` as processes.

use std::net::SocketAddr;
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
        let mut serve = Command::new(&room.binary);
        serve.env("KUBECONFIG", room.folder().join("kubeconfig"));
        serve.args(["serve", "--kubernetes", "--namespace", NAMESPACE]);
        serve.arg("--data").arg(room.folder().join("data"));
        let begun = Instant::now();
        let sidecar = Sidecar::start(serve).await?;
        while !is_ready(sidecar.operations).await {
            if begun.elapsed() > START {
                return Err("the sidecar is not ready".into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(Self {
            client: Client::new(sidecar.address)?,
            ready_after: begun.elapsed(),
            sidecar,
        })
    }
}

async fn is_ready(operations: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(operations).await?;
        let request = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask.await.unwrap_or_default()
}

/// How long a start may take.
const START: Duration = Duration::from_mins(1);
