//! Requests as `openssl req` makes them, and what is refused.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use proptest::prelude::*;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::redemption::KeyDigest;
use redemption_sidecar::wire::certificate_request::{
    CertificateRequestProblem as Problem, MAX_BYTES, create, read,
};

use sidecar_test_support::openssl::Pki;

const P256: &str = "P-256 PKCS#8";

/// A request of `leaf.key` with some options of `openssl req`.
fn openssl_request(pki: &Pki, options: &str) -> Vec<u8> {
    pki.openssl(&format!("req -new -key leaf.key -outform DER {options}"))
}

#[test]
fn what_openssl_makes_is_read_for_its_key_alone() {
    let pki = Pki::empty();
    pki.key("leaf", P256);
    let spki = pki.openssl("pkey -in leaf.key -pubout -outform DER");
    for options in [
        "-subj /",
        "-subj /CN=west",
        "-subj '/DC=com/DC=example/CN=west é+OU=x' -utf8",
        "-subj /CN=west -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign",
        "-subj /CN=west -addext subjectAltName=DNS:site.example,IP:10.0.0.1",
        "-subj /CN=west -addext extendedKeyUsage=serverAuth",
        "-subj /CN=west -sha256",
    ] {
        let key = read(&STANDARD.encode(openssl_request(&pki, options))).unwrap();
        assert_eq!(key.spki(), spki, "{options}");
        assert_eq!(key.digest(), KeyDigest::of_spki(&spki));
        assert_eq!(format!("{key:?}"), format!("PublicKey({})", key.digest()));
    }
}

#[test]
fn other_keys_forms_and_signatures_are_refused() {
    let pki = Pki::empty();
    for (kind, options, expected) in [
        ("RSA-2048 PKCS#8", "", Problem::TooLong),
        ("RSA-1024", "", Problem::NotP256),
        ("P-384 PKCS#8", "", Problem::NotP256),
        ("P-521", "", Problem::NotP256),
        ("secp256k1", "", Problem::NotP256),
        ("Ed25519", "", Problem::NotP256),
        (P256, "-sha1", Problem::NotSha256),
        (P256, "-sha384", Problem::NotSha256),
        (P256, "-sha512", Problem::NotSha256),
        (P256, "-sha3-256", Problem::NotSha256),
    ] {
        pki.key("leaf", kind);
        let request = openssl_request(&pki, &format!("-subj / {options}"));
        let verdict = read(&STANDARD.encode(request)).err();
        assert_eq!(verdict, Some(expected), "{kind} {options}");
    }
    for form in [
        "-conv_form compressed",
        "-conv_form hybrid",
        "-param_enc explicit",
    ] {
        pki.key("made", P256);
        pki.openssl(&format!("ec -in made.key -out leaf.key {form}"));
        let request = openssl_request(&pki, "-subj /");
        let verdict = read(&STANDARD.encode(request)).err();
        assert_eq!(verdict, Some(Problem::NotP256), "{form}");
    }
}

#[test]
fn a_request_may_have_512_bytes() {
    let pki = Pki::empty();
    pki.key("leaf", P256);
    for (length, expected) in [(MAX_BYTES, None), (MAX_BYTES + 1, Some(Problem::TooLong))] {
        let request = request_of_length(&pki, length);
        assert_eq!(read(&STANDARD.encode(request)).err(), expected);
    }
}

/// A signature has one of several lengths, so that it may take some attempts.
fn request_of_length(pki: &Pki, length: usize) -> Vec<u8> {
    let mut letters = 280;
    for _ in 0..100 {
        let name = "a".repeat(letters);
        let request = openssl_request(pki, &format!("-subj / -addext subjectAltName=DNS:{name}"));
        if request.len() == length {
            return request;
        }
        letters = letters + length - request.len();
    }
    panic!("no request of {length} bytes in 100 attempts");
}

#[test]
fn a_request_that_was_changed_is_refused() {
    let pki = Pki::empty();
    pki.key("leaf", P256);
    let request = openssl_request(&pki, "-subj /CN=west -addext subjectAltName=DNS:x");
    assert!(read(&STANDARD.encode(&request)).is_ok());
    let mut wrong_signatures = 0;
    for index in 0..request.len() {
        for change in [1, 0x80, 0xff] {
            let mut request = request.clone();
            request[index] ^= change;
            let verdict = read(&STANDARD.encode(&request));
            let problem = verdict.expect_err(&format!("byte {index} changed"));
            wrong_signatures += usize::from(problem == Problem::WrongSignature);
        }
    }
    assert!(wrong_signatures > 100);
    for end in 0..request.len() {
        assert!(
            read(&STANDARD.encode(&request[..end])).is_err(),
            "cut at {end}"
        );
    }
}

#[test]
fn another_key_in_a_request_is_refused() {
    let key = PrivateKey::generate(KeyKind::P256);
    let other = PrivateKey::generate(KeyKind::P256);
    let mut request = STANDARD.decode(create(&key)).unwrap();
    let at = request
        .windows(91)
        .position(|window| window == key.spki())
        .unwrap();
    request[at..at + 91].copy_from_slice(other.spki());
    assert_eq!(
        read(&STANDARD.encode(request)),
        Err(Problem::WrongSignature)
    );
}

#[test]
fn only_canonical_base64_and_der_are_read() {
    let request = create(&PrivateKey::generate(KeyKind::P256));
    let der = STANDARD.decode(&request).unwrap();
    let not_minimal = [&[0x30, 0x82, 0, der[2]], &der[3..]].concat();
    let indefinite = [&[0x30, 0x80], &der[3..], &[0, 0]].concat();
    assert_eq!(der[1], 0x81, "the length of a request stands in one byte");
    for (name, text, expected) in [
        ("empty", String::new(), Problem::NotPkcs10),
        ("blank before", format!(" {request}"), Problem::NotBase64),
        ("line end", format!("{request}\n"), Problem::NotBase64),
        (
            "broken into lines",
            request.replacen('A', "A\n", 1),
            Problem::NotBase64,
        ),
        (
            "URL alphabet",
            URL_SAFE.encode([&der[..], &[0xff; 3]].concat()),
            Problem::NotBase64,
        ),
        (
            "without padding",
            STANDARD_NO_PAD.encode(&der[..=der.len() / 3 * 3 - 3]),
            Problem::NotBase64,
        ),
        ("bits after the end", "MB==".to_owned(), Problem::NotBase64),
        (
            "PEM",
            "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
            Problem::NotBase64,
        ),
        ("not ASCII", "é".repeat(40), Problem::NotBase64),
        (
            "trailing byte",
            STANDARD.encode([&der[..], &[0]].concat()),
            Problem::NotPkcs10,
        ),
        (
            "twice",
            STANDARD.encode([&der[..], &der].concat()),
            Problem::NotPkcs10,
        ),
        (
            "longer length than needed",
            STANDARD.encode(not_minimal),
            Problem::NotPkcs10,
        ),
        (
            "indefinite length",
            STANDARD.encode(indefinite),
            Problem::NotPkcs10,
        ),
        (
            "a certificate's key",
            STANDARD.encode(&der[3..]),
            Problem::NotPkcs10,
        ),
        ("1 MiB", "A".repeat(1 << 20), Problem::TooLong),
    ] {
        assert_eq!(read(&text), Err(expected), "{name}");
    }
}

#[test]
fn openssl_reads_what_is_made_here() {
    let pki = Pki::empty();
    let key = PrivateKey::generate(KeyKind::P256);
    let request = create(&key);
    assert!(!request.contains('\n'));
    let der = STANDARD.decode(&request).unwrap();
    assert!(der.len() < MAX_BYTES);
    pki.write("made.csr", &der);
    let output =
        pki.try_openssl("req -inform DER -in made.csr -verify -noout -pubkey -outform DER");
    assert!(output.status.success());
    pki.write("made.pub", &output.stdout);
    assert_eq!(
        pki.openssl("pkey -pubin -in made.pub -pubout -outform DER"),
        key.spki()
    );
    assert_eq!(read(&request).unwrap().spki(), key.spki());
}

#[test]
fn every_problem_says_what_is_allowed_in_one_line() {
    for problem in [
        Problem::TooLong,
        Problem::NotBase64,
        Problem::NotPkcs10,
        Problem::NotP256,
        Problem::NotSha256,
        Problem::WrongSignature,
    ] {
        let text = problem.to_string();
        assert!(text.contains("must") || text.contains("may"), "{text}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    }
}

proptest! {
    #[test]
    fn random_text_is_refused(text in "\\PC{0,700}") {
        prop_assert!(read(&text).is_err());
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(read(&STANDARD.encode(bytes)).is_err());
    }

    #[test]
    fn a_request_with_random_bytes_in_it_is_refused(
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let request = STANDARD.decode(create(&PrivateKey::generate(KeyKind::P256))).unwrap();
        let at = at.index(request.len());
        let mut changed = request.clone();
        changed.splice(at..(at + bytes.len()).min(request.len()), bytes);
        prop_assume!(changed != request);
        prop_assert!(read(&STANDARD.encode(changed)).is_err());
    }
}
