//! Certificate bundles: what Go reads is read, what it would pass over is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use skupper_access_policy::value::certificate::{
    BundleProblem, CertificateBundle, MAX_BUNDLE_BYTES, OtherKind, mended,
};

/// A time at which every certificate that is not about time is valid: July 2026.
const NOW: i64 = 1_785_000_000;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../certificates/", $name, ".pem"))
    };
}

const CA: &str = fixture!("p256");

fn problem(text: &str) -> Option<BundleProblem> {
    CertificateBundle::parse(text).err()
}

#[test]
fn what_go_reads_is_read_with_its_validity() {
    let table = [
        ("P-256", CA, true),
        ("P-384", fixture!("p384"), true),
        ("Ed25519", fixture!("ed25519"), true),
        ("RSA 2048", fixture!("rsa-2048"), true),
        ("version 1", fixture!("v1"), true),
        ("chain of two", fixture!("chain"), true),
        ("expired", fixture!("expired"), false),
        ("not yet valid", fixture!("not-yet-valid"), false),
        (
            "from 1950 to the end of 9999",
            fixture!("year-1950-to-9999"),
            true,
        ),
        (
            "serial number of 40 bytes",
            fixture!("serial-40-bytes"),
            true,
        ),
        ("name in TeletexString", fixture!("name-teletex"), true),
        ("openssl x509 -text", fixture!("with-text"), true),
        ("base64 in one line", fixture!("one-line"), true),
        ("76 columns", fixture!("columns-76"), true),
        ("CRLF", fixture!("crlf"), true),
    ];
    for (name, text, valid) in table {
        let bundle = CertificateBundle::parse(text).expect(name);
        assert_eq!(bundle.is_any_valid_at(NOW), valid, "{name}");
    }
}

#[test]
fn every_root_that_browsers_trust_is_read_and_all_of_them_are_too_many() {
    let pem = |der: &[u8]| {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(der)
        )
    };
    let roots: Vec<String> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| pem(der))
        .collect();
    assert!(roots.len() > 100, "{} roots", roots.len());
    for root in &roots {
        assert_eq!(problem(root), None, "{root}");
    }
    assert_eq!(problem(&roots.concat()), Some(BundleProblem::TooLong));
}

#[test]
fn layout_does_not_change_the_value() {
    let bundle = CertificateBundle::parse(CA).unwrap();
    let table = [
        ("openssl x509 -text", fixture!("with-text").to_owned()),
        ("base64 in one line", fixture!("one-line").to_owned()),
        ("76 columns", fixture!("columns-76").to_owned()),
        ("CRLF", fixture!("crlf").to_owned()),
        ("no line end at the end", CA.trim_end().to_owned()),
        ("blanks at line ends", CA.replace('\n', " \t\n")),
        (
            "blanks at line starts",
            CA.replace('\n', "\n ").replace("\n -----END", "\n-----END"),
        ),
        ("empty lines", CA.replace('\n', "\n\n")),
        (
            "text around",
            format!("# the CA\n{CA}\nthat was it: -----\n"),
        ),
        (
            "an END without BEGIN before",
            format!("-----END CERTIFICATE-----\n{CA}"),
        ),
    ];
    for (name, text) in table {
        assert_eq!(
            CertificateBundle::parse(&text),
            Ok(bundle.clone()),
            "{name}"
        );
    }
    let others = [("another", fixture!("p384")), ("more", fixture!("chain"))];
    for (name, text) in others {
        assert_ne!(CertificateBundle::parse(text), Ok(bundle.clone()), "{name}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_bundle_that_cannot_be_used_is_refused() {
    let block = |label: &str, body: &str| {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let (_, cut) = CA.split_once('\n').unwrap();
    let other_kind = |block, kind| BundleProblem::OtherKind { block, kind };
    let unbounded = |block| BundleProblem::Unbounded { block };
    let not_base64 = |block| BundleProblem::NotBase64 { block };
    let not_x509 = |block| BundleProblem::NotX509 { block };
    let table = [
        ("nothing", String::new(), BundleProblem::NoCertificate),
        ("text", "MIIB".to_owned(), BundleProblem::NoCertificate),
        ("no BEGIN", cut.to_owned(), BundleProblem::NoBoundaries),
        (
            "indented",
            CA.replace("-----BEGIN", " -----BEGIN"),
            unbounded(1),
        ),
        ("byte order mark", format!("\u{feff}{CA}"), unbounded(1)),
        (
            "no END",
            CA.replace("-----END CERTIFICATE-----", ""),
            BundleProblem::NoBoundaries,
        ),
        (
            "END of another kind",
            CA.replace("END CERT", "END X509 CERT"),
            unbounded(1),
        ),
        (
            "END in the last line of data",
            CA.replace("\n-----END", "-----END"),
            unbounded(1),
        ),
        (
            "END with text behind it",
            format!("{} x", CA.trim_end()),
            unbounded(1),
        ),
        (
            "END with a CR and no LF behind it",
            format!("{}\r", CA.trim_end()),
            unbounded(1),
        ),
        (
            "BEGIN in a block",
            format!("-----BEGIN CERTIFICATE-----\n{CA}"),
            unbounded(1),
        ),
        (
            "BEGIN without its dashes",
            CA.replacen("E-----\n", "E\n", 1),
            unbounded(1),
        ),
        (
            "line ends written as \\n",
            CA.replace('\n', "\\n"),
            unbounded(1),
        ),
        (
            "line ends turned into blanks",
            CA.replace('\n', " "),
            unbounded(1),
        ),
        (
            "request",
            block("CERTIFICATE REQUEST", "AAAA"),
            other_kind(1, OtherKind::Request),
        ),
        (
            "unknown kind",
            block("FOO", "AAAA"),
            other_kind(1, OtherKind::Other),
        ),
        (
            "public key",
            CA.to_owned() + &block("PUBLIC KEY", ""),
            other_kind(2, OtherKind::PublicKey),
        ),
        (
            "PKCS#7",
            block("PKCS7", "AAAA"),
            other_kind(1, OtherKind::SignedData),
        ),
        (
            "revocation list",
            block("X509 CRL", "AAAA"),
            other_kind(1, OtherKind::RevocationList),
        ),
        (
            "lower case",
            block("certificate", "AAAA"),
            other_kind(1, OtherKind::Other),
        ),
        (
            "headers",
            CA.replacen('\n', "\nProc-Type: 4\n\n", 1),
            BundleProblem::Headers { block: 1 },
        ),
        ("not base64", block("CERTIFICATE", "MI*B"), not_base64(1)),
        (
            "padding missing",
            block("CERTIFICATE", "MIIBAg"),
            not_base64(1),
        ),
        (
            "padding inside",
            block("CERTIFICATE", "MII=MIIB"),
            not_base64(1),
        ),
        ("URL alphabet", block("CERTIFICATE", "MI-_"), not_base64(1)),
        (
            "form feed",
            CA.replacen("\nMII", "\n\u{c}MII", 1),
            not_base64(1),
        ),
        ("empty block", block("CERTIFICATE", ""), not_x509(1)),
        (
            "second is damaged",
            CA.to_owned() + &block("CERTIFICATE", "MIIB"),
            not_x509(2),
        ),
        (
            "a byte behind it",
            fixture!("trailing-byte").to_owned(),
            not_x509(1),
        ),
        (
            "negative serial number",
            fixture!("serial-negative").to_owned(),
            not_x509(1),
        ),
        (
            "algorithms differ",
            fixture!("algorithms-differ").to_owned(),
            not_x509(1),
        ),
    ];
    for (name, text, expected) in table {
        assert_eq!(problem(&text), Some(expected), "{name}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn the_usual_wrong_pastes_are_named_and_mended_where_the_meaning_is_certain() {
    let one_line = CA.trim_end().replace('\n', "");
    let (_, rest) = CA.split_once('\n').unwrap();
    let (body, _) = rest.split_once("-----END").unwrap();
    let encoded = STANDARD.encode(CA);
    let unbounded = BundleProblem::Unbounded { block: 1 };
    let (base64, bare) = (BundleProblem::Base64, BundleProblem::NoBoundaries);
    let table = [
        ("base64 of PEM", encoded.clone(), base64, true),
        (
            "base64 of PEM in lines",
            encoded.replace("LS0t", "\nLS0t"),
            base64,
            true,
        ),
        (
            "base64 of PEM with its key",
            format!("ca.crt: {encoded}"),
            base64,
            true,
        ),
        ("base64 of base64", STANDARD.encode(&encoded), base64, true),
        (
            "base64 of a chain",
            STANDARD.encode(fixture!("chain")),
            base64,
            true,
        ),
        (
            "base64 of something else",
            STANDARD.encode("-----BEGIN FOO-----\nAAAA\n-----END FOO-----"),
            base64,
            false,
        ),
        ("a body", body.to_owned(), bare, true),
        ("a body in one line", body.replace('\n', ""), bare, true),
        (
            "a body in quotes",
            format!("\"{}\"", body.replace('\n', "\\n")),
            bare,
            true,
        ),
        ("line ends as \\n", CA.replace('\n', "\\n"), unbounded, true),
        (
            "line ends as \\r\\n",
            CA.replace('\n', "\\r\\n"),
            unbounded,
            true,
        ),
        (
            "line ends as blanks",
            CA.replace('\n', " "),
            unbounded,
            true,
        ),
        ("no line ends", one_line, unbounded, true),
        (
            "in quotes",
            format!("\"{}\"", CA.replace('\n', "\\n")),
            unbounded,
            true,
        ),
        (
            "indented",
            CA.replace("-----BEGIN", " -----BEGIN"),
            unbounded,
            true,
        ),
        (
            "a request beside it",
            CA.replace('\n', " ") + "-----BEGIN CERTIFICATE REQUEST-----",
            unbounded,
            false,
        ),
        (
            "a path",
            "/etc/skupper/ca.crt".to_owned(),
            BundleProblem::Path,
            false,
        ),
        (
            "a file",
            "west-ca.pem".to_owned(),
            BundleProblem::Path,
            false,
        ),
        (
            "curl's file",
            "@ca.crt".to_owned(),
            BundleProblem::Path,
            false,
        ),
        (
            "the name of a Secret",
            "skupper-grant-server-ca".to_owned(),
            BundleProblem::Name,
            false,
        ),
        (
            "words",
            "no PEM".to_owned(),
            BundleProblem::NoCertificate,
            false,
        ),
    ];
    for (name, text, expected, is_mended) in table {
        assert_eq!(problem(&text), Some(expected), "{name}");
        let mended = mended(&text);
        assert_eq!(mended.is_some(), is_mended, "{name}");
        if let Some(mended) = mended {
            assert_eq!(problem(&mended), None, "{name}");
        }
    }
    assert_eq!(mended(&encoded).as_deref(), Some(CA));
}

#[test]
fn a_private_key_goes_before_every_problem() {
    let key = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n";
    let table = [
        ("alone", key.to_owned()),
        ("after a certificate", format!("{CA}{key}")),
        (
            "after a broken block",
            format!("-----BEGIN FOO-----\n{key}"),
        ),
        ("old form", key.replace("PRIVATE", "EC PRIVATE")),
        ("encrypted", key.replace("PRIVATE", "ENCRYPTED PRIVATE")),
        ("OpenPGP", key.replace("KEY-----", "KEY BLOCK-----")),
        (
            "only its first line",
            "-----BEGIN RSA PRIVATE KEY-----".to_owned(),
        ),
        ("indented", key.replace("-----BEGIN", "    -----BEGIN")),
        ("in one line", key.replace('\n', "\\n")),
        ("in base64", STANDARD.encode(key)),
        ("in base64 twice", STANDARD.encode(STANDARD.encode(key))),
        (
            "PKCS#8 without its lines",
            STANDARD.encode([&[0x30, 0x2e, 0x02, 0x01, 0x00][..], &[0x30; 43]].concat()),
        ),
        (
            "PKCS#1 without its lines",
            STANDARD.encode([&[0x30, 0x82, 0x04, 0xa4, 0x02, 0x01][..], &[0; 60]].concat()),
        ),
        (
            "in the line of another BEGIN",
            key.replace("-----BEGIN", "-----BEGIN -----BEGIN"),
        ),
    ];
    for (name, text) in table {
        assert_eq!(problem(&text), Some(BundleProblem::PrivateKey), "{name}");
    }
    let comment = format!("# this is not the PRIVATE KEY\n{CA}");
    assert_eq!(problem(&comment), None);
    let long = key.repeat(MAX_BUNDLE_BYTES / key.len() + 1);
    assert_eq!(problem(&long), Some(BundleProblem::PrivateKey));
}

#[test]
fn the_longest_text_has_64_kib() {
    let filled = |bytes| format!("{CA}{}", "#".repeat(bytes - CA.len()));
    assert_eq!(problem(&filled(64 * 1024)), None);
    assert_eq!(
        problem(&filled(64 * 1024 + 1)),
        Some(BundleProblem::TooLong)
    );
}

#[test]
fn both_ends_of_a_validity_belong_to_it() {
    let table = [
        ("before", 1_577_836_799, false),
        ("first second", 1_577_836_800, true),
        ("last second", 1_609_459_200, true),
        ("after", 1_609_459_201, false),
    ];
    let expired = CertificateBundle::parse(fixture!("expired")).unwrap();
    for (name, unix_seconds, valid) in table {
        assert_eq!(expired.is_any_valid_at(unix_seconds), valid, "{name}");
    }
}

#[test]
fn one_valid_certificate_is_enough() {
    let text = [fixture!("expired"), CA, fixture!("not-yet-valid")].concat();
    assert!(
        CertificateBundle::parse(&text)
            .unwrap()
            .is_any_valid_at(NOW)
    );
    let text = [fixture!("expired"), fixture!("not-yet-valid")].concat();
    assert!(
        !CertificateBundle::parse(&text)
            .unwrap()
            .is_any_valid_at(NOW)
    );
}

#[test]
fn nothing_of_the_text_is_printed() {
    let bundle = CertificateBundle::parse(fixture!("chain")).unwrap();
    assert_eq!(format!("{bundle:?}"), "CertificateBundle(2)");
}

proptest! {
    #[test]
    fn no_text_panics(
        text in prop::collection::vec(
            prop_oneof![
                Just("-----BEGIN "), Just("-----END "), Just("CERTIFICATE"), Just("-----"),
                Just("\n"), Just("\r\n"), Just(" "), Just("MIIB"), Just("="), Just("é"), Just(":"),
            ],
            0..30,
        ),
    ) {
        let text = text.concat();
        let _ = CertificateBundle::parse(&text);
        if let Some(mended) = mended(&text) {
            prop_assert_eq!(problem(&mended), None);
        }
    }

    #[test]
    fn no_arbitrary_text_panics(text in any::<String>()) {
        let _ = CertificateBundle::parse(&text);
    }
}
