//! Every object is taken by the API server as it is rendered, and Pods by the standard `restricted`.

use cluster_tests::Rendered;
use serde_json::json;

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
        let second = operator.does(&apply);
        assert!(
            second.lines().all(|line| line.ends_with(" unchanged")),
            "{base}: {second}"
        );
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
            let template = &object["spec"]["template"];
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

/// What an administrator applies.
const BASES: [&str; 5] = [
    "policy",
    "policy-validating",
    "token-request-policy",
    "sidecar",
    "sidecar-own-status",
];
