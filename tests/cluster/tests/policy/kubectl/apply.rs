//! `kubectl apply` of AccessGrants, on the client and on the server.

use cluster_tests::{Identity, Kubectl, Order, Printed};
use serde_json::{Value, json};

use crate::admin;

#[tokio::test]
async fn an_applied_grant_is_defaulted_once_and_told_of_what_is_wrong() {
    let (cluster, user) = admin("kubectl-apply").await;
    let _policy = Order::of_skupper_kinds().deploy(&user).await.unwrap();
    let kubectl = Kubectl::of(&cluster, &Identity::Admin, "kubectl-apply").unwrap();
    let grant = |name: &str, spec: &str| {
        format!(
            "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata:\n  name: {name}\n\
             spec: {{{spec}}}\n"
        )
    };
    let stored = |name: &str| -> Value {
        let printed = kubectl
            .run(&["get", "accessgrant", name, "-o", "json"], "")
            .unwrap();
        serde_json::from_str(&printed.output).unwrap()
    };
    let apply: &[&str] = &["apply", "-f", "-"];
    let server_side: &[&str] = &["apply", "--server-side", "-f", "-"];
    for (name, arguments, first, second) in [
        ("west", apply, "created", "unchanged"),
        (
            "east",
            server_side,
            "serverside-applied",
            "serverside-applied",
        ),
    ] {
        let manifest = grant(name, "redemptionsAllowed: 2");
        let mut versions = Vec::new();
        for verb in [first, second] {
            let printed = kubectl.run(arguments, &manifest).unwrap();
            let expected = Printed {
                code: Some(0),
                output: format!("accessgrant.skupper.io/{name} {verb}\n"),
                message: String::new(),
            };
            assert_eq!(printed, expected);
            let object = stored(name);
            let spec = json!({"redemptionsAllowed": 2, "expirationWindow": "15m"});
            assert_eq!(object["spec"], spec, "{name}");
            versions.push(object["metadata"]["resourceVersion"].clone());
        }
        assert_eq!(versions[0], versions[1], "{name}");
        // GitOps tools ask like this.
        let drift = kubectl.run(&["diff", "-f", "-"], &manifest).unwrap();
        assert_eq!((drift.code, drift.output.as_str()), (Some(0), ""), "{name}");
    }

    let short = "Warning: spec.code: Too short: must be at least 16 bytes";
    let window = "AccessGrant.skupper.io \"a\" is invalid: spec.expirationWindow: Invalid value: \
        \"1 day\": must be a Go duration: write '24h'\n";
    for (arguments, name) in [(apply, "short"), (server_side, "short-server-side")] {
        let warned = kubectl
            .run(arguments, &grant(name, "code: canary-c0de"))
            .unwrap();
        assert_eq!(warned.code, Some(0), "{warned:?}");
        assert!(warned.message.starts_with(short), "{warned:?}");
        assert!(!warned.message.contains("canary"), "{warned:?}");

        let refused = kubectl
            .run(arguments, &grant("a", "expirationWindow: 1 day"))
            .unwrap();
        assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""));
        assert!(
            refused.message.starts_with("Error from server: "),
            "{refused:?}"
        );
        assert!(refused.message.ends_with(window), "{refused:?}");
    }
    let absent = kubectl.run(&["get", "accessgrant", "a"], "").unwrap();
    assert_eq!(absent.code, Some(1));
}
