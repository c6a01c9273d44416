//! Servers that answer a renewal with something else than what was asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use cluster_tests::Cluster;
use kube::api::{Patch, PatchParams, PostParams};
use redemption_sidecar::redeemer::ClusterTarget;
use redemption_sidecar::redeemer::keeper::{Done, KeepProblem, RenewalOrder, renew_in_cluster};
use redemption_sidecar::system::clock;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use crate::partner::{Partner, Received, Site};
use crate::redeem::hostile::answer;
use crate::target::Target;

/// A namespace whose links are renewed by a partner.
pub(super) struct Partnered {
    pub(super) target: Target,
    pub(super) site: Arc<Site>,
    partner: Partner,
}

impl Partnered {
    pub(super) async fn new(
        cluster: &Cluster,
        namespace: &str,
        respond: impl Fn(&Site, &Received, usize) -> (u16, String) + Send + 'static,
    ) -> Self {
        let site = Arc::new(Site::new(clock::now()));
        let own = Arc::clone(&site);
        Self {
            target: Target::new(cluster, namespace).await,
            site,
            partner: Partner::start(move |request, before| respond(&own, request, before)),
        }
    }

    /// The Secret of a link that the partner renews.
    pub(super) async fn keep(&self, name: &str) {
        let (certificate, key) = self.site.client(name, clock::now(), TimeDelta::days(1));
        let token = self.partner.token(name, "renew");
        let ca = CertificateDer::from_pem_slice(token.ca.as_bytes()).unwrap();
        let secret = json!({
            "metadata": {
                "name": name,
                "labels": {"app.kubernetes.io/managed-by": "redemption-sidecar"},
                "annotations": {
                    "redemption-sidecar/renewal-url": token.url,
                    "redemption-sidecar/server-ca": STANDARD.encode(ca),
                },
            },
            "type": "kubernetes.io/tls",
            "stringData": {"ca.crt": self.site.ca, "tls.crt": certificate, "tls.key": key},
        });
        let secret = serde_json::from_value(secret).unwrap();
        let params = PostParams::default();
        self.target.secrets.create(&params, &secret).await.unwrap();
    }

    pub(super) async fn renew(&self, name: &str) -> Result<Done, KeepProblem> {
        self.renew_by(&self.target.client, name).await
    }

    /// Renews what is due, with a certificate that is past half of its life.
    pub(super) async fn renew_by(
        &self,
        client: &kube::Client,
        name: &str,
    ) -> Result<Done, KeepProblem> {
        let order = RenewalOrder {
            now: clock::now() + TimeDelta::hours(14),
            ..super::order_if_due(name)
        };
        let target = ClusterTarget {
            client: client.clone(),
            namespace: &self.target.namespace,
        };
        renew_in_cluster(order, &target, Duration::from_millis(50)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_next_certificate_of_the_link_is_not_written() {
    let cluster = Cluster::shared().await.unwrap();
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
    ];
    let kept = Partnered::new(&cluster, "renew-hostile", move |site, request, before| {
        (
            200,
            answer(
                site,
                request,
                changes.get(before).copied().unwrap_or("nothing"),
            ),
        )
    })
    .await;
    kept.keep("west").await;
    kept.target.add_link("west", "west").await;
    let versions = async || {
        let secret = kept.target.secrets.get("west").await.unwrap().metadata;
        let link = kept.target.links.get("west").await.unwrap().metadata;
        (secret.resource_version, link.resource_version)
    };
    let before = versions().await;
    for change in changes {
        let problem = kept.renew("west").await.err().unwrap();
        assert_eq!(problem.exit_code(), 1, "{change}: {problem}");
        let message = problem.to_string();
        assert!(
            message.contains("nothing was written"),
            "{change}: {message}"
        );
        assert_eq!(versions().await, before, "{change}");
    }
    kept.renew("west").await.unwrap();
    let after = versions().await;
    assert!(after.0 != before.0 && after.1 != before.1);
    assert_eq!(kept.target.objects().await, ["link/west", "secret/west"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_spoilt_is_left_as_it_is() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Partnered::new(&cluster, "renew-spoilt", |site, request, _| {
        (200, answer(site, request, "nothing"))
    })
    .await;
    let (_, other_key) = kept.site.client("x", clock::now(), TimeDelta::days(1));
    let other_key = STANDARD.encode(other_key);
    let annotation = |name: &str, value: &str| {
        let name = format!("redemption-sidecar/{name}");
        json!({"metadata": {"annotations": {name: value}}})
    };
    let rows = [
        (
            "another key",
            json!({"data": {"tls.key": other_key}}),
            "is left as it is: the certificate is for another key",
        ),
        (
            "no certificate",
            json!({"data": {"tls.crt": "YQ=="}}),
            "is left as it is: 'tls.crt' is not exactly one certificate",
        ),
        (
            "another CA",
            json!({"data": {"ca.crt": STANDARD.encode(Site::new(clock::now()).ca)}}),
            "is left as it is: the certificate is not a client certificate",
        ),
        (
            "no URL",
            annotation("renewal-url", "http://a"),
            "the annotation 'redemption-sidecar/renewal-url' must be",
        ),
        (
            "no CA",
            annotation("server-ca", "a"),
            "the annotation 'redemption-sidecar/server-ca' must be",
        ),
    ];
    for (number, (row, change, expected)) in rows.into_iter().enumerate() {
        let name = format!("west-{number}");
        kept.keep(&name).await;
        let params = PatchParams::default();
        let secrets = &kept.target.secrets;
        let spoilt = secrets.patch(&name, &params, &Patch::Merge(change)).await;
        let version = spoilt.unwrap().metadata.resource_version;
        let problem = kept.renew(&name).await.err().unwrap();
        let message = problem.to_string();
        assert!(message.contains(expected), "{row}: {message}");
        assert_eq!(problem.exit_code(), 2, "{row}: {message}");
        let now = secrets.get(&name).await.unwrap().metadata.resource_version;
        assert_eq!(now, version, "{row}");
        assert_eq!(kept.target.objects().await.len(), number + 1, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_for_a_redemption_is_not_taken_for_that_of_a_renewal() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Partnered::new(&cluster, "renew-pending", |site, request, _| {
        (200, answer(site, request, "nothing"))
    })
    .await;
    let pending = |label: &str, value: &str| {
        let labels = json!({"app.kubernetes.io/managed-by": "redemption-sidecar", label: value});
        json!({"metadata": {"name": "west-pending", "labels": labels}, "type": "Opaque",
            "stringData": {"tls.key": "a key that nobody can use"}})
    };
    kept.keep("west").await;
    let secrets = &kept.target.secrets;
    let add = async |secret: serde_json::Value| {
        let secret = serde_json::from_value(secret).unwrap();
        secrets
            .create(&PostParams::default(), &secret)
            .await
            .unwrap()
    };
    let made = add(pending("redemption-sidecar/grant", "a")).await;
    let problem = kept.renew("west").await.err().unwrap();
    assert_eq!(problem.exit_code(), 2, "{problem}");
    assert!(
        problem
            .to_string()
            .contains("does not hold the key of a renewal"),
        "{problem}"
    );
    let there = secrets.get("west-pending").await.unwrap();
    assert_eq!(
        there.metadata.resource_version,
        made.metadata.resource_version
    );

    let delete = kube::api::DeleteParams::default();
    secrets.delete("west-pending", &delete).await.unwrap();
    // No server counts renewals: a key that is damaged, or of an earlier link, is worth nothing.
    for link in ["a", "07070707070707070707"] {
        add(pending("redemption-sidecar/link", link)).await;
        kept.renew("west").await.unwrap();
        assert_eq!(kept.target.objects().await, ["link/west", "secret/west"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_for_a_renewal_is_not_taken_for_that_of_a_redemption() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "renewal-in-the-way").await;
    let labels = json!({"app.kubernetes.io/managed-by": "redemption-sidecar",
        "redemption-sidecar/link": "07070707070707070707"});
    let secret = json!({"metadata": {"name": "west-pending", "labels": labels}, "type": "Opaque",
        "stringData": {"tls.key": "a"}});
    let secret = serde_json::from_value(secret).unwrap();
    target
        .secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    let partner = Partner::plain(1, 1);
    let token = crate::target::read(&partner.token("west", "grant"));
    for problem in [
        target.redeem(&token).await.err(),
        target.force(&token).await.err(),
    ] {
        let message = problem.unwrap().to_string();
        assert!(
            message.contains("is none in which a redeemer keeps a key"),
            "{message}"
        );
    }
    assert_eq!(partner.requests().len(), 0);
    assert_eq!(target.objects().await, ["secret/west-pending"]);
}
