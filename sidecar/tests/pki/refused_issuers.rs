//! Pairs of certificate and key that are no issuer. What is wrong with a CA is wrong for OpenSSL,
//! too, and what is not, is not.

use chrono::TimeDelta;
use redemption_sidecar::pki::issuer::{Authority, Issuer, IssuerProblem, Purpose};
use redemption_sidecar::pki::key::KeyProblem;

use sidecar_test_support::openssl::{CA, Pki, now};

const P256: &str = "P-256 PKCS#8";

/// The name of the problem, without what it carries.
fn problem(verdict: Result<Issuer, IssuerProblem>) -> String {
    match verdict {
        Ok(_) => "none".to_owned(),
        Err(problem) => {
            let text = problem.to_string();
            assert!(
                !text.is_empty() && !text.ends_with('.') && !text.contains(['\n', '{', '[']),
                "{text}"
            );
            format!("{problem:?}")
                .split(['(', ' '])
                .next()
                .unwrap()
                .to_owned()
        }
    }
}

#[test]
fn a_ca_is_refused_when_openssl_refuses_its_leaves() {
    let usual = "keyUsage = critical,keyCertSign,cRLSign; subjectKeyIdentifier = hash";
    for (extensions, days, expected) in [
        ("basicConstraints = critical,CA:TRUE", 0, "none"),
        ("basicConstraints = critical,CA:TRUE", 3649, "none"),
        ("basicConstraints = critical,CA:TRUE", 3651, "Expired"),
        ("basicConstraints = critical,CA:TRUE", -1, "NotYetValid"),
        ("basicConstraints = critical,CA:FALSE", 0, "NotCa"),
        (
            "basicConstraints = critical,CA:TRUE; extendedKeyUsage = clientAuth",
            0,
            "none",
        ),
        (
            "basicConstraints = critical,CA:TRUE; extendedKeyUsage = serverAuth",
            0,
            "NotFor",
        ),
        (
            "basicConstraints = critical,CA:TRUE; extendedKeyUsage = codeSigning,OCSPSigning",
            0,
            "NotFor",
        ),
        (
            "basicConstraints = critical,CA:TRUE; extendedKeyUsage = anyExtendedKeyUsage",
            0,
            "NotFor",
        ),
        (
            "basicConstraints = critical,CA:TRUE; 1.2.3.4 = critical,ASN1:NULL",
            0,
            "UnknownExtension",
        ),
        (
            "basicConstraints = critical,CA:TRUE; policyConstraints = critical,requireExplicitPolicy:5",
            0,
            "none",
        ),
    ] {
        println!("{extensions} {days}");
        let pki = Pki::with_ca(P256, "/CN=site", &format!("{extensions}; {usual}"));
        assert_judged_as_by_openssl(&pki, days, expected);
    }
    let usages = [
        ("digitalSignature,cRLSign", "NotForCertificates"),
        ("keyCertSign", "none"),
    ];
    for (usage, expected) in usages {
        println!("{usage}");
        let extensions = format!("basicConstraints = CA:TRUE; keyUsage = critical,{usage}");
        let pki = Pki::with_ca(P256, "/CN=site", &extensions);
        assert_judged_as_by_openssl(&pki, 0, expected);
    }
}

/// The leaf is made by OpenSSL, which makes it under any CA.
fn assert_judged_as_by_openssl(pki: &Pki, days: i64, expected: &str) {
    pki.key("leaf", P256);
    pki.certificate("ca", "leaf", "/CN=west", "extendedKeyUsage = clientAuth");
    let at = now() + TimeDelta::days(days);
    let (certificate, key) = (pki.read("ca.crt"), pki.read("ca.key"));
    let verdict = pki.verify(&pki.read("leaf.crt"), &certificate, "sslclient", at);
    assert_eq!(verdict.is_ok(), expected == "none", "{verdict:?}");
    assert_eq!(problem(Issuer::load(&certificate, &key, at)), expected);
    assert_eq!(
        Authority::judge(&pki.der("ca.crt"), Purpose::Client, at).is_ok(),
        expected == "none"
    );
}

/// OpenSSL takes a certificate with keyCertSign, and one of version 1, for a CA; Go does not.
#[test]
fn a_ca_that_does_not_say_so_is_refused() {
    for (extensions, expected) in [
        ("keyUsage = critical,keyCertSign", "NotCa"),
        ("subjectKeyIdentifier = none", "NotCa"),
    ] {
        let pki = Pki::with_ca(P256, "/CN=site", extensions);
        let verdict = Issuer::load(&pki.read("ca.crt"), &pki.read("ca.key"), now());
        assert_eq!(problem(verdict), expected);
    }
}

/// OpenSSL would accept some of its leaves, depending on the subject.
#[test]
fn a_ca_with_name_constraints_is_refused() {
    for constraints in [
        "permitted;DNS:example",
        "excluded;DNS:other",
        "permitted;dirName:name",
    ] {
        let extensions = format!("{CA}; nameConstraints = critical,{constraints}");
        let pki = Pki::with_ca(P256, "/CN=root", &extensions);
        let verdict = Issuer::load(&pki.read("ca.crt"), &pki.read("ca.key"), now());
        assert_eq!(problem(verdict), "NameConstraints", "{constraints}");

        pki.key("middle", P256);
        pki.certificate("ca", "middle", "/CN=site", CA);
        let chain = [pki.read("middle.crt"), pki.read("ca.crt")].concat();
        let verdict = Issuer::load(&chain, &pki.read("middle.key"), now());
        assert!(verdict.is_err(), "{constraints}");
    }
}

#[test]
fn a_key_that_cannot_sign_for_the_ca_is_refused() {
    for (ca, key, expected) in [
        ("P-256 SEC1", "P-256 SEC1", IssuerProblem::OtherKey),
        ("P-384 SEC1", "P-256 SEC1", IssuerProblem::OtherKey),
        ("P-256 SEC1", "RSA-2048 PKCS#1", IssuerProblem::OtherKey),
        (
            "RSA-2048 PKCS#8",
            "RSA-2048 PKCS#8",
            IssuerProblem::OtherKey,
        ),
        ("RSA-2048 PKCS#8", "P-384 PKCS#8", IssuerProblem::OtherKey),
        (
            "RSA-1024",
            "RSA-1024",
            IssuerProblem::Key(KeyProblem::TooShort),
        ),
        ("P-521", "P-521", IssuerProblem::Key(KeyProblem::Damaged)),
        (
            "Ed25519",
            "Ed25519",
            IssuerProblem::Key(KeyProblem::Damaged),
        ),
        (
            "secp256k1",
            "secp256k1",
            IssuerProblem::Key(KeyProblem::Damaged),
        ),
    ] {
        let pki = Pki::with_ca(ca, "/CN=site", CA);
        if ca.contains('#') || ca != key {
            pki.key("ca", key);
        }
        if ca == key && expected == IssuerProblem::OtherKey {
            pki.key("ca", key);
        }
        let verdict = Issuer::load(&pki.read("ca.crt"), &pki.read("ca.key"), now());
        assert_eq!(verdict.err(), Some(expected), "{ca} {key}");
    }
}

#[test]
fn a_file_that_holds_no_key_or_no_certificate_is_refused() {
    let pki = Pki::with_ca(P256, "/CN=site", CA);
    pki.openssl("pkcs8 -topk8 -in ca.key -out encrypted.key -passout pass:canary");
    pki.openssl("ec -in ca.key -aes128 -out traditional.key -passout pass:canary");
    pki.openssl("x509 -in ca.crt -outform DER -out der.crt");
    pki.openssl("pkey -in ca.key -outform DER -out der.key");
    pki.openssl("pkey -in ca.key -pubout -out public.key");
    let (certificate, key) = (pki.read("ca.crt"), pki.read("ca.key"));
    let junk = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_vec();
    let bad = b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n".to_vec();
    let key_problem = |problem| Some(IssuerProblem::Key(problem));
    for (name, certificate, key, expected) in [
        ("none", &certificate, &key, None),
        (
            "swapped",
            &key,
            &certificate,
            Some(IssuerProblem::NoCertificate),
        ),
        (
            "no certificate",
            &Vec::new(),
            &key,
            Some(IssuerProblem::NoCertificate),
        ),
        (
            "DER",
            &pki.read("der.crt"),
            &key,
            Some(IssuerProblem::NoCertificate),
        ),
        ("no X.509", &junk, &key, Some(IssuerProblem::Unreadable)),
        ("no base64", &bad, &key, Some(IssuerProblem::Damaged)),
        (
            "junk behind",
            &[&*certificate, &bad].concat(),
            &key,
            Some(IssuerProblem::Damaged),
        ),
        (
            "no key",
            &certificate,
            &Vec::new(),
            key_problem(KeyProblem::Missing),
        ),
        (
            "key in DER",
            &certificate,
            &pki.read("der.key"),
            key_problem(KeyProblem::Missing),
        ),
        (
            "public key",
            &certificate,
            &pki.read("public.key"),
            key_problem(KeyProblem::Missing),
        ),
        (
            "two certificates",
            &certificate,
            &certificate,
            key_problem(KeyProblem::Missing),
        ),
        (
            "encrypted",
            &certificate,
            &pki.read("encrypted.key"),
            key_problem(KeyProblem::Encrypted),
        ),
        (
            "encrypted, old",
            &certificate,
            &pki.read("traditional.key"),
            key_problem(KeyProblem::Encrypted),
        ),
        (
            "both in one",
            &[&*key, &certificate].concat(),
            &[&*certificate, &key].concat(),
            None,
        ),
    ] {
        let verdict = Issuer::load(certificate, key, now());
        assert_eq!(verdict.err(), expected, "{name}");
    }
}

#[test]
fn line_ends_blanks_and_text_around_do_not_matter() {
    let pki = Pki::with_ca("P-256 SEC1 with parameters", "/CN=site", CA);
    let text = |name| String::from_utf8(pki.read(name)).unwrap();
    for change in [
        |text: String| text.replace('\n', "\r\n"),
        |text: String| text.replace('\n', " \n"),
        |text: String| format!("\n\nsome text\n{text}\nmore\n"),
        |text: String| text.trim_end().to_owned(),
    ] {
        let (certificate, key) = (change(text("ca.crt")), change(text("ca.key")));
        let verdict = Issuer::load(certificate.as_bytes(), key.as_bytes(), now());
        assert_eq!(problem(verdict), "none");
    }
}

#[test]
fn a_file_cut_at_any_byte_is_no_issuer() {
    for kind in [
        "P-256 SEC1 with parameters",
        "RSA-2048 PKCS#1",
        "P-384 PKCS#8",
    ] {
        let pki = Pki::with_ca(kind, "/CN=site", CA);
        let (certificate, key) = (pki.read("ca.crt"), pki.read("ca.key"));
        let whole = certificate.trim_ascii_end().len();
        for end in 0..whole {
            let verdict = Issuer::load(&certificate[..end], &key, now());
            assert!(
                verdict.is_err(),
                "{kind}: certificate cut at {end} of {whole}"
            );
        }
        let whole = key.trim_ascii_end().len();
        for end in 0..whole {
            let verdict = Issuer::load(&certificate, &key[..end], now());
            assert!(verdict.is_err(), "{kind}: key cut at {end} of {whole}");
        }
    }
}

#[test]
fn a_chain_cut_at_any_byte_is_no_issuer() {
    let pki = Pki::with_ca(P256, "/CN=root", CA);
    pki.key("middle", P256);
    pki.certificate("ca", "middle", "/CN=site", CA);
    let chain = [pki.read("middle.crt"), pki.read("ca.crt")].concat();
    let key = pki.read("middle.key");
    assert_eq!(problem(Issuer::load(&chain, &key, now())), "none");
    for end in 0..chain.trim_ascii_end().len() {
        let verdict = Issuer::load(&chain[..end], &key, now());
        assert!(verdict.is_err(), "cut at {end}");
    }
}

#[test]
fn a_byte_changed_anywhere_makes_no_leaf_that_does_not_verify() {
    let pki = Pki::with_ca(P256, "/CN=site", CA);
    let (der, key) = (pki.der("ca.crt"), pki.read("ca.key"));
    let mut loaded = 0;
    for index in 0..der.len() {
        for change in [1, 0x20, 0x80, 0xff] {
            let mut der = der.clone();
            der[index] ^= change;
            let pem = redemption_pem(&der);
            // A change of the CA's serial, dates or signature does not matter to its leaves.
            loaded += usize::from(Issuer::load(pem.as_bytes(), &key, now()).is_ok());
        }
    }
    assert!(loaded > 0 && loaded < der.len() * 4);
}

fn redemption_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
}

#[test]
fn an_authority_above_the_issuer_is_judged_like_the_issuer() {
    let usual = "keyUsage = keyCertSign; subjectKeyIdentifier = hash";
    for (root, validity, days, expected) in [
        (
            "basicConstraints = critical,CA:TRUE",
            "-days 4000",
            0,
            "none",
        ),
        (
            "basicConstraints = critical,CA:TRUE",
            "-days 9",
            10,
            "Expired",
        ),
        (
            "basicConstraints = critical,CA:TRUE,pathlen:0",
            "-days 4000",
            0,
            "PathTooLong",
        ),
        (
            "basicConstraints = critical,CA:FALSE",
            "-days 4000",
            0,
            "NotCa",
        ),
        (
            "basicConstraints = critical,CA:TRUE; extendedKeyUsage = serverAuth",
            "-days 4000",
            0,
            "NotFor",
        ),
    ] {
        println!("{root} {validity}");
        let pki = Pki::empty();
        pki.key("root", P256);
        pki.root_of(
            "root",
            "/CN=root",
            &format!("{root}; {usual}"),
            validity,
            "utf8only",
        );
        pki.key("ca", P256);
        pki.certificate("root", "ca", "/CN=site", CA);
        pki.key("leaf", P256);
        pki.certificate("ca", "leaf", "/CN=west", "extendedKeyUsage = clientAuth");
        let chain = [pki.read("ca.crt"), pki.read("root.crt")].concat();
        let at = now() + TimeDelta::days(days);
        let verdict = pki.verify(&pki.read("leaf.crt"), &chain, "sslclient", at);
        assert_eq!(verdict.is_ok(), expected == "none", "{verdict:?}");
        assert_eq!(
            problem(Issuer::load(&chain, &pki.read("ca.key"), at)),
            expected
        );
    }
}

/// A leaf ends with its root, where that ends first.
#[test]
fn an_issuer_ends_with_the_first_of_its_chain() {
    let pki = Pki::empty();
    pki.key("root", P256);
    pki.root_of("root", "/CN=root", CA, "-days 9", "utf8only");
    pki.key("ca", P256);
    pki.certificate("root", "ca", "/CN=site", CA);
    let chain = [pki.read("ca.crt"), pki.read("root.crt")].concat();
    let issuer = Issuer::load(&chain, &pki.read("ca.key"), now()).unwrap();
    let root = Authority::judge(&pki.der("root.crt"), Purpose::Client, now()).unwrap();
    assert_eq!(issuer.not_after(), root.not_after());
}

#[test]
fn the_redemption_server_ca_is_no_issuer() {
    let folder = tempfile::tempdir().unwrap();
    redemption_sidecar::pki::server_ca::ServerCa::open(folder.path(), now()).unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let verdict = Issuer::load(&read("ca.crt"), &read("ca.key"), now());
    assert_eq!(verdict.err(), Some(IssuerProblem::NotFor(Purpose::Client)));
}
