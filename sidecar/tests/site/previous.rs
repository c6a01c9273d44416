//! The issuers that an issuer has followed, of a `redemption.yaml` and of a Skupper namespace, while their
//! files change.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::site::reload::{Notice, Watch, renew};
use redemption_sidecar::site::source::{Loaded, SiteSource};
use sidecar_test_support::openssl::{CA, Pki, now};

use crate::reload::{kinds, namespace};

/// A site with the issuer before it, in one of the two forms.
struct Place {
    pki: Pki,
    source: SiteSource,
    issuer: &'static str,
    /// The certificate of the issuer before.
    file: PathBuf,
}

impl Place {
    fn of_config() -> Self {
        let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", CA);
        pki.write(
            "redemption.yaml",
            b"name: west\nissuers:\n  default: {cert: ca.crt, key: ca.key, previous: [old/tls.crt]}\n\
              endpoints:\n- {name: edge, host: west.example, port: 45671}\n",
        );
        let source = SiteSource::Config {
            file: pki.path("redemption.yaml"),
            issuers: Vec::new(),
        };
        Self::with_previous(pki, source, "default", "old/tls.crt")
    }

    fn of_namespace() -> Self {
        let pki = namespace();
        let source = SiteSource::SkupperNamespace {
            folder: pki.path(""),
            advertise_host: None,
            issuers: Vec::new(),
            previous: vec!["old".to_owned()],
        };
        let file = "runtime/issuers/old/tls.crt";
        Self::with_previous(pki, source, "skupper-site-ca", file)
    }

    fn with_previous(pki: Pki, source: SiteSource, issuer: &'static str, file: &str) -> Self {
        let file = pki.path(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        for name in ["old", "root", "below"] {
            pki.key(name, "P-256 PKCS#8");
        }
        pki.root_of("old", "/CN=old", CA, "-days 3", "utf8only");
        pki.root("root", "/CN=root", CA);
        pki.certificate("root", "below", "/CN=below", CA);
        fs::copy(pki.path("old.crt"), &file).unwrap();
        Self {
            pki,
            source,
            issuer,
            file,
        }
    }

    /// Puts another file in the place of the certificate.
    fn put(&self, name: &str) {
        fs::copy(self.pki.path(name), &self.file).unwrap();
    }

    /// The subjects of the certificates in answers, but for that of the issuer itself.
    fn before(&self, loaded: &Loaded) -> String {
        let issuer = loaded.site.issuer(None).unwrap();
        let own = issuer.alone();
        let rest = issuer
            .certificates_pem()
            .strip_prefix(own.certificates_pem());
        let subjects = self.pki.subjects(rest.unwrap());
        let subjects = subjects
            .lines()
            .filter_map(|line| line.strip_prefix("subject="));
        subjects.collect::<Vec<_>>().join(" ")
    }
}

fn places() -> [(&'static str, Place); 2] {
    [
        ("redemption.yaml", Place::of_config()),
        ("a Skupper namespace", Place::of_namespace()),
    ]
}

fn text(notices: &[Notice]) -> String {
    notices.iter().map(ToString::to_string).collect()
}

#[test]
fn an_issuer_before_that_cannot_be_used_is_said_and_keeps_nobody_from_the_site() {
    type Change = fn(&Place);
    let rows: [(&str, Change, &str, &str); 8] = [
        ("as it is", |_| {}, "CN=old", ""),
        (
            "gone",
            |place| fs::remove_file(&place.file).unwrap(),
            "",
            "tls.crt",
        ),
        (
            "half",
            |place| fs::write(&place.file, "-----BEGIN CERT").unwrap(),
            "",
            "not written to its end",
        ),
        ("a key", |place| place.put("old.key"), "", "no certificate"),
        (
            "1 MiB",
            |place| fs::write(&place.file, vec![b'\n'; 1 << 20]).unwrap(),
            "",
            "KiB",
        ),
        (
            "an intermediate one alone",
            |place| place.put("below.crt"),
            "",
            "up to the root",
        ),
        (
            "an intermediate one, its root beside it",
            |place| {
                let beside = place.file.with_file_name("ca.crt");
                place.put("below.crt");
                fs::copy(place.pki.path("root.crt"), beside).unwrap();
            },
            "CN=below CN=root",
            "",
        ),
        (
            "the issuer itself",
            |place| {
                let own = match place.issuer {
                    "default" => "ca.crt",
                    _ => "runtime/issuers/skupper-site-ca/tls.crt",
                };
                place.put(own);
            },
            "",
            "",
        ),
    ];
    for (name, change, before, said) in rows {
        for (form, place) in places() {
            change(&place);
            let (watch, notices) = Watch::start(place.source.clone(), now()).unwrap();
            let loaded = watch.current();
            assert!(
                loaded.is_ready() && loaded.failed.is_empty(),
                "{name}, {form}"
            );
            assert_eq!(place.before(loaded), before, "{name}, {form}");
            let notices = text(&notices);
            assert_eq!(
                notices.is_empty(),
                said.is_empty(),
                "{name}, {form}: {notices}"
            );
            assert!(notices.contains(said), "{name}, {form}: {notices}");
            let opening = format!("an issuer before '{}' is passed over", place.issuer);
            assert!(
                said.is_empty() || notices.starts_with(&opening),
                "{notices}"
            );
        }
    }
}

#[test]
fn an_issuer_before_is_followed_kept_while_it_is_replaced_and_drops_out_at_its_end() {
    for (form, place) in places() {
        let (mut watch, said) = Watch::start(place.source.clone(), now()).unwrap();
        assert!(said.is_empty(), "{form}");
        let poll = |watch: &mut Watch, at: DateTime<Utc>| {
            let notices = [watch.poll(at), watch.poll(at)].concat();
            (kinds(&notices).join(", "), place.before(watch.current()))
        };
        let kept = format!("before {} kept", place.issuer);
        let unused = format!("before {} unused", place.issuer);
        let expect = |said: &str, before: &str| (said.to_owned(), before.to_owned());
        assert_eq!(poll(&mut watch, now()), expect("", "CN=old"), "{form}");

        let whole = fs::read(&place.file).unwrap();
        fs::write(&place.file, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(poll(&mut watch, now()), expect(&kept, "CN=old"), "{form}");
        assert_eq!(poll(&mut watch, now()), expect("", "CN=old"), "{form}");
        fs::write(&place.file, &whole).unwrap();
        assert_eq!(
            poll(&mut watch, now()),
            expect("recovered", "CN=old"),
            "{form}"
        );

        // Taken away, it stays for a minute.
        fs::remove_file(&place.file).unwrap();
        assert_eq!(poll(&mut watch, now()), expect(&kept, "CN=old"), "{form}");
        let later = now() + TimeDelta::seconds(62);
        let gone = expect(&format!("changed, {unused}, recovered"), "");
        assert_eq!(poll(&mut watch, later), gone, "{form}");
        fs::write(&place.file, &whole).unwrap();
        assert_eq!(
            poll(&mut watch, now()),
            expect("changed", "CN=old"),
            "{form}"
        );

        let ended = now() + TimeDelta::days(4);
        let gone = expect(&format!("changed, {unused}"), "");
        assert_eq!(poll(&mut watch, ended), gone, "{form}");
        assert_eq!(poll(&mut watch, ended), expect("", ""), "{form}");
        // The clock was wrong.
        assert_eq!(
            poll(&mut watch, now()),
            expect("changed", "CN=old"),
            "{form}"
        );
    }
}

#[test]
fn an_issuer_that_is_kept_goes_on_following_the_ones_before_it() {
    for (form, place) in places() {
        let last = place.source.load(now()).unwrap();
        let key = match place.issuer {
            "default" => "ca.key",
            _ => "runtime/issuers/skupper-site-ca/tls.key",
        };
        fs::write(place.pki.path(key), "half").unwrap();
        let (used, notices) = renew(&last, place.source.load(now()), now());
        assert_eq!(
            kinds(&notices),
            [format!("{} kept", place.issuer)],
            "{form}"
        );
        assert_eq!(place.before(&used), "CN=old", "{form}");
    }
}

#[test]
fn only_issuers_that_are_used_have_others_before_them() {
    let place = Place::of_config();
    let config = fs::read_to_string(place.pki.path("redemption.yaml")).unwrap();
    let partners =
        "issuers:\n  partners: {cert: ca.crt, key: ca.key, previous: [old.crt, root.crt]}";
    let config = config.replace("issuers:", partners);
    place.pki.write("redemption.yaml", config.as_bytes());
    for (named, count) in [(vec![], 1), (vec!["partners".to_owned()], 3)] {
        let SiteSource::Config { file, .. } = &place.source else {
            continue;
        };
        let source = SiteSource::Config {
            file: file.clone(),
            issuers: named.clone(),
        };
        let loaded = source.load(now()).unwrap();
        assert_eq!(loaded.previous.len(), count, "{named:?}");
        assert_eq!(place.before(&loaded), "CN=old", "{named:?}");
        assert!(
            loaded.site.issuer(Some("old")).is_none(),
            "grants do not name it"
        );
    }
}
