//! Manifests that `deploy/` renders to, by kubectl as users run it, and the ServiceAccounts in it.

use std::process::Command;
use std::time::{Duration, Instant};

use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::binaries::{kubectl, repository};
use crate::{Cluster, Identity, Problem};

/// The objects of a kustomize base.
#[derive(Clone, Debug)]
pub struct Rendered {
    objects: Vec<Value>,
}

impl Rendered {
    /// The objects of a folder in `deploy/`.
    ///
    /// # Errors
    /// kubectl is missing, or does not render the folder.
    pub fn of(base: &str) -> Result<Self, Problem> {
        let folder = repository().join("deploy").join(base);
        let output = Command::new(kubectl()?)
            .arg("kustomize")
            .arg(folder)
            .output()?;
        if !output.status.success() || !output.stderr.is_empty() {
            return Err(format!("{base}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let objects = serde_saphyr::from_multiple(&text)?;
        Ok(Self { objects })
    }

    /// All of them, as they are rendered.
    #[must_use]
    pub fn objects(&self) -> &[Value] {
        &self.objects
    }

    /// The only object of a kind.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn only(&self, kind: &str) -> Result<&Value, Problem> {
        let mut found = self.objects.iter().filter(|object| object["kind"] == kind);
        match (found.next(), found.next()) {
            (Some(object), None) => Ok(object),
            _ => Err(format!("there must be one {kind}").into()),
        }
    }

    /// Everything that the Roles allow, one verb on one resource at a time.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let roles = self.objects.iter().filter(|object| is_role(object));
        roles.flat_map(permissions).collect()
    }

    /// The same without one permission.
    #[must_use]
    pub fn without(mut self, taken: &Permission) -> Self {
        for role in self.objects.iter_mut().filter(|object| is_role(object)) {
            let kept = permissions(role).into_iter().filter(|one| one != taken);
            role["rules"] = kept.map(|one| one.rule()).collect();
        }
        self
    }

    /// Puts the only ServiceAccount with its Roles and their bindings into a namespace, and waits
    /// until the API server knows what they allow. Names of the cluster's own objects end with the
    /// namespace.
    ///
    /// # Errors
    /// The API server refuses one of them, or does not allow it all within ten seconds.
    pub async fn install_account(
        &self,
        cluster: &Cluster,
        namespace: &str,
    ) -> Result<Identity, Problem> {
        let client = cluster.admin()?;
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        for object in &self.objects {
            let url = match object["kind"].as_str().unwrap_or_default() {
                "ServiceAccount" => format!("/api/v1/namespaces/{namespace}/serviceaccounts"),
                "Role" => format!("{rbac}/namespaces/{namespace}/roles"),
                "RoleBinding" => format!("{rbac}/namespaces/{namespace}/rolebindings"),
                "ClusterRole" => format!("{rbac}/clusterroles"),
                "ClusterRoleBinding" => format!("{rbac}/clusterrolebindings"),
                _ => continue,
            };
            post(&client, &url, &moved(object, namespace)).await?;
        }
        let account = self.only("ServiceAccount")?["metadata"]["name"].clone();
        let account = account.as_str().unwrap_or_default();
        let url = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let lifetime = json!({"spec": {"expirationSeconds": 86_400}});
        let token = post(&client, &url, &lifetime).await?;
        let token = token["status"]["token"].as_str().unwrap_or_default();
        let identity = Identity::Token(token.to_owned());
        let client = cluster.client_as(&identity)?;
        for permission in self.permissions() {
            permission.wait_until_allowed(&client, namespace).await?;
        }
        Ok(identity)
    }
}

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, and the subresource behind a slash.
    pub resource: String,
    /// The only object it is about, if it is about one.
    pub name: Option<String>,
    /// The rights.
    pub verb: String,
}

impl Permission {
    /// As people write it: `update accessgrants/status`, `list secrets skupper-site-ca`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let name = self.name.as_ref().map(|name| format!(" {name}"));
        format!(
            "{} {}{}",
            self.verb,
            self.resource,
            name.unwrap_or_default()
        )
    }

    fn rule(&self) -> Value {
        let mut rule = json!({
            "apiGroups": [self.group],
            "resources": [self.resource],
            "verbs": [self.verb],
        });
        if let Some(name) = &self.name {
            rule["resourceNames"] = json!([name]);
        }
        rule
    }

    async fn wait_until_allowed(&self, client: &Client, namespace: &str) -> Result<(), Problem> {
        let (resource, subresource) = self
            .resource
            .split_once('/')
            .unwrap_or((&self.resource, ""));
        let review = json!({"spec": {"resourceAttributes": {
            "namespace": namespace,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "name": self.name.as_deref().unwrap_or_default(),
            "verb": self.verb,
        }}});
        let url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let start = Instant::now();
        while post(client, url, &review).await?["status"]["allowed"] != true {
            if start.elapsed() > PATIENCE {
                return Err(format!("'{}' is not allowed", self.sentence()).into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

fn is_role(object: &Value) -> bool {
    object["kind"] == "Role" || object["kind"] == "ClusterRole"
}

fn permissions(role: &Value) -> Vec<Permission> {
    let mut all = Vec::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        let mut names: Vec<_> = texts(&rule["resourceNames"]).map(Some).collect();
        if names.is_empty() {
            names.push(None);
        }
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for name in &names {
                    all.extend(texts(&rule["verbs"]).map(|verb| Permission {
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                        verb,
                    }));
                }
            }
        }
    }
    all
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    let texts = list.as_array().into_iter().flatten();
    texts.filter_map(|text| text.as_str().map(str::to_owned))
}

/// An object in another namespace, with what it refers to.
fn moved(object: &Value, namespace: &str) -> Value {
    let mut object = object.clone();
    let is_of_cluster = object["metadata"]["namespace"].is_null();
    if !is_of_cluster {
        object["metadata"]["namespace"] = namespace.into();
    }
    let suffixed = |name: &Value| format!("{}-{namespace}", name.as_str().unwrap_or_default());
    if is_of_cluster {
        object["metadata"]["name"] = suffixed(&object["metadata"]["name"]).into();
    }
    if object["roleRef"]["kind"] == "ClusterRole" {
        object["roleRef"]["name"] = suffixed(&object["roleRef"]["name"]).into();
    }
    for subject in object["subjects"].as_array_mut().into_iter().flatten() {
        subject["namespace"] = namespace.into();
    }
    object
}

async fn post(client: &Client, url: &str, object: &Value) -> Result<Value, Problem> {
    let request = Request::post(url).header("Content-Type", "application/json");
    let request = request.body(serde_json::to_vec(object)?)?;
    Ok(client.request(request).await?)
}

const PATIENCE: Duration = Duration::from_secs(10);
