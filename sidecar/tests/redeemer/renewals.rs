//! Renewals of links in folders: what they change, what they leave alone, and where they stop.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redeemer::keeper::{KeepProblem, Renewal, Router, Told, adopt_in_folder};
use redemption_sidecar::redeemer::{FolderTarget, RenewalServer};
use redemption_sidecar::redemption::{GrantUid, LinkId, Serial};
use secrecy::ExposeSecret as _;

use crate::files;
use crate::granting::{Asked, Granting, entry, is_pair, renew, renew_for, renewal};
use crate::partner::{Certificates, issuer, secret_without_key, skupper_link, skupper_secret};

/// The content of each file of a folder.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = files(folder).into_iter();
    names
        .map(|name| (name.clone(), fs::read(folder.join(name)).unwrap()))
        .collect()
}

fn secret(folder: &Path) -> String {
    fs::read_to_string(folder.join("Secret-west.yaml")).unwrap()
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn a_renewal_replaces_key_and_certificate_and_leaves_nothing_else_behind() {
    let granting = Granting::start();
    let folder = tempfile::tempdir().unwrap();
    granting.link(folder.path()).await;
    let (before, link) = (secret(folder.path()), contents(folder.path()));
    let done = renew(folder.path()).await.unwrap();
    assert!(matches!(done.renewal, Renewal::Renewed { .. }), "{done:?}");
    assert!(matches!(done.told, Told::NoRouter), "{done:?}");
    let after = secret(folder.path());
    assert_ne!(entry(&after, "tls.key"), entry(&before, "tls.key"));
    assert!(is_pair(
        &entry(&after, "tls.crt"),
        &entry(&after, "tls.key")
    ));
    assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
    assert_eq!(
        contents(folder.path())["Link-west.yaml"],
        link["Link-west.yaml"]
    );
    let again = renew(folder.path()).await.unwrap();
    assert!(matches!(again.renewal, Renewal::NotDue { .. }), "{again:?}");
    assert_eq!((granting.keys(), secret(folder.path())), (1, after));
}

#[tokio::test]
async fn edits_of_others_stay() {
    let granting = Granting::start();
    let folder = tempfile::tempdir().unwrap();
    granting.link(folder.path()).await;
    let edits = "  labels: {team: \"7\"} # of ours\n  annotations:\n    example.com/note: a\n";
    edit(folder.path(), "Secret-west.yaml", "  annotations:\n", edits);
    edit(
        folder.path(),
        "Secret-west.yaml",
        "\ndata:\n",
        "\ndata:\n  other: eA==\n",
    );
    edit(
        folder.path(),
        "Link-west.yaml",
        "spec:\n",
        "spec:\n  settings: {a: b}\n",
    );
    renew(folder.path()).await.unwrap();
    let after = secret(folder.path());
    assert!(after.contains(edits), "{after}");
    assert_eq!(entry(&after, "other"), "x");
    let link = fs::read_to_string(folder.path().join("Link-west.yaml")).unwrap();
    assert!(link.contains("settings: {a: b}"), "{link}");
}

/// A Link with an endpoint in each group.
fn link(name: &str, group: &str, host: &str) -> String {
    let link = skupper_link(name, "west");
    link.replace("skupper-router", group)
        .replace("10.0.0.1", host)
}

/// Files of Links in place, the Links of the answer, the files after the renewal, and those of them that were
/// written.
type LinkRow<'a> = (
    &'a str,
    Vec<(&'a str, String)>,
    Vec<String>,
    &'a [&'a str],
    &'a [&'a str],
);

#[tokio::test]
async fn a_link_is_written_where_its_endpoints_differ_as_a_set_and_keeps_its_file() {
    let reordered = "  endpoints:\n  - {group: skupper-router, host: 10.0.0.1, name: inter-router, port: 55671}\n  \
                     - {group: skupper-router, host: 10.0.0.1, name: edge, port: \"45671\"}\n";
    let skuppers = skupper_link("west", "west").replace("---\n", "");
    let (head, rest) = skuppers.split_once("  endpoints:").unwrap();
    let (_, tail) = rest.split_once("  tlsCredentials").unwrap();
    let reordered = format!("{head}{reordered}  tlsCredentials{tail}");
    let renamed = skuppers.replace("name: west\n", "name: to-west\n");
    let table: Vec<LinkRow> = vec![
        (
            "in another order",
            vec![("Link-west.yaml", reordered)],
            vec![skupper_link("west", "west")],
            &["Link-west.yaml"],
            &[],
        ),
        (
            "a file of another name",
            vec![("to-west.yaml", renamed)],
            vec![skupper_link("west", "west")],
            &["to-west.yaml"],
            &[],
        ),
        (
            "a host that moved",
            vec![("Link-west.yaml", link("west", "a", "10.0.0.1"))],
            vec![link("west", "a", "10.0.0.2")],
            &["Link-west.yaml"],
            &["Link-west.yaml"],
        ),
        (
            "a second group",
            vec![("Link-west.yaml", link("west", "a", "10.0.0.1"))],
            vec![
                link("west-1", "a", "10.0.0.1"),
                link("west-2", "b", "10.0.0.2"),
            ],
            &["Link-west-2.yaml", "Link-west.yaml"],
            &["Link-west-2.yaml"],
        ),
        (
            "a group that is gone",
            vec![
                ("Link-west-1.yaml", link("west-1", "a", "10.0.0.1")),
                ("Link-west-2.yaml", link("west-2", "b", "10.0.0.2")),
            ],
            vec![link("west", "b", "10.0.0.2")],
            &["Link-west-2.yaml"],
            &[],
        ),
        (
            "a group in place of another",
            vec![("Link-west.yaml", link("west", "a", "10.0.0.1"))],
            vec![link("west", "b", "10.0.0.2")],
            &["Link-west.yaml"],
            &["Link-west.yaml"],
        ),
        (
            "a name that is another link's",
            vec![
                ("Link-west.yaml", link("west", "a", "10.0.0.1")),
                ("Link-west-2.yaml", skupper_link("west-2", "west-2")),
            ],
            vec![
                link("west-1", "a", "10.0.0.1"),
                link("west-2", "b", "10.0.0.2"),
            ],
            &["Link-west-1.yaml", "Link-west-2.yaml", "Link-west.yaml"],
            &["Link-west-1.yaml"],
        ),
    ];
    for (name, before, wanted, expected, written) in table {
        let wanted = wanted.concat();
        let granting = Granting::answering(move |asked| Ok(asked.secret() + &wanted));
        let folder = tempfile::tempdir().unwrap();
        granting.link(folder.path()).await;
        fs::remove_file(folder.path().join("Link-west.yaml")).unwrap();
        for (file, text) in before {
            fs::write(folder.path().join(file), text.replace("---\n", "")).unwrap();
        }
        let before = contents(folder.path());
        let done = renew(folder.path()).await;
        let done = done.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let Renewal::Renewed { has_moved, .. } = done.renewal else {
            panic!("{name}: {done:?}");
        };
        let stays = ["in another order", "a file of another name"];
        assert_eq!(has_moved, !stays.contains(&name), "{name}");
        let mut after = contents(folder.path());
        after.remove("Secret-west.yaml").unwrap();
        assert_eq!(after.keys().collect::<Vec<_>>(), expected, "{name}");
        let differs = |file: &&String| before.get(*file) != after.get(*file);
        let changed: Vec<_> = after.keys().filter(differs).collect();
        assert_eq!(changed, written, "{name}");
    }
}

#[tokio::test]
async fn a_link_that_is_renewed_elsewhere_from_now_on_says_so() {
    for (name, moved_to) in [
        ("the same server", None),
        ("another", Some("192.0.2.9:9090")),
    ] {
        let granting = Granting::start();
        let folder = tempfile::tempdir().unwrap();
        granting.link(folder.path()).await;
        *granting.moved_to.lock().unwrap() = moved_to.map(str::to_owned);
        let done = renew(folder.path()).await.unwrap();
        let Renewal::Renewed { new_server, .. } = done.renewal else {
            panic!("{name}: {done:?}");
        };
        assert_eq!(new_server.as_deref(), moved_to, "{name}");
        let server = moved_to.unwrap_or("127.0.0.1:");
        let url = format!("redemption-sidecar/renewal-url: \"https://{server}");
        assert!(secret(folder.path()).contains(&url), "{name}");
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    for (status, part) in [
        (302, "look at the annotation"),
        (403, "a new token makes a new link"),
        (404, "look at the annotation"),
        (429, "status 429: no"),
        (503, "status 503: no"),
    ] {
        let problem = KeepProblem::Refused {
            status,
            retry_after: None,
            text: "no".to_owned(),
        };
        let said = problem.to_string();
        assert!(said.contains(part), "{said}");
        assert_eq!(said.ends_with(": no"), problem.exit_code() == 3, "{said}");
    }
}

fn objects_with(asked: &Asked<'_>, certificate: &str) -> String {
    let secret = secret_without_key("west", asked.issuer.certificates_pem(), certificate);
    secret + &skupper_link("west", "west")
}

/// An answer that is not right, and the words about it.
type Hostile = (&'static str, fn(&Asked<'_>) -> String, &'static str);

fn hostile() -> Vec<Hostile> {
    vec![
        (
            "another link's id",
            |asked| {
                let link = LinkId::from_bytes([7; 10]);
                Asked { link, ..*asked }.objects()
            },
            "the certificate of another link",
        ),
        (
            "a serial number as of a redemption",
            |asked| {
                let uid = GrantUid::from_bytes([9; 16]);
                let pem = asked.certify(|leaf| leaf.serial = Serial::derive(&uid, leaf.spki));
                objects_with(asked, &pem)
            },
            "the certificate of another link",
        ),
        (
            "another name",
            |asked| asked.objects().replace("name: west\n", "name: east\n"),
            "other names",
        ),
        (
            "another common name",
            |asked| {
                let pem = asked.certify(|leaf| leaf.subject = "east");
                objects_with(asked, &pem)
            },
            "another common name",
        ),
        (
            "an earlier end",
            |asked| {
                let pem = asked.certify(|leaf| leaf.duration = Some(TimeDelta::days(1)));
                objects_with(asked, &pem)
            },
            "it ends before the one in place",
        ),
        (
            "a CA that nobody handed over",
            |asked| {
                let other = issuer(&Certificates::of_the_tests().server_ca);
                Asked {
                    issuer: &other,
                    ..*asked
                }
                .objects()
            },
            "none of the CAs in place",
        ),
        (
            "a key of the server",
            |asked| {
                let client = &Certificates::of_the_tests().client;
                let key = PrivateKey::from_pem(&client.key).unwrap();
                let asked = Asked {
                    spki: key.spki(),
                    ..*asked
                };
                let pem = asked.certify(|_| {});
                skupper_secret("west", asked.issuer.certificates_pem(), &pem, &client.key)
                    + &skupper_link("west", "west")
            },
            "a key that the server made",
        ),
        (
            "a certificate for another key",
            |asked| {
                let key = PrivateKey::from_pem(&Certificates::of_the_tests().client.key).unwrap();
                Asked {
                    spki: key.spki(),
                    ..*asked
                }
                .objects()
            },
            "for another key",
        ),
        (
            "two Secrets",
            |asked| asked.secret() + &asked.objects(),
            "exactly one Secret",
        ),
        (
            "two Links of a name",
            |asked| asked.objects() + &skupper_link("west", "west"),
            "other names",
        ),
        ("no Link", |asked| asked.secret(), "no Link"),
    ]
}

#[tokio::test]
async fn nothing_is_written_unless_all_of_the_answer_is_right() {
    for (name, objects, expected) in hostile() {
        let granting = Granting::answering(move |asked| Ok(objects(asked)));
        let folder = tempfile::tempdir().unwrap();
        granting.link(folder.path()).await;
        let before = contents(folder.path());
        let problem = renew(folder.path()).await.unwrap_err();
        assert!(problem.to_string().contains(expected), "{name}: {problem}");
        assert_eq!(problem.exit_code(), 1, "{name}");
        let mut after = contents(folder.path());
        assert!(after.remove(".renew-west.key").is_some(), "{name}");
        assert_eq!(after, before, "{name}");
    }
}

/// Spoils a link, and the words about it.
type Spoilt = (&'static str, Box<dyn Fn(&Path)>, &'static str);

#[tokio::test]
async fn a_link_that_was_spoilt_is_left_as_it_is() {
    type Spoil = fn(&Path);
    let other_key: Spoil = |folder| {
        let key = PrivateKey::generate(KeyKind::P256);
        let text = secret(folder);
        let line = text.lines().find(|line| line.contains("tls.key")).unwrap();
        let pem = STANDARD.encode(key.to_pem().expose_secret());
        edit(
            folder,
            "Secret-west.yaml",
            line,
            &format!("  tls.key: {pem}"),
        );
    };
    let key = |text: &'static str, mode: u32| {
        move |folder: &Path| {
            let path = folder.join(".renew-west.key");
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    };
    let table: Vec<Spoilt> = vec![
        (
            "another key",
            Box::new(other_key),
            "the certificate is for another key",
        ),
        (
            "no URL",
            Box::new(|folder| edit(folder, "Secret-west.yaml", "/renewal-url", "/renewed-url")),
            "renewal-url' must be the https URL",
        ),
        (
            "a URL without TLS",
            Box::new(|folder| {
                edit(
                    folder,
                    "Secret-west.yaml",
                    "\"https://127.0.0.1",
                    "\"http://127.0.0.1",
                );
            }),
            "must be the https URL",
        ),
        (
            "a CA that is none",
            Box::new(|folder| {
                edit(
                    folder,
                    "Secret-west.yaml",
                    "server-ca: \"",
                    "server-ca: \"AAAA",
                );
            }),
            "server-ca' must be the CA",
        ),
        (
            "two documents",
            Box::new(|folder| {
                edit(
                    folder,
                    "Secret-west.yaml",
                    "type:",
                    "type: kubernetes.io/tls\n---\ntype:",
                );
            }),
            "is left as it is",
        ),
        (
            "a damaged key",
            Box::new(key("half", 0o600)),
            "is damaged: remove /",
        ),
        (
            "an exposed key",
            Box::new(key("half", 0o640)),
            "others may read the key",
        ),
    ];
    for (name, spoil, expected) in table {
        let granting = Granting::start();
        let folder = tempfile::tempdir().unwrap();
        granting.link(folder.path()).await;
        spoil(folder.path());
        let before = contents(folder.path());
        for force in [false, true] {
            let problem = renew_for(folder.path(), &Router::None, force)
                .await
                .unwrap_err();
            assert!(problem.to_string().contains(expected), "{name}: {problem}");
            assert_eq!(problem.exit_code(), 2, "{name}");
            assert_eq!(contents(folder.path()), before, "{name}");
        }
        assert_eq!(granting.keys(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_renewal_that_is_stopped_goes_on_with_the_same_key() {
    for step in [
        ".renew-west.lock",
        ".renew-west.key.new",
        ".Secret-west.yaml.new",
        ".redeem.lock",
        ".Link-west.yaml.new",
    ] {
        let moved = skupper_link("west", "west").replace("10.0.0.1", "10.0.0.2");
        let granting = Granting::answering(move |asked| Ok(asked.secret() + &moved));
        let folder = tempfile::tempdir().unwrap();
        granting.link(folder.path()).await;
        let before = secret(folder.path());
        let obstacle = folder.path().join(step);
        fs::create_dir_all(obstacle.join("not empty")).unwrap();
        let problem = renew(folder.path()).await.unwrap_err();
        assert!(
            matches!(problem, KeepProblem::Folder(_)),
            "{step}: {problem:?}"
        );
        let is_new = secret(folder.path()) != before;
        assert_eq!(is_new, step.contains("Link"), "{step}: the old pair stays");
        fs::remove_dir_all(&obstacle).unwrap();
        renew_for(folder.path(), &Router::None, is_new)
            .await
            .unwrap();
        let after = secret(folder.path());
        assert!(
            is_pair(&entry(&after, "tls.crt"), &entry(&after, "tls.key")),
            "{step}"
        );
        assert_eq!(
            files(folder.path()),
            ["Link-west.yaml", "Secret-west.yaml"],
            "{step}"
        );
        let link = fs::read_to_string(folder.path().join("Link-west.yaml")).unwrap();
        assert!(link.contains("10.0.0.2"), "{step}: {link}");
        assert_eq!(granting.keys(), 1, "{step}");
    }
}

#[tokio::test]
async fn the_folder_is_free_while_the_server_is_asked_and_the_link_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let granting = Granting::answering(move |asked| {
        let locks: Vec<_> = files(&path)
            .into_iter()
            .filter(|file| file.ends_with("lock"))
            .collect();
        assert_eq!(locks, [".renew-west.lock"]);
        Ok(asked.objects())
    });
    granting.link(folder.path()).await;
    renew(folder.path()).await.unwrap();
    let (one, other) = tokio::join!(
        renew_for(folder.path(), &Router::None, true),
        renew_for(folder.path(), &Router::None, true)
    );
    let is_done = [one, other].map(|result| match result {
        Ok(_) => true,
        Err(problem) => {
            assert!(matches!(problem, KeepProblem::Changed(_)), "{problem}");
            assert_eq!(problem.exit_code(), 3);
            false
        }
    });
    assert!(is_done.contains(&true));
    assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
}

/// A Skupper namespace with a site whose files are those of a redemption.
async fn namespace(granting: &Granting, folder: &Path) -> PathBuf {
    let resources = folder.join("west/input/resources");
    fs::create_dir_all(&resources).unwrap();
    granting.link(&resources).await;
    let profile = folder.join("west/runtime/certs/west-profile");
    fs::create_dir_all(&profile).unwrap();
    for name in ["ca.crt", "tls.crt", "tls.key"] {
        let path = profile.join(name);
        fs::write(&path, entry(&secret(&resources), name)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
    }
    fs::write(profile.join("other"), "x").unwrap();
    resources
}

fn program(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("tell");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn key_and_certificate_belong_together_at_every_instant() {
    let granting = Granting::start();
    let folder = tempfile::tempdir().unwrap();
    let resources = namespace(&granting, folder.path()).await;
    let profile = folder.path().join("west/runtime/certs/west-profile");
    let router = Router::of_folder(&resources, Some("true".into()));
    let is_over = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !is_over.load(Ordering::SeqCst) {
                let text = secret(&resources);
                assert!(is_pair(&entry(&text, "tls.crt"), &entry(&text, "tls.key")));
                // As one that has entered the folder sees it.
                let opened = fs::File::open(&profile).unwrap();
                let seen = format!("/proc/self/fd/{}", opened.as_raw_fd());
                let read = |name: &str| fs::read_to_string(Path::new(&seen).join(name));
                // What was exchanged is removed.
                if let (Ok(certificate), Ok(key)) = (read("tls.crt"), read("tls.key")) {
                    assert!(is_pair(&certificate, &key));
                    reads += 1;
                }
            }
            reads
        });
        let renewals = scope.spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                for _ in 0..200 {
                    let done = renew_for(&resources, &router, true).await.unwrap();
                    assert!(matches!(done.told, Told::All), "{done:?}");
                }
            });
        });
        let renewed = renewals.join();
        is_over.store(true, Ordering::SeqCst);
        renewed.unwrap();
        reader.join().unwrap()
    });
    println!("{reads} pairs read");
    assert!(reads > 200 && granting.keys() == 200);
    assert_eq!(fs::read_to_string(profile.join("other")).unwrap(), "x");
    let mode = fs::metadata(profile.join("tls.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let text = secret(&resources);
    assert_eq!(
        fs::read_to_string(profile.join("tls.key")).unwrap(),
        entry(&text, "tls.key")
    );
    assert_eq!(files(profile.parent().unwrap()), ["west-profile"]);
}

#[tokio::test]
async fn a_program_tells_the_router_and_says_so_with_its_exit_code() {
    let table = [
        ("told", "exit 0", None),
        (
            "not told",
            "echo a secret; exit 7",
            Some("tell' ended with 7; the next 'renew' tells it"),
        ),
        ("killed", "kill -9 $$", Some("tell' was ended by a signal")),
    ];
    for (name, end, expected) in table {
        let granting = Granting::start();
        let folder = tempfile::tempdir().unwrap();
        let resources = namespace(&granting, folder.path()).await;
        let seen = folder.path().join("seen");
        let script = format!(
            "cd {}\necho $RENEWAL_NAMESPACE $RENEWAL_ROUTER $RENEWAL_PROFILE $RENEWAL_SECRET > {}\n\
             cat west/runtime/certs/$RENEWAL_PROFILE/tls.crt >> {1}\n{end}",
            folder.path().display(),
            seen.display()
        );
        let router = Router::of_folder(&resources, Some(program(folder.path(), &script)));
        let done = renew_for(&resources, &router, false).await.unwrap();
        let text = secret(&resources);
        let certificate = entry(&text, "tls.crt");
        let said = format!("west west-skupper-router west-profile west\n{certificate}");
        assert_eq!(fs::read_to_string(&seen).unwrap(), said, "{name}");
        assert_eq!(
            text.contains("redemption-sidecar/told"),
            expected.is_none(),
            "{name}"
        );
        let Some(expected) = expected else {
            assert!(matches!(done.told, Told::All), "{name}: {done:?}");
            continue;
        };
        let Told::NoTelling(problem) = done.told else {
            panic!("{name}: {done:?}");
        };
        let message = problem.to_string();
        assert!(message.contains(expected), "{name}: {message}");
        assert!(!message.contains("a secret"), "{name}: {message}");
        assert!(
            message.contains("skupper system reload -n west"),
            "{name}: {message}"
        );
        assert_eq!(problem.exit_code(), 3, "{name}");
        program(folder.path(), "exit 0");
        let done = renew_for(&resources, &router, false).await.unwrap();
        assert!(
            matches!(done.renewal, Renewal::NotDue { .. }),
            "{name}: {done:?}"
        );
        assert!(matches!(done.told, Told::All), "{name}: {done:?}");
        assert_eq!(granting.keys(), 1, "{name}");
    }
}

/// The files as Skupper's own client writes them.
fn strip(folder: &Path) {
    let text = secret(folder);
    let lines = text
        .lines()
        .filter(|line| !line.contains("annotations:") && !line.contains("redemption-sidecar/"));
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    let path = folder.join("Secret-west.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

#[tokio::test]
async fn a_link_of_skuppers_client_is_adopted_with_a_key_that_never_travelled() {
    let granting = Granting::answering(|asked| {
        let pem = asked.certify(|leaf| leaf.duration = Some(TimeDelta::days(7)));
        let secret = secret_without_key("west", asked.issuer.certificates_pem(), &pem);
        Ok(secret + &skupper_link("west", "west"))
    });
    let folder = tempfile::tempdir().unwrap();
    granting.link(folder.path()).await;
    strip(folder.path());
    let before = secret(folder.path());
    let problem = renew(folder.path()).await.unwrap_err();
    assert!(matches!(problem, KeepProblem::NotKept(_)), "{problem}");

    let certificates = Certificates::of_the_tests();
    let url = format!("https://127.0.0.1:{}/renew", granting.partner.port);
    let server = RenewalServer::new(&url, &certificates.server_ca.certificate).unwrap();
    let target = FolderTarget {
        path: folder.path(),
        namespace: None,
    };
    let adopted = adopt_in_folder(renewal(false), target, &Router::None, server.clone()).await;
    assert!(matches!(adopted.unwrap().renewal, Renewal::Renewed { .. }));
    let after = secret(folder.path());
    assert_ne!(entry(&after, "tls.key"), entry(&before, "tls.key"));
    assert!(is_pair(
        &entry(&after, "tls.crt"),
        &entry(&after, "tls.key")
    ));
    let mode = fs::metadata(folder.path().join("Secret-west.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = renew(folder.path()).await.unwrap();
    assert!(matches!(again.renewal, Renewal::NotDue { .. }), "{again:?}");

    // What Skupper's own controller issued, and what is refused there.
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let skuppers = skupper_secret("west", &ca.certificate, &client.certificate, &client.key);
    fs::write(
        folder.path().join("Secret-west.yaml"),
        skuppers.replace("---\n", ""),
    )
    .unwrap();
    let before = contents(folder.path());
    let refused = adopt_in_folder(renewal(true), target, &Router::None, server).await;
    let problem = refused.unwrap_err();
    assert_eq!(problem.exit_code(), 2);
    let message = problem.to_string();
    assert!(
        message.starts_with("the link 'west' cannot be adopted: its certificate"),
        "{message}"
    );
    assert_eq!(contents(folder.path()), before);
}

#[tokio::test]
async fn an_adoption_that_the_server_refuses_writes_nothing() {
    let granting = Granting::answering(|_| Err("403 Forbidden"));
    let folder = tempfile::tempdir().unwrap();
    granting.link(folder.path()).await;
    strip(folder.path());
    let before = contents(folder.path());
    let certificates = Certificates::of_the_tests();
    let url = format!("https://127.0.0.1:{}/renew", granting.partner.port);
    let server = RenewalServer::new(&url, &certificates.server_ca.certificate).unwrap();
    let target = FolderTarget {
        path: folder.path(),
        namespace: None,
    };
    let refused = adopt_in_folder(renewal(false), target, &Router::None, server).await;
    assert_eq!(refused.unwrap_err().exit_code(), 1);
    let mut after = contents(folder.path());
    after.remove(".renew-west.key").unwrap();
    assert_eq!(after, before);
}
