//! Clocks that differ by more than a little: nothing is lost, and the same command goes on later.

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::pki::issuer::Issuer;
use redemption_sidecar::pki::issuer::{LeafRequest, new_site_ca};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{RedeemProblem, Redeemed, redeem};
use redemption_sidecar::redemption::{GrantUid, KeyOrigin, Serial};
use redemption_sidecar::wire::certificate_request;
use secrecy::ExposeSecret as _;

use crate::partner::{
    Certificates, Partner, UID, answer, secret_without_key, skupper_link, skupper_objects,
};
use crate::{files, order};
use sidecar_test_support::openssl::now;

/// A server whose certificates begin and end by a clock of its own, so long after that of the tests.
/// It certifies the redeemer's key, or one of its own, once.
fn server(ahead: TimeDelta, is_plain: bool) -> Partner {
    let at = now() + ahead;
    let (ca, key) = new_site_ca("site", at).unwrap();
    let issuer = Issuer::load(ca.as_bytes(), key.expose_secret().as_bytes(), at).unwrap();
    let own = PrivateKey::generate(KeyKind::P256);
    let certify = move |spki: &[u8]| {
        let leaf = LeafRequest {
            spki,
            subject: "west",
            serial: Serial::derive(&GrantUid::parse(UID).unwrap(), spki),
            at,
            duration: Some(TimeDelta::days(2)),
            grant: None,
        };
        issuer.certify(&leaf, at).unwrap().pem
    };
    Partner::start(
        &Certificates::of_the_tests().server,
        move |before, request, stream| {
            let reply = if before > 0 {
                answer("404 Not Found", "", "No such access granted\n")
            } else if is_plain {
                let key = own.to_pem();
                let certificate = certify(own.spki());
                answer(
                    "200 OK",
                    "",
                    &skupper_objects("west", &ca, &certificate, key.expose_secret()),
                )
            } else {
                let sent = &request.headers["certificate-request"];
                let certificate = certify(certificate_request::read(sent).unwrap().spki());
                let secret = secret_without_key("west", &ca, &certificate);
                let objects = format!("{secret}{}", skupper_link("west", "west"));
                answer("200 OK", "safe-retry: 1\r\n", &objects)
            };
            let _ = stream.write_all(&reply);
        },
    )
}

async fn run_at(
    token: &Token,
    folder: &std::path::Path,
    at: DateTime<Utc>,
) -> Result<Redeemed, RedeemProblem> {
    let mut order = order(token, folder);
    order.now = at;
    redeem(&order, &mut ()).await
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_by_the_own_clock_is_kept_until_it_is() {
    let (early, late) = (
        "the certificate is valid from 20",
        "the certificate ended at 20",
    );
    let table = [
        ("a server a day ahead", TimeDelta::hours(25), early),
        ("a server two months ahead", TimeDelta::days(60), early),
        ("a server a week late", TimeDelta::days(-7), late),
    ];
    for (name, ahead, expected) in table {
        for is_plain in [false, true] {
            let partner = server(ahead, is_plain);
            let token = partner.token(&Certificates::of_the_tests().server_ca);
            let folder = tempfile::tempdir().unwrap();
            for _ in 0..2 {
                let problem = run_at(&token, folder.path(), now()).await.err().unwrap();
                assert_eq!(problem.exit_code(), 3, "{name}: {problem}");
                let message = problem.to_string();
                assert!(message.starts_with(expected), "{name}: {message}");
                let clock = "and the clock of this machine says 20";
                assert!(message.contains(clock), "{name}: {message}");
                let kept = [".answer", ".key"].map(|end| format!(".redeem-{UID}{end}"));
                assert_eq!(files(folder.path()), kept, "{name}");
            }
            // The clock is set.
            let redeemed = run_at(&token, folder.path(), now() + ahead).await.unwrap();
            let made_by = if is_plain {
                KeyOrigin::Service
            } else {
                KeyOrigin::Redeemer
            };
            assert_eq!(redeemed.key_made_by, Some(made_by), "{name}");
            assert_eq!(partner.requests().len(), 1, "{name}: one redemption");
            assert_eq!(
                files(folder.path()),
                ["Link-west.yaml", "Secret-west.yaml"],
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_in_place_is_not_given_up_for_a_clock() {
    let partner = server(TimeDelta::zero(), false);
    let token = partner.token(&Certificates::of_the_tests().server_ca);
    let folder = tempfile::tempdir().unwrap();
    run_at(&token, folder.path(), now()).await.unwrap();
    let table = [
        ("a month early", TimeDelta::days(-30), 3, "valid from 20"),
        (
            "a month late",
            TimeDelta::days(30),
            2,
            "and its certificate ended at 20",
        ),
        ("on time", TimeDelta::zero(), 0, ""),
    ];
    for (name, off, exit_code, expected) in table {
        match run_at(&token, folder.path(), now() + off).await {
            Ok(redeemed) => assert_eq!((exit_code, redeemed.key_made_by), (0, None), "{name}"),
            Err(problem) => {
                assert_eq!(problem.exit_code(), exit_code, "{name}: {problem}");
                assert!(problem.to_string().contains(expected), "{name}: {problem}");
                assert!(
                    problem.to_string().contains("the clock of this machine"),
                    "{name}"
                );
            }
        }
        assert_eq!(
            files(folder.path()),
            ["Link-west.yaml", "Secret-west.yaml"],
            "{name}"
        );
    }
    assert_eq!(partner.requests().len(), 1);
}

#[tokio::test]
async fn a_kept_answer_that_has_ended_is_given_up_by_force() {
    let partner = server(TimeDelta::days(-7), true);
    let token = partner.token(&Certificates::of_the_tests().server_ca);
    let folder = tempfile::tempdir().unwrap();
    run_at(&token, folder.path(), now()).await.err().unwrap();
    let mut order = order(&token, folder.path());
    order.force = true;
    let problem = redeem(&order, &mut ()).await.err().unwrap();
    assert!(matches!(problem, RedeemProblem::Refused(_)), "{problem:?}");
    assert_eq!(partner.requests().len(), 2);
}
