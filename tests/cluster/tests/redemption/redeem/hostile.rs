//! Servers that answer with something else than what was asked for, and what they see.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use cluster_tests::Cluster;
use redemption_sidecar::pki::key::PrivateKey;
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::certificate_request;
use secrecy::ExposeSecret as _;

use crate::partner::{Partner, Received, Site, links, secret};
use crate::target::{Target, read};

/// Our own service's answer, with one thing changed.
pub(crate) fn answer(site: &Site, request: &Received, change: &str) -> String {
    let name = &request.headers["name"];
    let key = certificate_request::read(&request.headers["certificate-request"]).unwrap();
    let (now, day) = (clock::now(), TimeDelta::days(1));
    let certificate = site.certify(key.spki(), name, now, day);
    let (others, other_key) = site.client(name, now, day);
    let own = secret(name, &site.ca, &certificate, None);
    let link = links(name, 1).remove(0);
    match change {
        "nothing" => own + &link,
        "no Link" => own,
        "no Secret" => link,
        "another Secret beside it" => {
            own + &link + &secret("skupper-site-ca", &site.ca, &others, Some(&other_key))
        }
        "another name" => (own + &link).replace(&format!("name: {name}"), "name: skupper-site-ca"),
        "a namespace" => {
            own.replace("metadata:\n", "metadata:\n  namespace: kube-system\n") + &link
        }
        "another kind" => own + &link.replace("kind: Link", "kind: ConfigMap"),
        "another type" => own.replace("kubernetes.io/tls", "Opaque") + &link,
        "more than is used" => {
            let metadata = "metadata:\n  labels: {a: b}\n  ownerReferences: [{name: a}]\n  finalizers: \
                            [a]\n  annotations: {redemption-sidecar/redeemed-from: https://a/b}\n";
            let spec = "spec:\n  cost: 1\n  settings: {a: b}\n";
            own.replace("metadata:\n", metadata)
                + &link
                    .replace("metadata:\n", metadata)
                    .replace("spec:\n", spec)
        }
        "other credentials" => {
            own + &link.replace(
                &format!("tlsCredentials: {name}"),
                "tlsCredentials: skupper",
            )
        }
        "the key of another certificate" => secret(name, &site.ca, &others, None) + &link,
        "a certificate of another CA" => {
            secret(name, &Site::new(now).ca, &certificate, None) + &link
        }
        change => unreachable!("{change}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_asked_for_is_not_written() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "hostile").await;
    let changes = [
        "no Link",
        "no Secret",
        "another Secret beside it",
        "another name",
        "a namespace",
        "another kind",
        "another type",
        "other credentials",
        "the key of another certificate",
        "a certificate of another CA",
        "nothing",
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let site = Site::new(clock::now());
        let partner = Partner::start(move |request, _| (200, answer(&site, request, change)));
        let name = format!("west-{number}");
        let token = read(&partner.token(&name, "grant"));
        let result = target.redeem(&token).await;
        if change == "nothing" {
            result.unwrap();
            continue;
        }
        let problem = result.err().unwrap();
        assert_eq!(problem.exit_code(), 1, "{change}: {problem}");
        let message = problem.to_string();
        let expected = "the server's answer cannot be used, nothing was written: ";
        assert!(message.starts_with(expected), "{change}: {message}");
        // Its key stays: the server may have counted it.
        let objects = target.objects().await;
        assert!(
            objects.contains(&format!("secret/{name}-pending")),
            "{change}"
        );
        assert_eq!(objects.len(), number + 1, "{change}: {objects:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_adds_is_left_out() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "left-out").await;
    let site = Site::new(clock::now());
    let partner =
        Partner::start(move |request, _| (200, answer(&site, request, "more than is used")));
    let token = read(&partner.token("west", "grant"));
    target.redeem(&token).await.unwrap();
    let secret = target.secrets.get("west").await.unwrap().metadata;
    let link = target.links.get("west").await.unwrap();
    for metadata in [&secret, &link.metadata] {
        let noted = &metadata.annotations.as_ref().unwrap()["redemption-sidecar/redeemed-from"];
        assert!(noted.starts_with("https://127.0.0.1:"), "{noted}");
        assert_eq!(metadata.labels.as_ref().unwrap().get("a"), None);
        assert_eq!(
            (&metadata.owner_references, &metadata.finalizers),
            (&None, &None)
        );
    }
    assert_eq!(link.data["spec"]["cost"], 7);
    assert_eq!(link.data["spec"]["settings"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_nothing_behind() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "refused").await;
    for (status, code) in [(400, 1), (403, 1), (404, 1), (405, 1), (503, 3)] {
        let partner = Partner::start(move |_, _| (status, String::new()));
        let token = read(&partner.token("west", "grant"));
        let mut order = target.order(&token);
        order.timeout = std::time::Duration::from_millis(100);
        let result = redemption_sidecar::redeemer::redeem_in_cluster(&order, &mut ()).await;
        let problem = result.err().unwrap();
        assert_eq!(problem.exit_code(), code, "{status}: {problem}");
        // A server that is not ready may have counted the request and lost it.
        let expected = if status == 503 {
            "secret/west-pending"
        } else {
            ""
        };
        assert_eq!(target.objects().await.join(" "), expected, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_key_stays_in_the_cluster() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "own-key").await;
    let site = Site::new(clock::now());
    let partner = Partner::start(move |request, _| (200, answer(&site, request, "nothing")));
    target
        .redeem(&read(&partner.token("west", "grant")))
        .await
        .unwrap();
    let key = target.entry("west", "tls.key").await;
    let key = PrivateKey::from_pem(&key).unwrap();
    let requests = partner.requests();
    let [request] = requests.as_slice() else {
        unreachable!("{} requests", requests.len());
    };
    let sent = certificate_request::read(&request.headers["certificate-request"]).unwrap();
    assert_eq!(sent.spki(), key.spki());
    assert!(!request.text.contains("PRIVATE"));
    let decoded = STANDARD
        .decode(&request.headers["certificate-request"])
        .unwrap();
    // The 32 bytes of the scalar stand at one place in PKCS#8 of P-256.
    let pem = key.to_pem();
    let der: String = pem
        .expose_secret()
        .lines()
        .filter(|line| !line.contains("---"))
        .collect();
    let scalar = STANDARD.decode(der).unwrap()[36..68].to_vec();
    for sent in [decoded.as_slice(), request.text.as_bytes()] {
        assert!(!sent.windows(32).any(|window| window == scalar));
    }
}
