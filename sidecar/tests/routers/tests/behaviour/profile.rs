//! Files are read at the start and when told, all or nothing.

use std::fs;

use router_stand_in::{
    AcceptingRouter, ConnectingRouter, LOOPBACK, Link, Router, SecretContent, Settings, Shown,
    Update, until,
};

use crate::common::{Certificates, DATA_CONNECTIONS, HOST, Pair, folder, write};

const ALL: usize = DATA_CONNECTIONS + 1;

#[tokio::test]
async fn files_are_read_only_when_told() {
    let pair = Pair::new().await;
    let (east, west) = (&pair.east.router, &pair.west.router);
    let renewed = pair.certificates.west("/OU=1/CN=west");
    write(pair.west.folder.path(), &renewed);

    let before = west.handshakes().done;
    assert_eq!(east.cut(|_| true), ALL);
    let all = before + ALL as u64;
    until("all have come again", || west.handshakes().done == all).await;
    pair.is_open().await;
    assert_eq!(pair.subjects(), ["CN=west,OU=0"]);

    assert!(matches!(west.update(1, 1), Update::Taken));
    pair.is_open().await;
    until("the old set is gone", || east.peers().len() == ALL).await;
    assert_eq!(pair.subjects(), ["CN=west,OU=1"]);
}

#[tokio::test]
async fn a_refused_revision_is_shown_and_changes_nothing() {
    for (name, damage, problem) in DAMAGES {
        for side in ["east", "west"] {
            let name = format!("{name}, in the {side}");
            let pair = Pair::new().await;
            let (router, folder, content): (&dyn Router, _, _) = match side {
                "east" => (
                    &*pair.east.router,
                    pair.east.folder.path(),
                    pair.certificates.east(),
                ),
                _ => (
                    &*pair.west.router,
                    pair.west.folder.path(),
                    pair.certificates.west("/OU=1/CN=west"),
                ),
            };
            let mut damaged = content.clone();
            damage(&pair.certificates, &mut damaged);
            for file in content.keys() {
                fs::remove_file(folder.join(file)).unwrap();
            }
            write(folder, &damaged);

            let update = router.update(1, 1);
            assert!(
                matches!(&update, Update::Refused(why) if why.to_string().contains(problem)),
                "{name}: {update:?}"
            );
            let shown = Shown {
                ordinal: 1,
                oldest_valid_ordinal: 1,
            };
            assert_eq!(router.read(), shown, "{name}");

            write(folder, &content);
            for ordinal in [1, 0] {
                let again = router.update(ordinal, 0);
                assert!(matches!(again, Update::Ignored), "{name}: {again:?}");
            }
            assert_eq!(router.read(), shown, "{name}");
            // Neither side has closed or opened anything, and what is lost comes again with the old files.
            assert_eq!(pair.east.router.handshakes().done, ALL as u64, "{name}");
            assert_eq!(pair.east.router.cut(|_| true), ALL, "{name}");
            let peers = || pair.east.router.peers();
            until(&name, || peers().len() == ALL && pair.west.router.is_open()).await;
            assert_eq!(pair.subjects(), ["CN=west,OU=0"], "{name}");
            assert!(peers().iter().all(|peer| peer.ordinal == 0), "{name}");
            assert_eq!(pair.west.router.sets()[0].ordinal, 0, "{name}");

            let next = router.update(2, 0);
            assert!(matches!(next, Update::Taken), "{name}: {next:?}");
        }
    }
}

#[tokio::test]
async fn an_oldest_ordinal_above_the_ordinal_is_refused() {
    let pair = Pair::new().await;
    let routers: [&dyn Router; 2] = [&*pair.east.router, &*pair.west.router];
    for router in routers {
        assert!(matches!(router.update(1, 2), Update::Refused(_)));
        assert_eq!(router.read().ordinal, 1);
    }
    assert!(pair.west.router.is_open());
}

#[tokio::test]
async fn no_router_starts_without_its_files() {
    let certificates = Certificates::new();
    for (name, damage, problem) in DAMAGES {
        let mut content = certificates.east();
        damage(&certificates, &mut content);
        let folder = folder(&content);
        let east = AcceptingRouter::start(folder.path(), LOOPBACK, Settings::default()).await;
        let said = east.err().unwrap().to_string();
        assert!(said.contains(problem), "{name}: {said}");
        let way = Link::new(HOST, LOOPBACK);
        let west = ConnectingRouter::start(folder.path(), way, Settings::default());
        let said = west.err().unwrap().to_string();
        assert!(said.contains(problem), "{name}: {said}");
    }
}

#[tokio::test]
async fn a_router_may_start_with_a_later_ordinal() {
    let certificates = Certificates::new();
    let folder = folder(&certificates.east());
    let settings = Settings {
        ordinal: 7,
        ..Settings::default()
    };
    let east = AcceptingRouter::start(folder.path(), LOOPBACK, settings).await;
    let east = east.unwrap();
    assert_eq!(east.read().ordinal, 7);
    assert!(matches!(east.update(7, 0), Update::Ignored));
    assert!(matches!(east.update(8, 0), Update::Taken));
}

/// A name, a change of the files, and a part of what is said.
type Damage = (
    &'static str,
    fn(&Certificates, &mut SecretContent),
    &'static str,
);

const DAMAGES: &[Damage] = &[
    (
        "the key of another certificate",
        other_key,
        "'tls.key' is not that",
    ),
    (
        "'ca.crt' cut in half",
        |_, content| halve(content, "ca.crt"),
        "'ca.crt' is cut off",
    ),
    (
        "a second CA cut in half",
        second_ca_halved,
        "'ca.crt' is cut off",
    ),
    (
        "'tls.crt' cut in half",
        |_, content| halve(content, "tls.crt"),
        "'tls.crt' is cut off",
    ),
    (
        "'tls.key' cut in half",
        |_, content| halve(content, "tls.key"),
        "'tls.key' is cut off",
    ),
    (
        "'ca.crt' empty",
        |_, content| replace(content, "ca.crt", b""),
        "'ca.crt' is cut off",
    ),
    (
        "'tls.crt' no certificate",
        no_certificate,
        "'tls.crt' is cut off",
    ),
    (
        "'ca.crt' no certificate",
        |_, content| replace(content, "ca.crt", NO_CERTIFICATE),
        "'ca.crt' is cut off",
    ),
    (
        "'tls.key' missing",
        |_, content| drop(content.remove("tls.key")),
        "'tls.key' cannot be read",
    ),
    (
        "'ca.crt' missing",
        |_, content| drop(content.remove("ca.crt")),
        "'ca.crt' cannot be read",
    ),
];

fn other_key(certificates: &Certificates, content: &mut SecretContent) {
    let other = certificates.east().remove("tls.key").unwrap();
    content.insert("tls.key".into(), other);
}

fn second_ca_halved(_: &Certificates, content: &mut SecretContent) {
    let ca = content["ca.crt"].clone();
    replace(content, "ca.crt", &[&ca[..], &ca[..ca.len() / 2]].concat());
}

fn no_certificate(_: &Certificates, content: &mut SecretContent) {
    replace(content, "tls.crt", NO_CERTIFICATE);
}

fn halve(content: &mut SecretContent, file: &str) {
    let bytes = content.get_mut(file).unwrap();
    bytes.truncate(bytes.len() / 2);
}

fn replace(content: &mut SecretContent, file: &str, bytes: &[u8]) {
    content.insert(file.into(), bytes.to_vec());
}

const NO_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
