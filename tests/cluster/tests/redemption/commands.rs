//! The commands on a cluster whose Skupper controller runs with grants disabled.

use std::process::Output;

use chrono::TimeDelta;
use cluster_tests::{Cluster, Identity};
use kube::Api;
use kube::api::{Patch, PatchParams};
use redemption_sidecar::kubernetes::{AccessGrant, Course, News, Selection, follow};
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::system::clock;
use serde_json::json;

use crate::room::{CODE, Room, time};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_token_carries_what_the_service_has_published_where_it_owns_the_status() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "issue-published").await;
    room.site().await;
    let services = Services::new(&cluster, &room);
    let service = services.start(&["--own-status"]).await;

    let issued = services.command(&["issue", "west"]);
    assert_eq!(issued.status.code(), Some(0), "{}", message(&issued));
    let token = Token::read(&issued.stdout, None, clock::now())
        .ok()
        .unwrap();
    let object = room.grants.get("west").await.unwrap();
    let uid = GrantUid::parse(object.metadata.uid.as_deref().unwrap()).unwrap();
    let url = format!("https://127.0.0.1:{}/{uid}", service.port);
    assert_eq!(object.status["url"], url.as_str());
    assert_eq!(
        (token.url.port().unwrap().get(), token.url.path()),
        (service.port, &*format!("/{uid}"))
    );
    let redeemed = services.redeem_with(service.port, &uid, token.code, "west");
    assert!(redeemed.await);
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_skuppers_controller_a_token_needs_the_url_and_the_ca_of_the_service() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "issue-beside").await;
    room.site().await;
    let services = Services::new(&cluster, &room);
    let _service = services.start(&[]).await;
    let ca = services.write("ca.crt", &services.ca());
    let controller = tokio::spawn(enabled_controller(room.grants.clone(), services.ca()));
    let both = [
        "issue",
        "named",
        "--url",
        "https://127.0.0.1:9090",
        "--ca-file",
        &ca,
    ];
    let refused = services.command(&["issue", "west"]);
    let text = message(&refused);
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(
        text.contains("name them with --url and --ca-file"),
        "{text}"
    );
    assert!(
        text.contains("--own-status") && refused.stdout.is_empty(),
        "{text}"
    );
    assert!(room.grants.get_opt("west").await.unwrap().is_none());
    for alone in [
        &["issue", "a", "--url", "https://a"][..],
        &["issue", "a", "--ca-file", "x"],
    ] {
        let refused = services.command(alone);
        assert_eq!(refused.status.code(), Some(2), "{}", message(&refused));
    }
    let issued = services.command(&both);
    assert_eq!(issued.status.code(), Some(0), "{}", message(&issued));
    let token = Token::read(&issued.stdout, None, clock::now())
        .ok()
        .unwrap();
    assert_eq!(token.url.port().unwrap().get(), 9090);
    controller.abort();
}

/// Skupper's controller, which publishes its own server.
async fn enabled_controller(grants: Api<AccessGrant>, ca: String) {
    let (news, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let course = Course::of("the AccessGrants");
    let watching = follow(grants.clone(), Selection::default(), &course, |event| {
        if let News::Changed(object) = event {
            news.send(object).unwrap();
        }
    });
    let working = async {
        while let Some(object) = heard.recv().await {
            if object.status.is_null() {
                let end = time(clock::now() + TimeDelta::hours(1));
                let name = object.metadata.name.as_deref().unwrap();
                let status = Patch::Merge(json!({"status": {"code": CODE, "expirationTime": end,
                    "ca": ca, "url": "https://skupper.example/x"}}));
                let options = PatchParams::default();
                grants.patch_status(name, &options, &status).await.unwrap();
            }
        }
    };
    tokio::join!(watching, working);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_made_for_an_edge_site_and_who_may_not_read_sites_is_told() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "issue-edge").await;
    room.site().await;
    room.allow(
        "issuer",
        json!([{"apiGroups": ["skupper.io"], "resources": ["accessgrants"],
            "verbs": ["get", "create", "delete"]}]),
    )
    .await;
    let services = Services::of(&cluster, &room, &Identity::user("issuer", &[]));
    let admin = Services::of(&cluster, &room, &room.service);
    let _service = admin.start(&["--own-status"]).await;

    room.set_edge(true).await;
    let refused = services.command(&["issue", "west"]);
    let text = message(&refused);
    assert_eq!(refused.status.code(), Some(1), "{text}");
    let expected = "site 'west' is an edge site and accepts no links";
    assert!(
        text.contains(expected) && refused.stdout.is_empty(),
        "{text}"
    );
    assert!(room.grants.get_opt("west").await.unwrap().is_none());

    let told = services.command_of_services(&["issue", "east"]);
    let text = message(&told);
    assert_eq!(told.status.code(), Some(0), "{text}");
    assert!(text.contains("grant the verb 'list' on 'sites'"), "{text}");
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
