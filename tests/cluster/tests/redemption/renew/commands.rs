//! `renew` and `links` as commands, and the keeper that runs for ever.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Rendered, free_port};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use super::Kept;
use super::controller::Controller;
use super::granting::Granting;
use crate::service::binary;
use crate::target::Target;

/// A process that is killed when this is dropped.
struct Keeper(Child);

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_with_the_role_that_is_deployed_keeps_its_links() {
    let cluster = Cluster::shared().await.unwrap();
    let namespace = "renew-watch";
    let kept = Kept {
        target: Target::new(&cluster, namespace).await,
        granting: Granting::start(&["--renewed-certificate-duration", "1m"]),
    };
    let controller = Controller::start(&kept.target.secrets);
    let rendered = Rendered::of("renew").unwrap();
    let account = rendered.install_account(&cluster, namespace).await.unwrap();
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig(&account).unwrap()).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command
            .env("KUBECONFIG", &kubeconfig)
            .args(arguments)
            .args(["--kubernetes", "--namespace", namespace]);
        command
    };
    kept.link("west").await;
    controller.knows("west").await;
    let first = kept.serial("west").await;

    let listed = command(&["links", "-o", "json"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(listed.to_string().contains("west"), "{listed}");
    let once = command(&["renew"]).output().unwrap();
    assert!(once.status.success(), "{once:?}");
    assert_eq!(kept.serial("west").await, first, "it is not due");

    let port = free_port().unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let keeper = command(&["renew", "--watch"])
        .args(["--metrics-listen", &format!("127.0.0.1:{port}")])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    let keeper = Keeper(keeper.unwrap());
    // One that comes later is kept, too: here it would end before the next look.
    kept.link("east").await;
    kill_process(Pid::from_child(&keeper.0), Signal::HUP).unwrap();
    let start = Instant::now();
    for name in ["west", "east"] {
        let is_told = async || kept.annotation(name, "reported").await.is_some();
        while !is_told().await {
            let log = fs::read_to_string(folder.path().join("log")).unwrap();
            assert!(start.elapsed() < Duration::from_secs(100), "{name}: {log}");
            sleep(Duration::from_millis(200)).await;
        }
        kept.assert_is_done(name).await;
    }
    assert_ne!(kept.serial("west").await, first);
}
