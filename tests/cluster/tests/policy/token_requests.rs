//! TokenRequests through the real subresource: what is in the token that comes back.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cluster_tests::{Answer, Cluster, Identity, Order, User};
use http::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{admin, refused};

#[tokio::test]
async fn every_form_of_a_request_gets_what_it_asked_for() {
    let (_cluster, user) = admin("tokens-forms").await;
    let pod = pod(&user, "n1").await;
    let secret = object(&user, "secrets", json!({"metadata": {"name": "app-token"}})).await;
    let _policy = Order::of_token_requests().deploy(&user).await.unwrap();
    let own = json!(["https://kubernetes.default.svc"]);
    let vault = json!(["https://vault.example.com"]);
    let cases = [
        ("plain", json!({}), 3600, &own, Value::Null),
        (
            "--duration=30m",
            json!({"expirationSeconds": 1800}),
            1800,
            &own,
            Value::Null,
        ),
        (
            "--audience",
            json!({"audiences": vault}),
            3600,
            &vault,
            Value::Null,
        ),
        (
            "--bound-object-kind=Pod",
            json!({"boundObjectRef": reference("Pod", &pod)}),
            3600,
            &own,
            json!({"name": "app-1", "uid": pod}),
        ),
        (
            "a Pod without apiVersion",
            json!({"boundObjectRef": {"kind": "Pod", "name": "app-1", "uid": pod}}),
            3600,
            &own,
            json!({"name": "app-1", "uid": pod}),
        ),
        (
            "--bound-object-kind=Secret",
            json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": "app-token", "uid": secret}}),
            3600,
            &own,
            json!({"name": "app-token", "uid": secret}),
        ),
    ];
    for (form, spec, lifetime, audiences, bound) in cases {
        let answer = user.token("app", &spec).await.unwrap();
        let warned = audiences == &own;
        assert_eq!(
            answer.warnings.len(),
            usize::from(warned),
            "{form}: {answer:?}"
        );
        let claims = claims(&answer);
        assert_eq!(seconds(&claims), lifetime, "{form}");
        assert_eq!(&claims["aud"], audiences, "{form}");
        let kubernetes = &claims["kubernetes.io"];
        let found = [&kubernetes["pod"], &kubernetes["secret"]];
        let found = found.into_iter().find(|bound| !bound.is_null());
        assert_eq!(found.unwrap_or(&Value::Null), &bound, "{form}");
        assert_eq!(
            claims["sub"], "system:serviceaccount:tokens-forms:app",
            "{form}"
        );
    }
}

#[tokio::test]
async fn settings_reach_the_token() {
    let (_cluster, user) = admin("tokens-settings").await;
    let settings = json!({"tokenRequest": {
        "defaultAudiences": ["https://vault.example.com"],
        "allowedAudiences": ["https://vault.example.com", "sts.*"],
        "maxExpirationSeconds": 1200,
        "overlong": "clamp",
    }});
    let _policy = Order::of_token_requests()
        .settings(settings)
        .deploy(&user)
        .await
        .unwrap();

    let plain = user.token("app", &json!({})).await.unwrap();
    let plain = claims(&plain);
    assert_eq!(plain["aud"], json!(["https://vault.example.com"]));
    assert_eq!(seconds(&plain), 1200);

    let asked = json!({"audiences": ["sts.example"], "expirationSeconds": 900});
    let sts = user.token("app", &asked).await.unwrap();
    assert_eq!(sts.warnings, [""; 0]);
    assert_eq!(seconds(&claims(&sts)), 900);

    let asked = json!({"audiences": ["sts.example"], "expirationSeconds": 86400});
    let long = user.token("app", &asked).await.unwrap();
    assert!(
        long.warnings[0].starts_with("spec.expirationSeconds: "),
        "{long:?}"
    );
    assert_eq!(seconds(&claims(&long)), 1200);

    let other = user
        .token("app", &json!({"audiences": ["https://other.example"]}))
        .await
        .unwrap();
    assert!(refused(&other).contains("spec.audiences[0]: "), "{other:?}");
}

#[tokio::test]
async fn a_lifetime_of_3607_seconds_becomes_a_year_only_without_the_policy() {
    let (_cluster, user) = admin("tokens-3607").await;
    let pod = pod(&user, "n1").await;
    let trap = json!({"expirationSeconds": 3607, "boundObjectRef": reference("Pod", &pod)});
    let without = user.token("app", &trap).await.unwrap();
    // Source: kubernetes pkg/serviceaccount, WarnOnlyBoundTokenExpirationTime and
    // ExpirationExtensionSeconds.
    assert_eq!(seconds(&claims(&without)), 365 * 86_400);

    let _policy = Order::of_token_requests().deploy(&user).await.unwrap();
    let answer = user.token("app", &trap).await.unwrap();
    assert!(
        refused(&answer).contains("spec.expirationSeconds: Invalid value: 3607: "),
        "{answer:?}"
    );
    let hour = json!({"expirationSeconds": 3600, "boundObjectRef": reference("Pod", &pod)});
    assert_eq!(
        seconds(&claims(&user.token("app", &hour).await.unwrap())),
        3600
    );

    let (_cluster, user) = admin("tokens-3607-clamped").await;
    let pod = self::pod(&user, "n1").await;
    let trap = json!({"expirationSeconds": 3607, "boundObjectRef": reference("Pod", &pod)});
    let settings = json!({"tokenRequest": {"overlong": "clamp"}});
    let _policy = Order::of_token_requests()
        .settings(settings)
        .deploy(&user)
        .await
        .unwrap();
    let clamped = user.token("app", &trap).await.unwrap();
    assert_eq!(seconds(&claims(&clamped)), 3600);
    let dry = dry_run(&user, &trap).await;
    assert_eq!(
        seconds(&claims(&dry)),
        3600,
        "a dry run issues a real token"
    );
}

#[tokio::test]
async fn an_editor_may_no_longer_ask_for_a_century() {
    let (cluster, admin) = admin("tokens-editor").await;
    let editor = Identity::user("jane", &[]);
    // What a controller adds up to the role `edit`.
    bind(&admin, "system:aggregate-to-edit", "jane").await;
    let editor = admin.becoming(&cluster, &editor).unwrap();
    let century = json!({"expirationSeconds": 4_294_967_296_u64});
    let without = permitted(&editor, &century).await;
    assert_eq!(seconds(&claims(&without)), 4_294_967_296);

    let settings = json!({"tokenRequest": {"maxExpirationSeconds": 86400}});
    let policy = Order::of_token_requests().settings(settings);
    let _policy = policy.deploy(&admin).await.unwrap();
    let answer = editor.token("app", &century).await.unwrap();
    assert!(
        refused(&answer).contains("spec.expirationSeconds: "),
        "{answer:?}"
    );
}

#[tokio::test]
async fn nodes_and_the_controller_manager_get_tokens_with_the_policy_on_and_its_server_down() {
    let (cluster, admin) = admin("tokens-machinery").await;
    let machinery = Machinery::of(&cluster, &admin).await;
    machinery.gets_tokens("without the policy").await;

    // Nothing is allowed to anybody.
    let settings = json!({"tokenRequest": {
        "allowedAudiences": ["nothing"],
        "allowedBoundKinds": [],
        "maxExpirationSeconds": 600,
        "overlong": "clamp",
    }});
    let policy = Order::of_token_requests().settings(settings);
    let mut policy = policy.deploy(&admin).await.unwrap();
    let asked = policy.asked();
    machinery.gets_tokens("with the policy").await;
    assert_eq!(policy.asked(), asked, "the match conditions spare them");
    refused(&admin.token("app", &json!({})).await.unwrap());

    policy.take_down();
    machinery.gets_tokens("with the policy server down").await;
    let answer = admin.token("app", &json!({})).await.unwrap();
    assert_eq!(answer.code, 500, "{answer:?}");
    assert!(
        answer.message().contains("failed calling webhook"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn without_match_conditions_the_policy_spares_them_and_a_server_that_is_down_does_not() {
    let (cluster, admin) = admin("tokens-conditions").await;
    let machinery = Machinery::of(&cluster, &admin).await;
    let settings = json!({"tokenRequest": {"allowedAudiences": ["nothing"]}});
    let policy = Order::of_token_requests()
        .settings(settings)
        .for_everybody();
    let mut policy = policy.deploy(&admin).await.unwrap();
    let asked = policy.asked();
    machinery.gets_tokens("with the policy").await;
    assert!(policy.asked() >= asked + 2);

    policy.take_down();
    for (user, spec) in [
        (&machinery.node, &machinery.node_spec),
        (&machinery.controller_manager, &json!({})),
    ] {
        let answer = user.token("app", spec).await.unwrap();
        assert_eq!(answer.code, 500, "{answer:?}");
    }
}

/// Callers that keep a cluster running, and their requests.
struct Machinery {
    node: User,
    node_spec: Value,
    controller_manager: User,
}

impl Machinery {
    async fn of(cluster: &Arc<Cluster>, admin: &User) -> Self {
        let name = admin.namespace();
        let pod = pod(admin, name).await;
        Self {
            node: admin.becoming(cluster, &Identity::node(name)).unwrap(),
            node_spec: json!({"expirationSeconds": 3607, "boundObjectRef": reference("Pod", &pod)}),
            controller_manager: admin
                .becoming(cluster, &Identity::controller_manager())
                .unwrap(),
        }
    }

    async fn gets_tokens(&self, when: &str) {
        let answer = permitted(&self.node, &self.node_spec).await;
        assert_eq!(answer.warnings, [""; 0], "{when}");
        assert_eq!(seconds(&claims(&answer)), 365 * 86_400, "a kubelet, {when}");
        let spec = json!({"expirationSeconds": 3600});
        let answer = permitted(&self.controller_manager, &spec).await;
        assert_eq!(answer.warnings, [""; 0], "{when}");
        assert_eq!(
            seconds(&claims(&answer)),
            3600,
            "the controller manager, {when}"
        );
    }
}

/// The authorizers learn by a watch what a user may do.
async fn permitted(user: &User, spec: &Value) -> Answer {
    let asking = async {
        loop {
            let answer = user.token("app", spec).await.unwrap();
            if answer.code != 403 {
                return answer;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), asking).await.unwrap()
}

async fn dry_run(user: &User, spec: &Value) -> Answer {
    let namespace = user.namespace();
    let url = format!("/api/v1/namespaces/{namespace}/serviceaccounts/app/token?dryRun=All");
    let request = json!({"spec": spec});
    user.send(Method::POST, &url, "application/json", &request)
        .await
        .unwrap()
}

/// A Pod of the ServiceAccount `app` on a node. Returns its uid.
pub(crate) async fn pod(user: &User, node: &str) -> String {
    let pod = json!({
        "metadata": {"name": "app-1"},
        "spec": {
            "nodeName": node,
            "serviceAccountName": "app",
            "automountServiceAccountToken": false,
            "containers": [{"name": "app", "image": "app"}],
        },
    });
    object(user, "pods", pod).await
}

async fn bind(user: &User, role: &str, name: &str) {
    let namespace = user.namespace();
    let url = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
    let binding = json!({
        "metadata": {"name": "jane"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
    });
    let answer = user
        .send(Method::POST, &url, "application/json", &binding)
        .await
        .unwrap();
    assert!(answer.is_done(), "{answer:?}");
}

/// Creates an object of the core group. Returns its uid.
pub(crate) async fn object(user: &User, plural: &str, object: Value) -> String {
    let url = format!("/api/v1/namespaces/{}/{plural}", user.namespace());
    let answer = user
        .send(Method::POST, &url, "application/json", &object)
        .await
        .unwrap();
    assert!(answer.is_done(), "{answer:?}");
    answer.body["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn reference(kind: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "name": "app-1", "uid": uid})
}

/// The claims of the token that was issued.
#[track_caller]
fn claims(answer: &Answer) -> Value {
    assert_eq!(answer.code, 201, "{answer:?}");
    claims_of(answer.body["status"]["token"].as_str().unwrap())
}

/// The claims of a token.
#[track_caller]
pub(crate) fn claims_of(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// Lifetime of the token, in seconds.
pub(crate) fn seconds(claims: &Value) -> i64 {
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}
