//! Commands on a cluster whose API server is a stand-in: what a real one does seldom.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sidecar::BINARY;

#[test]
fn a_grant_that_others_write_all_the_time_is_revoked_or_the_command_ends_with_try_again() {
    for (name, conflicts, code) in [("at last", 3, 0), ("never", usize::MAX, 3)] {
        let cluster = ApiServer::start(conflicts);
        let start = Instant::now();
        let revoked = cluster.run(&["revoke", "west"]);
        let message = String::from_utf8_lossy(&revoked.stderr).into_owned();
        assert_eq!(revoked.status.code(), Some(code), "{name}: {message}");
        assert!(start.elapsed() < Duration::from_mins(1), "{name}");
        let tries = cluster.deletes.load(Ordering::Relaxed);
        if code == 0 {
            assert_eq!(tries, conflicts + 1, "{name}");
        } else {
            assert_eq!(message.lines().count(), 1, "{message}");
            assert!(message.contains("run the same command again"), "{message}");
            assert!((2..1000).contains(&tries), "{tries}");
        }
    }
}

/// Has one AccessGrant, 'west', which is another version whenever it is asked for.
struct ApiServer {
    home: TempDir,
    deletes: Arc<AtomicUsize>,
}

impl ApiServer {
    /// One that is in conflict so often before it deletes the grant.
    fn start(conflicts: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let home = TempDir::new().unwrap();
        let kubeconfig = format!(
            "{{apiVersion: v1, kind: Config, current-context: x, users: [], \
             contexts: [{{name: x, context: {{cluster: x, user: ''}}}}], \
             clusters: [{{name: x, cluster: {{server: 'http://{address}'}}}}]}}"
        );
        std::fs::write(home.path().join("kubeconfig"), kubeconfig).unwrap();
        let deletes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&deletes);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                answer(&stream.unwrap(), number, &counted, conflicts);
            }
        });
        Self { home, deletes }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(BINARY)
            .env("KUBECONFIG", self.home.path().join("kubeconfig"))
            .args(arguments)
            .args(["--kubernetes", "--namespace", "site"])
            .output()
            .unwrap()
    }
}

fn answer(mut stream: &TcpStream, version: usize, deletes: &AtomicUsize, conflicts: usize) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    let mut length = 0;
    for line in reader.by_ref().lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        head.push(line);
    }
    let mut sent = vec![0; length];
    reader.read_exact(&mut sent).unwrap();
    let is_delete = head[0].starts_with("delete ");
    let (status, body) = if head[0].contains("/leases") {
        lease(&head[0], &sent)
    } else if is_delete && deletes.fetch_add(1, Ordering::Relaxed) < conflicts {
        (409, failure(409, "Conflict"))
    } else {
        (200, grant(version))
    };
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
}

/// There is no Lease, and any can be made.
fn lease(asked: &str, sent: &[u8]) -> (u16, Value) {
    match asked {
        asked if asked.starts_with("post ") => (201, serde_json::from_slice(sent).unwrap()),
        asked if asked.contains("/leases?") => (
            200,
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList", "metadata": {}, "items": []}),
        ),
        _ => (404, failure(404, "NotFound")),
    }
}

fn grant(version: usize) -> Value {
    json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant",
        "metadata": {"name": "west", "namespace": "site", "resourceVersion": version.to_string(),
            "uid": "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10"},
        "spec": {}, "status": {"code": "a code of sixteen", "expirationTime": "2999-01-01T00:00:00Z"}})
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code,
        "reason": reason, "message": "the object has been modified"})
}
