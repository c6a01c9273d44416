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
use crate::webhook::{Policy, Webhook};
use crate::{Problem, User};

/// A ClusterAdmissionPolicy, as far as the tests need one.
pub struct Order {
    guest: Option<Arc<Guest>>,
    settings: Value,
    mutating: bool,
    rules: Value,
    match_conditions: Value,
}

impl Order {
    /// For AccessGrants and AccessTokens: the rules of `policy-metadata.yml`, without settings.
    #[must_use]
    pub fn of_skupper_kinds() -> Self {
        Self {
            guest: None,
            settings: json!({}),
            mutating: true,
            rules: json!([{
                "apiGroups": ["skupper.io"],
                "apiVersions": ["v2alpha1"],
                "resources": ["accessgrants", "accesstokens"],
                "operations": ["CREATE", "UPDATE"],
            }]),
            match_conditions: json!([]),
        }
    }

    /// For TokenRequests, with the conditions that keep nodes and the controller manager alive.
    #[must_use]
    pub fn of_token_requests() -> Self {
        Self {
            rules: json!([{
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["serviceaccounts/token"],
                "operations": ["CREATE"],
            }]),
            match_conditions: json!([
                {
                    "name": "no-nodes",
                    "expression": "!('system:nodes' in request.userInfo.groups)",
                },
                {
                    "name": "no-controller-manager",
                    "expression": "request.userInfo.username != 'system:kube-controller-manager'",
                },
            ]),
            ..Self::of_skupper_kinds()
        }
    }

    /// With another guest than the policy that ships.
    #[must_use]
    pub fn guest(self, guest: Guest) -> Self {
        Self {
            guest: Some(Arc::new(guest)),
            ..self
        }
    }

    /// With these settings.
    #[must_use]
    pub fn settings(self, settings: Value) -> Self {
        Self { settings, ..self }
    }

    /// As `mutating: false`: a validating webhook, which changes nothing.
    #[must_use]
    pub fn validating(self) -> Self {
        Self {
            mutating: false,
            ..self
        }
    }

    /// Without match conditions: everybody's requests reach the policy.
    #[must_use]
    pub fn for_everybody(self) -> Self {
        Self {
            match_conditions: json!([]),
            ..self
        }
    }

    /// Deploys the built policy for one namespace, and waits until the API server asks it there.
    ///
    /// # Errors
    /// The settings or the configuration are refused, or the API server does not ask within ten
    /// seconds.
    pub async fn deploy(self, user: &User) -> Result<Deployment, Problem> {
        let policy = Policy {
            guest: self.guest.clone().map_or_else(Guest::shipped, Ok)?,
            settings: self.settings.clone(),
            mutating: self.mutating,
        };
        let webhook = Webhook::start(policy)?;
        let (resource, body) = self.configuration(&webhook, user.namespace());
        let url = format!("/apis/admissionregistration.k8s.io/v1/{resource}");
        let request = Request::post(url).header("Content-Type", "application/json");
        let request = request.body(serde_json::to_vec(&body)?)?;
        user.client().request::<Value>(request).await?;
        wait_until_asked(&webhook, user.client(), user.namespace()).await?;
        Ok(Deployment {
            webhook: Some(webhook),
        })
    }

    fn configuration(&self, webhook: &Webhook, namespace: &str) -> (&'static str, Value) {
        let (resource, kind) = if self.mutating {
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
        let name = format!("clusterwide-{namespace}");
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"generateName": format!("{name}-")},
            "webhooks": [{
                "name": format!("{name}.kubewarden.admission"),
                "clientConfig": webhook.client_config(&format!("/validate/{name}")),
                "rules": self.rules,
                "failurePolicy": "Fail",
                "matchPolicy": "Equivalent",
                // So that the tests of a file do not meet in one cluster.
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "matchConditions": self.match_conditions,
                "sideEffects": "None",
                "timeoutSeconds": 10,
                "admissionReviewVersions": ["v1"],
            }],
        });
        (resource, configuration)
    }
}

/// A policy in front of the API server. Its configuration outlives it, as that of a policy server
/// that is down.
pub struct Deployment {
    webhook: Option<Webhook>,
}

impl Deployment {
    /// How many requests the policy was asked about so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.webhook.as_ref().map_or(0, Webhook::asked)
    }

    /// Ends the policy server. The configuration stays.
    pub fn take_down(&mut self) {
        self.webhook = None;
    }
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
