//! Durations: Go's own reading of them, and what people write instead.
//!
//! Skupper hands `expirationWindow` to Go's `time.ParseDuration`, so only what Go reads is a
//! window. [`GoDuration`] is that reading, exactly; [`read_window`] also understands what a person
//! meant, to say what to write.
//!
//! ```
//! use skupper_access_policy::value::duration::{GoDuration, WindowProblem, read_window};
//!
//! let window = GoDuration::from_seconds(90 * 60);
//! assert_eq!(read_window("1.5h"), Ok(window));
//! assert_eq!(read_window("90 min"), Err(WindowProblem::Spelled(window)));
//! assert_eq!(window.to_string(), "1h30m");
//! ```
//!
//! Source: Go `src/time/format.go`, `ParseDuration`.

mod window;

use std::error::Error;
use std::fmt;

pub use window::{WindowProblem, read_window};

/// A duration as Go holds it: a signed 64-bit number of nanoseconds, about 292 years either way.
///
/// It is displayed as hours, minutes, seconds, ms, us and ns, each at most once and zeros left out
/// (`1h30m`, `216h`, `0s`), which Go reads back as the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(i64);

impl GoDuration {
    /// The duration of that many nanoseconds.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// The duration of that many seconds, or the nearest one that Go can hold.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// The length in nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Reads `text` as Go does: the same strings, the same nanoseconds.
    ///
    /// An optional sign, then numbers with an optional fraction and a unit each (`h`, `m`, `s`,
    /// `ms`, `us` or `µs`, `ns`), in any order and repeated at will; or `0` alone. Not even white
    /// space may be added.
    ///
    /// # Errors
    ///
    /// Everything that Go refuses, sorted by what is wrong.
    ///
    /// Source: Go `src/time/format.go`, `ParseDuration`, `leadingInt`, `leadingFraction`.
    pub fn parse(text: &str) -> Result<Self, GoDurationError> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned == "0" {
            return Ok(Self(0));
        }
        if unsigned.is_empty() {
            return Err(GoDurationError::NotADuration);
        }
        let mut total: u64 = 0;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let (length, after) = leading_length(rest)?;
            // Go's sum wraps around: to Go, 2^63 ns twice is zero.
            total = total.wrapping_add(length);
            if total > LIMIT {
                return Err(GoDurationError::TooLong);
            }
            rest = after;
        }
        let nanoseconds = if text.starts_with('-') {
            0_i64.checked_sub_unsigned(total)
        } else {
            0_i64.checked_add_unsigned(total)
        };
        nanoseconds.map(Self).ok_or(GoDurationError::TooLong)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (unit, length) in UNITS {
            let count = rest / length;
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
            rest %= length;
        }
        Ok(())
    }
}

/// Reason a text is not a Go duration. Go has fewer words for it; the refused texts are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoDurationError {
    /// Empty, or without a number where one must stand.
    NotADuration,
    /// A number without a unit: `15`, `1h30`.
    MissingUnit,
    /// A unit that Go does not have: `1d`, `15 m`, `1H`.
    UnknownUnit,
    /// More than an int64 of nanoseconds: `2562048h`.
    TooLong,
}

impl fmt::Display for GoDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotADuration => "not a Go duration",
            Self::MissingUnit => "a number without a unit",
            Self::UnknownUnit => "a unit other than 'h', 'm', 's', 'ms', 'us' and 'ns'",
            Self::TooLong => "more than 2562047h47m16.854775807s",
        })
    }
}

impl Error for GoDurationError {}

/// The nanoseconds of the number and unit that `text` begins with, at most [`LIMIT`], and the rest.
fn leading_length(text: &str) -> Result<(u64, &str), GoDurationError> {
    let (whole, after_whole) = split_before(text, |c| !c.is_ascii_digit());
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_point) => split_before(after_point, |c| !c.is_ascii_digit()),
        None => ("", after_whole),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(GoDurationError::NotADuration);
    }
    let (unit, rest) = split_before(after_number, |c| c == '.' || c.is_ascii_digit());
    if unit.is_empty() {
        return Err(GoDurationError::MissingUnit);
    }
    let unit = unit_length(unit).ok_or(GoDurationError::UnknownUnit)?;
    let whole = if whole.is_empty() { "0" } else { whole };
    let length = whole
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
        .and_then(|length| length.checked_add(fraction_length(fraction, unit)))
        .filter(|length| *length <= LIMIT)
        .ok_or(GoDurationError::TooLong)?;
    Ok((length, rest))
}

/// The nanoseconds of the digits behind the point, rounded down after a product of doubles as in Go.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go's own conversions; the product is neither negative nor longer than one unit"
)]
fn fraction_length(digits: &str, unit: u64) -> u64 {
    let mut numerator: u64 = 0;
    let mut scale: f64 = 1.0;
    for digit in digits.bytes() {
        // Go leaves out the digits that no longer fit.
        let Some(longer) = numerator
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit.wrapping_sub(b'0'))))
            .filter(|longer| *longer <= LIMIT)
        else {
            break;
        };
        numerator = longer;
        scale *= 10.0;
    }
    (numerator as f64 * (unit as f64 / scale)) as u64
}

fn unit_length(unit: &str) -> Option<u64> {
    let unit = match unit {
        MICRO_SIGN_SECONDS | GREEK_MU_SECONDS => "us",
        other => other,
    };
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(*length)
}

/// Splits `text` before the first character that `ends` it, or at its end.
fn split_before(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// The units and their nanoseconds, longest first.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// `µs` with the micro sign. It looks like [`GREEK_MU_SECONDS`], hence the escapes.
const MICRO_SIGN_SECONDS: &str = "\u{b5}s";
/// `μs` with the Greek letter.
const GREEK_MU_SECONDS: &str = "\u{3bc}s";

/// Go holds the absolute value in 64 bits and lets it grow to 2^63, which only a minus makes an int64.
const LIMIT: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_each_unit_once_and_leaves_zeros_out() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (-1, "-1ns"),
            (1_500_000_000, "1s500ms"),
            (900_000_000_000, "15m"),
            (5_400_000_000_000, "1h30m"),
            (777_600_000_000_000, "216h"),
            (3_600_000_001_000, "1h1us"),
            (-60_000_000_001, "-1m1ns"),
            (i64::MAX, "2562047h47m16s854ms775us807ns"),
            (i64::MIN, "-2562047h47m16s854ms775us808ns"),
        ] {
            let duration = GoDuration::from_nanoseconds(nanoseconds);
            assert_eq!(duration.to_string(), text);
            assert_eq!(GoDuration::parse(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn errors_are_sorted_by_what_is_wrong() {
        use GoDurationError::{MissingUnit, NotADuration, TooLong, UnknownUnit};
        for (text, error) in [
            ("", NotADuration),
            ("-", NotADuration),
            ("--5m", NotADuration),
            ("m", NotADuration),
            (".s", NotADuration),
            (" 15m", NotADuration),
            ("15", MissingUnit),
            ("1h30", MissingUnit),
            ("0.0", MissingUnit),
            ("1d", UnknownUnit),
            ("15m ", UnknownUnit),
            ("99999999999999999999 months", UnknownUnit),
            ("2562048h", TooLong),
            ("99999999999999999999h", TooLong),
            ("9223372036854775808ns", TooLong),
            ("9223372036.854775808s", TooLong),
            ("-9223372036854775809ns", TooLong),
        ] {
            assert_eq!(GoDuration::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_sum_wraps_around_as_it_does_in_go() {
        let text = "9223372036854775808ns9223372036854775808ns";
        assert_eq!(GoDuration::parse(text), Ok(GoDuration(0)));
        let text = "-9223372036854775808ns9223372036854775808ns5m";
        assert_eq!(GoDuration::parse(text), Ok(GoDuration::from_seconds(-300)));
    }

    #[test]
    fn seconds_stop_at_what_go_can_hold() {
        assert_eq!(GoDuration::from_seconds(900).nanoseconds(), 900_000_000_000);
        assert_eq!(GoDuration::from_seconds(i64::MAX).nanoseconds(), i64::MAX);
        assert_eq!(GoDuration::from_seconds(i64::MIN).nanoseconds(), i64::MIN);
    }
}
