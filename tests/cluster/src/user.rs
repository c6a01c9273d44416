//! Somebody who uses the API server, in a namespace, and what they are told.

use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::{Cluster, Identity, Problem};

/// The kinds the tests act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `skupper.io` AccessGrant.
    AccessGrant,
    /// `skupper.io` AccessToken.
    AccessToken,
}

impl Kind {
    fn plural(self) -> &'static str {
        match self {
            Self::AccessGrant => "accessgrants",
            Self::AccessToken => "accesstokens",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::AccessGrant => "AccessGrant",
            Self::AccessToken => "AccessToken",
        }
    }

    /// An object of this kind. `None` as spec leaves it out.
    #[must_use]
    pub fn object(self, name: &str, spec: Option<Value>) -> Value {
        let mut object = json!({
            "apiVersion": "skupper.io/v2alpha1",
            "kind": self.name(),
            "metadata": {"name": name},
        });
        if let (Some(fields), Some(spec)) = (object.as_object_mut(), spec) {
            fields.insert("spec".to_owned(), spec);
        }
        object
    }
}

/// Answer of the API server.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub code: u16,
    /// The object, or the Status that says why there is none.
    pub body: Value,
    /// The texts of the Warning headers, which kubectl prints.
    pub warnings: Vec<String>,
}

impl Answer {
    /// True when it was done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// The error that the user is told; empty when there was none.
    #[must_use]
    pub fn message(&self) -> &str {
        if self.is_done() {
            return "";
        }
        self.body["message"].as_str().unwrap_or_default()
    }
}

/// A user of one namespace.
#[derive(Clone)]
pub struct User {
    client: Client,
    namespace: String,
}

impl User {
    /// The administrator, in a new namespace with the ServiceAccounts `default` and `app`, which a
    /// controller would make.
    ///
    /// # Errors
    /// The API server refuses one of them.
    pub async fn admin(cluster: &Cluster, namespace: &str) -> Result<Self, Problem> {
        let user = Self {
            client: cluster.admin()?,
            namespace: namespace.to_owned(),
        };
        let named = |name: &str| json!({"metadata": {"name": name}});
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        for (url, object) in [
            ("/api/v1/namespaces", named(namespace)),
            (&accounts, named("default")),
            (&accounts, named("app")),
        ] {
            let answer = user.send(Method::POST, url, JSON, &object).await?;
            if !answer.is_done() {
                return Err(answer.message().into());
            }
        }
        Ok(user)
    }

    /// Somebody else in the same namespace.
    ///
    /// # Errors
    /// As [`Cluster::client_as`].
    pub fn becoming(&self, cluster: &Cluster, identity: &Identity) -> Result<Self, Problem> {
        Ok(Self {
            client: cluster.client_as(identity)?,
            namespace: self.namespace.clone(),
        })
    }

    /// The client of kube, for what is not here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// `kubectl create`.
    ///
    /// # Errors
    /// As [`User::send`], as for all below.
    pub async fn create(&self, kind: Kind, object: &Value) -> Result<Answer, Problem> {
        let url = format!("{}?{CREATES}", self.url(kind, ""));
        self.send(Method::POST, &url, JSON, object).await
    }

    /// `kubectl create --dry-run=server`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn dry_run(&self, kind: Kind, object: &Value) -> Result<Answer, Problem> {
        let url = format!("{}?{CREATES}&dryRun=All", self.url(kind, ""));
        self.send(Method::POST, &url, JSON, object).await
    }

    /// `kubectl apply --server-side`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn apply(&self, kind: Kind, object: &Value) -> Result<Answer, Problem> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let url = format!("{}?{APPLIES}", self.url(kind, name));
        self.send(Method::PATCH, &url, "application/apply-patch+yaml", object)
            .await
    }

    /// `kubectl patch --type=merge`, which is also how kubectl labels and annotates.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn merge(&self, kind: Kind, name: &str, patch: &Value) -> Result<Answer, Problem> {
        let url = format!("{}?{EDITS}", self.url(kind, name));
        self.send(Method::PATCH, &url, MERGE, patch).await
    }

    /// `kubectl patch --type=json`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn patch(&self, kind: Kind, name: &str, patch: &Value) -> Result<Answer, Problem> {
        let url = format!("{}?{EDITS}", self.url(kind, name));
        self.send(Method::PATCH, &url, "application/json-patch+json", patch)
            .await
    }

    /// `kubectl replace`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn replace(&self, kind: Kind, object: &Value) -> Result<Answer, Problem> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let url = format!("{}?{EDITS}", self.url(kind, name));
        self.send(Method::PUT, &url, JSON, object).await
    }

    /// Writes the status, as Skupper's controller does.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn merge_status(
        &self,
        kind: Kind,
        name: &str,
        status: &Value,
    ) -> Result<Answer, Problem> {
        let url = self.url(kind, &format!("{name}/status"));
        self.send(Method::PATCH, &url, MERGE, &json!({"status": status}))
            .await
    }

    /// `kubectl get`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn get(&self, kind: Kind, name: &str) -> Result<Answer, Problem> {
        self.send(Method::GET, &self.url(kind, name), JSON, &Value::Null)
            .await
    }

    /// `kubectl delete`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn delete(&self, kind: Kind, name: &str) -> Result<Answer, Problem> {
        self.send(Method::DELETE, &self.url(kind, name), JSON, &Value::Null)
            .await
    }

    /// `kubectl create token`, with this `spec`.
    ///
    /// # Errors
    /// As [`User::send`].
    pub async fn token(&self, account: &str, spec: &Value) -> Result<Answer, Problem> {
        let namespace = &self.namespace;
        let url = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec,
        });
        self.send(Method::POST, &url, JSON, &request).await
    }

    /// Sends a request; `null` is no body.
    ///
    /// # Errors
    /// The API server does not answer, or not with JSON.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<Answer, Problem> {
        let body = match body {
            Value::Null => Vec::new(),
            body => serde_json::to_vec(body)?,
        };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("Content-Type", content_type)
            .body(Body::from(body))?;
        let response = self.client.send(request).await?;
        let code = response.status().as_u16();
        let warnings = response.headers().get_all("Warning").iter();
        let warnings = warnings
            .filter_map(|header| warning(header.to_str().ok()?))
            .collect();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer {
            code,
            body: serde_json::from_slice(&body)?,
            warnings,
        })
    }

    fn url(&self, kind: Kind, rest: &str) -> String {
        let (namespace, plural) = (&self.namespace, kind.plural());
        let collection = format!("/apis/skupper.io/v2alpha1/namespaces/{namespace}/{plural}");
        match rest {
            "" => collection,
            rest => format!("{collection}/{rest}"),
        }
    }
}

/// The text of `299 - "text"`, where `"` and `\` are escaped. Source: RFC 7234, section 5.5.
fn warning(header: &str) -> Option<String> {
    let quoted = header.strip_prefix("299 - \"")?.strip_suffix('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => characters.next()?,
            other => other,
        });
    }
    Some(text)
}

const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

// kubectl asks for strict decoding.
const CREATES: &str = "fieldManager=kubectl-create&fieldValidation=Strict";
const EDITS: &str = "fieldManager=kubectl-edit&fieldValidation=Strict";
const APPLIES: &str = "fieldManager=kubectl&fieldValidation=Strict";
