//! A redeemer that is stopped at any point and run again gets through, and costs no redemption.
//!
//! Each step on the disk is made to fail once by a folder in its way: everything before the step is
//! done, nothing after it.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use redemption_sidecar::redeemer::{RedeemProblem, redeem};
use redemption_sidecar::redemption::KeyOrigin;
use tokio::time::timeout;

use crate::partner::{Certificates, Partner, UID, answer, chunked, skupper_objects};
use crate::retries::Service;
use crate::{files, order, run};

/// The steps, by the file that cannot be made.
const STEPS: [&str; 6] = [
    ".redeem.lock",
    ".redeem-UID.key.new",
    ".redeem-UID.answer.new",
    ".Secret-west.yaml.new",
    ".Link-west.yaml.new",
    "Link-west.yaml",
];

/// Puts a folder that cannot be removed as a file is in the way of a step.
fn obstruct(folder: &Path, step: &str) -> std::path::PathBuf {
    let path = folder.join(step.replace("UID", UID));
    fs::create_dir_all(path.join("not empty")).unwrap();
    path
}

#[tokio::test]
async fn our_service_counts_one_key_wherever_the_redeemer_is_stopped() {
    let certificates = Certificates::of_the_tests();
    for step in STEPS {
        let service = Service::new();
        let respond = service.answer();
        let partner = Partner::start(&certificates.server, move |_, request, stream| {
            stream.write_all(&respond(request)).unwrap();
        });
        let token = partner.token(&certificates.server_ca);
        let folder = tempfile::tempdir().unwrap();
        let obstacle = obstruct(folder.path(), step);
        let mut order = order(&token, folder.path());
        order.force = true;
        let problem = redeem(&order, &mut ()).await.err().unwrap();
        assert!(
            matches!(problem, RedeemProblem::Folder(_)),
            "{step}: {problem:?}"
        );
        fs::remove_dir_all(&obstacle).unwrap();
        let has = |file: &str| folder.path().join(file).exists();
        assert!(has("Secret-west.yaml") || !has("Link-west.yaml"), "{step}");
        let redeemed = run(&token, folder.path()).await;
        let redeemed = redeemed.unwrap_or_else(|problem| panic!("{step}: {problem}"));
        assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Redeemer), "{step}");
        assert_eq!(service.count(), 1, "{step}");
        assert_eq!(
            files(folder.path()),
            ["Link-west.yaml", "Secret-west.yaml"],
            "{step}"
        );
        assert_eq!(
            run(&token, folder.path()).await.unwrap().key_made_by,
            None,
            "{step}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_skupper_is_not_lost_once_it_is_on_the_disk() {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    for step in &STEPS[3..] {
        let objects = skupper_objects("west", &ca.certificate, &client.certificate, &client.key);
        let partner = Partner::start(&certificates.skupper_server, move |before, _, stream| {
            let reply = match before {
                0 => chunked("", &objects),
                _ => answer("404 Not Found", "", "No such access granted\n"),
            };
            stream.write_all(&reply).unwrap();
        });
        let token = partner.token(&certificates.skupper_server);
        let folder = tempfile::tempdir().unwrap();
        let obstacle = obstruct(folder.path(), step);
        let mut order = order(&token, folder.path());
        order.force = true;
        redeem(&order, &mut ()).await.err().unwrap();
        fs::remove_dir_all(&obstacle).unwrap();
        let redeemed = run(&token, folder.path()).await.unwrap();
        assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Service), "{step}");
        assert_eq!(
            files(folder.path()),
            ["Link-west.yaml", "Secret-west.yaml"],
            "{step}"
        );
        assert_eq!(partner.connections(), 1, "{step}");
    }
}

#[tokio::test]
async fn the_key_is_on_the_disk_before_the_request_and_goes_with_the_link() {
    let certificates = Certificates::of_the_tests();
    let service = Service::new();
    let respond = service.answer();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let partner = Partner::start(&certificates.server, move |_, request, stream| {
        let key = fs::read_to_string(path.join(format!(".redeem-{UID}.key"))).unwrap();
        let key = redemption_sidecar::pki::key::PrivateKey::from_pem(&key).unwrap();
        let sent = &request.headers["certificate-request"];
        let sent = redemption_sidecar::wire::certificate_request::read(sent).unwrap();
        assert_eq!(sent.spki(), key.spki());
        stream.write_all(&respond(request)).unwrap();
    });
    run(&partner.token(&certificates.server_ca), folder.path())
        .await
        .unwrap();
    assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
}

#[tokio::test]
async fn a_redeemer_that_is_dropped_while_it_waits_for_the_answer_repeats_itself() {
    let certificates = Certificates::of_the_tests();
    let service = Service::new();
    let respond = service.answer();
    let partner = Partner::start(&certificates.server, move |before, request, stream| {
        let reply = respond(request);
        if before == 0 {
            std::thread::sleep(Duration::from_secs(1));
        }
        let _ = stream.write_all(&reply);
    });
    let token = partner.token(&certificates.server_ca);
    let folder = tempfile::tempdir().unwrap();
    stop_after(Duration::from_millis(500), run(&token, folder.path())).await;
    let redeemed = run(&token, folder.path()).await.unwrap();
    assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Redeemer));
    assert_eq!(partner.requests().len(), 2);
    assert_eq!(service.count(), 1);
}

async fn stop_after<F: Future>(time: Duration, future: F) {
    assert!(timeout(time, pin!(future)).await.is_err());
}
