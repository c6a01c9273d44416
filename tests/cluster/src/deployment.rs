//! The policy in front of the API server, as Kubewarden's controller puts it there.
//!
//! Source: Kubewarden's controller, the reconciliation of `ClusterAdmissionPolicy`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::guest::Guest;
use crate::rendered::Rendered;
use crate::webhook::{Policy, Webhook};
use crate::{Problem, User};

/// A ClusterAdmissionPolicy of `deploy/`, and what a test has changed in it.
pub struct Order {
    base: &'static str,
    guest: Option<Arc<Guest>>,
    change: Option<Value>,
    settings: Option<Value>,
    is_validating: bool,
    is_for_everybody: bool,
}

impl Order {
    /// The policy of a folder in `deploy/`, as it is rendered: its rules, its match conditions, its
    /// settings.
    #[must_use]
    pub fn of(base: &'static str) -> Self {
        Self {
            base,
            guest: None,
            change: None,
            settings: None,
            is_validating: false,
            is_for_everybody: false,
        }
    }

    /// For AccessGrants and AccessTokens.
    #[must_use]
    pub fn of_skupper_kinds() -> Self {
        Self::of("policy")
    }

    /// For TokenRequests, with the conditions that keep nodes and the controller manager alive.
    #[must_use]
    pub fn of_token_requests() -> Self {
        Self::of("token-request-policy")
    }

    /// With another guest than the policy that ships.
    #[must_use]
    pub fn guest(self, guest: Guest) -> Self {
        Self {
            guest: Some(Arc::new(guest)),
            ..self
        }
    }

    /// Lets the guest accept with this JSON Patch, which nobody had to work out: what any change
    /// costs the API server.
    #[must_use]
    pub fn change(self, patch: Value) -> Self {
        Self {
            change: Some(patch),
            ..self
        }
    }

    /// With these settings in place of the rendered ones.
    #[must_use]
    pub fn settings(self, settings: Value) -> Self {
        Self {
            settings: Some(settings),
            ..self
        }
    }

    /// As `mutating: false`: a validating webhook, which changes nothing.
    #[must_use]
    pub fn validating(self) -> Self {
        Self {
            is_validating: true,
            ..self
        }
    }

    /// Without match conditions: everybody's requests reach the policy.
    #[must_use]
    pub fn for_everybody(self) -> Self {
        Self {
            is_for_everybody: true,
            ..self
        }
    }

    /// Deploys the built policy for one namespace, and waits until the API server asks it there.
    ///
    /// # Errors
    /// The folder cannot be rendered, the settings or the configuration are refused, or the API server
    /// does not ask within ten seconds.
    pub async fn deploy(self, user: &User) -> Result<Deployment, Problem> {
        let rendered = Rendered::of(self.base)?;
        let mut spec = rendered.only("ClusterAdmissionPolicy")?["spec"].clone();
        if self.is_validating {
            spec["mutating"] = false.into();
        }
        if self.is_for_everybody {
            spec["matchConditions"] = json!([]);
        }
        let policy = Policy {
            guest: self.guest.map_or_else(Guest::shipped, Ok)?,
            change: self.change,
            settings: self.settings.unwrap_or_else(|| spec["settings"].clone()),
            mutating: spec["mutating"] == true,
        };
        let webhook = Webhook::start(policy)?;
        let (resource, body) = configuration(&spec, &webhook, user.namespace());
        let url = format!("/apis/admissionregistration.k8s.io/v1/{resource}");
        let request = Request::post(url).header("Content-Type", "application/json");
        let request = request.body(serde_json::to_vec(&body)?)?;
        user.client().request::<Value>(request).await?;
        wait_until_asked(&webhook, user.client(), user.namespace()).await?;
        Ok(Deployment {
            webhook: Some(webhook),
        })
    }
}

/// A policy in front of the API server. Its configuration outlives it, as that of a policy server
/// that is down.
pub struct Deployment {
    webhook: Option<Webhook>,
}

impl Deployment {
    /// Number of requests the policy was asked about so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.webhook.as_ref().map_or(0, Webhook::asked)
    }

    /// Ends the policy server. The configuration stays.
    pub fn take_down(&mut self) {
        self.webhook = None;
    }
}

/// The configuration that Kubewarden's controller makes of a policy, and where it goes.
fn configuration(spec: &Value, webhook: &Webhook, namespace: &str) -> (&'static str, Value) {
    let (resource, kind) = if spec["mutating"] == true {
        (
            "mutatingwebhookconfigurations",
            "MutatingWebhookConfiguration",
        )
    } else {
        (
            "validatingwebhookconfigurations",
            "ValidatingWebhookConfiguration",
        )
    };
    let or = |field: &str, default: Value| match &spec[field] {
        Value::Null => default,
        written => written.clone(),
    };
    let name = format!("clusterwide-{namespace}");
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"generateName": format!("{name}-")},
        "webhooks": [{
            "name": format!("{name}.kubewarden.admission"),
            "clientConfig": webhook.client_config(&format!("/validate/{name}")),
            "rules": spec["rules"],
            "failurePolicy": or("failurePolicy", "Fail".into()),
            "matchPolicy": or("matchPolicy", "Equivalent".into()),
            // So that the tests of a file do not meet in one cluster.
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "matchConditions": or("matchConditions", json!([])),
            "sideEffects": "None",
            // And not the policy's: the machine of the tests may be busy.
            "timeoutSeconds": 10,
            "admissionReviewVersions": ["v1"],
        }],
    });
    (resource, configuration)
}

/// The API server learns of a configuration by a watch; until then it asks nobody.
async fn wait_until_asked(
    webhook: &Webhook,
    client: &Client,
    namespace: &str,
) -> Result<(), Problem> {
    let probes = [
        (
            format!("/apis/skupper.io/v2alpha1/namespaces/{namespace}/accessgrants"),
            json!({
                "apiVersion": "skupper.io/v2alpha1",
                "kind": "AccessGrant",
                "metadata": {"name": "probe"},
            }),
        ),
        (
            format!("/api/v1/namespaces/{namespace}/serviceaccounts/default/token"),
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}),
        ),
    ];
    let start = Instant::now();
    while webhook.asked() == 0 {
        if start.elapsed() > PATIENCE {
            return Err("the API server does not ask the policy".into());
        }
        for (url, object) in &probes {
            let request = Request::post(format!("{url}?dryRun=All"));
            let request = request.header("Content-Type", "application/json");
            // Only whether the policy is asked counts, not what it says.
            let _ = client
                .request::<Value>(request.body(serde_json::to_vec(object)?)?)
                .await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(10);
