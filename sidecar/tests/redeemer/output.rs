//! The output folder: what is there already, what is in the way, and who else is at work.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{RedeemProblem, redeem};
use redemption_sidecar::redemption::KeyOrigin;

use crate::partner::{
    Certificates, Partner, UID, answer, skupper_link, skupper_objects, skupper_secret, token_yaml,
};
use crate::retries::Service;
use crate::{files, order, run};
use sidecar_test_support::openssl::now;

/// A server as ours, and its token.
pub(crate) fn service() -> (Partner, Token, Service) {
    let certificates = Certificates::of_the_tests();
    let service = Service::new();
    let respond = service.answer();
    let partner = Partner::start(&certificates.server, move |_, request, stream| {
        stream.write_all(&respond(request)).unwrap();
    });
    let token = partner.token(&certificates.server_ca);
    (partner, token, service)
}

/// The files as Skupper's command line writes them, with the URL of their token noted.
fn skuppers_files(folder: &Path, url: &str) {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let noted = format!(
        "  name: west\n  namespace: default\n  annotations:\n    redemption-sidecar/redeemed-from: \
         {url}\n"
    );
    let with_namespace = |yaml: String| yaml.replace("  name: west\n", &noted);
    let secret = skupper_secret("west", &ca.certificate, &client.certificate, &client.key);
    fs::write(folder.join("Secret-west.yaml"), with_namespace(secret)).unwrap();
    fs::write(
        folder.join("Link-west.yaml"),
        with_namespace(skupper_link("west", "west")),
    )
    .unwrap();
}

#[tokio::test]
async fn what_is_redeemed_is_not_asked_for_again() {
    let (partner, token, _) = service();
    let folder = tempfile::tempdir().unwrap();
    skuppers_files(folder.path(), &partner.url());
    let key = folder.path().join(format!(".redeem-{UID}.key"));
    fs::write(&key, "").unwrap();
    let redeemed = run(&token, folder.path()).await.unwrap();
    assert_eq!(redeemed.key_made_by, None);
    let link = folder.path().join("Link-west.yaml");
    assert_eq!(redeemed.links, [link.display().to_string()]);
    assert!((1..=3650).contains(&(redeemed.not_after - now()).num_days()));
    assert_eq!(partner.connections(), 0);
    assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);

    let mut order = order(&token, folder.path());
    order.force = true;
    let replaced = redeem(&order, &mut ()).await.unwrap();
    assert!(replaced.key_made_by.is_some());
    assert_eq!(partner.connections(), 1);
}

/// Does something to the files that are there.
type Spoil = Box<dyn Fn(&Path)>;

#[tokio::test]
async fn files_that_are_of_no_use_are_in_the_way_before_anything_is_sent() {
    let (partner, token, _) = service();
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let other_key = skupper_secret("west", &ca.certificate, &client.certificate, &ca.key);
    let other_link = skupper_link("west", "east");
    let good_secret = skupper_secret("west", &ca.certificate, &client.certificate, &client.key);
    let write = |name: &'static str, text: &str| -> Spoil {
        let text = text.to_owned();
        Box::new(move |folder| fs::write(folder.join(name), &text).unwrap())
    };
    let remove = |name: &'static str| -> Spoil {
        Box::new(move |folder| fs::remove_file(folder.join(name)).unwrap())
    };
    let table: Vec<(&str, Spoil, &str)> = vec![
        (
            "no Link",
            remove("Link-west.yaml"),
            "Secret-west.yaml exists: move it away",
        ),
        (
            "no Secret",
            remove("Secret-west.yaml"),
            "Link-west.yaml exists",
        ),
        (
            "something else",
            write("Secret-west.yaml", "a: b\n"),
            "Secret-west.yaml exists and is no TLS Secret",
        ),
        (
            "empty",
            write("Secret-west.yaml", ""),
            "Secret-west.yaml exists and is no TLS Secret",
        ),
        (
            "another key",
            write("Secret-west.yaml", &other_key),
            "Secret-west.yaml exists and cannot be used, the certificate is for another key",
        ),
        (
            "other credentials",
            write("Link-west.yaml", &other_link),
            "Secret-west.yaml exists",
        ),
        (
            "a Secret in place of the Link",
            write("Link-west.yaml", &good_secret),
            "Secret-west.yaml exists",
        ),
    ];
    for (name, spoil, expected) in table {
        let folder = tempfile::tempdir().unwrap();
        skuppers_files(folder.path(), &partner.url());
        spoil(folder.path());
        let before = files(folder.path());
        let problem = run(&token, folder.path()).await.err().unwrap();
        assert_eq!(problem.exit_code(), 2, "{name}: {problem}");
        assert!(problem.to_string().contains(expected), "{name}: {problem}");
        assert_eq!(files(folder.path()), before, "{name}");
        assert_eq!(partner.connections(), 0, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Link-west-1.yaml"), "").unwrap();
    let problem = run(&token, folder.path()).await.err().unwrap();
    assert!(
        problem.to_string().contains("Link-west-1.yaml exists"),
        "{problem}"
    );

    let folder = tempfile::tempdir().unwrap();
    skuppers_files(folder.path(), &partner.url());
    let mut order = order(&token, folder.path());
    order.now += TimeDelta::days(3651);
    let problem = redeem(&order, &mut ()).await.err().unwrap();
    assert!(
        problem.to_string().contains("Secret-west.yaml exists"),
        "expired: {problem}"
    );
    assert_eq!(partner.connections(), 0);
}

#[tokio::test]
async fn what_another_call_wants_differently_is_told() {
    let certificates = Certificates::of_the_tests();
    let (partner, token, _) = service();
    let folder = tempfile::tempdir().unwrap();
    let first = run(&token, folder.path()).await.unwrap();
    assert_eq!(first.unapplied, [""; 0]);
    let yaml = token_yaml(&partner.url(), &certificates.server_ca);
    let table = [
        ("the same", "linkCost: 7", Some("west"), vec![]),
        ("no wishes", "linkCost: null", None, vec![]),
        (
            "another subject",
            "linkCost: 7",
            Some("east"),
            vec![
                "the subject 'east' was not applied: the certificate has 'west', and another one needs \
                 a new token and '--force'"
                    .to_owned(),
            ],
        ),
        (
            "another cost",
            "linkCost: 9",
            None,
            vec![format!(
                "the link cost 9 was not applied: it is 7, change 'cost' in {}/Link-west.yaml",
                folder.path().display()
            )],
        ),
    ];
    for (name, cost, subject, expected) in table {
        let yaml = yaml.replace("linkCost: 7", cost);
        let token = Token::read(yaml.as_bytes(), None, now()).ok().unwrap();
        let mut order = order(&token, folder.path());
        order.subject = subject;
        let again = redeem(&order, &mut ()).await.unwrap();
        assert_eq!(again.unapplied, expected, "{name}");
        assert_eq!(again.key_made_by, None, "{name}");
    }
    assert_eq!(partner.connections(), 1);
}

#[tokio::test]
async fn a_lost_link_comes_back_with_the_key_of_the_secret_and_costs_nothing() {
    let certificates = Certificates::of_the_tests();
    let (partner, token, service) = service();
    let folder = tempfile::tempdir().unwrap();
    run(&token, folder.path()).await.unwrap();
    let path = |file: &str| folder.path().join(file);
    let link = fs::read_to_string(path("Link-west.yaml")).unwrap();
    fs::remove_file(path("Link-west.yaml")).unwrap();

    let another = partner.url().replace("6f1f0d3c", "00000000");
    let another = token_yaml(&another, &certificates.server_ca);
    let another = Token::read(another.as_bytes(), None, now()).ok().unwrap();
    let problem = run(&another, folder.path()).await.err().unwrap();
    assert!(
        matches!(problem, RedeemProblem::Exists { .. }),
        "{problem:?}"
    );
    assert_eq!(partner.connections(), 1, "the Secret is not of this grant");

    let redeemed = run(&token, folder.path()).await.unwrap();
    assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Redeemer));
    assert_eq!((partner.connections(), service.count()), (2, 1));
    assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
    assert_eq!(fs::read_to_string(path("Link-west.yaml")).unwrap(), link);
    let again = run(&token, folder.path()).await.unwrap();
    assert_eq!(again.key_made_by, None);
}

#[tokio::test]
async fn force_replaces_whatever_has_the_name() {
    let (_, token, service) = service();
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    fs::write(&target, "untouched").unwrap();
    symlink(&target, folder.path().join("Secret-west.yaml")).unwrap();
    fs::write(folder.path().join("Link-west.yaml"), "old").unwrap();
    let mut order = order(&token, folder.path());
    order.force = true;
    let redeemed = redeem(&order, &mut ()).await.unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert!(fs::symlink_metadata(&redeemed.secret).unwrap().is_file());
    assert_eq!(service.count(), 1);
}

#[tokio::test]
async fn an_answer_that_is_blocked_is_kept_and_needs_no_other_request() {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let secret = skupper_secret("west", &ca.certificate, &client.certificate, &client.key);
    let links = skupper_link("west-1", "west") + &skupper_link("west-2", "west");
    let objects = Arc::new(secret + &links);
    for force in [false, true] {
        let objects = Arc::clone(&objects);
        // As Skupper's: a second request would be refused.
        let partner = Partner::start(&certificates.skupper_server, move |before, _, stream| {
            let reply = match before {
                0 => answer("200 OK", "", &objects),
                _ => answer("404 Not Found", "", ""),
            };
            stream.write_all(&reply).unwrap();
        });
        let yaml = token_yaml(&partner.url(), &certificates.skupper_server);
        let token = |name| {
            Token::read(yaml.as_bytes(), Some(name), now())
                .ok()
                .unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("Link-west-2.yaml");
        fs::write(&blocked, "somebody else's").unwrap();
        let problem = run(&token("west"), folder.path()).await.err().unwrap();
        assert!(
            matches!(problem, RedeemProblem::ExistsNow(_)),
            "{problem:?}"
        );
        assert_eq!(problem.exit_code(), 2);
        let kept = format!(".redeem-{UID}.answer");
        let key = format!(".redeem-{UID}.key");
        assert_eq!(
            files(folder.path()),
            [kept.as_str(), &key, "Link-west-2.yaml"]
        );
        let mode = fs::metadata(folder.path().join(&kept))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        let problem = run(&token("east"), folder.path()).await.err().unwrap();
        assert!(
            matches!(problem, RedeemProblem::OtherName(_)),
            "{problem:?}"
        );
        assert_eq!(problem.exit_code(), 2);

        if !force {
            fs::remove_file(&blocked).unwrap();
        }
        let token = token("west");
        let mut order = order(&token, folder.path());
        order.force = force;
        let redeemed = redeem(&order, &mut ()).await.unwrap();
        assert_eq!(redeemed.links.len(), 2);
        assert_eq!(partner.connections(), 1);
        assert_eq!(
            files(folder.path()),
            ["Link-west-1.yaml", "Link-west-2.yaml", "Secret-west.yaml"]
        );
    }
}

#[tokio::test]
async fn names_and_subjects_are_judged_before_anything_is_done() {
    let certificates = Certificates::of_the_tests();
    let (partner, _, _) = service();
    let yaml = token_yaml(&partner.url(), &certificates.server_ca);
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("out");
    let (longest, too_long) = ("a".repeat(237), "a".repeat(238));
    let subject_65 = "a".repeat(65);
    let subject = "ü".repeat(64);
    let table = [
        ("a subdomain", "west.example", None, Some("no dots")),
        (
            "238 characters",
            too_long.as_str(),
            None,
            Some("at most 237 characters"),
        ),
        (
            "an empty subject",
            "west",
            Some(""),
            Some("1 to 64 characters"),
        ),
        (
            "a line end",
            "west",
            Some("a\nb"),
            Some("1 to 64 characters"),
        ),
        (
            "a turned text",
            "west",
            Some("a\u{202e}b"),
            Some("1 to 64 characters"),
        ),
        (
            "65 characters",
            "west",
            Some(subject_65.as_str()),
            Some("1 to 64 characters"),
        ),
        ("one character", "a", Some("a"), None),
        (
            "237 characters and a subject",
            longest.as_str(),
            Some(subject.as_str()),
            None,
        ),
    ];
    for (name, wanted, subject, expected) in table {
        let token = Token::read(yaml.as_bytes(), Some(wanted), now())
            .ok()
            .unwrap();
        let mut order = order(&token, &folder);
        order.subject = subject;
        let result = redeem(&order, &mut ()).await;
        match (result, expected) {
            (Err(problem), Some(expected)) => {
                assert!(problem.to_string().contains(expected), "{name}: {problem}");
                assert_eq!(problem.exit_code(), 2, "{name}");
                assert!(!folder.exists(), "{name}");
            }
            (Ok(_), None) => {}
            (result, _) => panic!("{name}: {result:?}"),
        }
    }
    let requests = partner.requests();
    let subjects: Vec<_> = requests
        .iter()
        .map(|request| &request.headers["subject"])
        .collect();
    assert_eq!(subjects, ["a", &subject]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_clear_error() {
    let (partner, token, _) = service();
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    let closed = base.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let mut table = vec![
        ("a file", file.clone(), "cannot make the folder"),
        ("below a file", file.join("out"), "cannot make the folder"),
    ];
    if !rustix::process::geteuid().is_root() {
        table.push(("a folder of others", closed, "cannot lock"));
    }
    for (name, folder, expected) in table {
        let problem = run(&token, &folder).await.err().unwrap();
        assert_eq!(problem.exit_code(), 2, "{name}: {problem}");
        assert!(problem.to_string().contains(expected), "{name}: {problem}");
    }
    assert_eq!(partner.connections(), 0);
}

#[tokio::test]
async fn two_redeemers_in_one_folder_send_one_key() {
    let (partner, token, service) = service();
    let folder = tempfile::tempdir().unwrap();
    let one = || run(&token, folder.path());
    let (first, second, third) = tokio::join!(one(), one(), one());
    let asked = [first, second, third].map(|result| result.unwrap().key_made_by.is_some());
    assert_eq!(asked.iter().filter(|asked| **asked).count(), 1);
    assert_eq!(partner.connections(), 1);
    assert_eq!(service.count(), 1);
}

#[tokio::test]
async fn a_redeemer_waits_for_another_one_no_longer_than_it_may() {
    let certificates = Certificates::of_the_tests();
    let slow = Partner::start(&certificates.server, |_, _, _| {
        std::thread::sleep(Duration::from_secs(3));
    });
    let folder = tempfile::tempdir().unwrap();
    let slow_token = slow.token(&certificates.server_ca);
    let mut slow_order = order(&slow_token, folder.path());
    slow_order.timeout = Duration::from_secs(3);
    let (_, token, _) = service();
    let mut order = order(&token, folder.path());
    order.timeout = Duration::from_secs(1);
    let (mut nobody, mut nobody_else) = ((), ());
    let (slow, quick) = tokio::join!(
        redeem(&slow_order, &mut nobody),
        redeem(&order, &mut nobody_else)
    );
    assert_eq!(slow.err().unwrap().exit_code(), 3);
    let problem = quick.err().unwrap();
    assert_eq!(problem.exit_code(), 3);
    assert!(
        problem.to_string().contains("another redeemer is at work"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_name_of_another_form_in_yaml_comes_back_as_it_is() {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    for name in ["no", "1e3", "0o17", "123", "null", "y", "0x1f"] {
        let objects = skupper_objects(name, &ca.certificate, &client.certificate, &client.key);
        // Skupper quotes what its own reader would not take for a text.
        let mut objects = objects;
        for field in ["name", "tlsCredentials"] {
            let (plain, quoted) = (
                format!(" {field}: {name}\n"),
                format!(" {field}: \"{name}\"\n"),
            );
            objects = objects.replace(&plain, &quoted);
        }
        let partner = Partner::start(&certificates.skupper_server, move |_, _, stream| {
            stream.write_all(&answer("200 OK", "", &objects)).unwrap();
        });
        let yaml = token_yaml(&partner.url(), &certificates.skupper_server);
        let token = Token::read(yaml.as_bytes(), Some(name), now())
            .ok()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        run(&token, folder.path()).await.unwrap();
        let again = run(&token, folder.path()).await.unwrap();
        assert_eq!((again.name.as_str(), again.key_made_by), (name, None));
    }
}
