//! Objects that have the name of the Secret or the Link already.

use chrono::TimeDelta;
use cluster_tests::Cluster;
use redemption_sidecar::redeemer::{ClusterProblem, Progress, RedeemProblem, redeem_in_cluster};
use redemption_sidecar::system::clock;
use serde_json::{Value, json};

use crate::partner::{Partner, Site};
use crate::target::{Target, read};

/// Remarks of a redemption.
#[derive(Default)]
struct Remarks(Vec<String>);
impl Progress for Remarks {
    fn waiting(&mut self, _: &dyn std::fmt::Display, _: std::time::Duration) {}

    fn remark(&mut self, what: &dyn std::fmt::Display) {
        self.0.push(what.to_string());
    }
}

const TLS: &str = "kubernetes.io/tls";

/// Entries of a Secret with a certificate that is valid now, or was.
fn credentials(site: &Site, is_valid: bool) -> Value {
    let at = clock::now() - TimeDelta::hours(if is_valid { 0 } else { 3 });
    let (certificate, key) = site.client("west", at, TimeDelta::hours(2));
    json!({"ca.crt": site.ca, "tls.crt": certificate, "tls.key": key})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_router_can_use_is_success_without_a_request() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "there-already").await;
    let site = Site::new(clock::now() - TimeDelta::hours(3));
    let partner = Partner::plain(0, 1);
    for (name, links) in [("one", vec!["one"]), ("two", vec!["two-1", "two-2"])] {
        let token = read(&partner.token(name, "grant"));
        target
            .add_secret(name, TLS, &credentials(&site, true))
            .await;
        target.note(name, &token).await;
        for link in &links {
            target.add_link(link, name).await;
        }
        let state = target.state().await;
        let redeemed = target.redeem(&token).await.unwrap();
        assert_eq!(redeemed.key_made_by, None, "{name}");
        assert_eq!(redeemed.links.len(), links.len(), "{name}");
        let unapplied: Vec<_> = redeemed.unapplied.iter().map(ToString::to_string).collect();
        let expected = format!(
            "the link cost 7 was not applied: it is 1, change 'cost' in link.skupper.io/{}",
            links[0]
        );
        assert_eq!(unapplied.first(), Some(&expected), "{name}");
        assert_eq!(target.state().await, state, "{name}");
    }
    assert!(partner.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_in_the_way_until_it_is_replaced_by_force() {
    let cluster = Cluster::shared().await.unwrap();
    let site = Site::new(clock::now() - TimeDelta::hours(3));
    let secret = |kind: &'static str, data: Value| Some((kind, data));
    let half = json!({"tls.crt": "", "tls.key": ""});
    let table = [
        (
            "expired",
            secret(TLS, credentials(&site, false)),
            true,
            "the Secret 'west' exists and its certificate ended at 20",
        ),
        (
            "another-type",
            secret("Opaque", json!({"a": "b"})),
            true,
            "the Secret 'west' exists and is no TLS Secret, or half of one: delete it",
        ),
        (
            "half",
            secret(TLS, half),
            true,
            "the Secret 'west' exists and is no TLS Secret",
        ),
        (
            "no-link",
            secret(TLS, credentials(&site, true)),
            false,
            "the Secret 'west' exists: delete it",
        ),
        ("no-secret", None, true, "the Link 'west' exists: delete it"),
    ];
    for (name, secret, with_link, expected) in table {
        let target = Target::new(&cluster, &format!("in-the-way-{name}")).await;
        if let Some((kind, data)) = &secret {
            target.add_secret("west", kind, data).await;
        }
        if with_link {
            target.add_link("west", "west").await;
        }
        let partner = Partner::plain(1, 1);
        let token = read(&partner.token("west", "grant"));
        if secret.is_some() {
            target.note("west", &token).await;
        }
        let state = target.state().await;
        let problem = target.redeem(&token).await.err().unwrap();
        assert_eq!(problem.exit_code(), 2, "{name}: {problem}");
        let message = problem.to_string();
        assert!(message.starts_with(expected), "{name}: {message}");
        assert_eq!(target.state().await, state, "{name}");
        assert!(partner.requests().is_empty(), "{name}");

        target.force(&token).await.unwrap();
        assert_eq!(
            target.objects().await,
            ["link/west", "secret/west"],
            "{name}"
        );
        let made = target.secrets.get("west").await.unwrap();
        assert_eq!(made.type_.as_deref(), Some(TLS), "{name}");
        let link = target.links.get("west").await.unwrap();
        assert_eq!(
            link.data["spec"]["endpoints"][0]["host"], "10.0.0.1",
            "{name}"
        );
        let again = target.redeem(&token).await.unwrap();
        assert_eq!(again.key_made_by, None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_grant_is_in_the_way_and_one_of_this_grant_is_success() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "other-grant").await;
    let grants = super::Grants::serve(&cluster, "other-grant-grants").await;
    let site = Site::new(clock::now() - TimeDelta::hours(3));
    let partner = Partner::plain(9, 1);
    let first = grants.token("west").await;
    target.redeem(&first).await.unwrap();
    assert_eq!(target.redeem(&first).await.unwrap().key_made_by, None);
    let issued_anew = grants.room.grant("anew", 1).await;
    let issued_anew = read(&grants.access_token("west", &issued_anew));
    let of_a_partner = read(&partner.token("west", "grant"));
    let state = target.state().await;
    for token in [&issued_anew, &of_a_partner] {
        let problem = target.redeem(token).await.err().unwrap();
        let expected = "the Secret 'west' exists and is of another grant than that of the token: \
            delete it, choose another name with '--name', or replace it with '--force'";
        assert_eq!(problem.to_string(), expected);
        assert_eq!(problem.exit_code(), 2);
    }
    assert_eq!(target.state().await, state);
    target.force(&of_a_partner).await.unwrap();
    assert_eq!(
        target.redeem(&of_a_partner).await.unwrap().key_made_by,
        None
    );
    assert_eq!(target.redeem(&first).await.err().unwrap().exit_code(), 2);
    assert_eq!(partner.requests().len(), 1);

    // Nothing tells where it is from.
    target
        .add_secret("east", TLS, &credentials(&site, true))
        .await;
    target.add_link("east", "east").await;
    let problem = target.redeem(&read(&partner.token("east", "grant"))).await;
    let problem = problem.err().unwrap();
    let expected = "the Secret 'east' exists and does not tell which grant it was redeemed from (";
    assert!(problem.to_string().starts_with(expected), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_owns_what_is_redeemed_and_without_one_that_is_said() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = super::Grants::serve(&cluster, "owner-grants").await;
    let target = Target::new(&cluster, "owner").await;
    let owners = async |name: &str| {
        let secret = target.secrets.get(name).await.unwrap().metadata;
        let link = target.links.get(name).await.unwrap().metadata;
        [secret, link].map(|metadata| metadata.owner_references.unwrap_or_default())
    };
    let token = grants.token("before").await;
    let mut remarks = Remarks::default();
    redeem_in_cluster(&target.order(&token), &mut remarks)
        .await
        .unwrap();
    assert!(
        remarks.0[0].starts_with("there is no Site in the namespace yet"),
        "{:?}",
        remarks.0
    );
    assert_eq!(owners("before").await, [vec![], vec![]]);

    let site = target.add_site().await;
    let token = grants.token("after").await;
    let mut remarks = Remarks::default();
    redeem_in_cluster(&target.order(&token), &mut remarks)
        .await
        .unwrap();
    assert_eq!(remarks.0, [""; 0]);
    for owners in owners("after").await {
        let [owner] = owners.as_slice() else {
            unreachable!("{owners:?}");
        };
        assert_eq!(
            (owner.kind.as_str(), owner.api_version.as_str()),
            ("Site", "skupper.io/v2alpha1")
        );
        assert_eq!((&owner.name, &owner.uid), (&site.0, &site.1));
        assert_eq!((owner.controller, owner.block_owner_deletion), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_another_token_is_told_apart() {
    let cluster = Cluster::shared().await.unwrap();
    let target = Target::new(&cluster, "other-token").await;
    let lame = Partner::start(|_, _| (500, String::new()));
    let first = read(&lame.token("west", "first"));
    let mut order = target.order(&first);
    order.timeout = std::time::Duration::from_millis(100);
    let stopped = redeem_in_cluster(&order, &mut ()).await;
    assert_eq!(stopped.err().unwrap().exit_code(), 3);
    assert_eq!(target.objects().await, ["secret/west-pending"]);
    let key = target.entry("west-pending", "tls.key").await;

    let partner = Partner::plain(9, 1);
    let second = read(&partner.token("west", "second"));
    let problem = target.redeem(&second).await.err().unwrap();
    assert!(matches!(
        problem,
        RedeemProblem::Cluster(ClusterProblem::OtherToken(_))
    ));
    assert_eq!(problem.exit_code(), 2);
    assert!(partner.requests().is_empty());
    assert_eq!(target.entry("west-pending", "tls.key").await, key);
    target.force(&second).await.unwrap();
    assert_eq!(target.objects().await, ["link/west", "secret/west"]);

    // Not made by a redeemer at all, or spoilt.
    target
        .add_secret("east-pending", "Opaque", &json!({"tls.key": "x"}))
        .await;
    let token = read(&partner.token("east", "third"));
    let before = target.entry("east-pending", "tls.key").await;
    for problem in [target.redeem(&token).await, target.force(&token).await] {
        let problem = problem.err().unwrap();
        let expected = "the Secret 'east-pending' is none in which a redeemer keeps a key, and is not \
            replaced: delete it";
        assert!(problem.to_string().starts_with(expected), "{problem}");
        assert_eq!(problem.exit_code(), 2);
    }
    assert_eq!(target.entry("east-pending", "tls.key").await, before);
    let labels = json!({
        "app.kubernetes.io/managed-by": "redemption-sidecar",
        "redemption-sidecar/grant": label("third", &token),
    });
    let patch = kube::api::Patch::Merge(json!({"metadata": {"labels": labels}}));
    let secrets = &target.secrets;
    secrets
        .patch("east-pending", &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap();
    for problem in [target.redeem(&token).await, target.force(&token).await] {
        let problem = problem.err().unwrap();
        let expected = "the Secret 'east-pending' holds no key that can be used: restore or delete";
        assert!(problem.to_string().starts_with(expected), "{problem}");
        assert_eq!(problem.exit_code(), 2);
    }
}

/// The identity that a redeemer writes for a URL that does not end in a uid: the first half of a digest.
fn label(path: &str, token: &redemption_sidecar::redeemer::token::Token) -> String {
    use sha2::Digest as _;
    let port = token.url.port().unwrap();
    let digest = sha2::Sha256::digest(format!("127.0.0.1:{port}/{path}"));
    let first = digest[..16].try_into().unwrap();
    format!("{:032x}", u128::from_be_bytes(first))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_could_foresee_blocks_nothing_but_itself() {
    let cluster = Cluster::shared().await.unwrap();
    for force in [false, true] {
        let target = Target::new(&cluster, &format!("blocked-{force}")).await;
        let partner = Partner::plain(1, 2);
        let token = read(&partner.token("west", "grant"));
        target.add_link("west-2", "somebody-elses").await;
        let problem = target.redeem(&token).await.err().unwrap();
        let expected = "the Link 'west-2' exists with other content: the token is redeemed and its \
            answer is kept, so delete the Link 'west-2' and run the same command again";
        assert!(problem.to_string().starts_with(expected), "{problem}");
        assert_eq!(problem.exit_code(), 2);
        assert_eq!(
            target.objects().await,
            ["link/west-2", "secret/west-pending"]
        );
        if force {
            target.force(&token).await.unwrap();
        } else {
            let delete = kube::api::DeleteParams::default();
            target.links.delete("west-2", &delete).await.unwrap();
            target.redeem(&token).await.unwrap();
        }
        assert_eq!(
            target.objects().await,
            ["link/west-1", "link/west-2", "secret/west"]
        );
        assert_eq!(partner.requests().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_comes_back_with_the_key_of_the_secret_and_costs_nothing() {
    let cluster = Cluster::shared().await.unwrap();
    let grants = super::Grants::serve(&cluster, "lost-link-grants").await;
    let target = Target::new(&cluster, "lost-link").await;
    let token = grants.token("west").await;
    target.redeem(&token).await.unwrap();
    let secret = target.secrets.get("west").await.unwrap().metadata.uid;
    let delete = kube::api::DeleteParams::default();
    target.links.delete("west", &delete).await.unwrap();
    target.redeem(&token).await.unwrap();
    assert_eq!(target.objects().await, ["link/west", "secret/west"]);
    assert_eq!(
        target.secrets.get("west").await.unwrap().metadata.uid,
        secret
    );
    assert_eq!(grants.room.redemptions("west").await, 1);
}
