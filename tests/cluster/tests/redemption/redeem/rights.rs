//! The Role that a redeemer needs, and what it says without one of its verbs.

use std::time::Duration;

use cluster_tests::{Cluster, Identity, Rendered};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{ClusterProblem, RedeemProblem, Redeemed, redeem_in_cluster};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Grants;
use crate::target::Target;

/// A verb on a resource, maybe of one name.
type Right = (&'static str, &'static str, Option<&'static str>);

/// Rights that redeeming a token for the name `west` takes.
const RIGHTS: [Right; 8] = [
    ("create", "secrets", None),
    ("get", "secrets", Some("west")),
    ("get", "secrets", Some("west-pending")),
    ("update", "secrets", Some("west-pending")),
    ("delete", "secrets", Some("west-pending")),
    ("get", "links", None),
    ("create", "links", None),
    ("list", "sites", None),
];

/// Rights that `--force` takes beside them.
const FORCE: [Right; 2] = [
    ("delete", "secrets", Some("west")),
    ("delete", "links", Some("west")),
];

/// The API group of a resource.
fn group(resource: &str) -> &'static str {
    match resource {
        "secrets" => "",
        _ => "skupper.io",
    }
}

struct Redeemer<'a> {
    target: &'a Target,
    client: kube::Client,
}

impl<'a> Redeemer<'a> {
    /// A user with a Role in the namespace of the target.
    async fn new(cluster: &Cluster, target: &'a Target) -> Self {
        let namespace = &target.namespace;
        let bindings: Api<RoleBinding> = Api::namespaced(target.client.clone(), namespace);
        let user = format!("redeemer-of-{namespace}");
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": {"name": "redeemer"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "redeemer"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        });
        let binding = serde_json::from_value(binding).unwrap();
        bindings
            .create(&PostParams::default(), &binding)
            .await
            .unwrap();
        Self {
            target,
            client: cluster.client_as(&Identity::user(&user, &[])).unwrap(),
        }
    }

    async fn may(&self, rights: &[Right]) {
        let granted: Vec<Value> = rights
            .iter()
            .map(|(verb, resource, name)| {
                let group = group(resource);
                let names: Vec<_> = name.iter().collect();
                json!({"verbs": [verb], "apiGroups": [group], "resources": [resource],
                    "resourceNames": names})
            })
            .collect();
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "redeemer"}, "rules": granted});
        let roles: Api<Role> = Api::namespaced(self.target.client.clone(), &self.target.namespace);
        let params = PatchParams::apply("test").force();
        roles
            .patch("redeemer", &params, &Patch::Apply(role))
            .await
            .unwrap();
    }

    async fn redeem(&self, token: &Token, force: bool) -> Result<Redeemed, RedeemProblem> {
        let mut order = self.target.order_by(token, &self.client);
        order.force = force;
        redeem_in_cluster(&order, &mut ()).await
    }

    /// The authorizer learns by a watch what a user may do, so for a while it says something else.
    async fn is_refused(&self, token: &Token, force: bool, right: Right) -> String {
        let mut message = String::new();
        for _ in 0..100 {
            let problem = self.redeem(token, force).await.err().unwrap();
            assert_eq!(problem.exit_code(), 3, "{right:?}: {problem}");
            message = problem.to_string();
            if let RedeemProblem::Cluster(ClusterProblem::Denied { verb, kind, .. }) = &problem
                && (*verb, kind.resource().as_str()) == (right.0, right.1)
                && right
                    .2
                    .is_none_or(|name| message.contains(&format!("\"{name}\"")))
            {
                return message;
            }
            sleep(Duration::from_millis(50)).await;
        }
        unreachable!("{right:?}: {message}");
    }

    async fn is_redeemed(&self, token: &Token, force: bool) {
        for _ in 0..100 {
            match self.redeem(token, force).await {
                Ok(_) => return,
                Err(RedeemProblem::Cluster(ClusterProblem::Denied { .. })) => {
                    sleep(Duration::from_millis(50)).await;
                }
                Err(problem) => unreachable!("{problem}"),
            }
        }
        unreachable!("refused for five seconds");
    }
}

#[test]
fn the_role_that_is_deployed_has_these_rights_and_no_others() {
    let of_role = Rendered::of("redeem").unwrap().permissions().into_iter();
    let mut of_role: Vec<_> = of_role
        .map(|one| (one.group, one.verb, one.resource, one.name))
        .collect();
    let mut needed: Vec<_> = RIGHTS
        .iter()
        .map(|(verb, resource, name)| {
            let group = group(resource);
            let name = name.map(str::to_owned);
            (
                group.to_owned(),
                (*verb).to_owned(),
                (*resource).to_owned(),
                name,
            )
        })
        .collect();
    of_role.sort();
    needed.sort();
    assert_eq!(of_role, needed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_verb_is_named_before_anything_is_counted() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "rights-grants").await;
    for (number, missing) in RIGHTS.into_iter().enumerate() {
        let target = Target::new(&cluster, &format!("rights-{number}")).await;
        let redeemer = Redeemer::new(&cluster, &target).await;
        let rights: Vec<_> = RIGHTS
            .into_iter()
            .filter(|right| *right != missing)
            .collect();
        redeemer.may(&rights).await;
        let uid = grants.room.grant(&format!("west-{number}"), 1).await;
        let token = crate::target::read(&grants.access_token("west", &uid));
        let message = redeemer.is_refused(&token, false, missing).await;
        let expected = format!(
            "grant the verb '{}' on '{}' and run the same command again: ",
            missing.0, missing.1
        );
        assert!(message.starts_with(&expected), "{message}");
        let counted = grants.room.redemptions(&format!("west-{number}")).await;
        assert_eq!(counted, 0, "{missing:?}");
        // Without the verb, the key cannot be removed.
        let left = if missing.0 == "delete" {
            "secret/west-pending"
        } else {
            ""
        };
        assert_eq!(target.objects().await.join(" "), left, "{missing:?}");

        redeemer.may(&RIGHTS).await;
        redeemer.is_redeemed(&token, false).await;
        assert_eq!(
            target.objects().await,
            ["link/west", "secret/west"],
            "{missing:?}"
        );
        let counted = grants.room.redemptions(&format!("west-{number}")).await;
        assert_eq!(counted, 1, "{missing:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn force_takes_two_verbs_more() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = Grants::serve(&cluster, "force-rights-grants").await;
    let target = Target::new(&cluster, "force-rights").await;
    let redeemer = Redeemer::new(&cluster, &target).await;
    let first = grants.token("first").await;
    let all = [RIGHTS.as_slice(), &FORCE].concat();
    target
        .add_secret("west", "Opaque", &json!({"a": "b"}))
        .await;
    target.add_link("west", "somebody-elses").await;
    let uid = grants.room.grant("west", 1).await;
    let token = crate::target::read(&grants.access_token("west", &uid));
    for missing in FORCE {
        let rights: Vec<_> = all
            .iter()
            .copied()
            .filter(|right| *right != missing)
            .collect();
        redeemer.may(&rights).await;
        redeemer.is_refused(&token, true, missing).await;
        assert_eq!(grants.room.redemptions("west").await, 0, "{missing:?}");
        assert_eq!(
            target.objects().await,
            ["link/west", "secret/west"],
            "{missing:?}"
        );
    }
    redeemer.may(&all).await;
    redeemer.is_redeemed(&token, true).await;
    assert_eq!(grants.room.redemptions("west").await, 1);
    // It may not touch another name.
    let problem = redeemer.redeem(&first, false).await.err().unwrap();
    assert!(matches!(
        problem,
        RedeemProblem::Cluster(ClusterProblem::Denied { verb: "get", .. })
    ));
}
