//! From a grant to a Link, by the commands.

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity, free_port};
use redemption_sidecar::pki::key::PrivateKey;
use redemption_sidecar::redeemer::redeem_in_cluster;
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::system::clock;
use secrecy::ExposeSecret as _;
use serde_json::json;
use tempfile::TempDir;

use crate::room::Room;
use crate::service::{Services, binary};
use crate::target::Target;

/// Exit code, standard output and standard error.
fn said(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_namespace_becomes_a_link_in_another_one() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "whole-way-grants").await;
    room.site().await;
    let target = Target::new(&cluster, "whole-way").await;
    target.add_site().await;
    let services = Services::new(&cluster, &room);
    let service = services.start(&["--own-status"]).await;
    let ca = services.write("ca.crt", &services.ca());
    let url = format!("https://127.0.0.1:{}", service.port);
    let issue = [
        "issue",
        "west.example",
        "--url",
        &url,
        "--ca-file",
        &ca,
        "--link-cost",
        "3",
    ];
    let (code, token, message) = said(services.command(&issue));
    assert_eq!(code, Some(0), "{message}");
    let file = services.write("token.yaml", &token);
    let token = Token::read(token.as_bytes(), None, clock::now())
        .ok()
        .unwrap();

    let redeem = ["redeem", &file, "--subject", "the east"];
    let (code, output, message) = said(services.command_in("whole-way", &redeem));
    assert_eq!(code, Some(0), "{message}");
    assert_eq!(
        output,
        "secret/west.example\nlink.skupper.io/west.example\n"
    );
    assert!(
        message.starts_with("redeemed: 'west.example' in namespace 'whole-way', valid until 20"),
        "{message}"
    );
    let objects = ["link/west.example", "secret/west.example"];
    assert_eq!(target.objects().await, objects);

    let secret = target.secrets.get("west.example").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    let entries: Vec<_> = secret.data.iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(entries, ["ca.crt", "tls.crt", "tls.key"]);
    let link = target.links.get("west.example").await.unwrap();
    let spec = json!({
        "cost": 3,
        "endpoints": [{"name": "inter-router", "host": "192.0.2.1", "port": "55671",
            "group": "skupper-router"}],
        "tlsCredentials": "west.example",
    });
    assert_eq!(link.data["spec"], spec);
    for metadata in [&secret.metadata, &link.metadata] {
        let labels = metadata.labels.clone().unwrap();
        assert_eq!(labels["app.kubernetes.io/managed-by"], "redemption-sidecar");
    }

    let key = target.entry("west.example", "tls.key").await;
    let key = PrivateKey::from_pem(&key).unwrap().to_pem();
    let body = key.expose_secret().lines().nth(1).unwrap();
    let log = service.log();
    for secret in [token.code.expose_secret(), body] {
        for text in [&output, &message, &log] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    // There already: nobody is asked.
    drop(service);
    let state = target.state().await;
    let (code, output, message) = said(services.command_in("whole-way", &redeem));
    assert_eq!(code, Some(0), "{message}");
    assert_eq!(
        output,
        "secret/west.example\nlink.skupper.io/west.example\n"
    );
    assert!(message.starts_with("redeemed already: "), "{message}");
    assert_eq!(target.state().await, state);
    assert_eq!(room.redemptions("west.example").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_embedded_service_becomes_a_link() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "embedded").await;
    let folder = TempDir::new().unwrap();
    let embedded = Embedded::start(&folder);
    let issued = embedded.issue("west");
    let token = Token::read(issued.as_bytes(), None, clock::now())
        .ok()
        .unwrap();
    let redeemed = target.redeem(&token).await.unwrap();
    assert_eq!(redeemed.name, "west");
    assert_eq!(target.objects().await, ["link/west", "secret/west"]);
    assert_eq!(
        target.links.get("west").await.unwrap().data["spec"]["cost"],
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_and_one_that_lacks_something_say_what_to_do() {
    let cluster = Cluster::start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let embedded = Embedded::start(&folder);
    let token = folder.path().join("token.yaml");
    std::fs::write(&token, embedded.issue("west")).unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig(&Identity::Admin).unwrap()).unwrap();
    let redeem = |namespace: &str| {
        let mut command = Command::new(binary());
        command
            .env("KUBECONFIG", &kubeconfig)
            .arg("redeem")
            .arg(&token);
        said(
            command
                .args(["--kubernetes", "--namespace", namespace])
                .output()
                .unwrap(),
        )
    };
    let (code, _, message) = redeem("default");
    let expected = "error: the cluster knows no Links: install Skupper's custom resources first\n";
    assert_eq!((code, message.as_str()), (Some(3), expected));
    cluster.install_skupper_kinds().await.unwrap();
    let (code, _, message) = redeem("nowhere");
    let expected =
        "error: cannot create the Secret 'west-pending': namespaces \"nowhere\" not found\n";
    assert_eq!((code, message.as_str()), (Some(3), expected));
    cluster.stop_api_server();
    let (code, output, message) = redeem("default");
    assert_eq!((code, output.as_str()), (Some(3), ""), "{message}");
    let expected = "error: cannot get the Secret 'west-pending': run the same command again later: \
        the API server cannot be reached: ";
    assert!(message.starts_with(expected), "{message}");
    cluster.start_api_server().await.unwrap();
    let (code, _, message) = redeem("default");
    assert_eq!(code, Some(0), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_judged_before_anything_is_done() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "names").await;
    let folder = TempDir::new().unwrap();
    let embedded = Embedded::start(&folder);
    let text = embedded.issue("west");
    let label = "a".repeat(60);
    let longest = format!("{label}.{label}.{label}.{label}.b");
    assert_eq!(longest.len(), 245);
    for (name, expected) in [
        (
            format!("{longest}b"),
            Some("must be at most 245 characters"),
        ),
        (longest, None),
    ] {
        let token = Token::read(text.as_bytes(), Some(&name), clock::now())
            .ok()
            .unwrap();
        let result = redeem_in_cluster(&target.order(&token), &mut ()).await;
        match expected {
            Some(expected) => {
                let problem = result.err().unwrap();
                assert!(problem.to_string().contains(expected), "{problem}");
                assert_eq!(problem.exit_code(), 2);
                assert_eq!(target.objects().await, [""; 0]);
            }
            None => assert_eq!(result.unwrap().name, name),
        }
    }
}

/// A service with the embedded ledger. It is killed when this is dropped.
struct Embedded {
    child: Child,
    data: std::path::PathBuf,
}

impl Embedded {
    fn start(folder: &TempDir) -> Self {
        let data = folder.path().join("data");
        let (port, operations) = (free_port().unwrap(), free_port().unwrap());
        let child = Command::new(binary())
            .args(["serve", "--init", "--advertise-host", "192.0.2.1"])
            .args(["--url", &format!("https://127.0.0.1:{port}")])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{operations}")])
            .arg("--data")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, data }
    }

    /// A token, as soon as the service has run.
    fn issue(&self, name: &str) -> String {
        let start = Instant::now();
        loop {
            let mut command = Command::new(binary());
            command.args(["issue", name, "--data"]).arg(&self.data);
            let (code, token, message) = said(command.output().unwrap());
            if code == Some(0) {
                return token;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{message}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // Nothing is to be done about one that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
