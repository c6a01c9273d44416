//! Messages of the commands when the cluster lacks something.

use std::fs;
use std::path::Path;
use std::process::Command;

use cluster_tests::{Cluster, Identity};
use redemption_sidecar::pki::issuer::new_site_ca;
use redemption_sidecar::system::clock;
use tempfile::TempDir;

use crate::service::binary;

/// Exit code and standard error of a command, which prints nothing else.
fn run(kubeconfig: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary());
    command.env("KUBECONFIG", kubeconfig).args(arguments);
    let output = command.arg("--kubernetes").output().unwrap();
    assert_eq!(output.stdout, b"", "{arguments:?}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    (output.status.code(), message)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_in_one_line_what_to_do() {
    let cluster = Cluster::start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (ca, _) = new_site_ca("a", clock::now()).unwrap();
    fs::write(path("ca.crt"), ca).unwrap();
    let write = |name: &str, identity: &Identity| {
        fs::write(path(name), cluster.kubeconfig(identity).unwrap()).unwrap();
        path(name)
    };
    let admin = write("admin", &Identity::Admin);
    let nobody = write("nobody", &Identity::user("jane", &[]));
    let file = path("ca.crt").to_string_lossy().into_owned();
    let issue = [
        "issue",
        "west",
        "--url",
        "https://192.0.2.1:9090",
        "--ca-file",
        &file,
    ];
    let commands: [(&[&str], &str); 4] = [
        (&issue, "create"),
        (&["list"], "list"),
        (&["show", "west"], "get"),
        (&["revoke", "west"], "get"),
    ];
    for (command, _) in commands {
        let missing = run(&path("missing"), command);
        assert_eq!(missing.0, Some(2), "{missing:?}");
        let expected = "error: no cluster can be used: set KUBECONFIG, or run in a pod";
        assert!(missing.1.starts_with(expected), "{missing:?}");
        let expected =
            "error: the cluster knows no AccessGrants: install Skupper's custom resources first\n";
        assert_eq!(run(&admin, command), (Some(1), expected.to_owned()));
    }
    cluster.install_skupper_kinds().await.unwrap();
    for (command, verb) in commands {
        let (code, message) = run(&nobody, command);
        let expected = format!(
            "error: grant the verb '{verb}' on 'accessgrants' and run the same command again: "
        );
        assert!(message.starts_with(&expected), "{message}");
        assert!(message.contains("User \"jane\""), "{message}");
        assert_eq!(code, Some(1), "{message}");
    }
    let nowhere = [issue.as_slice(), &["--namespace", "nowhere"]].concat();
    let expected = "error: cannot create AccessGrants: namespaces \"nowhere\" not found\n";
    assert_eq!(run(&admin, &nowhere), (Some(1), expected.to_owned()));
    for (command, _) in commands {
        let elsewhere = [command, &["--namespace", "a/b"]].concat();
        let (code, message) = run(&admin, &elsewhere);
        assert_eq!(code, Some(2), "{message}");
        assert!(
            message.starts_with("error: --namespace may not be 'a/b'"),
            "{message}"
        );
    }
    let list = "'redemption-sidecar list --kubernetes' shows those there are";
    for name in ["west", "a/b", "..", ""] {
        let shown = format!("error: there is no grant '{name}': {list}\n");
        assert_eq!(run(&admin, &["show", name]), (Some(1), shown));
        let revoked =
            format!("error: there is no live grant '{name}' ({list}), and no live link of one\n");
        assert_eq!(run(&admin, &["revoke", name]), (Some(1), revoked));
    }
    cluster.stop_api_server();
    for (command, verb) in commands {
        let (code, message) = run(&admin, command);
        let expected =
            format!("error: cannot {verb} AccessGrants: the API server cannot be reached: ");
        assert!(message.starts_with(&expected), "{message}");
        assert_eq!(code, Some(3), "{message}");
    }
}
