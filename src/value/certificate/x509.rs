//! One X.509 certificate in DER: is it readable, and when is it valid.
//!
//! Walks the structure that Go's `x509.ParseCertificate` requires, without allocation. Decoding
//! into `x509_cert::Certificate` instead takes more than ten times as long, adds 40 KB to the
//! module and refuses what Go reads: serial numbers above 21 bytes and times before 1970. It is
//! the oracle of the tests.
//!
//! Not judged, although Go does: the characters of names, the public key, the contents and the
//! repetition of extensions. Refused, although Go reads them: times without seconds or with an
//! offset from UTC, which RFC 5280 rules out, and fields that X.509 does not have.
//!
//! Source: RFC 5280 section 4.1; Go `src/crypto/x509/parser.go`, parseCertificate.

use chrono::NaiveDate;

use super::der::Elements;
use super::der::{BOOLEAN, GENERALIZED_TIME, OCTET_STRING, SEQUENCE, SET, UTC_TIME};

/// When a certificate is valid, in seconds since 1970; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Validity {
    /// Reads a certificate that fills `der` to its last byte.
    pub(super) fn of_certificate(der: &[u8]) -> Option<Self> {
        let mut outer = Elements::of(der);
        let mut certificate = outer.inside(SEQUENCE)?;
        outer.end()?;
        let signed = certificate.inside(SEQUENCE)?;
        let algorithm = certificate.value(SEQUENCE)?;
        certificate.bit_string()?;
        certificate.end()?;
        to_be_signed(signed, algorithm)
    }

    pub(super) fn contains(self, unix_seconds: i64) -> bool {
        (self.not_before..=self.not_after).contains(&unix_seconds)
    }
}

/// Reads the signed part; it must name the same `algorithm` as the part around it.
/// Source: RFC 5280 section 4.1.1.2.
fn to_be_signed(mut fields: Elements<'_>, algorithm: &[u8]) -> Option<Validity> {
    version(&mut fields)?;
    let serial = fields.integer()?;
    if is_negative(serial) || fields.value(SEQUENCE)? != algorithm {
        return None;
    }
    algorithm_identifier(Elements::of(algorithm))?;
    name(fields.inside(SEQUENCE)?)?;
    let mut ends = fields.inside(SEQUENCE)?;
    let validity = Validity {
        not_before: time(&mut ends)?,
        not_after: time(&mut ends)?,
    };
    ends.end()?;
    name(fields.inside(SEQUENCE)?)?;
    public_key(fields.inside(SEQUENCE)?)?;
    for unique_id in [ISSUER_UNIQUE_ID, SUBJECT_UNIQUE_ID] {
        if fields.next_is(unique_id) {
            fields.any()?;
        }
    }
    if fields.next_is(EXTENSIONS) {
        let mut wrapper = fields.inside(EXTENSIONS)?;
        extensions(wrapper.inside(SEQUENCE)?)?;
        wrapper.end()?;
    }
    fields.end()?;
    Some(validity)
}

/// Absent means version 1, written 0; version 3 is the last.
fn version(fields: &mut Elements<'_>) -> Option<()> {
    if !fields.next_is(VERSION) {
        return Some(());
    }
    let mut wrapper = fields.inside(VERSION)?;
    let version = wrapper.integer()?;
    wrapper.end()?;
    matches!(version, [0..=2]).then_some(())
}

fn is_negative(integer: &[u8]) -> bool {
    integer.first().is_some_and(|first| *first >= 0x80)
}

fn algorithm_identifier(mut fields: Elements<'_>) -> Option<()> {
    fields.object_identifier()?;
    if !fields.is_empty() {
        fields.any()?;
    }
    fields.end()
}

fn name(mut relative_names: Elements<'_>) -> Option<()> {
    while !relative_names.is_empty() {
        let mut attributes = relative_names.inside(SET)?;
        while !attributes.is_empty() {
            let mut attribute = attributes.inside(SEQUENCE)?;
            attribute.object_identifier()?;
            attribute.any()?;
            attribute.end()?;
        }
    }
    Some(())
}

fn public_key(mut fields: Elements<'_>) -> Option<()> {
    algorithm_identifier(fields.inside(SEQUENCE)?)?;
    fields.bit_string()?;
    fields.end()
}

fn extensions(mut extensions: Elements<'_>) -> Option<()> {
    while !extensions.is_empty() {
        let mut extension = extensions.inside(SEQUENCE)?;
        extension.object_identifier()?;
        if extension.next_is(BOOLEAN) && !matches!(extension.value(BOOLEAN)?, [0x00 | 0xff]) {
            return None;
        }
        extension.value(OCTET_STRING)?;
        extension.end()?;
    }
    Some(())
}

/// Reads a time as seconds since 1970: `YYMMDDhhmmssZ` for the years 1950 to 2049, or
/// `YYYYMMDDhhmmssZ`.
fn time(fields: &mut Elements<'_>) -> Option<i64> {
    let (tag, text) = fields.any()?;
    let digits = text.strip_suffix(b"Z")?;
    let mut pairs = digits.chunks(2).map(|pair| match pair {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    });
    let mut pair = || pairs.next().flatten();
    let year = match (tag, i32::from(pair()?)) {
        (UTC_TIME, year @ 50..) => 1900 + year,
        (UTC_TIME, year) => 2000 + year,
        (GENERALIZED_TIME, century) => century * 100 + i32::from(pair()?),
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(year, pair()?.into(), pair()?.into())?;
    let time = date.and_hms_opt(pair()?.into(), pair()?.into(), pair()?.into())?;
    pairs.next().is_none().then_some(time.and_utc().timestamp())
}

// Context-specific tags of the signed part.
const VERSION: u8 = 0xa0;
const ISSUER_UNIQUE_ID: u8 = 0x81;
const SUBJECT_UNIQUE_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use x509_cert::der::Decode as _;

    use super::super::pem::Blocks;
    use super::*;

    fn der(pem: &str) -> Vec<u8> {
        Blocks::new(pem).next().unwrap().unwrap()
    }

    /// The answer of the full decoder, except where Go, and so this reader, may be stricter.
    fn oracle(der: &[u8]) -> Option<Validity> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let signed = certificate.tbs_certificate();
        let key = &signed.subject_public_key_info().subject_public_key;
        if signed.signature() != certificate.signature_algorithm()
            || is_negative(signed.serial_number().as_bytes())
            || key.unused_bits() + certificate.signature().unused_bits() > 0
        {
            return None;
        }
        let seconds =
            |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap();
        Some(Validity {
            not_before: seconds(signed.validity().not_before),
            not_after: seconds(signed.validity().not_after),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_damaged_certificate_is_read_where_the_full_decoder_reads_it(
            pem in prop::sample::select(vec![
                include_str!("../../../tests/certificates/p256.pem"),
                include_str!("../../../tests/certificates/rsa-2048.pem"),
                include_str!("../../../tests/certificates/v1.pem"),
            ]),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut der = der(pem);
            for (place, byte) in damage {
                *place.get_mut(&mut der) = byte;
            }
            if let Some(validity) = oracle(&der) {
                prop_assert_eq!(Validity::of_certificate(&der), Some(validity));
            }
        }

        #[test]
        fn a_certificate_cut_short_or_prolonged_is_refused(
            cut in any::<prop::sample::Index>(),
            more in 1..4_usize,
        ) {
            let mut der = der(include_str!("../../../tests/certificates/p256.pem"));
            let short = der.get(..cut.index(der.len())).unwrap();
            prop_assert_eq!(Validity::of_certificate(short), None);
            der.resize(der.len() + more, 0);
            prop_assert_eq!(Validity::of_certificate(&der), None);
        }

        #[test]
        fn no_bytes_panic(der in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Validity::of_certificate(&der);
        }
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        let table = [
            (
                "second half of the century",
                UTC_TIME,
                "500101000000Z",
                Some(-631_152_000),
            ),
            (
                "first half of the century",
                UTC_TIME,
                "491231235959Z",
                Some(2_524_607_999),
            ),
            ("epoch", GENERALIZED_TIME, "19700101000000Z", Some(0)),
            (
                "no end",
                GENERALIZED_TIME,
                "99991231235959Z",
                Some(253_402_300_799),
            ),
            ("leap day", UTC_TIME, "240229000000Z", Some(1_709_164_800)),
            ("no leap year", UTC_TIME, "230229000000Z", None),
            ("month 13", UTC_TIME, "231301000000Z", None),
            ("hour 24", UTC_TIME, "230101240000Z", None),
            ("leap second", UTC_TIME, "161231235960Z", None),
            ("no seconds", UTC_TIME, "2301010000Z", None),
            ("fraction", GENERALIZED_TIME, "20230101000000.5Z", None),
            ("offset", UTC_TIME, "230101000000+0100", None),
            ("no zone", UTC_TIME, "230101000000", None),
            ("letters", UTC_TIME, "23o101000000Z", None),
            (
                "four digits of a year in the short form",
                UTC_TIME,
                "20230101000000Z",
                None,
            ),
            (
                "two digits of a year in the long form",
                GENERALIZED_TIME,
                "230101000000Z",
                None,
            ),
            ("odd number of digits", UTC_TIME, "2301010000000Z", None),
            ("another type", OCTET_STRING, "230101000000Z", None),
            ("empty", UTC_TIME, "", None),
        ];
        for (name, tag, text, expected) in table {
            let mut element = vec![tag, u8::try_from(text.len()).unwrap()];
            element.extend(text.bytes());
            assert_eq!(time(&mut Elements::of(&element)), expected, "{name}");
        }
    }
}
