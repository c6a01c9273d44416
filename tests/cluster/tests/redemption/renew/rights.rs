//! The Role that a keeper needs, and what it says without one of its verbs.

use std::collections::BTreeSet;
use std::time::Duration;

use cluster_tests::{Cluster, Permission, Rendered};
use k8s_openapi::api::rbac::v1::Role;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use redemption_sidecar::redeemer::ClusterProblem;
use redemption_sidecar::redeemer::keeper::{ClusterHome, Home, KeepProblem};
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

/// Rights that keeping the link `west` takes, and nothing else.
const RIGHTS_OF_LINK: [&str; 10] = [
    "get secrets west",
    "patch secrets west",
    "create secrets",
    "get secrets west-pending",
    "delete secrets west-pending",
    "get links",
    "create links",
    "patch links",
    "delete links",
    "list sites",
];

/// Finds the link as `renew` does.
async fn find(kept: &Partnered, client: &Client) -> Result<(), KeepProblem> {
    let home = ClusterHome {
        client: client.clone(),
        namespace: Some(kept.target.namespace.clone()),
        patience: Duration::from_millis(50),
    };
    let home = Home::Cluster(home);
    assert_eq!(home.links(clock::now()).await?.len(), 1);
    Ok(())
}

#[test]
fn the_roles_that_are_deployed_have_these_rights_and_no_others() {
    for (base, needed) in [
        ("renew", RIGHTS),
        ("renew-cluster", RIGHTS),
        ("renew-link", RIGHTS_OF_LINK),
    ] {
        let permissions = Rendered::of(base).unwrap().permissions();
        let allowed: BTreeSet<_> = permissions.iter().map(Permission::sentence).collect();
        assert_eq!(allowed, needed.map(str::to_owned).into(), "{base}");
        assert_eq!(permissions.len(), needed.len(), "{base}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_verb_is_named_and_once_it_is_there_the_renewal_goes_on() {
    for base in ["renew", "renew-link"] {
        each_verb_is_needed(base).await;
    }
}

async fn each_verb_is_needed(base: &str) {
    let cluster = Cluster::shared().await.unwrap();
    let rendered = Rendered::of(base).unwrap();
    let keep = async |kept: &Partnered, client: &Client| {
        if base == "renew" {
            find(kept, client).await?;
        }
        kept.renew_by(client, "west").await.map(drop)
    };
    for (number, taken) in rendered.permissions().into_iter().enumerate() {
        let sentence = taken.sentence();
        let namespace = format!("{base}-rights-{number}");
        let kept = Partnered::new(&cluster, &namespace, |site, request, _| {
            let links: [super::links::Endpoints; 2] =
                [&[("edge", "a.example")], &[("edge", "b.example")]];
            (200, answer(site, request, &links))
        })
        .await;
        kept.keep("west").await;
        // Of its Links one goes, one differs, and one is missing.
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
        let denied = format!("{verb} {}", kind.resource());
        assert!(sentence.starts_with(&denied), "{sentence}: {problem}");

        let roles: Api<Role> = Api::namespaced(kept.target.client.clone(), &namespace);
        let whole = Patch::Merge(json!({"rules": rendered.only("Role").unwrap()["rules"]}));
        let params = PatchParams::default();
        let patched = roles
            .patch(&format!("redemption-sidecar-{base}"), &params, &whole)
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
