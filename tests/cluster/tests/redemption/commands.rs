//! The commands on a cluster whose Skupper controller runs with grants disabled.

use cluster_tests::Cluster;
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::{clock, redemption::GrantUid};

use crate::room::Room;
use crate::service::Services;

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_issued_completed_redeemed_shown_and_revoked() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "commands").await;
    room.site().await;
    let services = Services::new(&cluster, &room);
    let service = services.start(&["--own-status"]).await;
    let other = services.start(&["--own-status"]).await;
    let ca = services.write("ca.crt", &services.ca());
    let url = format!("https://127.0.0.1:{}", service.port);

    let issued = services.command(&[
        "issue",
        "west",
        "--redemptions-allowed",
        "2",
        "--url",
        &url,
        "--ca-file",
        &ca,
    ]);
    assert!(issued.status.success(), "{issued:?}");
    let token = Token::read(&issued.stdout, None, clock::now())
        .ok()
        .unwrap();
    let uid = GrantUid::parse(token.url.path().trim_start_matches('/')).unwrap();
    let object = room.grants.get("west").await.unwrap();
    assert_eq!(object.metadata.uid, Some(uid.to_string()));
    let status = &object.status;
    assert!(status["url"].as_str().unwrap().ends_with(&uid.to_string()));
    assert!(status["ca"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    let conditions = status["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "True")
    );

    for port in [service.port, other.port] {
        let code = token.code.clone();
        assert!(services.redeem_with(port, &uid, code, "west").await);
    }
    let text = |arguments: &[&str]| {
        let output = services.command(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        (
            output.status.code(),
            text,
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, listed, _) = text(&["list"]);
    assert_eq!(code, Some(0));
    assert!(listed.contains("west  spent  2 of 2"), "{listed}");
    let (_, shown, _) = text(&["show", "west"]);
    assert!(
        shown.contains("KEY") && shown.lines().count() >= 9,
        "{shown}"
    );
    let again = ["issue", "west", "--url", &url, "--ca-file", &ca];
    let (code, _, message) = text(&again);
    assert_eq!(code, Some(1), "{message}");
    let (code, revoked, message) = text(&["revoke", "west"]);
    assert_eq!(code, Some(0), "{message}");
    assert!(revoked.contains("\nstate        revoked\n"), "{revoked}");
    let (code, _, message) = text(&["revoke", "west"]);
    assert_eq!(code, Some(1), "{message}");
    assert_eq!(text(&["list"]).1, "no grants\n");
}
