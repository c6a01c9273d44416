//! The manifests of the READMEs, and the walk through redemptions on a cluster, command by command.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cluster_tests::{Cluster, Identity, User, free_port, kubectl};
use tempfile::TempDir;

use crate::commands::blocks;
use crate::tool::Operator;

#[tokio::test(flavor = "multi_thread")]
async fn every_manifest_of_the_readmes_is_accepted() {
    let operator = Operator::new().await;
    let mut applied = 0;
    for (readme, name) in [
        ("README.md", "yaml manifest"),
        ("deploy/token-request-policy/README.md", "yaml never-ending"),
    ] {
        for (info, text) in blocks(readme) {
            if info != name {
                continue;
            }
            let said = operator.run(&["apply", "--validate=strict", "-f", "-"], &text);
            assert!(said.is_done && said.stderr.is_empty(), "{text}: {said:?}");
            applied += 1;
        }
    }
    assert_eq!(applied, 3, "manifests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_against_never_ending_tokens_refuses_these_secrets_and_no_others() {
    let operator = Operator::new().await;
    operator.does(&["create", "namespace", "east"]);
    let blocks = blocks("deploy/token-request-policy/README.md");
    let block = blocks.iter().find(|(info, _)| info == "yaml never-ending");
    operator.run(&["apply", "-f", "-"], &block.unwrap().1);
    let create = |kind: &str| {
        let secret = format!(
            "{{apiVersion: v1, kind: Secret, type: {kind}, metadata: {{name: one, namespace: east, \
             annotations: {{kubernetes.io/service-account.name: default}}}}}}"
        );
        operator.run(&["create", "--dry-run=server", "-f", "-"], &secret)
    };
    // The API server compiles the policy some time after it is stored.
    let start = Instant::now();
    loop {
        let said = create("kubernetes.io/service-account-token");
        if !said.is_done {
            assert!(
                said.stderr.contains("a token of this kind never ends"),
                "{said:?}"
            );
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{said:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = create("Opaque");
    assert!(said.is_done, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_walk_works_in_the_order_in_which_it_stands_there() {
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    for site in ["west", "east"] {
        let user = User::admin(&cluster, site).await.unwrap();
        user.make_site(site).await.unwrap();
    }
    let folder = checkout();
    let kubeconfig = cluster.kubeconfig(&Identity::Admin).unwrap();
    fs::write(folder.path().join("target/cluster/kubeconfig"), kubeconfig).unwrap();

    let blocks = blocks("sidecar/README.md");
    let port = free_port().unwrap().to_string();
    let block = |name: &str| {
        let info = format!("console {name}");
        let block = blocks.iter().find(|(found, _)| *found == info);
        block.unwrap().1.replace("9090", &port)
    };
    let serve = block("service").trim_end().to_owned();
    let listen = format!(" --listen 127.0.0.1:{port}");
    let operations = format!(" --metrics-listen 127.0.0.1:{}", free_port().unwrap());
    let _service = Service(shell(&folder, &format!("{serve}{listen}{operations}")));
    wait_for(&folder, "west-data/server-ca/ca.crt").await;

    let walk = block("walk");
    let (export, commands) = walk.split_once('\n').unwrap();
    let mut printed = String::new();
    for command in commands.lines() {
        let output = shell(&folder, &format!("{export}\n{command}")).wait_with_output();
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        let said = text(&output.stderr);
        assert!(output.status.success(), "{command}: {said}\n{log}");
        printed += &text(&output.stdout);
    }
    for expected in ["secret/east", "link.skupper.io/east", "1 of 2", "revoked"] {
        assert!(printed.contains(expected), "{expected}: {printed}");
    }
}

/// A folder in which the commands find what `make` leaves in a clone.
fn checkout() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("target/cluster")).unwrap();
    let tests = std::env::current_exe().unwrap();
    let profile = tests.ancestors().nth(2).unwrap();
    let link = |from: &Path, to: &str| symlink(from, folder.path().join(to)).unwrap();
    link(&profile.join("redemption-sidecar"), "redemption-sidecar");
    link(&kubectl().unwrap(), "target/cluster/kubectl");
    folder
}

fn shell(folder: &TempDir, commands: &str) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .unwrap();
    let is_service = commands.contains(" serve ");
    let piped = |log: File| {
        if is_service {
            Stdio::from(log)
        } else {
            Stdio::piped()
        }
    };
    // The service takes the place of the shell, so that it is the one that is ended.
    let commands = commands.replace(
        "./redemption-sidecar serve",
        "exec ./redemption-sidecar serve",
    );
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(piped(log))
        .spawn()
        .unwrap()
}

async fn wait_for(folder: &TempDir, file: &str) {
    let start = Instant::now();
    while !folder.path().join(file).is_file() {
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Ended with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
