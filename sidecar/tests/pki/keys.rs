//! Private keys as OpenSSL, Go and Skupper read and write them.

use redemption_sidecar::pki::key::{KeyKind, KeyProblem, PrivateKey};
use secrecy::ExposeSecret as _;

use sidecar_test_support::openssl::Pki;

#[test]
fn keys_are_written_as_skupper_and_openssl_read_them() {
    for (kind, label) in [
        (KeyKind::P256, "PRIVATE KEY"),
        (KeyKind::Rsa2048, "RSA PRIVATE KEY"),
    ] {
        let key = PrivateKey::generate(kind);
        let pem = key.to_pem();
        let pem = pem.expose_secret();
        assert!(
            pem.starts_with(&format!("-----BEGIN {label}-----\n")),
            "{kind:?}"
        );
        assert!(
            pem.ends_with(&format!("\n-----END {label}-----\n")),
            "{kind:?}"
        );
        assert!(pem.lines().all(|line| line.len() <= 64), "{kind:?}");
        let pki = Pki::empty();
        pki.write("made.key", pem.as_bytes());
        pki.openssl("pkey -in made.key -check -noout");
        assert_eq!(
            pki.openssl("pkey -in made.key -pubout -outform DER"),
            key.spki()
        );
        let again = PrivateKey::from_pem(pem).unwrap();
        assert_eq!(again.spki(), key.spki());
        assert_eq!(again.to_pem().expose_secret(), pem);
        assert_eq!(again.is_p256(), kind == KeyKind::P256);
    }
}

#[test]
fn keys_of_openssl_keep_their_public_key_in_every_form() {
    for kind in [
        "RSA-2048 PKCS#1",
        "RSA-2048 PKCS#8",
        "P-256 SEC1",
        "P-256 SEC1 with parameters",
        "P-256 PKCS#8",
        "P-384 SEC1",
        "P-384 PKCS#8",
    ] {
        let pki = Pki::empty();
        pki.key("made", kind);
        let key = PrivateKey::from_pem(&String::from_utf8(pki.read("made.key")).unwrap()).unwrap();
        assert_eq!(
            pki.openssl("pkey -in made.key -pubout -outform DER"),
            key.spki(),
            "{kind}"
        );
        pki.write("again.key", key.to_pem().expose_secret().as_bytes());
        assert_eq!(
            pki.openssl("pkey -in again.key -pubout -outform DER"),
            key.spki(),
            "{kind}"
        );
    }
}

#[test]
fn a_problem_shows_nothing_of_the_key() {
    for (text, expected) in [
        ("canary", KeyProblem::Missing),
        (
            "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
            KeyProblem::Damaged,
        ),
        ("-----BEGIN PRIVATE KEY-----\ncanary", KeyProblem::Damaged),
        (
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
            KeyProblem::Damaged,
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\n-----END RSA PRIVATE KEY-----",
            KeyProblem::Damaged,
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----",
            KeyProblem::Damaged,
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary",
            KeyProblem::Encrypted,
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\ncanary",
            KeyProblem::Encrypted,
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary",
            KeyProblem::Missing,
        ),
    ] {
        let problem = PrivateKey::from_pem(text).err().unwrap();
        assert_eq!(problem, expected, "{text}");
        assert!(!format!("{problem} {problem:?}").contains("canary"));
    }
}
