//! A site that grants links: `serve` with a data folder of its own.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cluster_tests::free_port;
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::system::clock;
use tempfile::TempDir;

use crate::service::binary;

/// A running site. It is killed when this is dropped.
pub(super) struct Granting {
    child: Child,
    pub(super) port: u16,
    folder: TempDir,
    token: String,
}

impl Granting {
    /// Serves a new site with these options, and issues a token for many links.
    pub(super) fn start(options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (port, operations_port) = (free_port().unwrap(), free_port().unwrap());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(binary())
            .args(["serve", "--init", "--advertise-host", "192.0.2.1", "--data"])
            .arg(folder.path())
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{operations_port}")])
            .args(["--url", &format!("https://127.0.0.1:{port}")])
            .args(options)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", operations_port)).is_err() {
            let has_ended = child.try_wait().unwrap().is_some();
            assert!(!has_ended && start.elapsed() < Duration::from_secs(30));
            sleep(Duration::from_millis(20));
        }
        let file = folder.path().join("token.yaml");
        // Its ports are open a moment before it has noted its URL.
        while !issue(folder.path(), &file) {
            assert!(start.elapsed() < Duration::from_secs(30));
            sleep(Duration::from_millis(20));
        }
        Self {
            child,
            port,
            token: fs::read_to_string(file).unwrap(),
            folder,
        }
    }

    /// A token for a link of this name.
    pub(super) fn token(&self, name: &str) -> Token {
        let token = Token::read(self.token.as_bytes(), Some(name), clock::now());
        token.ok().unwrap()
    }

    /// The CA of its redemption server, in PEM.
    pub(super) fn ca(&self) -> String {
        fs::read_to_string(self.folder.path().join("server-ca/ca.crt")).unwrap()
    }
}

fn issue(data: &Path, file: &Path) -> bool {
    let issued = Command::new(binary())
        .args(["issue", "east", "--redemptions-allowed", "1000", "--data"])
        .arg(data)
        .arg("--output")
        .arg(file)
        .output()
        .unwrap();
    issued.status.success()
}

impl Drop for Granting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
