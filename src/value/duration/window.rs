//! Windows as people write them: Go durations, and much else.
//!
//! The API server takes any text with a number and a unit somewhere in it and reads some of them as
//! another duration (`1.5 h` as 5 hours), Go's parser takes only its own grammar. A text between
//! the two is refused with what to write, where its meaning is certain.
//!
//! Source: `humantime::parse_duration` for the human grammar, except what it reads too freely:
//! months and years, fractions, and white space between the digits of a number. What a fraction means
//! is said, but it is no part of the grammar.

use std::error::Error;
use std::fmt;

use super::{GREEK_MU_SECONDS, GoDuration, GoDurationError, fraction_length, split_before};

/// Reads a window: what Go reads, exactly as it stands.
///
/// # Errors
///
/// Everything else, sorted by what it means. White space (Unicode's) at both ends is trimmed before
/// its meaning is looked for.
pub fn read_window(text: &str) -> Result<GoDuration, WindowProblem> {
    if let Ok(duration) = GoDuration::parse(text) {
        return Ok(duration);
    }
    let text = text.trim();
    Err(match GoDuration::parse(text) {
        Ok(duration) => WindowProblem::Spelled(duration),
        Err(GoDurationError::MissingUnit) => WindowProblem::MissingUnit,
        Err(GoDurationError::TooLong) => WindowProblem::TooLong,
        // Nobody can say what such a text means, and looking for it takes time.
        Err(_) if text.len() > MAX_EXPLAINED => WindowProblem::NotADuration,
        Err(GoDurationError::NotADuration | GoDurationError::UnknownUnit) => {
            iso8601(text).unwrap_or_else(|| human(text))
        }
    })
}

/// Reason a text is not a window. Displayed, it is the detail of a field error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowProblem {
    /// The human grammar (`1 day`, `1h 30m`), or a Go duration with white space around it. It means
    /// this and nothing else: write its `Display`. Nothing but this may be rewritten unasked.
    Spelled(GoDuration),
    /// As [`Self::Spelled`], but with capital letters: `15MIN`, `1H30M`.
    UpperCase(GoDuration),
    /// ISO 8601, with its meaning if it is certain: `PT15M`, but not `P1M`.
    Iso8601(Option<GoDuration>),
    /// Months or years.
    NoFixedLength,
    /// A lone capital `M`: minutes, or months.
    AmbiguousM,
    /// A fraction outside of Go's grammar: `1.5 days`, and `1.5 h`, which the API server reads as 5
    /// hours.
    Fraction(GoDuration),
    /// `1:30`, which may be minutes and seconds.
    Colon,
    /// `2026-12-31`.
    Date,
    /// `1,5h`.
    DecimalComma,
    /// `-5 minutes`, `1h-30m`.
    Sign,
    /// `15`, `1h30`, `1 30m`.
    MissingUnit,
    /// `5x`, `1e3s`.
    UnknownUnit,
    /// Words before, between or after numbers and units: `hello 5m world`.
    OtherText,
    /// More than Go's int64 of nanoseconds.
    TooLong,
    /// No digit in it, or too long a text to look for a meaning.
    NotADuration,
}

impl WindowProblem {
    /// The duration that was meant, where it is certain.
    #[must_use]
    pub fn suggestion(&self) -> Option<GoDuration> {
        match *self {
            Self::Spelled(duration) | Self::UpperCase(duration) | Self::Fraction(duration) => {
                Some(duration)
            }
            Self::Iso8601(duration) => duration,
            _ => None,
        }
    }

    fn reason(self) -> Option<&'static str> {
        Some(match self {
            Self::Spelled(_) | Self::TooLong | Self::NotADuration => return None,
            Self::UpperCase(_) => "in lower case",
            Self::Iso8601(_) => "not ISO 8601",
            Self::NoFixedLength => "months and years have no fixed length",
            Self::AmbiguousM => "'M' may mean minutes or months, write 'm' for minutes",
            Self::Fraction(_) => "a fraction only with Go's units and without white space",
            Self::Colon => "a colon does not say what the numbers are, write '1h30m' or '1m30s'",
            Self::Date => "a date is no length of time",
            Self::DecimalComma => "a number must not contain a comma",
            Self::Sign => "there must be no sign",
            Self::MissingUnit => "every number must have a unit",
            Self::UnknownUnit => "a unit must be one of 'h', 'm', 's', 'ms', 'us' and 'ns'",
            Self::OtherText => "there must be no other text",
        })
    }
}

impl fmt::Display for WindowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::TooLong {
            return f.write_str("must be a Go duration of at most '2562047h47m16.854775807s'");
        }
        f.write_str("must be a Go duration")?;
        match (self.suggestion(), self.reason()) {
            (Some(duration), None) => write!(f, ": write '{duration}'"),
            (Some(duration), Some(reason)) => write!(f, ", {reason}: write '{duration}'"),
            (None, None) => f.write_str(SUCH_AS),
            (None, Some(reason)) => write!(f, "{SUCH_AS}: {reason}"),
        }
    }
}

impl Error for WindowProblem {}

/// Longest text, in bytes, that is looked at when Go does not read it.
const MAX_EXPLAINED: usize = 256;

/// Nothing unless `text` has the shape of an ISO 8601 duration.
fn iso8601(text: &str) -> Option<WindowProblem> {
    let text = text.to_ascii_lowercase();
    let designated = text.strip_prefix('p')?;
    if !designated.contains(|c: char| c.is_ascii_digit())
        || designated.contains(|c: char| !c.is_ascii_digit() && !".,ymwdths".contains(c))
    {
        return None;
    }
    let (date, time) = designated.split_once('t').unwrap_or((designated, ""));
    if date.contains(['m', 'y']) {
        return Some(WindowProblem::Iso8601(None));
    }
    let meaning = sum_of_spans(date).and_then(|days| {
        let nanoseconds = days.checked_add(sum_of_spans(time)?);
        nanoseconds.ok_or(WindowProblem::TooLong)
    });
    Some(match meaning {
        Ok(nanoseconds) => WindowProblem::Iso8601(Some(GoDuration(nanoseconds))),
        Err(WindowProblem::TooLong) => WindowProblem::TooLong,
        Err(_) => WindowProblem::Iso8601(None),
    })
}

/// The problem with a trimmed text that Go does not read.
fn human(text: &str) -> WindowProblem {
    if !text.contains(|c: char| c.is_ascii_digit()) {
        return WindowProblem::NotADuration;
    }
    if !text.contains('M')
        && let Ok(duration) = GoDuration::parse(&text.to_ascii_lowercase())
    {
        return WindowProblem::UpperCase(duration);
    }
    if let Some(problem) = date_or_time(text) {
        return problem;
    }
    match sum_of_spans(text).map(GoDuration) {
        Ok(duration) if text.contains('.') => WindowProblem::Fraction(duration),
        Ok(duration) if text.contains(|c: char| c.is_ascii_uppercase()) => {
            WindowProblem::UpperCase(duration)
        }
        Ok(duration) => WindowProblem::Spelled(duration),
        Err(problem) => problem,
    }
}

/// Texts that begin with a date, and numbers with colons between them.
fn date_or_time(text: &str) -> Option<WindowProblem> {
    let is_date = text.len() >= 8
        && text.bytes().take(8).enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let is_time = text.contains(':')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b':')
        && !text.starts_with(':')
        && !text.ends_with(':');
    match (is_date, is_time) {
        (true, _) => Some(WindowProblem::Date),
        (_, true) => Some(WindowProblem::Colon),
        _ => None,
    }
}

/// The nanoseconds of all numbers and units in `text`, whatever the case of the units.
///
/// The units are looked at before humantime is asked, which has a length for a month; and it is
/// asked for one number and unit at a time, because its sum can panic.
fn sum_of_spans(text: &str) -> Result<i64, WindowProblem> {
    let mut total: i64 = 0;
    let mut after_hours = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, fraction, unit, after) = leading_span(rest)?;
        if unit == "M" && !after_hours {
            return Err(WindowProblem::AmbiguousM);
        }
        let unit = unit.to_ascii_lowercase();
        if UNITS_WITHOUT_FIXED_LENGTH.contains(&unit.as_str()) {
            return Err(WindowProblem::NoFixedLength);
        }
        after_hours = unit.starts_with('h');
        total = total
            .checked_add(span_length(number, fraction, &unit)?)
            .ok_or(WindowProblem::TooLong)?;
        rest = after.trim_start();
    }
    Ok(total)
}

/// The number, its fraction, which may be empty, and the unit that `text` begins with, and the rest.
fn leading_span(text: &str) -> Result<(&str, &str, &str, &str), WindowProblem> {
    let (number, after_whole) = split_before(text, |c| !c.is_ascii_digit());
    let (fraction, after_number) = match after_whole.strip_prefix('.') {
        Some(after_point) if !number.is_empty() => {
            split_before(after_point, |c| !c.is_ascii_digit())
        }
        _ => ("", after_whole),
    };
    let after_space = after_number.trim_start();
    let (unit, rest) = split_before(after_space, |c| {
        c.is_whitespace() || c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-')
    });
    if !number.is_empty() && !unit.is_empty() {
        return Ok((number, fraction, unit, rest));
    }
    let unexpected = if number.is_empty() { text } else { after_space };
    Err(match unexpected.chars().next() {
        Some('+' | '-') => WindowProblem::Sign,
        _ if number.is_empty() => WindowProblem::OtherText,
        Some(',') => WindowProblem::DecimalComma,
        _ => WindowProblem::MissingUnit,
    })
}

fn span_length(number: &str, fraction: &str, unit: &str) -> Result<i64, WindowProblem> {
    // humantime knows the micro sign only.
    let unit = if unit == GREEK_MU_SECONDS { "us" } else { unit };
    let length = match humantime::parse_duration(&format!("{number}{unit}")) {
        Ok(length) => length,
        Err(humantime::DurationError::NumberOverflow) => return Err(WindowProblem::TooLong),
        Err(_) => return Err(WindowProblem::UnknownUnit),
    };
    let whole = i64::try_from(length.as_nanos()).map_err(|_| WindowProblem::TooLong)?;
    if fraction.is_empty() {
        return Ok(whole);
    }
    let one = span_length("1", "", unit)?.unsigned_abs();
    whole
        .checked_add_unsigned(fraction_length(fraction, one))
        .ok_or(WindowProblem::TooLong)
}

const SUCH_AS: &str = " such as '15m', '1h30m' or '48h'";

/// In lower case. A capital `M` alone is not here, it may be minutes.
const UNITS_WITHOUT_FIXED_LENGTH: [&str; 9] = [
    "mo", "mos", "month", "months", "y", "yr", "yrs", "year", "years",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detail_says_what_is_allowed_and_what_is_wrong() {
        let day = GoDuration::from_seconds(24 * 60 * 60);
        for (problem, detail) in [
            (
                WindowProblem::Spelled(day),
                "must be a Go duration: write '24h'",
            ),
            (
                WindowProblem::UpperCase(day),
                "must be a Go duration, in lower case: write '24h'",
            ),
            (
                WindowProblem::Iso8601(Some(day)),
                "must be a Go duration, not ISO 8601: write '24h'",
            ),
            (
                WindowProblem::Iso8601(None),
                "must be a Go duration such as '15m', '1h30m' or '48h': not ISO 8601",
            ),
            (
                WindowProblem::NoFixedLength,
                "must be a Go duration such as '15m', '1h30m' or '48h': months and years have no \
                 fixed length",
            ),
            (
                WindowProblem::AmbiguousM,
                "must be a Go duration such as '15m', '1h30m' or '48h': 'M' may mean minutes or \
                 months, write 'm' for minutes",
            ),
            (
                WindowProblem::Fraction(day),
                "must be a Go duration, a fraction only with Go's units and without white space: \
                 write '24h'",
            ),
            (
                WindowProblem::Colon,
                "must be a Go duration such as '15m', '1h30m' or '48h': a colon does not say what \
                 the numbers are, write '1h30m' or '1m30s'",
            ),
            (
                WindowProblem::Date,
                "must be a Go duration such as '15m', '1h30m' or '48h': a date is no length of time",
            ),
            (
                WindowProblem::DecimalComma,
                "must be a Go duration such as '15m', '1h30m' or '48h': a number must not contain \
                 a comma",
            ),
            (
                WindowProblem::Sign,
                "must be a Go duration such as '15m', '1h30m' or '48h': there must be no sign",
            ),
            (
                WindowProblem::MissingUnit,
                "must be a Go duration such as '15m', '1h30m' or '48h': every number must have a \
                 unit",
            ),
            (
                WindowProblem::UnknownUnit,
                "must be a Go duration such as '15m', '1h30m' or '48h': a unit must be one of \
                 'h', 'm', 's', 'ms', 'us' and 'ns'",
            ),
            (
                WindowProblem::OtherText,
                "must be a Go duration such as '15m', '1h30m' or '48h': there must be no other \
                 text",
            ),
            (
                WindowProblem::TooLong,
                "must be a Go duration of at most '2562047h47m16.854775807s'",
            ),
            (
                WindowProblem::NotADuration,
                "must be a Go duration such as '15m', '1h30m' or '48h'",
            ),
        ] {
            assert_eq!(problem.to_string(), detail);
        }
    }

    #[test]
    fn only_certain_meanings_are_suggested() {
        let hour = GoDuration::from_seconds(60 * 60);
        for (text, suggestion) in [
            ("1 hour", Some(hour)),
            ("1H", Some(hour)),
            ("PT1H", Some(hour)),
            ("P1M", None),
            ("1M", None),
            ("1.0 h", Some(hour)),
            ("0.5 h 30 m", Some(hour)),
            ("0.25 days", Some(GoDuration::from_seconds(6 * 60 * 60))),
            ("1.5 Hours", Some(GoDuration::from_seconds(90 * 60))),
            ("1. hour", Some(hour)),
            ("60 min.", None),
            ("1.5 months", None),
            ("1.5 M", None),
            ("1 hour or so", None),
            ("1 month", None),
        ] {
            let problem = read_window(text).unwrap_err();
            assert_eq!(problem.suggestion(), suggestion, "{text:?}");
        }
    }
}
