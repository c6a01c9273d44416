//! Issuers that another one has followed: whatever certificate is recognized is one that OpenSSL verifies
//! against what goes into answers as `ca.crt`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::pki::client_certificate::ClientCertificate;
use redemption_sidecar::pki::issuer::{Issuer, IssuerProblem, LeafRequest, PreviousIssuer};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::Serial;
use redemption_sidecar::renewal::CertificateFlaw;
use redemption_sidecar::site::{Site, Sites};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sidecar_test_support::openssl::{CA, Pki, now};

/// A CA without an identifier of its key.
const ANONYMOUS: &str = "basicConstraints = critical,CA:TRUE; keyUsage = keyCertSign; \
     subjectKeyIdentifier = none";

/// The issuer of two files.
fn issuer(pki: &Pki, name: &str) -> Issuer {
    let certificate = pki.read(&format!("{name}.crt"));
    Issuer::load(&certificate, &pki.read(&format!("{name}.key")), now()).unwrap()
}

fn previous(pki: &Pki, name: &str) -> Result<Arc<PreviousIssuer>, IssuerProblem> {
    let certificate = pki.read(&format!("{name}.crt"));
    PreviousIssuer::load_below(&certificate, &[], now()).map(Arc::new)
}

/// The certificate of a link that an issuer makes.
fn leaf(issuer: &Issuer) -> String {
    let key = PrivateKey::generate(KeyKind::P256);
    let request = LeafRequest {
        spki: key.spki(),
        subject: "west",
        serial: Serial::from_bytes([0x5a; 16]),
        at: now(),
        duration: Some(TimeDelta::days(7)),
        grant: None,
    };
    issuer.certify(&request, now()).unwrap().pem
}

fn recognize(issuer: &Issuer, leaf: &str, at: DateTime<Utc>) -> Result<(), CertificateFlaw> {
    let der = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
    issuer.recognize(&ClientCertificate::read(&der).unwrap(), at)
}

fn root(pki: &Pki, name: &str, subject: &str, extensions: &str) {
    pki.key(name, "P-256 PKCS#8");
    pki.root(name, subject, extensions);
}

/// CAs of every relation to each other.
fn authorities() -> Pki {
    let pki = Pki::empty();
    root(&pki, "new", "/CN=skupper-site-ca", CA);
    root(&pki, "old", "/CN=skupper-site-ca", CA);
    root(&pki, "older", "/CN=old name", CA);
    root(&pki, "anonymous", "/CN=nobody else", ANONYMOUS);
    root(&pki, "root", "/CN=root", CA);
    root(&pki, "stranger", "/CN=skupper-site-ca", CA);
    for name in ["below", "below too"] {
        pki.key(name.replace(' ', "-").as_str(), "P-256 PKCS#8");
    }
    pki.certificate("root", "below", "/CN=below", CA);
    pki.certificate("root", "below-too", "/CN=below", CA);
    let with_root = |name: &str| {
        let own = pki.read(&format!("{name}.crt"));
        pki.write(
            &format!("{name}.crt"),
            &[own, pki.read("root.crt")].concat(),
        );
    };
    with_root("below");
    with_root("below-too");
    // The same key and name, another validity.
    pki.write("longer.key", &pki.read("old.key"));
    pki.root_of(
        "longer",
        "/CN=skupper-site-ca",
        CA,
        "-days 4000",
        "utf8only",
    );
    // The same key, another name.
    pki.write("renamed.key", &pki.read("new.key"));
    pki.root("renamed", "/CN=renamed", CA);
    // The same key and name, another identifier of the key.
    pki.write("other-id.key", &pki.read("new.key"));
    let other_id = CA.replace("= hash", "= 0102030405");
    pki.root("other-id", "/CN=skupper-site-ca", &other_id);
    pki
}

#[test]
fn a_certificate_that_is_recognized_verifies_under_the_certificates_of_answers() {
    let pki = authorities();
    for (present, before, count) in [
        ("new", vec![], 1),
        ("new", vec!["new"], 1),
        ("new", vec!["old"], 2),
        ("old", vec!["new"], 2),
        ("new", vec!["old", "older", "old"], 3),
        ("new", vec!["older", "old"], 3),
        ("old", vec!["longer"], 1),
        ("new", vec!["renamed"], 2),
        ("new", vec!["other-id"], 2),
        ("new", vec!["anonymous"], 2),
        ("anonymous", vec!["new"], 2),
        ("new", vec!["below"], 3),
        ("below", vec!["new"], 3),
        ("below", vec!["below-too"], 3),
        ("below-too", vec!["below", "old"], 4),
        ("below", vec!["root"], 2),
        ("root", vec!["below"], 2),
    ] {
        let name = format!("{present} after {before:?}");
        let mut following = issuer(&pki, present);
        for one in &before {
            following
                .follow(&previous(&pki, one).unwrap())
                .expect(&name);
        }
        let ca = following.certificates_pem();
        let found = CertificateDer::pem_slice_iter(ca.as_bytes()).count();
        assert_eq!(found, count, "{name}: {ca}");
        assert!(
            ca.starts_with(issuer(&pki, present).certificates_pem()),
            "{name}"
        );
        for signer in [
            "new",
            "old",
            "older",
            "anonymous",
            "root",
            "stranger",
            "below",
            "below-too",
            "renamed",
            "other-id",
        ] {
            let leaf = leaf(&issuer(&pki, signer));
            let is_known = signer == present || before.contains(&signer);
            for (days, is_in_date) in [(0, true), (8, false), (-1, false)] {
                let at = now() + TimeDelta::days(days);
                let recognized = recognize(&following, &leaf, at);
                let purpose = "sslclient";
                let verdict = pki.verify(leaf.as_bytes(), ca.as_bytes(), purpose, at);
                assert!(
                    recognized.is_err() || verdict.is_ok(),
                    "{name}, {signer}: {verdict:?}"
                );
                if is_known {
                    assert_eq!(
                        recognized.is_ok(),
                        is_in_date,
                        "{name}, {signer}: {recognized:?}"
                    );
                }
            }
        }
        assert!(following.alone().certificates_pem() == issuer(&pki, present).certificates_pem());
        let stranger = leaf(&issuer(&pki, "stranger"));
        let recognized = recognize(&following, &stranger, now());
        assert_eq!(recognized, Err(CertificateFlaw::OtherIssuer), "{name}");
    }
}

#[test]
fn cas_that_openssl_takes_for_each_other_do_not_follow_each_other() {
    let pki = Pki::empty();
    root(&pki, "named", "/CN=site", CA);
    root(&pki, "nameless", "/CN=site", ANONYMOUS);
    root(&pki, "other", "/CN=other", CA);
    root(&pki, "root", "/CN=site", ANONYMOUS);
    pki.key("below", "P-256 PKCS#8");
    pki.certificate("root", "below", "/CN=below", CA);
    let below = [pki.read("below.crt"), pki.read("root.crt")].concat();
    pki.write("below.crt", &below);
    for (present, before, is_refused) in [
        ("named", vec!["nameless"], true),
        ("nameless", vec!["named"], true),
        ("nameless", vec!["below"], true),
        ("below", vec!["named"], true),
        ("other", vec!["named", "nameless"], true),
        ("other", vec!["named"], false),
        ("other", vec!["nameless"], false),
        ("nameless", vec!["nameless"], false),
    ] {
        let mut following = issuer(&pki, present);
        let mut followed = Ok(());
        let mut all = vec![following.certificates_pem().to_owned()];
        for one in &before {
            followed = following.follow(&previous(&pki, one).unwrap());
            all.push(String::from_utf8(pki.read(&format!("{one}.crt"))).unwrap());
        }
        let expected = if is_refused {
            Err(IssuerProblem::Indistinguishable)
        } else {
            Ok(())
        };
        assert_eq!(followed, expected, "{present} after {before:?}");
        if is_refused {
            // With all of them OpenSSL refuses a certificate of one, in one order or the other.
            let orders = [all.concat(), all.iter().rev().cloned().collect()];
            let mut signers = [present].into_iter().chain(before.clone());
            let refused = signers.any(|signer| {
                let leaf = leaf(&issuer(&pki, signer));
                let mut orders = orders.iter();
                orders.any(|ca| {
                    let verdict = pki.verify(leaf.as_bytes(), ca.as_bytes(), "sslclient", now());
                    verdict.is_err()
                })
            });
            assert!(refused, "{present} after {before:?}");
        }
    }
}

#[test]
fn files_that_are_no_issuer_are_refused() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", CA);
    let old = pki.read("ca.crt");
    let make = |extensions: &str| {
        pki.root("made", "/CN=made", extensions);
        pki.read("made.crt")
    };
    pki.key("made", "P-256 PKCS#8");
    pki.key("leaf", "P-256 PKCS#8");
    pki.certificate("ca", "leaf", "/CN=leaf", "extendedKeyUsage = clientAuth");
    pki.certificate("ca", "made", "/CN=below", CA);
    let below = pki.read("made.crt");
    let stranger = make(CA);
    let ca_true = "basicConstraints = critical,CA:TRUE";
    let rows = [
        ("empty", Vec::new(), "NoCertificate"),
        ("a key", pki.read("ca.key"), "NoCertificate"),
        ("1 MiB of blanks", vec![b' '; 1 << 20], "NoCertificate"),
        ("half a PEM", old[..old.len() / 2].to_vec(), "Damaged"),
        ("a leaf", pki.read("leaf.crt"), "NotCa"),
        (
            "no CA",
            make("basicConstraints = critical,CA:FALSE"),
            "NotCa",
        ),
        (
            "no keyCertSign",
            make(&format!("{ca_true}; keyUsage = critical,cRLSign")),
            "NotForCertificates",
        ),
        (
            "for servers",
            make(&format!("{ca_true}; extendedKeyUsage = serverAuth")),
            "NotFor(Client)",
        ),
        (
            "name constraints",
            make(&format!(
                "{ca_true}; nameConstraints = permitted;DNS:west.example"
            )),
            "NameConstraints",
        ),
        (
            "an unknown critical extension",
            make(&format!("{ca_true}; 1.2.3.4 = critical,ASN1:NULL")),
            "UnknownExtension",
        ),
        ("an intermediate one alone", below.clone(), "NoRoot"),
        (
            "an intermediate one and another root",
            [below.clone(), stranger.clone()].concat(),
            "NoRoot",
        ),
        ("a good one", old.clone(), ""),
        (
            "a good one and a stranger",
            [old.clone(), stranger.clone()].concat(),
            "",
        ),
        (
            "1 MiB behind a good one",
            [old.clone(), vec![b'\n'; 1 << 20]].concat(),
            "",
        ),
        (
            "an intermediate one, a stranger, its root",
            [below, stranger, old].concat(),
            "",
        ),
    ];
    for (name, file, expected) in rows {
        match PreviousIssuer::load_below(&file, &[], now()) {
            Err(problem) => {
                let problem = format!("{problem:?}");
                assert!(!expected.is_empty(), "{name}: {problem}");
                assert!(problem.starts_with(expected), "{name}: {problem}");
            }
            Ok(previous) => {
                assert_eq!(expected, "", "{name}");
                pki.key("present", "P-256 PKCS#8");
                pki.root("present", "/CN=present", CA);
                let mut following = issuer(&pki, "present");
                following.follow(&Arc::new(previous)).unwrap();
                let subjects = pki.subjects(following.certificates_pem());
                assert!(
                    !subjects.contains("CN=made"),
                    "{name}: a stranger's CA is trusted"
                );
            }
        }
    }
}

#[test]
fn an_issuer_before_ends_by_itself_and_with_those_above_it() {
    let pki = Pki::empty();
    root(&pki, "new", "/CN=new", CA);
    for name in ["root", "below"] {
        pki.key(name, "P-256 PKCS#8");
    }
    pki.root_of("root", "/CN=root", CA, "-days 3", "utf8only");
    pki.certificate("root", "below", "/CN=below", CA);
    let below = pki.read("below.crt");
    let join = |root: &str| [below.clone(), pki.read(root)].concat();
    // A certificate that outlives the root: there was a longer one when it was made.
    pki.write("longer.key", &pki.read("root.key"));
    pki.root_of("longer", "/CN=root", CA, "-days 4000", "utf8only");
    pki.write("below.crt", &join("longer.crt"));
    let leaf = leaf(&issuer(&pki, "below"));
    pki.write("below.crt", &join("root.crt"));
    let before = previous(&pki, "below").unwrap();
    let mut following = issuer(&pki, "new");
    following.follow(&before).unwrap();
    let later = now() + TimeDelta::days(4);
    for (at, is_in_date) in [(now(), true), (later, false)] {
        assert_eq!(following.are_all_in_date(at), is_in_date);
        assert_eq!(before.is_in_date(at), is_in_date);
        assert!(following.is_in_date(at) && before.not_after() < later);
    }
    assert_eq!(recognize(&following, &leaf, now()), Ok(()));
    assert_eq!(
        recognize(&following, &leaf, later),
        Err(CertificateFlaw::Ended)
    );
    let ca = following.certificates_pem().as_bytes();
    for (at, is_verified) in [(now(), true), (later, false)] {
        let verdict = pki.verify(leaf.as_bytes(), ca, "sslclient", at);
        assert_eq!(verdict.is_ok(), is_verified, "{verdict:?}");
    }
    let file = pki.read("below.crt");
    let ended = PreviousIssuer::load_below(&file, &[], later).err();
    assert!(matches!(ended, Some(IssuerProblem::Expired { .. })));
}

#[test]
fn the_issuer_that_made_a_certificate_renews_it_before_one_that_follows_it() {
    let pki = Pki::empty();
    root(&pki, "new", "/CN=new", CA);
    root(&pki, "old", "/CN=old", CA);
    let mut following = issuer(&pki, "new");
    following.follow(&previous(&pki, "old").unwrap()).unwrap();
    let following = Arc::new(following);
    let old = Arc::new(issuer(&pki, "old"));
    let site = |issuers: &[(&str, &Arc<Issuer>)]| {
        let issuers = issuers.iter();
        let issuers = issuers.map(|(name, issuer)| ((*name).to_owned(), Arc::clone(issuer)));
        Arc::new(Site {
            name: "west".to_owned(),
            endpoints: Vec::new(),
            is_edge: false,
            default_issuer: "default".to_owned(),
            issuers: issuers.collect(),
        })
    };
    let one = |issuers| Sites::One(site(issuers));
    let two = Sites::OfNamespaces(
        [
            ("a".into(), site(&[("ca", &following)])),
            ("b".into(), site(&[("ca", &old)])),
        ]
        .into(),
    );
    for (name, sites, signer, expected) in [
        (
            "one issuer that follows",
            one(&[("default", &following)]),
            "old",
            &following,
        ),
        (
            "both",
            one(&[("default", &following), ("partners", &old)]),
            "old",
            &old,
        ),
        (
            "both, the new one",
            one(&[("a", &old), ("default", &following)]),
            "new",
            &following,
        ),
        ("two namespaces", two, "old", &old),
    ] {
        let leaf = leaf(&issuer(&pki, signer));
        let der = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
        let shown = ClientCertificate::read(&der).unwrap();
        let recognized = sites.recognize(&shown, now()).expect(name);
        assert!(Arc::ptr_eq(recognized.issuer, expected), "{name}");
    }
}
