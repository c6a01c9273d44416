//! Points in time as Kubernetes writes them.
//!
//! ```
//! use skupper_access_policy::value::time::unix_seconds;
//!
//! assert_eq!(unix_seconds("2026-11-21T01:00:00+01:00"), Some(1_795_219_200));
//! assert_eq!(unix_seconds("tomorrow"), None);
//! ```
//!
//! Read here, because chrono's reader of the format takes 3 KB of the module; it is the oracle of the
//! property test.
//!
//! Source: RFC 3339 section 5.6; kubernetes apimachinery pkg/apis/meta/v1, `Time`.

use chrono::NaiveDate;

/// Whole seconds since 1970 of a time in RFC 3339; a fraction of a second is left out. `None` for any
/// other text, and for leap seconds.
#[must_use]
pub fn unix_seconds(text: &str) -> Option<i64> {
    let (date_and_time, rest) = text.as_bytes().split_at_checked(PATTERN.len())?;
    let mut numbers = [0_u32; 6];
    let mut position = 0;
    for (byte, expected) in date_and_time.iter().zip(PATTERN) {
        match (expected, byte) {
            (b'0', b'0'..=b'9') => {
                let number = numbers.get_mut(position)?;
                *number = *number * 10 + u32::from(byte - b'0');
            }
            (b'T', b'T' | b't') => position += 1,
            (expected, byte) if expected == byte => position += 1,
            _ => return None,
        }
    }
    let [year, month, day, hours, minutes, seconds] = numbers;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let time = date.and_hms_opt(hours, minutes, seconds)?;
    Some(time.and_utc().timestamp() - offset(rest)?)
}

/// The seconds of the offset behind the time, and behind its fraction.
fn offset(text: &[u8]) -> Option<i64> {
    let text = match text.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().position(|byte| !byte.is_ascii_digit())?;
            fraction.get(digits..).filter(|_| digits > 0)?
        }
        None => text,
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h, o, b':', m, n] => {
            let hours = digit(h)? * 10 + digit(o)?;
            let minutes = digit(m)? * 10 + digit(n)?;
            let seconds = hours * 3600 + minutes * 60;
            let is_offset = hours < 24 && minutes < 60;
            is_offset.then_some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// A zero stands for any digit.
const PATTERN: &[u8] = b"0000-00-00T00:00:00";

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_time_is_not_read() {
        let table = [
            ("nothing", ""),
            ("a date", "2026-11-21"),
            ("no offset", "2026-11-21T00:00:00"),
            ("a month too many", "2026-13-21T00:00:00Z"),
            ("a day too many", "2026-02-30T00:00:00Z"),
            ("an hour too many", "2026-11-21T24:00:00Z"),
            ("a point and no fraction", "2026-11-21T00:00:00.Z"),
            ("an offset too far", "2026-11-21T00:00:00+24:00"),
            ("something behind it", "2026-11-21T00:00:00Z "),
            ("a sign for a digit", "2026-+1-21T00:00:00Z"),
        ];
        for (name, text) in table {
            assert_eq!(unix_seconds(text), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn chrono_reads_the_same(
            text in "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[-+][0-2][0-9]:[0-5][0-9])"
        ) {
            let expected = DateTime::parse_from_rfc3339(&text).ok();
            prop_assert_eq!(unix_seconds(&text), expected.map(|time| time.timestamp()));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = unix_seconds(&text);
        }
    }
}
