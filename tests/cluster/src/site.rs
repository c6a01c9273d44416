//! Objects that Skupper leaves in a namespace that is a site.

use http::Method;
use redemption_sidecar::pki::issuer::new_site_ca;
use redemption_sidecar::system::clock;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{Problem, User};

impl User {
    /// Makes a Site with endpoints, and the Secret of its CA.
    ///
    /// # Errors
    /// The API server refuses one of them.
    pub async fn make_site(&self, name: &str) -> Result<(), Problem> {
        let namespace = self.namespace();
        let (certificate, key) = new_site_ca(ISSUER, clock::now())?;
        let secret = json!({"metadata": {"name": ISSUER}, "type": "kubernetes.io/tls",
            "stringData": {"tls.crt": certificate, "tls.key": key.expose_secret()}});
        let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
        let sites = format!("/apis/skupper.io/v2alpha1/namespaces/{namespace}/sites");
        let site = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "Site",
            "metadata": {"name": name}, "spec": {"linkAccess": "default"}});
        let endpoint = |role: &str, port: &str| json!({"name": role, "host": "192.0.2.1", "port": port, "group": "skupper-router"});
        let endpoints = [endpoint("inter-router", "55671"), endpoint("edge", "45671")];
        let status = json!({"status": {"endpoints": endpoints, "defaultIssuer": ISSUER}});
        self.must(Method::POST, &secrets, "application/json", &secret)
            .await?;
        self.must(Method::POST, &sites, "application/json", &site)
            .await?;
        let (url, merge) = (
            format!("{sites}/{name}/status"),
            "application/merge-patch+json",
        );
        self.must(Method::PATCH, &url, merge, &status).await
    }

    /// As [`User::send`], and a refusal is an error.
    async fn must(
        &self,
        method: Method,
        url: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<(), Problem> {
        let answer = self.send(method, url, content_type, body).await?;
        if answer.is_done() {
            return Ok(());
        }
        Err(answer.message().into())
    }
}

/// The CA of a site. Source: Skupper's Site reference.
const ISSUER: &str = "skupper-site-ca";
