//! Every kind of CA that a site may have, and the leaves that it makes: each is verified by OpenSSL
//! and by webpki.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use redemption_sidecar::pki::issuer::{
    Issuer, IssuerProblem, LONGEST_LIFE, Leaf, LeafRequest, found, new_site_ca, verify_client_leaf,
};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::{GrantUid, KeyDigest, Serial};
use secrecy::ExposeSecret as _;
use x509_cert::Certificate;
use x509_cert::der::asn1::{Ia5StringRef, Utf8StringRef};
use x509_cert::der::oid::db::rfc4519::{CN, OU};
use x509_cert::der::oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use x509_cert::der::{Decode as _, DecodePem as _, Encode as _};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};

use sidecar_test_support::openssl::{CA, Pki, now};

fn load(pki: &Pki, name: &str, now: DateTime<Utc>) -> Result<Issuer, IssuerProblem> {
    let certificate = pki.read(&format!("{name}.crt"));
    Issuer::load(&certificate, &pki.read(&format!("{name}.key")), now)
}

fn request(key: &PrivateKey, at: DateTime<Utc>) -> LeafRequest<'_> {
    LeafRequest {
        spki: key.spki(),
        subject: "west",
        serial: Serial::from_bytes([0x5a; 16]),
        at,
        duration: None,
        grant: None,
    }
}

/// A leaf that OpenSSL and webpki accept under what goes into the Secret as `ca.crt`.
fn verified_leaf(pki: &Pki, name: &str, now: DateTime<Utc>) -> (Issuer, Leaf) {
    let issuer = load(pki, name, now).unwrap();
    let key = PrivateKey::generate(KeyKind::P256);
    let leaf = issuer.certify(&request(&key, now), now).unwrap();
    let ca = issuer.certificates_pem().as_bytes();
    let verdict = pki.verify(leaf.pem.as_bytes(), ca, "sslclient -x509_strict", now);
    assert_eq!(verdict, Ok(()));
    pki.verify(leaf.pem.as_bytes(), ca, "sslserver", now)
        .expect_err("a leaf is for clients alone");
    pki.write("leaf.crt", leaf.pem.as_bytes());
    let verdict = verify_client_leaf(&pki.der("leaf.crt"), &pki.der(&format!("{name}.crt")), now);
    assert_eq!(verdict, Ok(()));
    (issuer, leaf)
}

#[test]
fn a_leaf_of_every_kind_of_issuer_verifies() {
    for kind in [
        "RSA-2048 PKCS#1",
        "RSA-2048 PKCS#8",
        "P-256 SEC1",
        "P-256 SEC1 with parameters",
        "P-256 PKCS#8",
        "P-384 SEC1",
        "P-384 PKCS#8",
    ] {
        println!("{kind}");
        let pki = Pki::with_ca(kind, "/CN=skupper-site-ca", CA);
        verified_leaf(&pki, "ca", now());
    }
}

#[test]
fn a_leaf_of_an_issuer_with_other_extensions_verifies() {
    for extensions in [
        "basicConstraints = critical,CA:TRUE; keyUsage = keyCertSign; subjectKeyIdentifier = hash",
        "basicConstraints = critical,CA:TRUE,pathlen:0; keyUsage = keyCertSign; \
         subjectKeyIdentifier = hash",
        "basicConstraints = critical,CA:TRUE; keyUsage = digitalSignature,keyCertSign; \
         extendedKeyUsage = serverAuth,clientAuth; subjectKeyIdentifier = hash",
        "basicConstraints = critical,CA:TRUE; keyUsage = keyCertSign; \
         certificatePolicies = critical,1.2.3.4; subjectKeyIdentifier = hash",
        "basicConstraints = critical,CA:TRUE; keyUsage = keyCertSign; 1.2.3.4 = ASN1:NULL; \
         subjectKeyIdentifier = hash",
    ] {
        println!("{extensions}");
        let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", extensions);
        verified_leaf(&pki, "ca", now());
    }
}

#[test]
fn a_leaf_of_an_issuer_without_key_usage_and_identifier_verifies() {
    let pki = Pki::with_ca(
        "P-256 PKCS#8",
        "/CN=site",
        "basicConstraints = CA:TRUE; subjectKeyIdentifier = none",
    );
    let issuer = load(&pki, "ca", now()).unwrap();
    let key = PrivateKey::generate(KeyKind::P256);
    let leaf = issuer.certify(&request(&key, now()), now()).unwrap();
    let ca = issuer.certificates_pem().as_bytes();
    let verdict = pki.verify(leaf.pem.as_bytes(), ca, "sslclient", now());
    assert_eq!(verdict, Ok(()));
}

#[test]
fn the_issuer_name_is_copied_byte_for_byte() {
    for (subject, strings) in [
        ("/DC=com/DC=example/CN=site", "utf8only"),
        ("/OU=a/OU=b/OU=a/O=x/CN=a/CN=b", "utf8only"),
        ("/CN=a+OU=b+serialNumber=1/O=c+O=d", "utf8only"),
        ("/CN=skupper-site-ca", "nombstr"),
        ("/O=Blå/CN=é", "utf8only"),
        ("/O=Blå/CN=é", "nombstr"),
        ("/O=Ключ/CN=é", "pkix"),
        ("/O=Ключ/CN=é", "MASK:256"),
        ("/CN=x/emailAddress=a@example.com", "utf8only"),
        ("/C=SE/CN=x/1.2.3.4=y", "utf8only"),
        ("/CN= x  y ", "utf8only"),
    ] {
        println!("{subject} {strings}");
        let pki = Pki::empty();
        pki.key("ca", "P-256 PKCS#8");
        pki.root_of("ca", subject, CA, "-days 3650", strings);
        assert_issuer_name(&pki);
    }
}

#[test]
fn a_name_whose_attributes_are_out_of_order_is_copied_as_it_is() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site+O=org", CA);
    let mut der = pki.der("ca.crt");
    let common_name = b"\x30\x0b\x06\x03\x55\x04\x03\x0c\x04site";
    let organization = b"\x30\x0a\x06\x03\x55\x04\x0a\x0c\x03org";
    let sorted = [&organization[..], common_name].concat();
    for _ in ["issuer", "subject"] {
        let at = der
            .windows(sorted.len())
            .position(|window| window == sorted);
        let at = at.unwrap();
        der[at..at + sorted.len()].copy_from_slice(&[&common_name[..], organization].concat());
    }
    pki.write("ca.der", &der);
    pki.openssl("x509 -inform DER -in ca.der -out ca.crt");
    assert_eq!(pki.der("ca.crt"), der);
    assert_issuer_name(&pki);
}

fn assert_issuer_name(pki: &Pki) {
    let (_, leaf) = verified_leaf(pki, "ca", now());
    pki.write("leaf.crt", leaf.pem.as_bytes());
    // webpki hands out the names as they stand in the certificate.
    let (leaf, ca) = (pki.der("leaf.crt").into(), pki.der("ca.crt").into());
    let leaf = webpki::EndEntityCert::try_from(&leaf).unwrap();
    let ca = webpki::EndEntityCert::try_from(&ca).unwrap();
    assert!(!ca.subject().is_empty());
    assert_eq!(leaf.issuer(), ca.subject());
}

#[test]
fn a_leaf_says_what_is_asked_for_and_nothing_else() {
    let pki = Pki::with_ca("RSA-2048 PKCS#1", "/CN=site", CA);
    let at = now();
    let key = PrivateKey::generate(KeyKind::Rsa2048);
    let issuer = load(&pki, "ca", at).unwrap();
    let serial = Serial::from_bytes([0, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    let request = LeafRequest {
        serial,
        subject: "west é",
        duration: Some(TimeDelta::hours(2)),
        ..request(&key, at)
    };
    let leaf = issuer.certify(&request, at).unwrap();
    assert_eq!(leaf.not_after, at + TimeDelta::hours(2));

    let leaf = Certificate::from_pem(&leaf.pem).unwrap();
    let signed = leaf.tbs_certificate();
    // The sign would be lost without the zero before 0x80.
    assert_eq!(signed.serial_number().as_bytes(), serial.as_bytes());
    assert_eq!(
        signed.subject_public_key_info().to_der().unwrap(),
        key.spki()
    );
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs().cast_signed();
    assert_eq!(seconds(signed.validity().not_before), at.timestamp() - 3600);
    assert_eq!(seconds(signed.validity().not_after), at.timestamp() + 7200);
    let texts: Vec<_> = signed
        .subject()
        .iter()
        .map(|attribute| {
            let text = attribute.value.decode_as::<Utf8StringRef<'_>>().unwrap();
            (attribute.oid, text.as_str().to_owned())
        })
        .collect();
    let unit = "00800102030405060708";
    assert_eq!(texts, [(CN, "west é".to_owned()), (OU, unit.to_owned())]);
    assert_eq!(serial.link().to_string(), unit);
    let name = signed.subject().common_name().unwrap().unwrap();
    assert_eq!(name.value(), "west é");

    let ca = Certificate::from_pem(pki.read("ca.crt")).unwrap();
    let ca = ca.tbs_certificate();
    let (_, SubjectKeyIdentifier(identifier)) = ca.get_extension().unwrap().unwrap();
    assert_eq!(signed.extensions().unwrap().len(), 5);
    assert_eq!(
        signed.get_extension().unwrap(),
        Some((true, KeyUsage(KeyUsages::DigitalSignature.into())))
    );
    assert_eq!(
        signed.get_extension().unwrap(),
        Some((false, ExtendedKeyUsage(vec![ID_KP_CLIENT_AUTH])))
    );
    let (_, SubjectKeyIdentifier(own)) = signed.get_extension().unwrap().unwrap();
    let digest = KeyDigest::of_spki(key.spki());
    assert_eq!(own.as_bytes(), &digest.as_bytes()[..20]);
    let (critical, constraints) = signed.get_extension::<BasicConstraints>().unwrap().unwrap();
    assert!(critical && !constraints.ca);
    let (_, authority) = signed
        .get_extension::<AuthorityKeyIdentifier>()
        .unwrap()
        .unwrap();
    assert_eq!(authority.key_identifier, Some(identifier));
    assert_eq!(authority.authority_cert_serial_number, None);
    assert_eq!(signed.get_extension::<SubjectAltName>().unwrap(), None);
}

#[test]
fn openssl_prints_which_link_and_which_grant_a_leaf_is_of() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", CA);
    let issuer = load(&pki, "ca", now()).unwrap();
    let key = PrivateKey::generate(KeyKind::P256);
    let uid = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";
    let comment = format!("Skupper AccessGrant {uid}");
    for grant in [None, GrantUid::parse(uid)] {
        let request = LeafRequest {
            grant,
            ..request(&key, now())
        };
        let leaf = issuer.certify(&request, now()).unwrap();
        pki.write("leaf.crt", leaf.pem.as_bytes());
        let printed = pki.openssl("x509 -in leaf.crt -noout -text -nameopt RFC2253");
        let printed = String::from_utf8(printed).unwrap();
        let unit = "5a".repeat(10);
        assert!(
            printed.contains(&format!("Subject: OU={unit},CN=west\n")),
            "{printed}"
        );
        let lines: Vec<_> = printed.lines().map(str::trim).collect();
        let at = lines.iter().position(|line| *line == "Netscape Comment:");
        let printed = at.map(|at| lines[at + 1]);
        assert_eq!(printed, grant.map(|_| &*comment));

        let ca = issuer.certificates_pem().as_bytes();
        let verdict = pki.verify(leaf.pem.as_bytes(), ca, "sslclient -x509_strict", now());
        assert_eq!(verdict, Ok(()));
        let leaf = Certificate::from_pem(&leaf.pem).unwrap();
        let extensions = leaf.tbs_certificate().extensions().unwrap();
        assert_eq!(extensions.len(), 5 + usize::from(grant.is_some()));
        assert!(!extensions.iter().any(|extension| {
            let text = Ia5StringRef::from_der(extension.extn_value.as_bytes());
            extension.critical && text.is_ok()
        }));
    }
}

#[test]
fn a_leaf_ends_with_its_duration_or_with_its_issuer() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", CA);
    let at = now();
    let issuer = load(&pki, "ca", at).unwrap();
    let key = PrivateKey::generate(KeyKind::P256);
    for (duration, later, end) in [
        (None, TimeDelta::zero(), Ok(at + LONGEST_LIFE)),
        (
            Some(TimeDelta::hours(1)),
            TimeDelta::hours(1),
            Ok(at + TimeDelta::hours(1)),
        ),
        (
            Some(TimeDelta::days(9999)),
            TimeDelta::zero(),
            Ok(issuer.not_after()),
        ),
        (
            Some(TimeDelta::MAX),
            TimeDelta::days(9),
            Ok(issuer.not_after()),
        ),
        (
            Some(TimeDelta::hours(1)),
            TimeDelta::seconds(3601),
            Err(IssuerProblem::LeafExpired {
                at: at + TimeDelta::hours(1),
            }),
        ),
        (
            Some(TimeDelta::hours(1)),
            TimeDelta::days(3651),
            Err(IssuerProblem::LeafExpired {
                at: at + TimeDelta::hours(1),
            }),
        ),
        (
            None,
            TimeDelta::days(3651),
            Err(IssuerProblem::LeafExpired {
                at: at + LONGEST_LIFE,
            }),
        ),
        (
            Some(TimeDelta::days(9999)),
            TimeDelta::days(3651),
            Err(IssuerProblem::Expired {
                at: issuer.not_after(),
            }),
        ),
    ] {
        let request = LeafRequest {
            duration,
            ..request(&key, at)
        };
        let leaf = issuer.certify(&request, at + later);
        assert_eq!(leaf.map(|leaf| leaf.not_after), end, "{duration:?} {later}");
    }
}

#[test]
fn the_same_redemption_has_the_same_names_serial_and_times() {
    let pki = Pki::with_ca("RSA-2048 PKCS#1", "/CN=site", CA);
    let at = now();
    let issuer = load(&pki, "ca", at).unwrap();
    let key = PrivateKey::generate(KeyKind::P256);
    let first = issuer.certify(&request(&key, at), at).unwrap();
    let again = issuer
        .certify(&request(&key, at), at + TimeDelta::days(30))
        .unwrap();
    // Signatures with PKCS#1 v1.5 are deterministic, so that the whole certificate is the same.
    assert_eq!(first, again);
}

#[test]
fn times_from_2050_on_are_written_and_read() {
    let pki = Pki::empty();
    pki.key("ca", "P-256 PKCS#8");
    pki.root_of("ca", "/CN=site", CA, "-days 73000", "utf8only");
    let last_of_2049 = DateTime::from_timestamp(2_524_607_999, 0).unwrap();
    for at in [
        last_of_2049,
        last_of_2049 + TimeDelta::seconds(1),
        last_of_2049 + TimeDelta::minutes(6),
    ] {
        let (_, leaf) = verified_leaf(&pki, "ca", at);
        assert_eq!(leaf.not_after, at + LONGEST_LIFE);
        pki.write("leaf.crt", leaf.pem.as_bytes());
        let printed = pki.openssl("x509 -in leaf.crt -noout -startdate -dateopt iso_8601");
        let start = format!("{:?}", at - TimeDelta::hours(1)).replace('T', " ");
        assert_eq!(
            String::from_utf8(printed).unwrap(),
            format!("notBefore={start}\n")
        );
    }
}

#[test]
fn an_intermediate_issuer_brings_the_chain_to_its_root_and_nothing_else() {
    let pki = Pki::empty();
    for name in ["root", "middle", "ca", "other"] {
        pki.key(name, "P-256 PKCS#8");
    }
    pki.root_of("root", "/CN=root", CA, "-days 4000", "utf8only");
    pki.root("other", "/CN=root", CA);
    pki.certificate("root", "middle", "/CN=middle", CA);
    pki.certificate("middle", "ca", "/CN=site", CA);
    let [root, middle, other, ca] =
        ["root.crt", "middle.crt", "other.crt", "ca.crt"].map(|name| pki.read(name));
    let comment = b"subject=CN = site\n".to_vec();
    let file = [&comment, &ca, &other, &root, &middle]
        .map(Vec::as_slice)
        .concat();
    pki.write("ca.crt", &file);
    let (issuer, _) = verified_leaf(&pki, "ca", now());
    let chain = [&ca, &middle, &root].map(Vec::as_slice).concat();
    assert_eq!(issuer.certificates_pem().as_bytes(), chain);

    // Without its root OpenSSL verifies nothing.
    for file in [
        &ca,
        &[&*ca, &middle].concat(),
        &[&*ca, &root].concat(),
        &[&*ca, &middle, &other].concat(),
    ] {
        pki.write("ca.crt", file);
        assert!(matches!(
            load(&pki, "ca", now()),
            Err(IssuerProblem::NoRoot(_))
        ));
    }
}

#[test]
fn the_chain_of_an_intermediate_issuer_may_stand_in_a_text_of_its_own() {
    let pki = Pki::empty();
    for name in ["root", "middle", "ca", "other"] {
        pki.key(name, "P-256 PKCS#8");
    }
    pki.root("root", "/CN=root", CA);
    pki.root("other", "/CN=other", CA);
    pki.certificate("root", "middle", "/CN=middle", CA);
    pki.certificate("middle", "ca", "/CN=site", CA);
    let [root, middle, other, ca] =
        ["root.crt", "middle.crt", "other.crt", "ca.crt"].map(|name| pki.read(name));
    let key = pki.read("ca.key");
    let join =
        |certificates: &[&Vec<u8>]| certificates.iter().copied().flatten().copied().collect();
    let cut: Vec<u8> = root[..root.len() / 2].to_vec();
    let rows: [(&str, Vec<u8>, Vec<u8>, &str); 8] = [
        (
            "the root apart, as cert-manager",
            join(&[&ca, &middle]),
            root.clone(),
            "",
        ),
        ("everything apart", ca.clone(), join(&[&root, &middle]), ""),
        (
            "more than is needed",
            join(&[&ca, &middle]),
            join(&[&other, &root]),
            "",
        ),
        (
            "complete, and damage apart",
            join(&[&ca, &middle, &root]),
            cut.clone(),
            "",
        ),
        (
            "another root apart",
            join(&[&ca, &middle]),
            other.clone(),
            "NoRoot",
        ),
        (
            "the one between is missing",
            ca.clone(),
            root.clone(),
            "NoRoot",
        ),
        ("nothing apart", join(&[&ca, &middle]), Vec::new(), "NoRoot"),
        ("damage apart", join(&[&ca, &middle]), cut, "AboveDamaged"),
    ];
    let whole: Vec<u8> = join(&[&ca, &middle, &root]);
    for (name, certificate, above, refused) in rows {
        match Issuer::load_below(&certificate, &key, &above, now()) {
            Ok(issuer) => {
                assert_eq!(refused, "", "{name}");
                assert_eq!(issuer.certificates_pem().as_bytes(), whole, "{name}");
                let key = PrivateKey::generate(KeyKind::P256);
                let leaf = issuer.certify(&request(&key, now()), now()).unwrap();
                let verdict = pki.verify(leaf.pem.as_bytes(), &whole, "sslclient", now());
                assert_eq!(verdict, Ok(()), "{name}");
            }
            Err(problem) => {
                let problem = format!("{problem:?}");
                assert!(!refused.is_empty(), "{name}: {problem}");
                assert!(problem.starts_with(refused), "{name}: {problem}");
            }
        }
    }
}

#[test]
fn what_is_found_is_said_without_what_is_secret() {
    let pki = Pki::empty();
    let kinds = [
        ("P-256 PKCS#8", "EC P-256", "EC P-256"),
        ("P-384 SEC1", "EC P-384", "EC"),
        ("RSA-2048 PKCS#1", "RSA with 2048 bits", "RSA"),
    ];
    for (kind, certificate, key) in kinds {
        pki.key("ca", kind);
        pki.root("ca", "/CN=site", CA);
        let found = found(&pki.read("ca.crt"), &pki.read("ca.key"));
        let begin =
            format!("found the certificate 'CN=site', signed by itself, {certificate}, until 20");
        assert!(found.starts_with(&begin), "{found}");
        assert!(
            found.ends_with(&format!(", and a private key: {key}")),
            "{found}"
        );
    }
    pki.openssl("req -x509 -newkey ed25519 -nodes -subj /CN=other -keyout e.key -out e.crt");
    pki.openssl("req -x509 -newkey rsa-pss -nodes -subj /CN=other -keyout p.key -out p.crt");
    for (name, kind) in [("e", "Ed25519"), ("p", "RSA marked rsassaPss")] {
        let [certificate, key] = ["crt", "key"].map(|ending| pki.read(&format!("{name}.{ending}")));
        let found = found(&certificate, &key);
        assert_eq!(found.matches(kind).count(), 2, "{found}");
    }
    let nothing = "found no certificate that can be read, and no private key";
    assert_eq!(found(b"canary", b"canary"), nothing);
}

#[test]
fn a_renewed_root_beside_the_issuer_is_passed_over() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", CA);
    let first = pki.read("ca.crt");
    pki.root_of("ca", "/CN=site", CA, "-days 9000", "utf8only");
    let file = [&*first, &pki.read("ca.crt")].concat();
    pki.write("ca.crt", &file);
    let (issuer, _) = verified_leaf(&pki, "ca", now());
    assert_eq!(issuer.certificates_pem().as_bytes(), first);
}

#[test]
fn a_site_ca_that_is_made_here_is_an_issuer() {
    let pki = Pki::empty();
    let (certificate, key) = new_site_ca("skupper-site-ca", now()).unwrap();
    pki.write("ca.crt", certificate.as_bytes());
    pki.write("ca.key", key.expose_secret().as_bytes());
    verified_leaf(&pki, "ca", now());
}

#[test]
fn a_leaf_may_have_the_name_of_its_issuer() {
    for (subject, extensions) in [
        ("west", CA),
        (
            "west",
            "basicConstraints = critical,CA:TRUE; subjectKeyIdentifier = none",
        ),
        ("probe", CA),
    ] {
        let pki = Pki::with_ca("P-256 PKCS#8", &format!("/CN={subject}"), extensions);
        let issuer = load(&pki, "ca", now()).unwrap();
        let key = PrivateKey::generate(KeyKind::P256);
        let request = LeafRequest {
            subject,
            ..request(&key, now())
        };
        let leaf = issuer.certify(&request, now()).unwrap();
        let ca = issuer.certificates_pem().as_bytes();
        let verdict = pki.verify(leaf.pem.as_bytes(), ca, "sslclient", now());
        assert_eq!(verdict, Ok(()), "{subject} {extensions}");
    }
}

#[test]
fn debug_shows_neither_key_nor_subject() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=canary", CA);
    let issuer = load(&pki, "ca", now()).unwrap();
    let printed = format!("{issuer:?}");
    assert_eq!(
        printed,
        format!("Issuer {{ not_after: {:?}, .. }}", issuer.not_after())
    );
}

#[test]
fn a_public_key_with_more_in_it_is_refused() {
    let pki = Pki::with_ca("P-256 PKCS#8", "/CN=site", CA);
    let issuer = load(&pki, "ca", now()).unwrap();
    let key = PrivateKey::generate(KeyKind::P256);
    let smuggled_ca =
        b"\xa3\x13\x30\x11\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff";
    for spki in [
        Vec::new(),
        key.spki()[..90].to_vec(),
        [key.spki(), smuggled_ca].concat(),
        [key.spki(), key.spki()].concat(),
    ] {
        let request = LeafRequest {
            spki: &spki,
            ..request(&key, now())
        };
        let verdict = issuer.certify(&request, now());
        assert!(
            matches!(verdict, Err(IssuerProblem::Leaf(_))),
            "{spki:02x?}"
        );
    }
}

/// RSA, for servers, too, with names, for five years.
#[test]
fn what_skupper_issues_is_accepted_and_what_is_not_for_clients_is_not() {
    let pki = Pki::with_ca(
        "RSA-2048 PKCS#1",
        "/CN=skupper-site-ca",
        "basicConstraints = critical,CA:TRUE; \
        keyUsage = critical,digitalSignature,keyEncipherment,keyCertSign; subjectKeyIdentifier = hash",
    );
    pki.key("leaf", "RSA-2048 PKCS#1");
    pki.key("other", "RSA-2048 PKCS#1");
    pki.root("other", "/CN=skupper-site-ca", CA);
    let skupper = "basicConstraints = critical,CA:FALSE; \
        keyUsage = critical,digitalSignature,keyEncipherment; extendedKeyUsage = serverAuth,clientAuth; \
        authorityKeyIdentifier = keyid; subjectAltName = DNS:site.example,IP:10.0.0.1";
    for (name, extensions, ca, later, accepted) in [
        ("Skupper's", skupper, "ca", 0, true),
        (
            "without purposes",
            "basicConstraints = CA:FALSE",
            "ca",
            0,
            true,
        ),
        (
            "servers only",
            "extendedKeyUsage = serverAuth",
            "ca",
            0,
            false,
        ),
        ("a CA", "basicConstraints = CA:TRUE", "ca", 0, false),
        ("expired", skupper, "ca", 3651, false),
        ("not begun", skupper, "ca", -1, false),
        ("another key of the same name", skupper, "other", 0, false),
    ] {
        pki.certificate("ca", "leaf", "/CN=west", extensions);
        let (leaf, ca) = (pki.der("leaf.crt"), pki.der(&format!("{ca}.crt")));
        let verdict = verify_client_leaf(&leaf, &ca, now() + TimeDelta::days(later));
        assert_eq!(verdict.is_ok(), accepted, "{name}: {verdict:?}");
    }
    let ca = pki.der("ca.crt");
    assert!(verify_client_leaf(&ca, &ca, now()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_subject_comes_back_from_a_leaf_that_verifies(
        subject in "\\PC{1,64}",
        serial: [u8; 16],
        minutes in 0..=LONGEST_LIFE.num_minutes(),
    ) {
        let at = DateTime::from_timestamp(1_785_000_000, 0).unwrap();
        let (certificate, key) = new_site_ca("site", at).unwrap();
        let key = key.expose_secret().as_bytes();
        let issuer = Issuer::load(certificate.as_bytes(), key, at).unwrap();
        let key = PrivateKey::generate(KeyKind::P256);
        let request = LeafRequest {
            subject: &subject,
            serial: Serial::from_bytes(serial),
            ..request(&key, at)
        };
        let leaf = issuer.certify(&request, at + TimeDelta::minutes(minutes)).unwrap();
        let leaf = Certificate::from_pem(&leaf.pem).unwrap();
        let ca = Certificate::from_pem(&certificate).unwrap();
        let verdict = verify_client_leaf(&leaf.to_der().unwrap(), &ca.to_der().unwrap(), at);
        prop_assert_eq!(verdict, Ok(()));
        let name = leaf.tbs_certificate().subject().common_name().unwrap().unwrap();
        prop_assert_eq!(name.value(), subject.as_str());
        let again = Certificate::from_der(&leaf.to_der().unwrap()).unwrap();
        prop_assert_eq!(leaf, again);
    }
}
