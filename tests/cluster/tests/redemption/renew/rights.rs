//! The Role that a keeper needs, and what it says without one of its verbs.

use std::time::Duration;

use cluster_tests::{Cluster, Permission, Rendered};
use k8s_openapi::api::rbac::v1::Role;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use redemption_sidecar::redeemer::ClusterProblem;
use redemption_sidecar::redeemer::keeper::{ClusterHome, KeepProblem};
use redemption_sidecar::system::clock;
use serde_json::json;
use tokio::time::sleep;

use super::hostile::Partnered;
use super::links::answer;

/// Rights that keeping links takes.
const RIGHTS: [&str; 10] = [
    "get secrets",
    "list secrets",
    "create secrets",
    "patch secrets",
    "delete secrets",
    "get links",
    "create links",
    "patch links",
    "delete links",
    "list sites",
];

/// Finds the link as `renew` does, and renews it: of its Links one goes, one differs, and one is missing.
async fn keep(kept: &Partnered, client: &Client) -> Result<(), KeepProblem> {
    let home = ClusterHome {
        client: client.clone(),
        namespace: Some(kept.target.namespace.clone()),
        patience: Duration::from_millis(50),
    };
    assert_eq!(home.links(clock::now()).await?.len(), 1);
    assert_eq!(home.versions().await?.len(), 1);
    kept.renew_by(client, "west").await.map(drop)
}

#[test]
fn the_role_that_is_deployed_has_these_rights_and_no_others() {
    let mut needed = RIGHTS.map(str::to_owned).to_vec();
    needed.sort();
    for base in ["renew", "renew-cluster"] {
        let permissions = Rendered::of(base).unwrap().permissions();
        let mut allowed: Vec<_> = permissions.iter().map(Permission::sentence).collect();
        allowed.sort();
        assert_eq!(allowed, needed, "{base}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_verb_is_named_and_once_it_is_there_the_renewal_goes_on() {
    let cluster = Cluster::shared().await.unwrap();
    let rendered = Rendered::of("renew").unwrap();
    for (number, taken) in rendered.permissions().into_iter().enumerate() {
        let sentence = taken.sentence();
        let namespace = format!("renew-rights-{number}");
        let kept = Partnered::new(&cluster, &namespace, |site, request, _| {
            let links: [super::links::Endpoints; 2] =
                [&[("edge", "a.example")], &[("edge", "b.example")]];
            (200, answer(site, request, &links))
        })
        .await;
        kept.keep("west").await;
        kept.target.add_link("west", "west").await;
        kept.target.add_link("west-1", "west").await;
        let less = rendered.clone().without(&taken);
        let account = less.install_account(&cluster, &namespace).await.unwrap();
        let client = cluster.client_as(&account).unwrap();
        let problem = keep(&kept, &client).await.err();
        let problem = problem.unwrap_or_else(|| unreachable!("'{sentence}' is not needed"));
        assert_eq!(problem.exit_code(), 3, "{sentence}: {problem}");
        let KeepProblem::Cluster(ClusterProblem::Denied { verb, kind, .. }) = &problem else {
            unreachable!("{sentence}: {problem}");
        };
        assert_eq!(format!("{verb} {}", kind.resource()), sentence);

        let roles: Api<Role> = Api::namespaced(kept.target.client.clone(), &namespace);
        let whole = Patch::Merge(json!({"rules": rendered.only("Role").unwrap()["rules"]}));
        let params = PatchParams::default();
        let patched = roles
            .patch("redemption-sidecar-renew", &params, &whole)
            .await;
        patched.unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while let Err(problem) = keep(&kept, &client).await {
            // The authorizer learns by a watch what a user may do.
            assert!(std::time::Instant::now() < end, "{sentence}: {problem}");
            sleep(Duration::from_millis(50)).await;
        }
        let objects = kept.target.objects().await;
        assert_eq!(
            objects,
            ["link/west-1", "link/west-2", "secret/west"],
            "{sentence}"
        );
    }
}
