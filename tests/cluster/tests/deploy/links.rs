//! The commands of the manual of links that are typed into a cluster, as they stand there.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tool::{Operator, repository};

#[tokio::test(flavor = "multi_thread")]
async fn every_kubectl_command_of_the_manual_of_links_works() {
    let operator = Operator::new().await;
    operator.namespace("west");
    make(
        &operator,
        "skupper-site-server",
        &["ca.crt", "tls.crt", "tls.key"],
    );
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": "1ccd2fd65736d70180b9",
            "namespace": "west",
            "labels": {"app.kubernetes.io/managed-by": "redemption-sidecar"},
        },
        "spec": {"holderIdentity": "east.example"},
    });
    assert!(
        operator
            .run(&["create", "-f", "-"], &lease.to_string())
            .is_done
    );
    let mut printed = String::new();
    let lines = lines(&["Renew", "Take a link back"], "```console");
    let typed: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("kubectl "))
        .collect();
    assert_eq!(typed.len(), 5, "{typed:?}");
    for line in typed {
        let said = operator.shell(line, &repository());
        assert!(said.is_done && said.stderr.is_empty(), "{line}: {said:?}");
        printed += &said.stdout;
    }
    assert!(printed.contains("east.example"), "{printed}");
    let revoked = [
        "get",
        "leases",
        "-n",
        "west",
        "-l",
        "redemption-sidecar/revoked",
        "-o",
        "name",
    ];
    let revoked = operator.does(&revoked);
    assert_eq!(
        revoked.trim(),
        "lease.coordination.k8s.io/1ccd2fd65736d70180b9"
    );
    let server = secret(&operator, "skupper-site-server");
    assert!(server["data"].get("revision").is_some());
    let annotations = &server["metadata"]["annotations"];
    assert!(
        annotations
            .get("skupper.io/tls-prior-valid-revisions")
            .is_none(),
        "{annotations}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_of_the_ca_on_kubernetes_leaves_what_the_manual_says_after_each_step() {
    let operator = Operator::new().await;
    operator.namespace("west");
    let folder = TempDir::new().unwrap();
    let prepare = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=site-ca -days 9 \
        -addext basicConstraints=critical,CA:TRUE\n\
        openssl req -x509 -CA ca.crt -CAkey ca.key -newkey rsa:2048 -nodes -subj /CN=x -days 9 \
        -addext subjectAltName=DNS:west.example,IP:192.0.2.1 -keyout tls.key -out tls.crt\n\
        kubectl create secret generic skupper-site-server -n west --from-file ca.crt --from-file tls.crt --from-file tls.key\n\
        kubectl create secret generic skupper-site-ca -n west --from-file tls.crt=ca.crt --from-file tls.key=ca.key\n\
        cp ca.crt first.crt\n";
    let new_ca = lines(&["Change the CA"], "```console new-ca").join("\n");
    let walk = lines(&["Change the CA"], "```console kubernetes").join("\n");
    // Whatever stands in the way of a step ends the shell.
    let typed = format!("{prepare}{new_ca}\n{walk}\n");
    let said = operator.shell(&typed, folder.path());
    assert!(said.is_done, "{said:?}");
    let verified = "openssl verify -CAfile new-ca.crt router.crt\n\
        openssl x509 -in router.crt -noout -ext subjectAltName\n\
        cmp first.crt old-ca.crt && cat first.crt new-ca.crt | cmp - both.crt";
    let said = operator.shell(verified, folder.path());
    assert!(said.is_done, "{said:?}");
    for name in ["DNS:west.example", "IP Address:192.0.2.1"] {
        assert!(said.stdout.contains(name), "{said:?}");
    }
    let file = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let ca = secret(&operator, "skupper-site-ca");
    assert_eq!(entry(&ca, "tls.crt"), file("new-ca.crt"));
    assert_eq!(entry(&ca, "tls.key"), file("new-ca.key"));
    let server = secret(&operator, "skupper-site-server");
    assert_eq!(entry(&server, "ca.crt"), file("new-ca.crt"));
    assert_eq!(entry(&server, "tls.crt"), file("router.crt"));
    let old = operator.run(&["get", "secret", "old-site-ca", "-n", "west"], "");
    assert!(!old.is_done);
}

fn make(operator: &Operator, name: &str, entries: &[&str]) {
    let data: serde_json::Map<_, _> = entries
        .iter()
        .map(|entry| ((*entry).to_owned(), Value::from("eA==")))
        .collect();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "west"}, "data": data,
    });
    assert!(
        operator
            .run(&["create", "-f", "-"], &secret.to_string())
            .is_done
    );
}

fn secret(operator: &Operator, name: &str) -> Value {
    let text = operator.does(&["get", "secret", name, "-n", "west", "-o", "json"]);
    serde_json::from_str(&text).unwrap()
}

fn entry(secret: &Value, name: &str) -> Vec<u8> {
    use base64::Engine as _;
    let text = secret["data"][name].as_str().unwrap();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// The lines of the blocks with this fence in some chapters of the manual.
fn lines(chapters: &[&str], fence: &str) -> Vec<String> {
    let manual = fs::read_to_string(repository().join("docs/links.md")).unwrap();
    let (mut is_in, mut is_block) = (false, false);
    let mut lines = Vec::new();
    for line in manual.lines() {
        let text = line.trim_start();
        if let Some(heading) = line.strip_prefix("## ") {
            is_in = chapters.contains(&heading);
        } else if text.starts_with("```") {
            is_block = is_in && !is_block && text == fence;
        } else if is_block {
            lines.push(text.to_owned());
        }
    }
    lines
}
