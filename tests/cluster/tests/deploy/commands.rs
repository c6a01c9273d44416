//! The commands of the READMEs in `deploy/`, one after the other, and the overlay that they describe.

use std::fs;
use std::path::Path;
use std::process::Command;

use cluster_tests::{Guest, Rendered};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::{Operator, repository};

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_readmes_works_in_the_order_in_which_it_stands_there() {
    let operator = Operator::new().await;
    operator.namespace("west");
    // What Kubewarden's controller would make.
    let configuration = "apiVersion: admissionregistration.k8s.io/v1\n\
        kind: MutatingWebhookConfiguration\n\
        metadata: {name: clusterwide-token-request}\n";
    operator.run(&["create", "-f", "-"], configuration);
    // What Kubewarden's chart makes.
    let mut server = Rendered::of("policy")
        .unwrap()
        .only("PolicyServer")
        .unwrap()
        .clone();
    server["metadata"]["name"] = "default".into();
    operator.run(&["create", "-f", "-"], &server.to_string());
    let folder = overlay(&["overlay"]);
    operator.namespace("east");
    add(&folder, "east", DEPLOY, &["redeem"]);
    add(&folder, "keep", DEPLOY, &["keep"]);
    add(&folder, "kubewarden", DEPLOY, &["kubewarden"]);
    add_policies(&folder);
    add(
        &folder,
        "token-requests",
        TOKEN_REQUESTS,
        &["token-requests"],
    );
    fs::write(folder.path().join("west.yaml"), "a token").unwrap();
    let mut done = 0;
    for readme in [DEPLOY, TOKEN_REQUESTS] {
        let blocks = blocks(readme);
        let commands = blocks
            .iter()
            .filter(|(info, _)| info.starts_with("console"));
        for line in commands.flat_map(|(_, text)| text.lines()) {
            if ELSEWHERE.iter().any(|start| line.starts_with(start)) {
                continue;
            }
            let said = operator.shell(line, folder.path());
            assert!(said.is_done, "{line}: {said:?}");
            assert!(!said.stderr.contains("Warning"), "{line}: {said:?}");
            done += 1;
        }
    }
    assert_eq!(done, 18, "commands");
    let secret = ["get", "secret", "redemption-sidecar-tls", "-n", "west"];
    let secret = operator.does(&[&secret[..], &["-o", "json"]].concat());
    let secret: Value = serde_json::from_str(&secret).unwrap();
    let mut keys: Vec<_> = secret["data"].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"]);
    assert_eq!(secret["type"], "kubernetes.io/tls");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_reaches_every_object_and_is_accepted_with_and_without_cert_manager() {
    let operator = Operator::new().await;
    operator.namespace("west");
    for parts in [&["overlay"][..], &["overlay", "component"]] {
        let folder = overlay(parts);
        let west = folder.path().join("west");
        let west = west.to_str().unwrap();
        let rendered = operator.does(&["kustomize", west]);
        let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
        for object in &objects {
            assert_eq!(object["metadata"]["namespace"], "west", "{object}");
            for subject in object["subjects"].as_array().into_iter().flatten() {
                assert_eq!(subject["namespace"], "west", "{object}");
            }
        }
        let certificates = objects.iter().filter(|one| one["kind"] == "Certificate");
        assert_eq!(certificates.count(), if parts.len() == 2 { 2 } else { 0 });
        // The Pods take the ConfigMap by the name that its text has given it.
        let find = |kind: &str| objects.iter().find(|one| one["kind"] == kind).unwrap();
        let pod = &find("Deployment")["spec"]["template"]["spec"];
        assert_eq!(
            pod["containers"][0]["envFrom"][0]["configMapRef"]["name"],
            find("ConfigMap")["metadata"]["name"]
        );
        operator.does(&["apply", "--validate=strict", "-k", west]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlays_of_the_policies_replace_every_address_and_keep_the_settings_valid() {
    let operator = Operator::new().await;
    let folder = overlay(&["overlay"]);
    add(&folder, "kubewarden", DEPLOY, &["kubewarden"]);
    add_policies(&folder);
    add(
        &folder,
        "token-requests",
        TOKEN_REQUESTS,
        &["token-requests"],
    );
    let mut policies = Vec::new();
    for name in ["policies", "token-requests"] {
        let own = folder.path().join(name);
        let own = own.to_str().unwrap();
        operator.does(&["apply", "--validate=strict", "-k", own]);
        let rendered = operator.does(&["kustomize", own]);
        let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
        for object in &objects {
            let spec = &object["spec"];
            if object["kind"] == "PolicyServer" {
                let image = spec["image"].as_str().unwrap();
                assert!(
                    image.ends_with("/adm-controller/policy-server:v1.37.2"),
                    "{image}"
                );
            }
            if object["kind"] == "ClusterAdmissionPolicy" {
                let module = spec["module"].as_str().unwrap();
                assert!(module.contains("@sha256:"), "{module}");
                let settings = spec["settings"].to_string();
                let answer = Guest::shipped()
                    .unwrap()
                    .call("validate_settings", settings.as_bytes());
                let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
                assert_eq!(answer["valid"], true, "{object}: {answer}");
                policies.push((object["metadata"]["name"].clone(), spec["settings"].clone()));
            }
        }
    }
    let judged = json!({"maxExpirationWindow": "24h"});
    for (name, settings) in &policies {
        let expected = if name == "token-request" {
            &Value::Null
        } else {
            &judged
        };
        assert_eq!(&settings["accessGrant"], expected, "{name}");
        // What the folder sets stays.
        let is_denied = settings["rules"]["token-ca-missing"] == "deny";
        assert_eq!(is_denied, name != "token-request", "{name}");
    }
    assert_eq!(policies.len(), 3);
}

/// A folder as the README describes it: `deploy`, and `west` with these parts of its kustomization.
fn overlay(parts: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(repository().join("deploy"));
    assert!(copy.arg(folder.path()).status().unwrap().success());
    add(&folder, "west", DEPLOY, parts);
    folder
}

/// The overlay of the policies, and the file with their settings.
fn add_policies(folder: &TempDir) {
    add(folder, "policies", DEPLOY, &["policies"]);
    let settings = blocks(DEPLOY)
        .into_iter()
        .find(|(info, _)| info == "yaml settings");
    fs::write(
        folder.path().join("policies/settings.yaml"),
        settings.unwrap().1,
    )
    .unwrap();
}

/// A kustomization in a folder of its own, of these blocks of a README.
fn add(folder: &TempDir, name: &str, readme: &str, parts: &[&str]) {
    let blocks = blocks(readme);
    let part = |name: &&str| {
        let info = format!("yaml {name}");
        let block = blocks.iter().find(|(found, _)| *found == info);
        block.unwrap().1.clone()
    };
    let text: Vec<String> = parts.iter().map(part).collect();
    let own = folder.path().join(name);
    fs::create_dir(&own).unwrap();
    fs::write(own.join("kustomization.yaml"), text.join("\n")).unwrap();
}

/// The fenced blocks of a file of the repository: what stands behind the fence, and the text.
pub(crate) fn blocks(file: impl AsRef<Path>) -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join(file)).unwrap();
    let blocks = text.split("\n```").skip(1).step_by(2);
    blocks
        .map(|block| {
            let (info, text) = block.split_once('\n').unwrap();
            (info.to_owned(), text.to_owned())
        })
        .collect()
}

const DEPLOY: &str = "deploy/README.md";

const TOKEN_REQUESTS: &str = "deploy/token-request-policy/README.md";

/// Commands that need a daemon, a registry, the controllers of a cluster, or a service: other tests have the image,
/// the service and the checker.
const ELSEWHERE: [&str; 6] = [
    "docker ",
    "kwctl ",
    "skupper-access-check ",
    "kubectl rollout ",
    "kubectl wait ",
    "redemption-sidecar ",
];
