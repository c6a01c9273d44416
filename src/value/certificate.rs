//! A bundle of X.509 certificates in PEM: what an `AccessToken`'s `spec.ca` holds.
//!
//! ```
//! use skupper_access_policy::value::certificate::{BundleProblem, CertificateBundle};
//!
//! let ca = CertificateBundle::parse(include_str!("../../tests/certificates/chain.pem"))?;
//! assert!(ca.is_any_valid_at(1_785_000_000));
//! assert_eq!(CertificateBundle::parse("no PEM"), Err(BundleProblem::NoCertificate));
//! # Ok::<(), BundleProblem>(())
//! ```
//!
//! Skupper hands the text to Go's `CertPool.AppendCertsFromPEM`, which silently skips the blocks
//! that it cannot use. Here such a block is a problem, because whoever wrote it wanted it trusted.
//!
//! Source: RFC 7468; RFC 5280 section 4.1; Go `src/crypto/x509/cert_pool.go`.

mod der;
mod pem;
mod x509;

use std::fmt;

use pem::Blocks;
use x509::Validity;

/// Longest text that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 64 * 1024;

/// One or more readable certificates. Two bundles are equal when they hold the same certificates
/// in the same order, however their text is laid out.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateBundle {
    certificates: Vec<Certificate>,
}

/// Equality of the DER decides; the validity follows from it.
#[derive(Clone, PartialEq, Eq)]
struct Certificate {
    der: Vec<u8>,
    validity: Validity,
}

impl CertificateBundle {
    /// Reads every PEM block of `text`.
    ///
    /// # Errors
    /// The first problem in the order of the text, except that length is judged first and a
    /// private key anywhere goes before everything else.
    pub fn parse(text: &str) -> Result<Self, BundleProblem> {
        if text.len() > MAX_BUNDLE_BYTES {
            return Err(BundleProblem::TooLong);
        }
        if pem::announces_private_key(text) {
            return Err(BundleProblem::PrivateKey);
        }
        let mut certificates = Vec::new();
        for der in Blocks::new(text) {
            let der = der?;
            let block = certificates.len() + 1;
            let validity =
                Validity::of_certificate(&der).ok_or(BundleProblem::NotX509 { block })?;
            certificates.push(Certificate { der, validity });
        }
        if certificates.is_empty() {
            return Err(BundleProblem::NoCertificate);
        }
        Ok(Self { certificates })
    }

    /// Whether a time, in seconds since 1970, lies within the validity of any certificate; both
    /// ends of a validity belong to it.
    #[must_use]
    pub fn is_any_valid_at(&self, unix_seconds: i64) -> bool {
        self.certificates
            .iter()
            .any(|certificate| certificate.validity.contains(unix_seconds))
    }
}

/// Prints the number of certificates: the value of a `ca` is never printed.
impl fmt::Debug for CertificateBundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CertificateBundle({})", self.certificates.len())
    }
}

/// What is wrong with a bundle. Blocks are counted from 1; nothing of the text is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleProblem {
    /// More than [`MAX_BUNDLE_BYTES`].
    TooLong,
    /// A line opens a private key.
    PrivateKey,
    /// There is no PEM block.
    NoCertificate,
    /// The lines that begin and end the block are missing, damaged or of different kinds.
    Unbounded {
        /// Which block.
        block: usize,
    },
    /// The block is whole and holds something else than a certificate.
    OtherKind {
        /// Which block.
        block: usize,
    },
    /// The block has headers such as `Proc-Type:`, and Go passes over such a certificate.
    Headers {
        /// Which block.
        block: usize,
    },
    /// The text of the block is not base64.
    NotBase64 {
        /// Which block.
        block: usize,
    },
    /// The block is not one X.509 certificate in DER.
    NotX509 {
        /// Which block.
        block: usize,
    },
}

impl fmt::Display for BundleProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => formatter.write_str("must be at most 64 KiB"),
            Self::PrivateKey => formatter.write_str(
                "must not hold a private key: give certificates only, and replace the key, \
                 because others may have read it",
            ),
            Self::NoCertificate => formatter.write_str(
                "must hold at least one certificate in PEM, beginning with a line \
                 '-----BEGIN CERTIFICATE-----'",
            ),
            Self::Unbounded { block } => write!(
                formatter,
                "PEM block {block} must stand between the lines '-----BEGIN CERTIFICATE-----' \
                 and '-----END CERTIFICATE-----'",
            ),
            Self::OtherKind { block } => write!(
                formatter,
                "PEM block {block} must be a certificate ('-----BEGIN CERTIFICATE-----') and \
                 nothing else",
            ),
            Self::Headers { block } => {
                write!(formatter, "PEM block {block} must not have header lines")
            }
            Self::NotBase64 { block } => {
                write!(
                    formatter,
                    "PEM block {block} must be base64 with padding, not damaged"
                )
            }
            Self::NotX509 { block } => {
                write!(
                    formatter,
                    "PEM block {block} must be a readable X.509 certificate"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A time at which every certificate that is not about time is valid: July 2026.
    const NOW: i64 = 1_785_000_000;

    macro_rules! fixture {
        ($name:literal) => {
            include_str!(concat!("../../tests/certificates/", $name, ".pem"))
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
        let unbounded = |block| BundleProblem::Unbounded { block };
        let not_base64 = |block| BundleProblem::NotBase64 { block };
        let not_x509 = |block| BundleProblem::NotX509 { block };
        let table = [
            ("nothing", String::new(), BundleProblem::NoCertificate),
            ("text", "MIIB".to_owned(), BundleProblem::NoCertificate),
            ("no BEGIN", cut.to_owned(), BundleProblem::NoCertificate),
            (
                "indented",
                CA.replace("-----BEGIN", " -----BEGIN"),
                BundleProblem::NoCertificate,
            ),
            (
                "byte order mark",
                format!("\u{feff}{CA}"),
                BundleProblem::NoCertificate,
            ),
            (
                "no END",
                CA.replace("-----END CERTIFICATE-----", ""),
                unbounded(1),
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
                BundleProblem::OtherKind { block: 1 },
            ),
            (
                "unknown kind",
                block("FOO", "AAAA"),
                BundleProblem::OtherKind { block: 1 },
            ),
            (
                "public key",
                CA.to_owned() + &block("PUBLIC KEY", ""),
                BundleProblem::OtherKind { block: 2 },
            ),
            (
                "lower case",
                block("certificate", "AAAA"),
                BundleProblem::OtherKind { block: 1 },
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
    fn a_private_key_goes_before_every_problem_but_the_length() {
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
        assert_eq!(problem(&long), Some(BundleProblem::TooLong));
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
            let _ = CertificateBundle::parse(&text.concat());
        }

        #[test]
        fn no_arbitrary_text_panics(text in any::<String>()) {
            let _ = CertificateBundle::parse(&text);
        }
    }
}
