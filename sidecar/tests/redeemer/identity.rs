//! Whose redemption it is that lies there already: names and uids are no proof.

use std::fs;
use std::path::Path;

use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{Flaw, RedeemProblem, redeem};

use crate::output::service;
use crate::partner::{
    Certificates, Identity, Partner, UID, chunked, skupper_link, skupper_objects, skupper_secret,
    token_yaml,
};
use crate::{files, order, run};
use sidecar_test_support::openssl::now;

const OTHER_UID: &str = "00000000-6a43-4f5e-9d2b-6a1f6f9f3f10";

/// A server as Skupper's.
fn plain() -> Partner {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let objects = skupper_objects("west", &ca.certificate, &client.certificate, &client.key);
    Partner::start(&certificates.skupper_server, move |_, _, stream| {
        stream.write_all(&chunked("", &objects)).unwrap();
    })
}

fn token_of(url: &str, ca: &Identity) -> Token {
    let yaml = token_yaml(url, ca);
    Token::read(yaml.as_bytes(), None, now()).ok().unwrap()
}

/// Redeems, and returns why what is there is in the way.
async fn flaw(token: &Token, folder: &Path) -> Option<Flaw> {
    match run(token, folder).await {
        Ok(redeemed) => {
            assert_eq!(redeemed.key_made_by, None);
            None
        }
        Err(problem) => {
            assert_eq!(problem.exit_code(), 2, "{problem}");
            let text = problem.to_string();
            assert!(
                text.contains("'--name'") && text.contains("'--force'"),
                "{text}"
            );
            let RedeemProblem::Exists { flaw, .. } = problem else {
                panic!("{problem:?}");
            };
            Some(flaw.unwrap())
        }
    }
}

#[tokio::test]
async fn two_tokens_of_one_name_are_told_apart() {
    let certificates = Certificates::of_the_tests();
    let (ca, skupper) = (&certificates.server_ca, &certificates.skupper_server);
    let (ours, token, _) = service();
    let theirs = plain();
    let another = Some(Flaw::AnotherGrant);
    let moved = token_of(&ours.url().replace("127.0.0.1", "localhost"), ca);
    let issued_anew = token_of(&ours.url().replace(UID, OTHER_UID), ca);
    // Their grant has a uid of its own.
    let url = theirs.url().replace(UID, OTHER_UID);
    let slash = token_of(&format!("{url}//"), skupper);
    let other_path = token_of(&format!("{url}/a"), skupper);
    let first_of_theirs = token_of(&url, skupper);
    let table = [
        ("the same of ours", &token, &token, None),
        ("ours at another address", &token, &moved, None),
        (
            "ours, revoked and issued anew",
            &token,
            &issued_anew,
            another,
        ),
        ("ours, then theirs", &token, &first_of_theirs, another),
        (
            "the same of theirs",
            &first_of_theirs,
            &first_of_theirs,
            None,
        ),
        ("theirs with slashes", &first_of_theirs, &slash, None),
        (
            "theirs with another path",
            &first_of_theirs,
            &other_path,
            another,
        ),
        ("theirs, then ours", &first_of_theirs, &token, another),
    ];
    for (name, first, second, expected) in table {
        let folder = tempfile::tempdir().unwrap();
        run(first, folder.path()).await.unwrap();
        let before = files(folder.path());
        let connections = (ours.connections(), theirs.connections());
        assert_eq!(flaw(second, folder.path()).await, expected, "{name}");
        assert_eq!(files(folder.path()), before, "{name}");
        let after = (ours.connections(), theirs.connections());
        assert_eq!(after, connections, "{name}: nobody is asked");
    }
}

#[tokio::test]
async fn where_nothing_tells_the_grant_the_file_is_in_the_way() {
    let certificates = Certificates::of_the_tests();
    let theirs = plain();
    let token = theirs.token(&certificates.skupper_server);
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let secret = skupper_secret("west", &ca.certificate, &client.certificate, &client.key);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Secret-west.yaml"), secret).unwrap();
    fs::write(
        folder.path().join("Link-west.yaml"),
        skupper_link("west", "west"),
    )
    .unwrap();
    assert_eq!(flaw(&token, folder.path()).await, Some(Flaw::UnknownGrant));
    assert_eq!(theirs.connections(), 0);
}

#[tokio::test]
async fn the_serial_number_proves_what_skuppers_own_client_wrote() {
    let (partner, token, _) = service();
    let folder = tempfile::tempdir().unwrap();
    run(&token, folder.path()).await.unwrap();
    for file in ["Secret-west.yaml", "Link-west.yaml"] {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let (first, second) = text.split_once("  annotations:\n").unwrap();
        let (_, rest) = second.split_once('\n').unwrap();
        fs::write(&path, format!("{first}{rest}")).unwrap();
    }
    assert_eq!(flaw(&token, folder.path()).await, None);
    assert_eq!(partner.connections(), 1);

    // A Link that another grant's redeemer wrote does not go with the Secret.
    let path = folder.path().join("Link-west.yaml");
    let link = fs::read_to_string(&path).unwrap();
    let noted = "  name: \"west\"\n  annotations:\n    redemption-sidecar/redeemed-from: \
                 https://a.example/b\n";
    let link = link.replace("10.0.0.1", "10.0.0.9");
    fs::write(&path, link.replacen("  name: \"west\"\n", noted, 1)).unwrap();
    let problem = run(&token, folder.path()).await.err().unwrap();
    assert!(
        problem.to_string().contains("Link-west.yaml exists"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_answer_that_is_kept_is_of_the_token_or_is_left_alone() {
    let certificates = Certificates::of_the_tests();
    let (one, other) = (plain(), plain());
    let skupper = &certificates.skupper_server;
    let folder = tempfile::tempdir().unwrap();
    let obstacle = folder.path().join(".Secret-west.yaml.new");
    fs::create_dir_all(obstacle.join("not empty")).unwrap();
    run(&one.token(skupper), folder.path()).await.err().unwrap();
    fs::remove_dir_all(&obstacle).unwrap();
    let kept = format!(".redeem-{UID}.answer");
    assert!(files(folder.path()).contains(&kept));

    // The uid in its URL is the same.
    let problem = run(&other.token(skupper), folder.path())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(problem, RedeemProblem::OtherToken(_)),
        "{problem:?}"
    );
    assert_eq!((problem.exit_code(), other.connections()), (2, 0));
    assert!(files(folder.path()).contains(&kept));
    run(&one.token(skupper), folder.path()).await.unwrap();
    assert_eq!(one.connections(), 1);
}

#[tokio::test]
async fn force_redeems_another_token_of_the_name() {
    let certificates = Certificates::of_the_tests();
    let (_, first, _) = service();
    let folder = tempfile::tempdir().unwrap();
    run(&first, folder.path()).await.unwrap();
    let theirs = plain();
    let url = theirs.url().replace(UID, OTHER_UID);
    let second = token_of(&url, &certificates.skupper_server);
    let mut order = order(&second, folder.path());
    order.force = true;
    redeem(&order, &mut ()).await.unwrap();
    assert_eq!(flaw(&second, folder.path()).await, None);
    assert_eq!(flaw(&first, folder.path()).await, Some(Flaw::AnotherGrant));
    assert_eq!(theirs.connections(), 1);
}
