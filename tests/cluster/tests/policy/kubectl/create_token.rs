//! `kubectl create token`.

use std::sync::Arc;

use cluster_tests::{Cluster, Identity, Kubectl, Order, Printed, User};
use serde_json::json;

use crate::admin;
use crate::token_requests::{claims_of, object, pod, seconds};

/// Outcome of `kubectl create token`.
enum End {
    /// With a token that is valid for so many seconds, for these audiences, bound to this kind.
    Token(i64, &'static [&'static str], Option<&'static str>),
    /// With a token as above, and after a warning that begins like this.
    Warned(&'static str, i64, &'static [&'static str]),
    /// The policy refuses it: what it says begins like this.
    Refused(&'static str),
    /// kubectl or the API server refuse it: the last line begins like this.
    Failed(&'static str),
}

use End::{Failed, Refused, Token, Warned};

const OWN: &[&str] = &["https://kubernetes.default.svc"];
const OTHER: &[&str] = &["a.example"];
const NO_AUDIENCE: &str = "spec.audiences: Required value: without an audience";

struct Tokens {
    kubectl: Kubectl,
    _user: User,
    _cluster: Arc<Cluster>,
    pod_uid: String,
}

impl Tokens {
    /// A Pod `app-1` on a Node that is named after the namespace, and a Secret `app-token`.
    async fn new(namespace: &str) -> (Self, User) {
        let (cluster, user) = admin(namespace).await;
        let pod_uid = pod(&user, namespace).await;
        object(&user, "secrets", json!({"metadata": {"name": "app-token"}})).await;
        let kubectl = Kubectl::of(&cluster, &Identity::Admin, namespace).unwrap();
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}});
        let made = kubectl.run(&["create", "-f", "-"], &node.to_string());
        assert_eq!(made.unwrap().code, Some(0));
        let tokens = Self {
            kubectl,
            _user: user.clone(),
            _cluster: cluster,
            pod_uid,
        };
        (tokens, user)
    }

    #[track_caller]
    fn end(&self, form: &str, end: &End) {
        let words = form.split_whitespace().map(|word| match word {
            "POD-UID" => self.pod_uid.as_str(),
            word => word,
        });
        let arguments: Vec<&str> = ["create", "token"].into_iter().chain(words).collect();
        let printed = self.kubectl.run(&arguments, "").unwrap();
        let (warnings, rest): (Vec<&str>, Vec<&str>) = printed
            .message
            .lines()
            .partition(|line| line.starts_with("Warning: "));
        match end {
            Token(lifetime, audiences, bound) => {
                // Who asks for no audience is always told.
                let usual: &[&str] = if *audiences == OWN {
                    &[NO_AUDIENCE]
                } else {
                    &[]
                };
                is_issued(form, &printed, *lifetime, audiences, *bound);
                are_about(form, &warnings, usual);
            }
            Warned(warning, lifetime, audiences) => {
                is_issued(form, &printed, *lifetime, audiences, None);
                are_about(form, &warnings, &[warning]);
            }
            Refused(reason) => {
                assert_eq!(printed.code, Some(1), "{form}: {printed:?}");
                assert_eq!(printed.output, "", "{form}");
                let [line] = rest.as_slice() else {
                    unreachable!("{form}: {printed:?}");
                };
                let (start, said) = line.split_once(" denied the request: ").unwrap();
                let expected = "error: failed to create token: admission webhook \"clusterwide-";
                assert!(start.starts_with(expected), "{form}: {line}");
                let (_, said) = said.split_once("\"app\" is invalid: ").unwrap();
                assert!(said.starts_with(reason), "{form}: {said}");
            }
            Failed(reason) => {
                assert_eq!(printed.code, Some(1), "{form}: {printed:?}");
                assert_eq!(printed.output, "", "{form}");
                let line = rest.first().copied().unwrap_or_default();
                assert!(
                    line.starts_with(&format!("error: {reason}")),
                    "{form}: {printed:?}"
                );
            }
        }
    }
}

#[track_caller]
fn are_about(form: &str, warnings: &[&str], expected: &[&str]) {
    assert_eq!(warnings.len(), expected.len(), "{form}: {warnings:?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(
            warning.starts_with(&format!("Warning: {expected}")),
            "{form}: {warning}"
        );
    }
}

#[track_caller]
fn is_issued(
    form: &str,
    printed: &Printed,
    lifetime: i64,
    audiences: &[&str],
    bound: Option<&str>,
) {
    assert_eq!(printed.code, Some(0), "{form}: {printed:?}");
    let claims = claims_of(printed.output.trim());
    assert_eq!(seconds(&claims), lifetime, "{form}");
    assert_eq!(claims["aud"], json!(audiences), "{form}");
    let kubernetes = claims["kubernetes.io"].as_object().unwrap();
    // A token of a Pod names its Node, too.
    let kinds = ["pod", "secret", "node"].into_iter();
    let kind = kinds
        .into_iter()
        .find(|kind| kubernetes.contains_key(*kind));
    assert_eq!(kind, bound, "{form}");
}

#[tokio::test]
async fn every_form_of_create_token_ends_as_the_rules_say() {
    let (tokens, user) = Tokens::new("kubectl-tokens").await;
    let _policy = Order::of_token_requests().deploy(&user).await.unwrap();
    let table = [
        ("app", Token(3600, OWN, None)),
        ("app --duration 10m", Token(600, OWN, None)),
        ("app --duration 24h", Token(86_400, OWN, None)),
        ("app --duration 8760h", Token(31_536_000, OWN, None)),
        ("app --duration 0s", Token(3600, OWN, None)),
        // Not bound to a Pod, it is what it says.
        ("app --duration 3607s", Token(3607, OWN, None)),
        ("app --audience a.example", Token(3600, OTHER, None)),
        (
            "app --audience a.example --audience b.example",
            Token(3600, &["a.example", "b.example"], None),
        ),
        // One audience, for kubectl.
        (
            "app --audience a.example,b.example",
            Token(3600, &["a.example,b.example"], None),
        ),
        (
            "app --bound-object-kind Pod --bound-object-name app-1",
            Token(3600, OWN, Some("pod")),
        ),
        (
            "app --bound-object-kind Pod --bound-object-name app-1 --bound-object-uid POD-UID",
            Token(3600, OWN, Some("pod")),
        ),
        (
            "app --bound-object-kind Pod --bound-object-name app-1 --duration 3607s",
            Refused(
                "spec.expirationSeconds: Invalid value: 3607: the API server extends exactly this lifetime to one year: write 3600",
            ),
        ),
        // The API server extends only what is for itself, the policy refuses all of it.
        (
            "app --bound-object-kind Pod --bound-object-name app-1 --duration 3607s --audience a.example",
            Refused("spec.expirationSeconds: Invalid value: 3607: "),
        ),
        (
            "app --bound-object-kind Secret --bound-object-name app-token",
            Token(3600, OWN, Some("secret")),
        ),
        (
            "app --bound-object-kind Node --bound-object-name kubectl-tokens",
            Refused(
                "spec.boundObjectRef: Unsupported value: \"v1/Node\": supported values: \"v1/Pod\", \"v1/Secret\"",
            ),
        ),
        (
            "app --duration 5m",
            Refused(
                "spec.expirationSeconds: Invalid value: 300: must be from 600 to 4294967296 seconds",
            ),
        ),
        (
            "app --bound-object-kind Pod --bound-object-name app-1 --bound-object-uid 6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10",
            Failed(
                "failed to create token: Operation cannot be fulfilled on Pod \"app-1\": the UID",
            ),
        ),
        (
            "app --bound-object-kind Pod --bound-object-name app-2",
            Failed("failed to create token: pods \"app-2\" not found"),
        ),
        (
            "nobody",
            Failed("failed to create token: serviceaccounts \"nobody\" not found"),
        ),
        (
            "app --duration 5",
            Failed("invalid argument \"5\" for \"--duration\" flag: time: missing unit"),
        ),
        (
            "app --duration 1d",
            Failed("invalid argument \"1d\" for \"--duration\" flag: time: unknown unit"),
        ),
        (
            "app --duration=-5m",
            Failed("--duration must be greater than or equal to 0"),
        ),
        (
            "app --duration 0.5s",
            Failed("--duration cannot be expressed in units less than seconds"),
        ),
        (
            "app --audience=",
            Failed("--audience must not be an empty string"),
        ),
        (
            "app --bound-object-kind ConfigMap --bound-object-name a",
            Failed("supported --bound-object-kind values are Node, Pod, Secret"),
        ),
        (
            "app --bound-object-name app-1",
            Failed("--bound-object-name can only be set if --bound-object-kind is provided"),
        ),
    ];
    for (form, end) in &table {
        tokens.end(form, end);
    }
}

#[tokio::test]
async fn what_settings_change_is_told_and_is_in_the_token() {
    let (tokens, user) = Tokens::new("kubectl-clamped").await;
    let settings = json!({"tokenRequest": {
        "defaultAudiences": OTHER,
        "allowedAudiences": ["*.example"],
        "allowedBoundKinds": ["v1/Node"],
        "maxExpirationSeconds": 7200,
        "overlong": "clamp",
    }});
    let policy = Order::of_token_requests().settings(settings);
    let _policy = policy.deploy(&user).await.unwrap();
    let long = "spec.expirationSeconds: ";
    let table = [
        ("app", Token(3600, OTHER, None)),
        ("app --duration 2h", Token(7200, OTHER, None)),
        ("app --duration 24h", Warned(long, 7200, OTHER)),
        (
            "app --duration 24h --audience b.example",
            Warned(long, 7200, &["b.example"]),
        ),
        (
            "app --audience https://kubernetes.default.svc",
            Refused("spec.audiences[0]: "),
        ),
        (
            "app --bound-object-kind Node --bound-object-name kubectl-clamped",
            Token(3600, OTHER, Some("node")),
        ),
        (
            "app --bound-object-kind Pod --bound-object-name app-1",
            Refused(
                "spec.boundObjectRef: Unsupported value: \"v1/Pod\": supported values: \"v1/Node\"",
            ),
        ),
    ];
    for (form, end) in &table {
        tokens.end(form, end);
    }
}
