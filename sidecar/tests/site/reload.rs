//! Sites on a disk, while their files change.

use std::fs;
use std::path::PathBuf;

use crate::namespace::{ACCESS, BOTH_ROLES, CERTIFICATE, LOCAL_YAML, SITE, SITE_YAML, access};
use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::site::reload::{Notice, Watch, renew};
use redemption_sidecar::site::source::{IssuerFault, Loaded, SiteProblem, SiteSource};
use sidecar_test_support::openssl::{CA, Pki, now};

const CONFIG: &str = "\
name: west
url: https://west.example:9090
issuers:
  default: {cert: ca.crt, key: ca.key}
  partners: {cert: partners.crt, key: partners.key}
  other: {cert: ca.crt, key: ca.key}
endpoints:
- {name: edge, host: west.example, port: 45671}
";

/// A folder with a configuration and its issuers.
struct Folder {
    pki: Pki,
}

impl Folder {
    fn new() -> Self {
        let pki = Pki::empty();
        for name in ["ca", "partners"] {
            pki.key(name, "P-256 PKCS#8");
            pki.root(name, &format!("/CN={name}"), CA);
        }
        pki.write("redemption.yaml", CONFIG.as_bytes());
        Self { pki }
    }

    fn source(&self, issuers: &[&str]) -> SiteSource {
        SiteSource::Config {
            file: self.pki.path("redemption.yaml"),
            issuers: issuers.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn load(&self, issuers: &[&str]) -> Loaded {
        self.source(issuers).load(now()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.pki.path(name)
    }
}

fn issuers(loaded: &Loaded) -> Vec<&str> {
    loaded.site.issuers.keys().map(String::as_str).collect()
}

/// The kind of each notice.
pub(crate) fn kinds(notices: &[Notice]) -> Vec<String> {
    let kinds = notices.iter().map(|notice| match notice {
        Notice::Changed(_) => "changed".to_owned(),
        Notice::Recovered => "recovered".to_owned(),
        Notice::SiteKept(_) => "site kept".to_owned(),
        Notice::IssuerKept(name, ..) => format!("{name} kept"),
        Notice::IssuerFailed(name, _) => format!("{name} failed"),
        Notice::PreviousKept(name, ..) => format!("before {name} kept"),
        Notice::PreviousUnused(name, _) => format!("before {name} unused"),
        Notice::Remark(_) => "remark".to_owned(),
    });
    kinds.collect()
}

#[test]
fn only_the_default_issuer_and_the_named_ones_are_loaded() {
    let folder = Folder::new();
    let cases = [
        ("none named", &[][..], vec!["default"], vec![]),
        (
            "one named",
            &["partners"],
            vec!["default", "partners"],
            vec![],
        ),
        (
            "one named twice",
            &["other", "other"],
            vec!["default", "other"],
            vec![],
        ),
        (
            "the default one named",
            &["default"],
            vec!["default"],
            vec![],
        ),
        (
            "one that is not there",
            &["nobody"],
            vec!["default"],
            vec!["nobody"],
        ),
    ];
    for (name, named, expected, failed) in cases {
        let loaded = folder.load(named);
        assert_eq!(issuers(&loaded), expected, "{name}");
        assert_eq!(loaded.failed.keys().collect::<Vec<_>>(), failed, "{name}");
        let site = &loaded.site;
        let chosen = site.issuer(None).map(|issuer| issuer.certificates_pem());
        assert_eq!(
            chosen,
            site.issuer(Some("default"))
                .map(|issuer| issuer.certificates_pem())
        );
        assert_eq!(
            site.issuer(Some("partners")).is_some(),
            named.contains(&"partners"),
            "{name}"
        );
    }
}

#[test]
fn an_issuer_that_cannot_be_used_leaves_a_site_that_is_not_ready() {
    let folder = Folder::new();
    fs::copy(folder.path("partners.key"), folder.path("ca.key")).unwrap();
    let loaded = folder.load(&["partners"]);
    assert!(!loaded.is_ready());
    assert_eq!(issuers(&loaded), ["partners"]);
    assert!(matches!(
        *loaded.failed["default"],
        IssuerFault::Unusable { .. }
    ));
    fs::remove_file(folder.path("ca.key")).unwrap();
    let loaded = folder.load(&[]);
    assert!(matches!(
        *loaded.failed["default"],
        IssuerFault::Unreadable(..)
    ));
}

/// The files at a time, and that time; the issuers that are used then, and the notices.
type Reload<'a> = (
    &'a str,
    Result<Loaded, SiteProblem>,
    DateTime<Utc>,
    Vec<&'a str>,
    Vec<&'a str>,
);

#[test]
fn a_reload_keeps_what_cannot_be_read_now() {
    let folder = Folder::new();
    let last = folder.load(&["partners"]);
    let mut with_url = last.clone();
    with_url.url = None;
    let broken = || {
        let other = Folder::new();
        fs::write(other.path("ca.key"), "half").unwrap();
        other.load(&["partners"])
    };
    let removed = || {
        let config = CONFIG.replace("partners:", "friends:");
        fs::write(folder.path("redemption.yaml"), config).unwrap();
        folder.load(&["partners"])
    };
    let vanished = || {
        let file = PathBuf::from("redemption.yaml");
        Err(SiteProblem::Unreadable(
            file,
            std::io::ErrorKind::NotFound.into(),
        ))
    };
    let end = last.site.issuers["default"].not_after();
    let second = TimeDelta::seconds(1);
    let both = vec!["default", "partners"];
    let cases: [Reload<'_>; 7] = [
        (
            "nothing changed",
            Ok(last.clone()),
            now(),
            both.clone(),
            vec![],
        ),
        (
            "another address",
            Ok(with_url),
            now(),
            both.clone(),
            vec!["changed"],
        ),
        (
            "the file is gone",
            vanished(),
            now(),
            both.clone(),
            vec!["site kept"],
        ),
        (
            "half a key",
            Ok(broken()),
            now(),
            both.clone(),
            vec!["changed", "default kept"],
        ),
        (
            "half a key, late",
            Ok(broken()),
            end,
            both,
            vec!["changed", "default kept"],
        ),
        (
            "half a key, after the end of the last issuer",
            Ok(broken()),
            end + second,
            vec!["partners"],
            vec!["changed", "default failed"],
        ),
        (
            "an issuer that is not configured any more",
            Ok(removed()),
            now(),
            vec!["default"],
            vec!["changed", "partners failed"],
        ),
    ];
    for (name, new, at, expected, said) in cases {
        let (used, notices) = renew(&last, new, at);
        assert_eq!(issuers(&used), expected, "{name}");
        assert_eq!(kinds(&notices), said, "{name}");
        assert!(
            notices
                .iter()
                .all(|notice| !notice.to_string().contains('\n')),
            "{name}"
        );
    }
}

#[test]
fn changed_files_are_read_once_they_rest() {
    let folder = Folder::new();
    let (mut watch, notices) = Watch::start(folder.source(&[]), now()).unwrap();
    assert!(notices.is_empty() && watch.current().is_ready());
    let first = watch.current().site.issuers["default"]
        .certificates_pem()
        .to_owned();
    let poll = |watch: &mut Watch| kinds(&watch.poll(now()));
    assert!(poll(&mut watch).is_empty());

    // A new pair arrives, the key later than the certificate.
    fs::copy(folder.path("partners.crt"), folder.path("ca.crt")).unwrap();
    assert!(poll(&mut watch).is_empty(), "it may still be written to");
    assert_eq!(poll(&mut watch), ["default kept"]);
    assert!(poll(&mut watch).is_empty(), "it was said");
    assert_eq!(
        watch.current().site.issuers["default"].certificates_pem(),
        first
    );
    fs::copy(folder.path("partners.key"), folder.path("ca.key")).unwrap();
    assert!(poll(&mut watch).is_empty(), "it may still be written to");
    assert_eq!(poll(&mut watch), ["changed", "recovered"]);
    assert_ne!(
        watch.current().site.issuers["default"].certificates_pem(),
        first
    );
    assert!(poll(&mut watch).is_empty());

    // The configuration vanishes, comes back as half of it, and then whole.
    fs::remove_file(folder.path("redemption.yaml")).unwrap();
    assert!(poll(&mut watch).is_empty());
    assert_eq!(poll(&mut watch), ["site kept"]);
    assert!(poll(&mut watch).is_empty(), "it was said");
    fs::write(folder.path("redemption.yaml"), &CONFIG[..60]).unwrap();
    assert!(poll(&mut watch).is_empty());
    assert_eq!(poll(&mut watch), ["site kept"], "for another reason");
    fs::write(
        folder.path("redemption.yaml"),
        CONFIG.replace("west.", "east."),
    )
    .unwrap();
    assert!(poll(&mut watch).is_empty());
    assert_eq!(poll(&mut watch), ["changed", "recovered"]);
    assert_eq!(
        watch.current().site.endpoints[0].host.to_string(),
        "east.example"
    );

    // A signal does not wait.
    fs::write(folder.path("redemption.yaml"), CONFIG).unwrap();
    assert_eq!(kinds(&watch.reload(now())), ["changed"]);
    assert!(poll(&mut watch).is_empty());
}

#[test]
fn a_change_between_the_first_look_and_the_first_poll_is_seen() {
    let folder = Folder::new();
    let (mut watch, _) = Watch::start(folder.source(&[]), now()).unwrap();
    fs::write(
        folder.path("redemption.yaml"),
        CONFIG.replace("west.", "east."),
    )
    .unwrap();
    assert!(watch.poll(now()).is_empty());
    assert_eq!(kinds(&watch.poll(now())), ["changed"]);
}

/// Extensions of a CA as Skupper makes it, more than one needs. Source: Skupper `internal/certs/certs.go`.
const SKUPPER_CA: &str = "basicConstraints = critical,CA:TRUE; \
    keyUsage = critical,digitalSignature,keyEncipherment,keyCertSign; \
    extendedKeyUsage = serverAuth,clientAuth; subjectKeyIdentifier = hash";

/// A namespace of Skupper on the disk: RSA keys in PKCS#1, the site's CA and another one.
pub(crate) fn namespace() -> Pki {
    let pki = Pki::empty();
    pki.key("ca", "RSA-2048 PKCS#1");
    pki.root("ca", "/CN=skupper-site-ca", SKUPPER_CA);
    pki.key("server", "P-256 PKCS#8");
    pki.certificate(
        "ca",
        "server",
        "/CN=router-access-west",
        "subjectAltName = DNS:west.example",
    );
    for issuer in ["skupper-site-ca", "partners"] {
        let folder = pki.path("runtime/issuers").join(issuer);
        fs::create_dir_all(&folder).unwrap();
        for (from, to) in [
            ("ca.crt", "tls.crt"),
            ("ca.crt", "ca.crt"),
            ("ca.key", "tls.key"),
        ] {
            fs::copy(pki.path(from), folder.join(to)).unwrap();
        }
    }
    write_state(&pki, BOTH_ROLES);
    pki
}

/// Writes what Skupper empties and writes anew when it reloads a site.
fn write_state(pki: &Pki, router_access: &str) {
    fs::create_dir_all(pki.path("runtime/resources")).unwrap();
    fs::create_dir_all(pki.path(CERTIFICATE).parent().unwrap()).unwrap();
    fs::copy(pki.path("server.crt"), pki.path(CERTIFICATE)).unwrap();
    pki.write(SITE, SITE_YAML.as_bytes());
    pki.write(
        "runtime/resources/RouterAccess-skupper-local.yaml",
        LOCAL_YAML.as_bytes(),
    );
    pki.write(ACCESS, &access("router-access-west", router_access));
}

fn namespace_source(pki: &Pki, issuers: &[&str]) -> SiteSource {
    SiteSource::SkupperNamespace {
        folder: pki.path(""),
        advertise_host: None,
        issuers: issuers.iter().map(|&name| name.to_owned()).collect(),
        previous: Vec::new(),
    }
}

#[test]
fn the_ca_above_the_issuer_of_a_namespace_may_lie_beside_it() {
    let pki = namespace();
    let beside = pki.path("runtime/issuers/skupper-site-ca");
    pki.key("root", "P-256 PKCS#8");
    pki.root("root", "/CN=root", "basicConstraints = critical,CA:TRUE");
    pki.certificate("root", "ca", "/CN=skupper-site-ca", SKUPPER_CA);
    fs::copy(pki.path("ca.crt"), beside.join("tls.crt")).unwrap();
    fs::remove_file(beside.join("ca.crt")).unwrap();
    let (mut watch, said) = Watch::start(namespace_source(&pki, &[]), now()).unwrap();
    let [said] = said.as_slice() else {
        panic!("{said:?}");
    };
    for part in [
        "tls.crt: the CA is an intermediate one",
        "into 'ca.crt' beside it",
        "found the certificate 'CN=skupper-site-ca', signed by 'CN=root', RSA with 2048 bits, until ",
    ] {
        assert!(said.to_string().contains(part), "{part}: {said}");
    }
    fs::copy(pki.path("root.crt"), beside.join("ca.crt")).unwrap();
    assert_eq!(watch.poll(now()).len() + watch.poll(now()).len(), 2);
    let chain = [pki.read("ca.crt"), pki.read("root.crt")].concat();
    let issuer = watch.current().site.issuer(None).unwrap();
    assert_eq!(issuer.certificates_pem().as_bytes(), chain);
}

#[test]
fn a_namespace_is_loaded_with_its_own_issuer_and_the_named_ones() {
    let pki = namespace();
    for (named, expected) in [
        (&[][..], vec!["skupper-site-ca"]),
        (&["partners"], vec!["partners", "skupper-site-ca"]),
        (&["nobody"], vec!["skupper-site-ca"]),
    ] {
        let loaded = namespace_source(&pki, named).load(now()).unwrap();
        assert_eq!(issuers(&loaded), expected);
        assert!(
            loaded.is_ready() && loaded.site.name == "west",
            "{:?}",
            loaded.failed
        );
        assert_eq!(loaded.site.links("token").len(), 1);
        assert_eq!(
            loaded.failed.contains_key("nobody"),
            named.contains(&"nobody")
        );
    }
}

#[test]
fn a_namespace_that_skupper_reloads_stays_as_it_was_meanwhile() {
    let pki = namespace();
    let (mut watch, notices) = Watch::start(namespace_source(&pki, &[]), now()).unwrap();
    let mut ports = |expected: [&str; 2]| {
        let said = [watch.poll(now()), watch.poll(now())]
            .map(|notices| kinds(&notices))
            .concat();
        assert_eq!(watch.current().site.endpoints.len(), 2);
        let port = watch.current().site.endpoints[0].port.to_string();
        assert_eq!([said.join(", "), port], expected);
    };
    assert!(notices.is_empty());
    ports(["", "55671"]);
    fs::remove_dir_all(pki.path("runtime/resources")).unwrap();
    ports(["site kept", "55671"]);
    fs::create_dir(pki.path("runtime/resources")).unwrap();
    fs::remove_dir_all(pki.path("runtime/certs")).unwrap();
    ports(["site kept", "55671"]);
    pki.write(SITE, SITE_YAML.as_bytes());
    pki.write(ACCESS, &access("router-access-west", BOTH_ROLES));
    ports(["site kept", "55671"]);
    write_state(&pki, &BOTH_ROLES.replace("55671", "55672"));
    ports(["changed, recovered", "55672"]);
    ports(["", "55672"]);
}

#[test]
fn an_issuer_that_has_ended_is_not_used_any_more() {
    let folder = Folder::new();
    let (mut watch, _) = Watch::start(folder.source(&[]), now()).unwrap();
    let end = watch.current().site.issuers["default"].not_after();
    assert!(watch.poll(end).is_empty());
    assert!(watch.current().is_ready());
    let late = end + TimeDelta::seconds(1);
    assert_eq!(kinds(&watch.poll(late)), ["changed", "default failed"]);
    assert!(!watch.current().is_ready());
}

#[test]
fn a_key_that_is_taken_away_is_used_for_a_minute_and_no_longer() {
    let folder = Folder::new();
    let first = folder.load(&[]);
    fs::remove_file(folder.path("ca.key")).unwrap();
    let at = |last: &Loaded, seconds| {
        let now = now() + TimeDelta::seconds(seconds);
        renew(last, folder.source(&[]).load(now), now)
    };
    let (kept, notices) = at(&first, 0);
    assert_eq!(kinds(&notices), ["default kept"]);
    let (kept, _) = at(&kept, 50);
    assert_eq!(issuers(&kept), ["default"]);
    let (dropped, notices) = at(&kept, 61);
    assert_eq!(kinds(&notices), ["changed", "default failed"]);
    assert!(issuers(&dropped).is_empty());
}

#[test]
fn a_pair_that_is_whole_and_refused_replaces_the_last_one_at_once() {
    let folder = Folder::new();
    let first = folder.load(&[]);
    folder
        .pki
        .root("ca", "/CN=ca", "basicConstraints = critical,CA:FALSE");
    let now = now();
    let (dropped, notices) = renew(&first, folder.source(&[]).load(now), now);
    assert_eq!(kinds(&notices), ["changed", "default failed"]);
    assert!(issuers(&dropped).is_empty());
}
