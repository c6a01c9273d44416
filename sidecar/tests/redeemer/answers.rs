//! What an answer may be: every other one is refused as a whole.

use chrono::TimeDelta;
use proptest::prelude::*;
use redemption_sidecar::pki::issuer::LeafRequest;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redeemer::{Answer, AnswerProblem, CredentialProblem, Validity};
use redemption_sidecar::redemption::{KeyOrigin, Serial};
use redemption_sidecar::wire::objects::Role;

use crate::partner::{
    Certificates, SKUPPER_LEAF, issuer, secret_without_key, skupper_link, skupper_objects,
    skupper_secret,
};
use sidecar_test_support::openssl::{CA, now};

/// What Skupper answers, and the parts of it.
struct Skupper {
    secret: String,
    link: String,
    own_key: PrivateKey,
}

impl Skupper {
    fn new() -> Self {
        let certificates = Certificates::of_the_tests();
        let (client, ca) = (&certificates.client, &certificates.site_ca);
        Self {
            secret: skupper_secret("west", &ca.certificate, &client.certificate, &client.key),
            link: skupper_link("west", "west"),
            own_key: PrivateKey::generate(KeyKind::P256),
        }
    }

    fn read(&self, text: &str) -> Result<Answer, AnswerProblem> {
        Answer::read(text.as_bytes(), "west", self.own_key.spki(), now())
    }

    fn problem(&self, text: &str) -> Option<AnswerProblem> {
        self.read(text).err()
    }
}

#[test]
fn what_skupper_writes_is_read() {
    let skupper = Skupper::new();
    let (secret, link) = (&skupper.secret, &skupper.link);
    let several = |count: usize| {
        let link = |number| skupper_link(&format!("west-{number}"), "west");
        (1..=count).rev().map(link).collect::<String>()
    };
    let table = [
        ("as it is", format!("{secret}{link}"), 1),
        ("the Link first", format!("{link}{secret}"), 1),
        (
            "two Links, in any order",
            format!("{secret}{}", several(2)),
            2,
        ),
        (
            "as many as there may be",
            format!("{secret}{}", several(99)),
            99,
        ),
        (
            "separators around it",
            format!("---\n{secret}{link}---\n"),
            1,
        ),
        ("an end", format!("{secret}{link}...\n"), 1),
        (
            "a port that is a number",
            format!("{secret}{}", link.replace("\"45671\"", "45671")),
            1,
        ),
        (
            "no groups",
            format!(
                "{secret}{}",
                link.replace("- group: skupper-router\n    host", "- host")
            ),
            1,
        ),
        (
            "Windows line ends",
            format!("{secret}{link}").replace('\n', "\r\n"),
            1,
        ),
    ];
    for (name, text, links) in table {
        let answer = skupper
            .read(&text)
            .unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(answer.links.len(), links, "{name}");
        assert_eq!(answer.credential.key_made_by, KeyOrigin::Service, "{name}");
        let endpoints = &answer.links[0].endpoints;
        let roles: Vec<_> = endpoints.iter().map(|endpoint| endpoint.role).collect();
        assert_eq!(roles, [Role::Edge, Role::InterRouter], "{name}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn an_answer_that_is_not_as_skupper_writes_it_is_refused() {
    let skupper = Skupper::new();
    let (secret, link) = (skupper.secret.as_str(), skupper.link.as_str());
    let other = Some(AnswerProblem::OtherObjects);
    let changed = |from: &str, to: &str| {
        assert!(secret.contains(from) || link.contains(from), "{from}");
        format!("{}{}", secret.replace(from, to), link.replace(from, to))
    };
    let config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: west}\ndata: {}\n";
    let links: String = (1..=100)
        .map(|n| skupper_link(&format!("west-{n}"), "west"))
        .collect();
    let name = |link: &str| format!("{secret}{}", skupper_link(link, "west"));
    let table: &[(&str, String, Option<AnswerProblem>)] = &[
        ("nothing", String::new(), Some(AnswerProblem::NoLink)),
        ("no YAML", "No such claim: [\n".to_owned(), other),
        ("no objects", "No such claim\n".to_owned(), other),
        ("no Link", secret.to_owned(), Some(AnswerProblem::NoLink)),
        ("no Secret", link.to_owned(), Some(AnswerProblem::Secrets)),
        (
            "two Secrets",
            format!("{secret}{secret}{link}"),
            Some(AnswerProblem::Secrets),
        ),
        (
            "two Links of a name",
            format!("{secret}{link}{link}"),
            Some(AnswerProblem::OtherName),
        ),
        (
            "100 Links",
            format!("{secret}{links}"),
            Some(AnswerProblem::ManyLinks),
        ),
        ("another kind", format!("{secret}{link}{config}"), other),
        (
            "another kind in front",
            format!("{config}{secret}{link}"),
            other,
        ),
        ("a list", format!("{secret}{link}---\n- a\n"), other),
        ("another version", changed("v2alpha1", "v1alpha1"), other),
        (
            "another type",
            changed("kubernetes.io/tls", "Opaque"),
            other,
        ),
        ("no type", changed("type: kubernetes.io/tls\n", ""), other),
        (
            "no data",
            "---\napiVersion: v1\nkind: Secret\nmetadata: {name: west}\ntype: \
          kubernetes.io/tls\n"
                .to_owned()
                + link,
            other,
        ),
        ("no CA", changed("  ca.crt: ", "  ca.cert: "), other),
        (
            "a fourth entry",
            changed("data:\n", "data:\n  other: YQ==\n"),
            other,
        ),
        (
            "an entry that is not base64",
            changed("  ca.crt: ", "  ca.crt: _"),
            other,
        ),
        (
            "an entry twice",
            changed("data:\n", "data:\n  ca.crt: YQ==\n"),
            other,
        ),
        (
            "a namespace",
            changed("  name: west\n", "  name: west\n  namespace: a\n"),
            other,
        ),
        ("no name", changed("  name: west\n", ""), other),
        (
            "no credentials",
            changed("  tlsCredentials: west\n", ""),
            other,
        ),
        (
            "no endpoints",
            format!(
                "{secret}---\napiVersion: skupper.io/v2alpha1\nkind: Link\n\
          metadata: {{name: west}}\nspec: {{endpoints: [], tlsCredentials: west}}\n"
            ),
            other,
        ),
        (
            "another endpoint",
            changed("name: edge", "name: claims"),
            other,
        ),
        (
            "a host with a path",
            changed("host: 10.0.0.1", "host: a.example/b"),
            other,
        ),
        (
            "a host with a port",
            changed("host: 10.0.0.1", "host: a.example:1"),
            other,
        ),
        (
            "a short address",
            changed("host: 10.0.0.1", "host: 10.1"),
            other,
        ),
        (
            "an empty host",
            changed("host: 10.0.0.1", "host: \"\""),
            other,
        ),
        ("port 0", changed("45671", "0"), other),
        ("port 65536", changed("45671", "65536"), other),
        ("a port with a sign", changed("45671", "+45671"), other),
        ("an empty port", changed("45671", ""), other),
        (
            "another name",
            changed("name: west", "name: east"),
            Some(AnswerProblem::OtherName),
        ),
        (
            "another name of the Secret",
            secret.replace("name: west", "name: east") + link,
            Some(AnswerProblem::OtherName),
        ),
        (
            "other credentials",
            changed("tlsCredentials: west", "tlsCredentials: east"),
            Some(AnswerProblem::OtherName),
        ),
        (
            "a number behind a lone Link",
            name("west-1"),
            Some(AnswerProblem::OtherName),
        ),
        (
            "a folder above",
            name("../west"),
            Some(AnswerProblem::OtherName),
        ),
        ("a path", name("/etc/west"), Some(AnswerProblem::OtherName)),
        ("a NUL", name("\"west\\0\""), Some(AnswerProblem::OtherName)),
        (
            "a gap between the numbers",
            format!(
                "{secret}{}{}",
                skupper_link("west-1", "west"),
                skupper_link("west-3", "west")
            ),
            Some(AnswerProblem::OtherName),
        ),
        (
            "numbers from 0",
            format!(
                "{secret}{}{}",
                skupper_link("west-0", "west"),
                skupper_link("west-1", "west")
            ),
            Some(AnswerProblem::OtherName),
        ),
        (
            "an anchor",
            changed("kind: Secret", "kind: &a Secret"),
            other,
        ),
        (
            "an alias",
            changed("group: skupper-router", "group: &a b").replacen("&a b", "*a", 2),
            other,
        ),
        (
            "a merge key",
            changed("metadata:\n", "<<: {}\nmetadata:\n"),
            other,
        ),
        (
            "a tag",
            changed("kind: Secret", "kind: !other Secret"),
            other,
        ),
    ];
    let wrong: Vec<_> = table
        .iter()
        .map(|(name, text, expected)| (*name, skupper.problem(text), *expected))
        .filter(|(_, problem, expected)| problem != expected)
        .collect();
    assert_eq!(wrong, []);
}

#[test]
fn a_field_that_is_not_used_is_left_out_and_named() {
    let skupper = Skupper::new();
    let (secret, link) = (skupper.secret.as_str(), skupper.link.as_str());
    let metadata = |more: &str| {
        let more = format!("  name: west\n  {more}\n");
        let [secret, link] = [secret, link].map(|text| text.replace("  name: west\n", &more));
        format!("{secret}{link}")
    };
    let in_secret = |more: &str| format!("{}{link}", secret.replace("\ndata:\n", more));
    let in_link = |from: &str, more: &str| format!("{secret}{}", link.replacen(from, more, 1));
    let both = |field: &str| {
        vec![
            format!("Link metadata.{field}"),
            format!("Secret metadata.{field}"),
        ]
    };
    let one = |field: &str| vec![field.to_owned()];
    let canary = "canary-s3cr3t".repeat(3);
    let table = [
        ("labels", metadata("labels: {a: b}"), both("labels")),
        ("empty labels", metadata("labels: {}"), vec![]),
        ("no namespace", metadata("namespace: \"\""), vec![]),
        (
            "annotations",
            metadata("annotations: {a: b}"),
            both("annotations"),
        ),
        (
            "the URL that a redeemer notes",
            metadata("annotations: {redemption-sidecar/redeemed-from: https://a.example/b}"),
            both("annotations"),
        ),
        (
            "a finalizer",
            metadata("finalizers: [a]"),
            both("finalizers"),
        ),
        (
            "an owner",
            metadata("ownerReferences: [{name: a}]"),
            both("ownerReferences"),
        ),
        (
            "a version",
            metadata("resourceVersion: \"1\""),
            both("resourceVersion"),
        ),
        (
            "an age",
            metadata("age: \"2026-07-01T00:00:00Z\""),
            both("age"),
        ),
        (
            "entries in another form",
            in_secret("\nstringData: {a: b}\ndata:\n"),
            one("Secret stringData"),
        ),
        (
            "what is immutable",
            in_secret("\nimmutable: true\ndata:\n"),
            one("Secret immutable"),
        ),
        (
            "a cost",
            in_link("spec:\n", "spec:\n  cost: 1\n"),
            one("Link spec.cost"),
        ),
        (
            "settings",
            in_link("spec:\n", "spec:\n  settings: {a: b}\n"),
            one("Link spec.settings"),
        ),
        (
            "a status",
            in_link("status: {}", "status: {status: OK}"),
            one("Link status"),
        ),
        (
            "a field of an endpoint",
            in_link("    name: edge", "    path: /\n    name: edge"),
            one("Link spec.endpoints.path"),
        ),
        (
            "a name that is none",
            in_link("spec:\n", &format!("spec:\n  \"{canary}\": 1\n")),
            one("Link spec.(another field)"),
        ),
    ];
    for (name, text, left_out) in table {
        let answer = skupper.read(&text);
        let answer = answer.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(answer.left_out, left_out, "{name}");
        assert_eq!(answer.links[0].cost, None, "{name}");
        let written = format!("{}{}", *answer.secret.to_yaml(), answer.links[0].to_yaml());
        let plain = skupper.read(&format!("{secret}{link}")).ok().unwrap();
        let expected = format!("{}{}", *plain.secret.to_yaml(), plain.links[0].to_yaml());
        assert!(written == expected, "{name}");
    }
}

#[test]
fn what_grows_while_it_is_read_is_refused_at_once() {
    let skupper = Skupper::new();
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        let line = format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(","));
        bomb.push_str(&line);
    }
    let table = [
        ("an alias bomb", bomb),
        ("brackets", "[".repeat(1_000_000)),
        ("block sequences", "- ".repeat(500_000)),
        ("documents", "---\na: b\n".repeat(100_000)),
        ("empty documents", "---\n".repeat(250_000)),
        ("keys", "a: b\n".repeat(200_000)),
        ("a long text", "a".repeat(1_048_576)),
        ("quotes", "\"".repeat(1_000_000)),
        ("blanks", " ".repeat(1_048_576)),
        ("comments", "# a\n".repeat(250_000)),
        ("not UTF-8", "\u{0}".repeat(1_000_000)),
    ];
    for (name, text) in table {
        let start = std::time::Instant::now();
        assert!(skupper.read(&text).is_err(), "{name}");
        assert!(
            start.elapsed().as_secs() < 10,
            "{name}: {:?}",
            start.elapsed()
        );
    }
    assert_eq!(
        Answer::read(b"\xff", "west", &[], now()).err(),
        Some(AnswerProblem::OtherObjects)
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_certificate_is_for_a_key_that_is_there_and_from_a_ca_that_is_there() {
    let certificates = Certificates::of_the_tests();
    let skupper = Skupper::new();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    let other_ca = certificates.make("other-ca", |pki| {
        pki.key("other-ca", "P-256 PKCS#8");
        pki.root("other-ca", "/CN=skupper-site-ca", CA);
    });
    let signed = |name: &str, ca: &str, extensions: &str| {
        certificates.make(name, |pki| {
            pki.key(name, "P-256 PKCS#8");
            pki.certificate(ca, name, "/CN=west", extensions);
        })
    };
    let for_servers = signed("for-servers", "site-ca", "extendedKeyUsage = serverAuth");
    let other_client = signed("other-client", "other-ca", SKUPPER_LEAF);
    let no_ca = certificates.make("no-ca", |pki| {
        pki.key("no-ca", "P-256 PKCS#8");
        pki.root("no-ca", "/CN=no CA", "basicConstraints = critical,CA:FALSE");
    });
    let by_no_ca = signed("by-no-ca", "no-ca", SKUPPER_LEAF);
    let server_ca = certificates.make("for-servers-ca", |pki| {
        let extensions = format!("{CA}; extendedKeyUsage = serverAuth");
        pki.key("for-servers-ca", "P-256 PKCS#8");
        pki.root("for-servers-ca", "/CN=CA for servers", &extensions);
    });
    let by_server_ca = signed("by-for-servers-ca", "for-servers-ca", SKUPPER_LEAF);
    let two = format!("{}{}", client.certificate, ca.certificate);
    let many = format!(
        "{}{}{}",
        other_ca.certificate, no_ca.certificate, ca.certificate
    );
    let garbled = client
        .key
        .replace(|letter: char| letter.is_ascii_digit(), "A");

    let other_key = Err(CredentialProblem::OtherKey);
    let not_issued = Err(CredentialProblem::NotIssued);
    let no_certificate = Err(CredentialProblem::Certificate);
    let table = [
        (
            "as it is",
            &ca.certificate,
            &client.certificate,
            &client.key,
            Ok(()),
        ),
        (
            "its CA among others",
            &many,
            &client.certificate,
            &client.key,
            Ok(()),
        ),
        (
            "a copied certificate",
            &ca.certificate,
            &client.certificate,
            &other_client.key,
            other_key,
        ),
        (
            "a garbled key",
            &ca.certificate,
            &client.certificate,
            &garbled,
            other_key,
        ),
        (
            "no key",
            &ca.certificate,
            &client.certificate,
            &client.certificate,
            other_key,
        ),
        (
            "another CA",
            &other_ca.certificate,
            &client.certificate,
            &client.key,
            not_issued,
        ),
        (
            "from another CA",
            &ca.certificate,
            &other_client.certificate,
            &other_client.key,
            not_issued,
        ),
        (
            "for servers",
            &ca.certificate,
            &for_servers.certificate,
            &for_servers.key,
            not_issued,
        ),
        (
            "itself",
            &client.certificate,
            &client.certificate,
            &client.key,
            not_issued,
        ),
        (
            "no CA",
            &no_ca.certificate,
            &by_no_ca.certificate,
            &by_no_ca.key,
            not_issued,
        ),
        (
            "a CA for servers",
            &server_ca.certificate,
            &by_server_ca.certificate,
            &by_server_ca.key,
            not_issued,
        ),
        (
            "two certificates",
            &ca.certificate,
            &two,
            &client.key,
            no_certificate,
        ),
        (
            "no certificate",
            &ca.certificate,
            &client.key,
            &client.key,
            no_certificate,
        ),
        (
            "a key for a CA",
            &client.key,
            &client.certificate,
            &client.key,
            Err(CredentialProblem::Ca),
        ),
    ];
    for (name, ca, certificate, key, expected) in table {
        let problem = skupper.problem(&skupper_objects("west", ca, certificate, key));
        assert_eq!(
            problem,
            expected.err().map(AnswerProblem::Credential),
            "{name}"
        );
    }
}

#[test]
fn an_answer_for_ones_own_key_has_no_key() {
    let certificates = Certificates::of_the_tests();
    let skupper = Skupper::new();
    let ca = &certificates.site_ca;
    let issuer = issuer(ca);
    let at = now();
    let certify = |key: &PrivateKey| {
        let leaf = LeafRequest {
            spki: key.spki(),
            subject: "west",
            serial: Serial::from_bytes([1; 16]),
            at,
            duration: Some(TimeDelta::hours(1)),
            grant: None,
        };
        issuer.certify(&leaf, at).unwrap().pem
    };
    let other = PrivateKey::generate(KeyKind::P256);
    let own = certify(&skupper.own_key);
    let link = &skupper.link;
    let without = |certificate: &str| {
        format!(
            "{}{link}",
            secret_without_key("west", &ca.certificate, certificate)
        )
    };
    let answer = skupper.read(&without(&own)).ok().unwrap();
    assert_eq!(answer.credential.key_made_by, KeyOrigin::Redeemer);
    assert_eq!(answer.credential.not_after, at + TimeDelta::hours(1));
    assert!(answer.secret.tls_key.is_none());

    let needless = skupper_objects("west", &ca.certificate, &own, &certificates.client.key);
    let table = [
        (
            "another key",
            without(&certify(&other)),
            CredentialProblem::OtherKey,
        ),
        ("a key beside it", needless, CredentialProblem::NeedlessKey),
    ];
    for (name, text, expected) in table {
        assert_eq!(
            skupper.problem(&text),
            Some(AnswerProblem::Credential(expected)),
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_damage_to_an_answer_panics_or_changes_a_name(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let skupper = Skupper::new();
        let mut bytes = format!("{}{}", skupper.secret, skupper.link).into_bytes();
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        let (short, _) = bytes.split_at(cut.index(bytes.len()));
        for bytes in [&bytes, short] {
            if let Ok(answer) = Answer::read(bytes, "west", skupper.own_key.spki(), now()) {
                prop_assert_eq!(answer.secret.name, "west");
                prop_assert!(answer.links.iter().all(|link| link.name == "west"));
            }
        }
    }
}

#[test]
fn a_certificate_says_when_it_is_valid_and_a_clock_may_be_a_little_behind() {
    let certificates = Certificates::of_the_tests();
    let skupper = Skupper::new();
    let issuer = issuer(&certificates.site_ca);
    let at = now();
    let leaf = LeafRequest {
        spki: skupper.own_key.spki(),
        subject: "west",
        serial: Serial::from_bytes([1; 16]),
        at,
        duration: Some(TimeDelta::hours(1)),
        grant: None,
    };
    let certified = issuer.certify(&leaf, at).unwrap();
    let ca = &certificates.site_ca.certificate;
    let secret = secret_without_key("west", ca, &certified.pem);
    let text = format!("{secret}{}", skupper.link);
    let validity = |now| {
        let read = Answer::read(text.as_bytes(), "west", skupper.own_key.spki(), now);
        read.ok().unwrap().credential.validity
    };
    let end = at + TimeDelta::hours(1);
    let Validity::NotYet(begin) = validity(at - TimeDelta::days(1)) else {
        panic!("a day before");
    };
    let second = TimeDelta::seconds(1);
    let skew = TimeDelta::minutes(5);
    let table = [
        (
            "a year early",
            begin - TimeDelta::days(365),
            Validity::NotYet(begin),
        ),
        (
            "more than the skew",
            begin - skew - second,
            Validity::NotYet(begin),
        ),
        ("the skew", begin - skew, Validity::Valid),
        ("now", at, Validity::Valid),
        ("the last second", end, Validity::Valid),
        ("a second later", end + second, Validity::Ended(end)),
        (
            "a hundred years later",
            at + TimeDelta::days(36500),
            Validity::Ended(end),
        ),
    ];
    for (name, now, expected) in table {
        assert_eq!(validity(now), expected, "{name}");
    }
}
