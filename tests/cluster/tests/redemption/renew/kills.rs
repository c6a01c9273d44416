//! Keepers as processes that are killed at any moment.

use std::fs;
use std::process::{Command, Stdio};

use cluster_tests::{Cluster, Identity};
use tempfile::TempDir;
use tokio::time::sleep;

use super::controller::Controller;
use super::versions::Versions;
use super::{Kept, assert_told, order_if_due, pair};
use crate::dice::Dice;
use crate::service::binary;

/// Each link may be renewed ten times in a minute.
const LINKS: usize = 16;

const KILLS: usize = 96;

/// Longest life of a keeper, in milliseconds.
const LONGEST_LIFE: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn no_kill_parts_a_key_from_its_certificate_or_ends_a_link() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Kept::new(&cluster, "renew-kills").await;
    let controller = Controller::start(&kept.target.secrets);
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig(&Identity::Admin).unwrap()).unwrap();
    let names: Vec<_> = (0..LINKS).map(|number| format!("link-{number}")).collect();
    for name in &names {
        kept.link(name).await;
        controller.knows(name).await;
    }
    let versions = Versions::new(&kept.target.secrets).await;
    let dice = Dice::new("kills");
    let (mut killed, mut waiting, mut untold) = (0, 0, 0);
    for number in 0..KILLS {
        let name = &names[number % LINKS];
        let mut keeper = Command::new(binary())
            .args(["renew", name, "--force", "--kubernetes"])
            .args(["--namespace", &kept.target.namespace])
            .env("KUBECONFIG", &kubeconfig)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(dice.milliseconds(LONGEST_LIFE)).await;
        killed += usize::from(keeper.try_wait().unwrap().is_none());
        keeper.kill().unwrap();
        keeper.wait().unwrap();
        let serial = kept.serial(name).await;
        let objects = kept.target.objects().await;
        waiting += usize::from(objects.contains(&format!("secret/{name}-pending")));
        let told = kept.annotation(name, "told").await;
        let noted = kept.annotation(name, "ordinal").await;
        untold += usize::from(noted.is_some() && told != Some(serial));
    }
    println!(
        "{killed} were killed: {waiting} times a key waited, {untold} times the router was untold"
    );
    assert!(killed >= 60 && waiting >= 5 && untold >= 1);
    for name in &names {
        let done = kept.renew_by(&kept.target.client, order_if_due(name));
        assert_told(name, &done.await.unwrap());
        assert_told(name, &kept.renew(name).await.unwrap());
        kept.assert_is_done(name).await;
    }
    let versions = versions.until_quiet().await;
    for secret in &versions {
        pair(secret);
    }
    println!("{} versions", versions.len());
    assert!(versions.len() > KILLS);
}
