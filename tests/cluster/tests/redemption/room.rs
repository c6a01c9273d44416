//! A namespace with grants, as Skupper's controller leaves them.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use cluster_tests::{Cluster, Identity, Rendered};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use redemption_sidecar::kubernetes::{AccessGrant, Scope};
use redemption_sidecar::ledger::{KubernetesLedger, Ledger};
use redemption_sidecar::pki::issuer::new_site_ca;
use redemption_sidecar::redemption::{GrantUid, KeyDigest, KeyOrigin, Redemption, Refusal, Serial};
use redemption_sidecar::system::clock;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::service::{Service, Services};

/// The code of every grant.
pub(crate) const CODE: &str = "Canary-c0de-7c1f0e9d-of-a-grant";

/// The beginning of whatever no service may log.
pub(crate) const CANARY: &str = "Canary-";

pub(crate) struct Room {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) grants: Api<AccessGrant>,
    /// User of the services: the ServiceAccount of `deploy/sidecar`, with its Role and nothing more.
    pub(crate) service: Identity,
}

impl Room {
    pub(crate) async fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self::with(cluster, namespace, &Rendered::of("sidecar").unwrap()).await
    }

    /// A room whose services may do what the Roles of a base allow.
    pub(crate) async fn with(cluster: &Cluster, namespace: &str, rendered: &Rendered) -> Self {
        let client = cluster.admin().unwrap();
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        namespaces
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        let service = rendered.install_account(cluster, namespace).await.unwrap();
        Self {
            service,
            grants: Api::namespaced(client.clone(), namespace),
            client,
            namespace: namespace.to_owned(),
        }
    }

    /// A Site with an endpoint, and its CA.
    pub(crate) async fn site(&self) {
        self.issuer().await;
        let (sites, kind) = self.sites();
        let site = DynamicObject::new("west", &kind).data(json!({"spec": {}}));
        sites.create(&PostParams::default(), &site).await.unwrap();
        let endpoints = json!([{"name": "inter-router", "host": "192.0.2.1", "port": "55671",
            "group": "skupper-router"}]);
        self.set_endpoints(&endpoints).await;
    }

    /// The CA of a Site, whose certificate is returned in PEM.
    pub(crate) async fn issuer(&self) -> String {
        let (certificate, key) = new_site_ca("skupper-site-ca", clock::now()).unwrap();
        let secret = json!({"metadata": {"name": "skupper-site-ca"}, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": certificate, "tls.key": key.expose_secret()}});
        let secret = serde_json::from_value(secret).unwrap();
        self.secrets()
            .create(&PostParams::default(), &secret)
            .await
            .unwrap();
        certificate
    }

    pub(crate) fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) async fn set_endpoints(&self, endpoints: &Value) {
        let status = Patch::Merge(json!({"status": {"endpoints": endpoints}}));
        let (sites, _) = self.sites();
        sites
            .patch_status("west", &PatchParams::default(), &status)
            .await
            .unwrap();
    }

    pub(crate) fn sites(&self) -> (Api<DynamicObject>, ApiResource) {
        let kind = GroupVersionKind::gvk("skupper.io", "v2alpha1", "Site");
        let kind = ApiResource::from_gvk(&kind);
        let sites = Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        (sites, kind)
    }

    /// Lets somebody do what the rules of a Role say, in this namespace.
    pub(crate) async fn allow(&self, user: &str, rules: Value) {
        let api: Api<Role> = Api::namespaced(self.client.clone(), &self.namespace);
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), &self.namespace);
        create(&api, json!({"metadata": {"name": user}, "rules": rules})).await;
        create(&bindings, binding("Role", user)).await;
    }

    /// A grant that can be redeemed for an hour.
    pub(crate) async fn grant(&self, name: &str, allowed: u32) -> GrantUid {
        self.grant_of(name, json!({"redemptionsAllowed": allowed}), CODE)
            .await
    }

    /// The same with another spec and another code.
    pub(crate) async fn grant_of(&self, name: &str, spec: Value, code: &str) -> GrantUid {
        let mut object = AccessGrant {
            spec,
            ..AccessGrant::default()
        };
        object.metadata.name = Some(name.to_owned());
        let object = self.grants.create(&PostParams::default(), &object).await;
        let uid = object.unwrap().metadata.uid.unwrap();
        let end = clock::now() + TimeDelta::hours(1);
        let ready = json!({"type": "Ready", "status": "True", "reason": "Ok", "message": "OK",
            "lastTransitionTime": time(clock::now())});
        self.set_status(
            name,
            &json!({"code": code, "expirationTime": time(end), "url": "https://skupper.example",
                "conditions": [ready]}),
        )
        .await;
        GrantUid::parse(&uid).unwrap()
    }

    pub(crate) async fn set_status(&self, name: &str, status: &Value) {
        let patch = Patch::Merge(json!({"status": status}));
        self.grants
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub(crate) async fn set_allowed(&self, name: &str, allowed: u32) {
        let patch = Patch::Merge(json!({"spec": {"redemptionsAllowed": allowed}}));
        self.grants
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    pub(crate) async fn redemptions(&self, name: &str) -> u64 {
        let object = self.grants.get(name).await.unwrap();
        object.status["redemptions"].as_u64().unwrap_or_default()
    }

    /// Waits until every service knows a grant. No code is right here.
    pub(crate) async fn is_known(&self, services: &Services, running: &[Service], uid: &GrantUid) {
        for service in running {
            let start = Instant::now();
            loop {
                let answer = services.ask_with(service.port, uid, "x", "").await.unwrap();
                if answer.status == 403 {
                    break;
                }
                assert!(start.elapsed() < Duration::from_secs(10), "{answer:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// A ledger of its own that has read everything.
    pub(crate) async fn ledger(&self) -> KubernetesLedger {
        let scope = Scope::Namespace(self.namespace.clone());
        let ledger = KubernetesLedger::start(self.client.clone(), &scope, &self.namespace, false);
        let nobody = GrantUid::from_bytes([0; 16]);
        while ledger.look(&nobody, None).await.unwrap() == Err(Refusal::NotReady) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ledger
    }
}

async fn create<K>(api: &Api<K>, object: Value)
where
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn binding(kind: &str, user: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({"metadata": {"name": user},
        "roleRef": {"apiGroup": group, "kind": kind, "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}]})
}

/// Number of redemptions noted in a grant, each with its key.
pub(crate) fn noted(object: &AccessGrant) -> u64 {
    let conditions = object.status["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let note = conditions.find(|condition| condition["type"] == "redemption-sidecar/keys");
    note.map_or(0, |note| {
        note["message"].as_str().unwrap().lines().count() as u64
    })
}

/// A redemption with a key that nobody else has.
pub(crate) fn redemption(uid: &GrantUid, key: u32) -> Redemption {
    let spki = key.to_be_bytes();
    Redemption {
        key: KeyDigest::of_spki(&spki),
        origin: KeyOrigin::Redeemer,
        subject: "west".to_owned(),
        serial: Serial::derive(uid, &spki),
        at: DateTime::from_timestamp_secs(clock::now().timestamp()).unwrap(),
        certificate_end: DateTime::from_timestamp_secs(4_000_000_000).unwrap(),
        authority: None,
    }
}

pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A deadline as requests have it.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}
