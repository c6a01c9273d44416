//! Requests for tokens, by people and by what keeps a cluster alive.

use serde_json::{Value, json};

use crate::objects::{service_account, user};
use crate::step::Action::Raw;
use crate::step::{Situation, Step};

pub(crate) fn situations() -> Vec<Situation> {
    let mut situations = cluster_components();
    situations.extend(calico());
    situations.extend(people());
    situations
}

/// `kubectl create token`, as the API server passes it on.
fn request(spec: Value) -> Value {
    json!({
        "uid": "5f1c",
        "kind": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
        "resource": {"group": "", "version": "v1", "resource": "serviceaccounts"},
        "subResource": "token",
        "requestKind": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"},
        "name": "web",
        "namespace": "shop",
        "operation": "CREATE",
        "object": {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {"creationTimestamp": null},
            "spec": spec,
            "status": {"token": "", "expirationTimestamp": null}
        },
        "oldObject": null,
        "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}
    })
}

fn ask(spec: Value) -> Step {
    Raw(request(spec)).step()
}

fn pod_token(seconds: i64) -> Value {
    json!({"audiences": null, "expirationSeconds": seconds,
        "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "web-1", "uid": "40d7"}})
}

fn unbound(seconds: i64) -> Value {
    json!({"audiences": null, "expirationSeconds": seconds, "boundObjectRef": null})
}

/// Everything that an administrator can forbid.
fn strict() -> Value {
    json!({
        "rules": {"audience-missing": "deny", "bound-object-missing": "deny"},
        "tokenRequest": {"allowedAudiences": ["https://vault.example.com"],
            "maxExpirationSeconds": 3600, "allowedBoundKinds": ["v1/Secret"]}
    })
}

fn clamping() -> Value {
    json!({"tokenRequest": {"maxExpirationSeconds": 600, "overlong": "clamp",
        "defaultAudiences": ["https://vault.example.com"]}})
}

fn cluster_components() -> Vec<Situation> {
    let components = [
        (
            "kubelet",
            user(
                "system:node:node1",
                &["system:nodes", "system:authenticated"],
            ),
            pod_token(3607),
        ),
        (
            "kube-controller-manager",
            user("system:kube-controller-manager", &["system:authenticated"]),
            unbound(3600),
        ),
        (
            "cloud-controller-manager",
            user("system:cloud-controller-manager", &["system:authenticated"]),
            unbound(3600),
        ),
    ];
    let mut situations = Vec::new();
    for (component, who, spec) in components {
        for (which, settings) in [
            ("no", json!({})),
            ("strict", strict()),
            ("clamping", clamping()),
        ] {
            situations.push(
                Situation::new(
                    format!("{component} is exempt, with {which} settings"),
                    [ask(spec.clone()).by(who.clone())],
                )
                .with(settings),
            );
        }
    }
    let half = [
        ("the group alone", user("mallory", &["system:nodes"])),
        (
            "the name alone",
            user("system:node:node1", &["system:authenticated"]),
        ),
        (
            "a name that only begins alike",
            user("system:nodes:node1", &["system:nodes"]),
        ),
        (
            "a longer name",
            user("system:kube-controller-manager2", &[]),
        ),
        (
            "a service account",
            service_account("kube-system", "kube-controller-manager"),
        ),
    ];
    situations.extend(half.into_iter().map(|(what, who)| {
        Situation::new(
            format!("{what} exempts nobody"),
            [ask(pod_token(3607))
                .by(who)
                .refused(&["expiration-extended"])
                .warned(&["audience-missing"])],
        )
    }));
    situations
}

fn calico() -> Vec<Situation> {
    let ask = || {
        ask(json!({"audiences": [], "expirationSeconds": 86_400, "boundObjectRef": null}))
            .by(service_account("kube-system", "calico-node"))
    };
    let with = |name: &str, settings: Value, step: Step| {
        Situation::new(format!("Calico's CNI plugin, {name}"), [step]).with(settings)
    };
    let missing: &[&str] = &["audience-missing"];
    vec![
        with("without limits", json!({}), ask().warned(missing)),
        with(
            "with a maximum",
            json!({"tokenRequest": {"maxExpirationSeconds": 7200}}),
            ask().refused(&["expiration-limit"]).warned(missing),
        ),
        with(
            "with a maximum that is just enough",
            json!({"tokenRequest": {"maxExpirationSeconds": 86_400}}),
            ask().warned(missing),
        ),
        with(
            "with a maximum that lowers",
            json!({"tokenRequest": {"maxExpirationSeconds": 7200, "overlong": "clamp"}}),
            ask()
                .edited(json!({"expirationSeconds": 7200}))
                .warned(&["audience-missing", "expiration-clamped"]),
        ),
        with(
            "with an audience filled in",
            json!({"tokenRequest": {"defaultAudiences": ["https://kubernetes.default.svc"]}}),
            ask().edited(json!({"audiences": ["https://kubernetes.default.svc"]})),
        ),
        with(
            "where the API server's audience is not allowed",
            json!({"tokenRequest": {"allowedAudiences": ["https://vault.example.com"]}}),
            ask().refused(&["audience-allowed"]),
        ),
        with(
            "where the API server's audience is allowed",
            json!({"tokenRequest": {"allowedAudiences": ["https://kubernetes.default.svc*"]}}),
            ask().warned(missing),
        ),
        with(
            "exempt by its name",
            json!({"tokenRequest": {"maxExpirationSeconds": 3600,
                "exemptUsernames": ["system:serviceaccount:kube-system:calico-node"]}}),
            ask(),
        ),
        with(
            "exempt by its group",
            json!({"tokenRequest": {"maxExpirationSeconds": 3600,
                "exemptGroups": ["system:serviceaccounts:kube-system"]}}),
            ask(),
        ),
        with(
            "where tokens must be bound",
            json!({"rules": {"bound-object-missing": "deny"}}),
            ask().refused(&["bound-object-missing"]).warned(missing),
        ),
    ]
}

fn people() -> Vec<Situation> {
    let missing: &[&str] = &["audience-missing"];
    let vault = |seconds: i64| {
        json!({"audiences": ["https://vault.example.com"], "expirationSeconds": seconds,
            "boundObjectRef": null, "attestations": [{"kind": "later"}]})
    };
    let mut dry = request(unbound(86_400));
    dry["dryRun"] = true.into();
    let clamp = json!({"tokenRequest": {"maxExpirationSeconds": 7200, "overlong": "clamp"}});
    let mut update = request(unbound(3600));
    update["operation"] = "UPDATE".into();
    update["oldObject"] = update["object"].clone();
    let mut elsewhere = request(unbound(3600));
    elsewhere["resource"] = json!({"group": "example.com", "version": "v1", "resource": "robots"});
    let mut other_kind = request(unbound(3600));
    other_kind["kind"]["group"] = "example.com".into();
    vec![
        Situation::new(
            "a plain kubectl create token",
            [ask(unbound(3600)).warned(missing)],
        ),
        Situation::new("a token for one audience", [ask(vault(3600))]),
        Situation::new(
            "one year by way of 3607 seconds",
            [
                ask(pod_token(3607))
                    .refused(&["expiration-extended"])
                    .warned(missing),
                ask(pod_token(3606)).warned(missing),
                ask(unbound(3607)).warned(missing),
            ],
        ),
        Situation::new(
            "one year by way of 3607 seconds, lowered",
            [ask(pod_token(3607))
                .edited(json!({"expirationSeconds": 3600}))
                .warned(&["audience-missing", "expiration-clamped"])],
        )
        .with(clamp.clone()),
        Situation::new(
            "fields of later versions survive an edit",
            [ask(vault(86_400))
                .edited(json!({"expirationSeconds": 7200}))
                .warned(&["expiration-clamped"])],
        )
        .with(clamp.clone()),
        Situation::new(
            "a dry run issues a real token",
            [Raw(dry)
                .step()
                .edited(json!({"expirationSeconds": 7200}))
                .warned(&["audience-missing", "expiration-clamped"])],
        )
        .with(clamp),
        Situation::new(
            "without defaulting nothing is filled in",
            [ask(unbound(3600)).warned(missing)],
        )
        .with(json!({"defaulting": false,
            "tokenRequest": {"defaultAudiences": ["https://vault.example.com"]}})),
        Situation::new(
            "a TokenRequest anywhere else is not covered",
            [
                Raw(update).step().not_covered(),
                Raw(other_kind).step().not_covered(),
                Raw(elsewhere).step(),
            ],
        ),
    ]
}
