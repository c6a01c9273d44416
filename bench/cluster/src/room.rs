//! The cluster of a run: an API server, a namespace with a site, and grants.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use cluster_tests::{Cluster, Identity, Rendered, User};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use redemption_bench::Fault;
use redemption_bench::keys::Keys;
use redemption_sidecar::kubernetes::AccessGrant;
use redemption_sidecar::pki::issuer::Issuer;
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::system::clock;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Everything that the scenarios share. Its processes and files go with it.
pub(crate) struct Room {
    pub(crate) cluster: Cluster,
    /// The administrator in the namespace of the grants.
    pub(crate) user: User,
    pub(crate) grants: Api<AccessGrant>,
    pub(crate) binary: PathBuf,
    pub(crate) keys: Arc<Keys>,
    /// How long each load lasts at most.
    pub(crate) time: Duration,
    pub(crate) is_quick: bool,
    /// Removed last: the processes write into it.
    folder: TempDir,
}

impl Room {
    /// Starts the cluster, with its files in a folder on a disk.
    pub(crate) async fn make(parent: &Path, binary: &Path, is_quick: bool) -> Result<Self, Fault> {
        let folder = tempfile::Builder::new()
            .prefix("cluster-bench-")
            .tempdir_in(parent)?;
        let cluster = Cluster::start_durable(folder.path()).await?;
        cluster.install_skupper_kinds().await?;
        let user = User::admin(&cluster, NAMESPACE).await?;
        let account = Rendered::of("sidecar")?;
        let account = account.install_account(&cluster, NAMESPACE).await?;
        for (file, identity) in [(ADMINISTRATOR, Identity::Admin), (ACCOUNT, account)] {
            std::fs::write(folder.path().join(file), cluster.kubeconfig(&identity)?)?;
        }
        let room = Self {
            grants: Api::namespaced(cluster.admin()?, NAMESPACE),
            cluster,
            user,
            binary: binary.to_owned(),
            keys: Arc::new(Keys::make(KEYS, CODE)),
            time: Duration::from_secs(if is_quick { 2 } else { 10 }),
            is_quick,
            folder,
        };
        room.user.make_site(NAMESPACE).await?;
        Ok(room)
    }

    /// Where the services have their files, and their kubeconfigs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The kubeconfig of somebody who may do everything.
    pub(crate) fn administrator(&self) -> PathBuf {
        self.folder().join(ADMINISTRATOR)
    }

    /// The kubeconfig of the ServiceAccount that `deploy/sidecar` makes. The audit log has whatever it
    /// asks for.
    pub(crate) fn account(&self) -> PathBuf {
        self.folder().join(ACCOUNT)
    }

    /// The CA of the site, which makes certificates here, too.
    pub(crate) async fn issuer(&self) -> Result<Issuer, Fault> {
        let secrets: Api<Secret> = Api::namespaced(self.cluster.admin()?, NAMESPACE);
        let data = secrets.get(ISSUER).await?.data.unwrap_or_default();
        let file = |name| data.get(name).map_or(&[][..], |bytes| &bytes.0);
        Ok(Issuer::load(
            file("tls.crt"),
            file("tls.key"),
            clock::now(),
        )?)
    }

    /// Makes grants with the status that Skupper's controller gives them. They are named `PREFIX-N`.
    pub(crate) async fn make_grants(
        &self,
        prefix: &str,
        count: usize,
        allowed: u32,
    ) -> Result<Vec<GrantUid>, Fault> {
        let mut makers = JoinSet::new();
        for maker in 0..MAKERS {
            let (grants, prefix) = (self.grants.clone(), prefix.to_owned());
            makers.spawn(async move {
                let mut made = Vec::new();
                for number in (maker..count).step_by(MAKERS) {
                    let name = format!("{prefix}-{number}");
                    made.push((number, grant(&grants, name, allowed).await?));
                }
                Ok::<_, Fault>(made)
            });
        }
        let mut made = Vec::new();
        while let Some(part) = makers.join_next().await {
            made.extend(part??);
        }
        made.sort_unstable_by_key(|(number, _)| *number);
        Ok(made.into_iter().map(|(_, uid)| uid).collect())
    }

    /// What a grant counts.
    pub(crate) async fn redemptions(&self, name: &str) -> Result<u64, Fault> {
        let object = self.grants.get(name).await?;
        let count = object.status.pointer("/redemptions");
        Ok(count.and_then(Value::as_u64).unwrap_or_default())
    }
}

async fn grant(grants: &Api<AccessGrant>, name: String, allowed: u32) -> Result<GrantUid, Fault> {
    let object = AccessGrant {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            ..ObjectMeta::default()
        },
        spec: json!({"redemptionsAllowed": allowed, "expirationWindow": "24h"}),
        status: Value::Null,
    };
    let options = PostParams::default();
    let mut object = grants.create(&options, &object).await?;
    let uid = object.metadata.uid.clone().ok_or("a grant has no uid")?;
    let now = clock::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let end = (clock::now() + TimeDelta::days(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let condition = |kind: &str| {
        json!({"type": kind, "status": "True", "reason": "Ready", "message": "OK",
            "observedGeneration": 1, "lastTransitionTime": now})
    };
    object.status = json!({
        "code": CODE,
        "expirationTime": end,
        "url": format!("https://192.0.2.1:9090/{uid}"),
        "ca": CA,
        "status": "Ready",
        "message": "OK",
        "conditions": [condition("Processed"), condition("Ready"), condition("Resolved")],
    });
    object.metadata.managed_fields = None;
    grants.replace_status(&name, &options, &object).await?;
    GrantUid::parse(&uid).ok_or_else(|| "a grant has an unreadable uid".into())
}

/// The namespace of the grants.
pub(crate) const NAMESPACE: &str = "west";

/// The CA of the site. Source: Skupper's Site reference.
const ISSUER: &str = "skupper-site-ca";

const ADMINISTRATOR: &str = "kubeconfig";
const ACCOUNT: &str = "kubeconfig-of-account";

/// The code of every grant.
pub(crate) const CODE: &str = "code-of-every-bench-grant";

/// As long as the CA of a usual server.
const CA: &str = include_str!("../../src/ca.pem");

/// How many make grants at once.
const MAKERS: usize = 16;

/// Keys that loads use.
const KEYS: usize = 20_000;
