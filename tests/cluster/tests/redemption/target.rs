//! A namespace that tokens are redeemed into.

use std::sync::LazyLock;
use std::time::Duration;

use cluster_tests::Cluster;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{
    ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client};
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{
    ClusterTarget, Order, Proxies, RedeemProblem, Redeemed, redeem_in_cluster,
};
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::access_token::AccessToken;
use serde_json::{Value, json};

use crate::room::Room;

/// No proxy is between the tests and what they start.
pub(crate) static NO_PROXY: LazyLock<Proxies> = LazyLock::new(Proxies::default);

pub(crate) struct Target {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) secrets: Api<Secret>,
    pub(crate) links: Api<DynamicObject>,
}

impl Target {
    pub(crate) async fn new(cluster: &Cluster, namespace: &str) -> Self {
        let room = Room::new(cluster, namespace).await;
        let link = GroupVersionKind::gvk("skupper.io", "v2alpha1", "Link");
        let link = ApiResource::from_gvk(&link);
        Self {
            secrets: Api::namespaced(room.client.clone(), namespace),
            links: Api::namespaced_with(room.client.clone(), namespace, &link),
            client: room.client,
            namespace: room.namespace,
        }
    }

    /// An order of the administrator that is tried for a few seconds.
    pub(crate) fn order<'a>(&'a self, token: &'a Token) -> Order<'a, ClusterTarget<'a>> {
        self.order_by(token, &self.client)
    }

    pub(crate) fn order_by<'a>(
        &'a self,
        token: &'a Token,
        client: &Client,
    ) -> Order<'a, ClusterTarget<'a>> {
        Order {
            token,
            subject: None,
            target: ClusterTarget {
                client: client.clone(),
                namespace: &self.namespace,
            },
            force: false,
            renews: true,
            timeout: Duration::from_secs(20),
            proxies: &NO_PROXY,
            now: clock::now(),
        }
    }

    pub(crate) async fn redeem(&self, token: &Token) -> Result<Redeemed, RedeemProblem> {
        redeem_in_cluster(&self.order(token), &mut ()).await
    }

    pub(crate) async fn force(&self, token: &Token) -> Result<Redeemed, RedeemProblem> {
        let mut order = self.order(token);
        order.force = true;
        redeem_in_cluster(&order, &mut ()).await
    }

    /// Names of the objects that are there, behind `secret/` and `link/`.
    pub(crate) async fn objects(&self) -> Vec<String> {
        let all = ListParams::default();
        let secrets = self.secrets.list(&all).await.unwrap().items.into_iter();
        let links = self.links.list(&all).await.unwrap().items.into_iter();
        let secrets = secrets.map(|secret| format!("secret/{}", secret.metadata.name.unwrap()));
        let links = links.map(|link| format!("link/{}", link.metadata.name.unwrap()));
        let mut names: Vec<_> = secrets.chain(links).collect();
        names.sort();
        names
    }

    /// Everything that is there, with its versions.
    pub(crate) async fn state(&self) -> Vec<(Option<String>, Option<String>)> {
        let all = ListParams::default();
        let secrets = self.secrets.list(&all).await.unwrap().items.into_iter();
        let links = self.links.list(&all).await.unwrap().items.into_iter();
        let secrets = secrets.map(|secret| secret.metadata);
        let versions = secrets.chain(links.map(|link| link.metadata));
        versions
            .map(|one| (one.uid, one.resource_version))
            .collect()
    }

    pub(crate) async fn add_secret(&self, name: &str, kind: &str, data: &Value) {
        let secret = json!({"metadata": {"name": name}, "type": kind, "stringData": data});
        let secret = serde_json::from_value(secret).unwrap();
        let made = self.secrets.create(&PostParams::default(), &secret).await;
        made.unwrap();
    }

    pub(crate) async fn add_link(&self, name: &str, credentials: &str) {
        let endpoint = json!({"name": "inter-router", "host": "192.0.2.9", "port": "55671"});
        let link = json!({
            "apiVersion": "skupper.io/v2alpha1",
            "kind": "Link",
            "metadata": {"name": name},
            "spec": {"tlsCredentials": credentials, "endpoints": [endpoint]},
        });
        let link = serde_json::from_value(link).unwrap();
        self.links
            .create(&PostParams::default(), &link)
            .await
            .unwrap();
    }

    /// Notes that a Secret was redeemed from a token.
    pub(crate) async fn note(&self, secret: &str, token: &Token) {
        let (host, port) = (token.url.host(), token.url.port().unwrap());
        let url = format!("https://{host}:{port}{}", token.url.path());
        let annotations = json!({"redemption-sidecar/redeemed-from": url});
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        let patched = self
            .secrets
            .patch(secret, &PatchParams::default(), &patch)
            .await;
        patched.unwrap();
    }

    /// Makes a Site, and returns its name and uid.
    pub(crate) async fn add_site(&self) -> (String, String) {
        let site = GroupVersionKind::gvk("skupper.io", "v2alpha1", "Site");
        let site = ApiResource::from_gvk(&site);
        let sites = Api::namespaced_with(self.client.clone(), &self.namespace, &site);
        let site = DynamicObject::new("my-site", &site).data(json!({"spec": {}}));
        let made = sites.create(&PostParams::default(), &site).await.unwrap();
        (made.metadata.name.unwrap(), made.metadata.uid.unwrap())
    }

    /// An entry of a Secret, as text.
    pub(crate) async fn entry(&self, secret: &str, name: &str) -> String {
        let secret = self.secrets.get(secret).await.unwrap();
        String::from_utf8(secret.data.unwrap()[name].0.clone()).unwrap()
    }
}

pub(crate) fn read(token: &AccessToken) -> Token {
    let yaml = token.to_yaml();
    Token::read(yaml.as_bytes(), None, clock::now())
        .ok()
        .unwrap()
}
