//! Every object is taken by the API server as it is rendered, and Pods by the standard `restricted`.

use cluster_tests::Rendered;
use serde_json::{Value, json};

use crate::tool::Operator;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_takes_every_base_without_a_warning_and_a_second_time_without_a_change() {
    let operator = Operator::new().await;
    for base in BASES {
        if operator.run(&["get", "namespace", "skupper"], "").is_done {
            operator.does(&["delete", "-k", "deploy/sidecar", "--ignore-not-found"]);
        } else {
            operator.namespace("skupper");
        }
        let folder = format!("deploy/{base}");
        let apply = ["apply", "--validate=strict", "-k", &folder];
        let first = operator.does(&apply);
        assert!(first.lines().count() >= 2, "{base}: {first}");
        let versions = "jsonpath={.items[*].metadata.resourceVersion}";
        let versions = || operator.does(&["get", "-k", &folder, "-o", versions]);
        let before = versions();
        assert_eq!(before.split(' ').count(), first.lines().count(), "{base}");
        operator.does(&apply);
        assert_eq!(versions(), before, "{base}");
        let server_side = ["apply", "--server-side", "--dry-run=server", "-k", &folder];
        let server_side = operator.run(&server_side, "");
        assert!(server_side.is_done, "{base}: {server_side:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pods_of_every_workload_are_restricted() {
    let operator = Operator::new().await;
    operator.namespace("skupper");
    let mut made = 0;
    for base in BASES {
        let rendered = Rendered::of(base).unwrap();
        for object in rendered.objects() {
            let of_cron_job = object.pointer("/spec/jobTemplate/spec/template");
            let template = of_cron_job.unwrap_or(&object["spec"]["template"]);
            if template.is_null() {
                continue;
            }
            let account = template["spec"]["serviceAccountName"].as_str().unwrap();
            operator.run(&["create", "serviceaccount", account, "-n", "skupper"], "");
            let pod = |spec| {
                let metadata = json!({"name": base, "namespace": "skupper"});
                json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
            };
            let create = ["create", "--validate=strict", "-f", "-"];
            // The namespace is strict: without the security context the same Pod is refused.
            let mut open = template["spec"].clone();
            open["containers"][0]["securityContext"] = json!({});
            let refused = operator.run(&create, &pod(open).to_string());
            assert!(
                !refused.is_done && refused.stderr.contains("violates PodSecurity"),
                "{base}: {refused:?}"
            );
            let said = operator.run(&create, &pod(template["spec"].clone()).to_string());
            assert!(said.is_done && said.stderr.is_empty(), "{base}: {said:?}");
            made += 1;
        }
    }
    assert!(made >= 2, "{made} Pods");
}

#[test]
fn everything_about_the_pods_of_the_sidecar_selects_them_and_no_others() {
    for base in ["sidecar", "sidecar-own-status", "sidecar-cluster"] {
        let rendered = Rendered::of(base).unwrap();
        let deployment = rendered.only("Deployment").unwrap();
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let selector = |kind: &str, pointer: &str| {
            let object = rendered.only(kind).unwrap();
            object.pointer(pointer).unwrap_or(&Value::Null).clone()
        };
        for (kind, pointer) in [
            ("Deployment", "/spec/selector/matchLabels"),
            ("Service", "/spec/selector"),
            ("PodDisruptionBudget", "/spec/selector/matchLabels"),
            ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ] {
            assert_eq!(&selector(kind, pointer), labels, "{base}: {kind}");
        }
        let account = &deployment["spec"]["template"]["spec"]["serviceAccountName"];
        let named = rendered.only("ServiceAccount").unwrap();
        assert_eq!(account, &named["metadata"]["name"], "{base}");
    }
}

#[test]
fn the_operations_port_is_for_monitoring_and_the_redemption_port_for_everybody() {
    let rendered = Rendered::of("sidecar").unwrap();
    let ingress = rendered.only("NetworkPolicy").unwrap()["spec"]["ingress"].clone();
    let ingress = ingress.as_array().unwrap();
    let from = |port: &str| -> Vec<&Value> {
        let rules = ingress.iter().filter(|rule| {
            let mut ports = rule["ports"].as_array().unwrap().iter();
            ports.any(|one| one["port"] == port)
        });
        rules.map(|rule| &rule["from"]).collect()
    };
    assert_eq!(from("redemption"), [&Value::Null]);
    let monitoring = json!([{"namespaceSelector":
        {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]);
    assert_eq!(from("operations"), [&monitoring]);
    // The Service leads to the redemption port alone.
    let ports = &rendered.only("Service").unwrap()["spec"]["ports"];
    assert_eq!(ports.as_array().unwrap().len(), 1);
    assert_eq!(ports[0]["targetPort"], "redemption");
}

/// Manifests that an administrator applies.
const BASES: [&str; 11] = [
    "policy",
    "policy-validating",
    "token-request-policy",
    "audit-scanner",
    "sidecar",
    "sidecar-own-status",
    "sidecar-cluster",
    "redeem",
    "renew",
    "renew-cluster",
    "renew-link",
];
