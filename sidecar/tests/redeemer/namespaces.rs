//! The folder of a Skupper namespace: its loader must take it, whatever a redeemer wrote there.

use std::fs;
use std::path::Path;

use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{RedeemProblem, Redeemed, redeem};

use crate::loader::{create_site, load};
use crate::output::service;
use crate::partner::{Certificates, token_yaml};
use crate::retries::Told;
use crate::{files, order, run};
use sidecar_test_support::openssl::now;

/// Redeems into the folder of a namespace, and returns what was said beside.
async fn run_in(
    token: &Token,
    folder: &Path,
    namespace: &str,
) -> (Result<Redeemed, RedeemProblem>, Vec<String>) {
    let mut order = order(token, folder);
    order.target.namespace = Some(namespace);
    let mut told = Told::default();
    let redeemed = redeem(&order, &mut told).await;
    (redeemed, told.0)
}

#[tokio::test]
async fn skuppers_loader_takes_what_is_redeemed_into_any_namespace() {
    let certificates = Certificates::of_the_tests();
    let site_and_uuid = format!("{}-{}", "a".repeat(34), uuid());
    assert_eq!(site_and_uuid.len(), 71);
    for namespace in ["default", "west", "no", "1e3"] {
        for name in ["west", "no", site_and_uuid.as_str()] {
            let (partner, _, service) = service();
            let yaml = token_yaml(&partner.url(), &certificates.server_ca);
            let token = Token::read(yaml.as_bytes(), Some(name), now());
            let token = token.ok().unwrap();
            let folder = tempfile::tempdir().unwrap();
            create_site(folder.path(), &format!("\"{namespace}\""));
            let (redeemed, told) = run_in(&token, folder.path(), namespace).await;
            redeemed.unwrap();
            assert_eq!(told, [""; 0]);
            assert_eq!(load(folder.path()), Ok(()), "{namespace} {name}");
            let (again, _) = run_in(&token, folder.path(), namespace).await;
            assert_eq!(again.unwrap().key_made_by, None, "{namespace} {name}");
            assert_eq!((partner.connections(), service.count()), (1, 1));
        }
    }
}

#[tokio::test]
async fn what_was_kept_without_a_namespace_is_written_with_it() {
    let (partner, token, service) = service();
    let folder = tempfile::tempdir().unwrap();
    create_site(folder.path(), "west");
    let obstacle = folder.path().join("Link-west.yaml");
    fs::create_dir(&obstacle).unwrap();
    // The answer is kept, and a Secret without a namespace.
    let (blocked, _) = run_in(&token, folder.path(), "west").await;
    assert_eq!(blocked.err().unwrap().exit_code(), 2);
    fs::remove_dir(&obstacle).unwrap();
    run_in(&token, folder.path(), "west").await.0.unwrap();
    assert_eq!(load(folder.path()), Ok(()));
    assert_eq!((partner.connections(), service.count()), (1, 1));
}

#[tokio::test]
async fn files_of_another_namespace_are_in_the_way() {
    let (partner, token, _) = service();
    let folder = tempfile::tempdir().unwrap();
    run_in(&token, folder.path(), "west").await.0.unwrap();
    let before = files(folder.path());
    let (redeemed, _) = run_in(&token, folder.path(), "east").await;
    let problem = redeemed.err().unwrap();
    assert_eq!(problem.exit_code(), 2);
    let expected = "Secret-west.yaml exists and is a Secret of another namespace: move it away";
    assert!(problem.to_string().contains(expected), "{problem}");
    assert_eq!(files(folder.path()), before);
    // A folder that no namespace is said to read.
    assert_eq!(run(&token, folder.path()).await.unwrap().key_made_by, None);
    assert_eq!(partner.connections(), 1);
}

#[tokio::test]
async fn files_without_a_namespace_are_of_the_default_one() {
    let (partner, token, _) = service();
    let folder = tempfile::tempdir().unwrap();
    run(&token, folder.path()).await.unwrap();
    let before = files(folder.path());
    let (redeemed, _) = run_in(&token, folder.path(), "west").await;
    let problem = redeemed.err().unwrap();
    assert_eq!(problem.exit_code(), 2);
    let expected = "Secret-west.yaml exists and is a Secret of another namespace: move it away";
    assert!(problem.to_string().contains(expected), "{problem}");
    let (redeemed, told) = run_in(&token, folder.path(), "default").await;
    assert_eq!(redeemed.unwrap().key_made_by, None);
    assert_eq!(told, [""; 0]);
    assert_eq!(files(folder.path()), before);
    assert_eq!(partner.connections(), 1);
}

fn uuid() -> &'static str {
    crate::partner::UID
}
