//! Objects of Kubewarden's kinds that are deployed: servers, rights of the audit scanner, and the mistakes that the
//! definitions of the tests refuse.

use std::time::{Duration, Instant};

use cluster_tests::Rendered;
use serde_json::{Value, json};

use crate::tool::{Operator, Said};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_image_and_fields_that_kubewarden_does_not_have_are_refused() {
    let operator = Operator::new().await;
    for kind in ["PolicyServer", "ClusterAdmissionPolicy"] {
        let said = create(&operator, &deployed(kind));
        assert!(said.is_done && said.stderr.is_empty(), "{kind}: {said:?}");
    }
    for (name, kind, pointer, value, expected) in mistakes() {
        let mut object = deployed(kind);
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value;
        let said = create(&operator, &object);
        assert!(
            !said.is_done && said.stderr.contains(expected),
            "{name}: {said:?}"
        );
    }
}

#[test]
fn every_policy_server_spreads_over_nodes_and_has_room_for_large_requests() {
    for base in POLICIES {
        let rendered = Rendered::of(base).unwrap();
        let server = rendered.only("PolicyServer").unwrap();
        let policy = rendered.only("ClusterAdmissionPolicy").unwrap();
        let name = &server["metadata"]["name"];
        assert_eq!(&policy["spec"]["policyServer"], name, "{base}");
        let terms =
            "/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution";
        let terms = server.pointer(terms).unwrap().as_array().unwrap();
        // Kubewarden's controller gives its Pods this label.
        // Source: Kubewarden's controller, the reconciliation of PolicyServer.
        let labels = json!({"kubewarden/policy-server": name});
        let selected = &terms[0]["podAffinityTerm"]["labelSelector"]["matchLabels"];
        assert_eq!((terms.len(), selected), (1, &labels), "{base}");
        assert_eq!(server["spec"]["limits"]["memory"], "512Mi", "{base}");
        assert!(server["spec"]["replicas"].as_i64() >= Some(2), "{base}");
    }
}

#[test]
fn the_server_of_token_requests_goes_before_everything_of_users() {
    let rendered = Rendered::of("token-request-policy").unwrap();
    let server = rendered.only("PolicyServer").unwrap();
    let class = rendered.only("PriorityClass").unwrap();
    let name = &class["metadata"]["name"];
    assert_eq!(&server["spec"]["priorityClassName"], name);
    // Higher values are Kubernetes' own.
    // Source: kubernetes pkg/apis/scheduling, HighestUserDefinablePriority.
    assert_eq!(class["value"], 1_000_000_000);
    assert!(class.get("globalDefault").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_scanner_may_list_skuppers_kinds_and_nothing_more() {
    let operator = Operator::new().await;
    operator.does(&["apply", "--validate=strict", "-k", "deploy/audit-scanner"]);
    let scanner = "system:serviceaccount:kubewarden:audit-scanner";
    let may = |verb: &str, resource: &str| {
        let question = ["auth", "can-i", verb, resource, "--all-namespaces", "--as"];
        operator
            .run(&[&question[..], &[scanner]].concat(), "")
            .stdout
    };
    let start = Instant::now();
    while may("list", "accessgrants.skupper.io").trim() != "yes" {
        assert!(start.elapsed() < Duration::from_secs(20), "not allowed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (verb, resource, expected) in [
        ("list", "accesstokens.skupper.io", "yes"),
        ("get", "accessgrants.skupper.io", "no"),
        ("watch", "accessgrants.skupper.io", "no"),
        ("update", "accessgrants.skupper.io", "no"),
        ("create", "accesstokens.skupper.io", "no"),
        ("list", "links.skupper.io", "no"),
        ("list", "secrets", "no"),
    ] {
        assert_eq!(may(verb, resource).trim(), expected, "{verb} {resource}");
    }
    operator.does(&[
        "get",
        "accessgrants,accesstokens",
        "--all-namespaces",
        "-o",
        "name",
        "--as",
        scanner,
    ]);
}

#[test]
fn viewers_of_a_namespace_are_not_shown_codes_by_the_rights_of_the_audit_scanner() {
    let rendered = Rendered::of("audit-scanner").unwrap();
    let role = rendered.only("ClusterRole").unwrap();
    let labels = role["metadata"]["labels"].as_object();
    let aggregated = labels
        .into_iter()
        .flatten()
        .filter(|(label, _)| label.starts_with("rbac.authorization.k8s.io/aggregate-to-"));
    assert_eq!(aggregated.count(), 0, "{role}");
    let binding = rendered.only("ClusterRoleBinding").unwrap();
    let subject =
        json!([{"kind": "ServiceAccount", "name": "audit-scanner", "namespace": "kubewarden"}]);
    assert_eq!(binding["subjects"], subject);
}

/// The object of this kind that `deploy/policy` renders.
fn deployed(kind: &str) -> Value {
    let rendered = Rendered::of("policy").unwrap();
    rendered.only(kind).unwrap().clone()
}

fn create(operator: &Operator, object: &Value) -> Said {
    let create = ["create", "--validate=strict", "--dry-run=server", "-f", "-"];
    operator.run(&create, &object.to_string())
}

/// A row: the mistake, its kind, its place, what stands there, and the words of the API server.
fn mistakes() -> Vec<(
    &'static str,
    &'static str,
    &'static str,
    Value,
    &'static str,
)> {
    let server = "PolicyServer";
    let policy = "ClusterAdmissionPolicy";
    let image = "/spec/image";
    vec![
        (
            "an image under the name of before 1.36",
            server,
            image,
            json!("ghcr.io/kubewarden/policy-server:v1.36.0"),
            "spec.image",
        ),
        (
            "an old image under the new name",
            server,
            image,
            json!("ghcr.io/kubewarden/adm-controller/policy-server:v1.35.0"),
            "spec.image",
        ),
        (
            "an image without a version",
            server,
            image,
            json!("ghcr.io/kubewarden/adm-controller/policy-server"),
            "spec.image",
        ),
        (
            "a field of a Deployment",
            server,
            "/spec/hostNetwork",
            json!(true),
            "unknown field \"spec.hostNetwork\"",
        ),
        (
            "two ways to say how many may be gone",
            server,
            "/spec/maxUnavailable",
            json!(1),
            "cannot be both set",
        ),
        (
            "an evaluation that may take longer than the webhook",
            policy,
            "/spec/timeoutEvalSeconds",
            json!(6),
            "timeoutEvalSeconds cannot be greater",
        ),
        (
            "an evaluation of less than two seconds",
            policy,
            "/spec/timeoutEvalSeconds",
            json!(1),
            "spec.timeoutEvalSeconds",
        ),
        (
            "a webhook of one second",
            policy,
            "/spec/timeoutSeconds",
            json!(1),
            "spec.timeoutSeconds",
        ),
        (
            "a module without a version",
            policy,
            "/spec/module",
            json!("registry://registry.example.com/skupper-access-policy"),
            "spec.module",
        ),
        (
            "a misspelled mode",
            policy,
            "/spec/mode",
            json!("audit"),
            "spec.mode",
        ),
        (
            "a rule without operations",
            policy,
            "/spec/rules/0/operations",
            json!([]),
            "spec.rules[0].operations",
        ),
        (
            "a field of a webhook",
            policy,
            "/spec/reinvocationPolicy",
            json!("IfNeeded"),
            "unknown field \"spec.reinvocationPolicy\"",
        ),
    ]
}

/// The folders with a ClusterAdmissionPolicy.
const POLICIES: [&str; 3] = ["policy", "policy-validating", "token-request-policy"];
