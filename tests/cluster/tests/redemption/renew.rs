//! `renew` in a cluster: the links that it keeps, wherever it is stopped and whoever writes beside it.

mod accidents;
mod adopt;
mod commands;
mod controller;
mod granting;
mod hostile;
mod kills;
mod links;
mod outages;
mod rights;
mod telling;
mod versions;

use std::collections::BTreeMap;
use std::time::Duration;

use cluster_tests::Cluster;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use redemption_sidecar::pki::key::PrivateKey;
use redemption_sidecar::redeemer::ClusterTarget;
use redemption_sidecar::redeemer::keeper::{
    Done, KeepProblem, RenewalOrder, Told, renew_in_cluster,
};
use redemption_sidecar::redemption::Serial;
use redemption_sidecar::system::clock;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::target::{NO_PROXY, Target};
use granting::Granting;

/// A namespace with links that are kept, and the site that grants them.
struct Kept {
    target: Target,
    granting: Granting,
}

impl Kept {
    async fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self {
            target: Target::new(cluster, namespace).await,
            granting: Granting::start(&[]),
        }
    }

    /// Redeems a link of this name.
    async fn link(&self, name: &str) {
        let token = self.granting.token(name);
        let redeemed = self.target.redeem(&token).await;
        redeemed.unwrap_or_else(|problem| unreachable!("{name}: {problem}"));
    }

    /// Renews a link now.
    async fn renew(&self, name: &str) -> Result<Done, KeepProblem> {
        self.renew_by(&self.target.client, order(name)).await
    }

    async fn renew_by(
        &self,
        client: &Client,
        order: RenewalOrder<'_>,
    ) -> Result<Done, KeepProblem> {
        self.renew_within(PATIENCE, client, order).await
    }

    async fn renew_within(
        &self,
        patience: Duration,
        client: &Client,
        order: RenewalOrder<'_>,
    ) -> Result<Done, KeepProblem> {
        let target = ClusterTarget {
            client: client.clone(),
            namespace: &self.target.namespace,
        };
        renew_in_cluster(order, &target, patience).await
    }

    async fn secret(&self, name: &str) -> Secret {
        self.target.secrets.get(name).await.unwrap()
    }

    /// The serial number of the certificate in place, whose key is beside it.
    async fn serial(&self, name: &str) -> String {
        pair(&self.secret(name).await)
    }

    /// An annotation of the Secret, behind the prefix of ours.
    async fn annotation(&self, name: &str, annotation: &str) -> Option<String> {
        let annotations = self.secret(name).await.metadata.annotations;
        let annotation = format!("redemption-sidecar/{annotation}");
        annotations.and_then(|mut all| all.remove(&annotation))
    }

    /// True where nothing of a renewal is left to be done.
    async fn assert_is_done(&self, name: &str) {
        let serial = self.serial(name).await;
        for annotation in ["told", "reported"] {
            let noted = self.annotation(name, annotation).await;
            assert_eq!(noted.as_ref(), Some(&serial), "{name}: {annotation}");
        }
        self.assert_has(name, &[format!("link/{name}"), format!("secret/{name}")])
            .await;
    }

    async fn assert_has(&self, name: &str, expected: &[String]) {
        let objects = self.target.objects().await;
        let mine = objects.iter().filter(|object| {
            object.ends_with(&format!("/{name}")) || object.contains(&format!("/{name}-"))
        });
        let mine: Vec<_> = mine.cloned().collect();
        assert_eq!(mine, expected, "{name}");
    }
}

/// An order to renew a link now.
fn order(name: &str) -> RenewalOrder<'_> {
    RenewalOrder {
        name,
        force: true,
        timeout: Duration::from_secs(10),
        proxies: &NO_PROXY,
        pace: None,
        now: clock::now(),
    }
}

/// An order to renew a link if it is due, or go on where a renewal was stopped.
fn order_if_due(name: &str) -> RenewalOrder<'_> {
    RenewalOrder {
        force: false,
        ..order(name)
    }
}

fn assert_told(name: &str, done: &Done) {
    assert!(matches!(done.told, Told::All), "{name}: {:?}", done.told);
}

/// The serial number of a Secret's certificate. Its key is beside it, or the test has failed.
fn pair(secret: &Secret) -> String {
    let data: BTreeMap<_, _> = secret.data.clone().unwrap();
    let text = |name: &str| String::from_utf8(data[name].0.clone()).unwrap();
    let certificate = Certificate::from_pem(text("tls.crt")).unwrap();
    let signed = certificate.tbs_certificate();
    let key = PrivateKey::from_pem(&text("tls.key")).unwrap();
    let spki = signed.subject_public_key_info().to_der().unwrap();
    assert_eq!(key.spki(), spki, "{:?}", secret.metadata.name);
    let serial = signed.serial_number().as_bytes();
    Serial::of_der(serial).unwrap().to_string()
}

/// Longest time for the stand-in of Skupper's controller.
const PATIENCE: Duration = Duration::from_secs(10);

/// Numbers of the requests of a renewal, of which the last ones may not come.
const MOST_REQUESTS: std::ops::Range<usize> = 0..18;
