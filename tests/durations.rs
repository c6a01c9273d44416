//! Go's own answers, and what becomes of every window that was tried on a real API server.

#![expect(
    clippy::unwrap_used,
    reason = "a table that cannot be read must fail its test"
)]

use proptest::prelude::*;
use serde_json::Value;
use skupper_access_policy::value::duration::WindowProblem::{
    AmbiguousM, Colon, Date, DecimalComma, Fraction, Iso8601, MissingUnit, NoFixedLength,
    NotADuration, OtherText, Sign, Spelled, TooLong, UnknownUnit, UpperCase,
};
use skupper_access_policy::value::duration::{GoDuration, WindowProblem, read_window};

/// Outcome that is expected of a text.
#[derive(Debug)]
enum Outcome {
    /// Go reads it: kept to the letter.
    Kept,
    /// Refused, and this is the text to write; the constructor says why.
    Write(fn(GoDuration) -> WindowProblem, &'static str),
    /// Refused without a suggestion.
    Refused(WindowProblem),
}

use Outcome::{Kept, Refused, Write};

/// Every string of `durations/expiration-window-seen.json`, in its order.
const SEEN: [(&str, Outcome); 75] = [
    ("15m", Kept),
    ("1h30m", Kept),
    ("1.5h", Kept),
    ("90s", Kept),
    ("22 ns", Write(Spelled, "22ns")),
    ("22ns", Kept),
    ("1 day", Write(Spelled, "24h")),
    ("2d", Write(Spelled, "48h")),
    ("1d", Write(Spelled, "24h")),
    ("1w", Write(Spelled, "168h")),
    ("1 hour 30 minutes", Write(Spelled, "1h30m")),
    ("1h 30m", Write(Spelled, "1h30m")),
    ("15", Refused(MissingUnit)),
    ("0", Kept),
    ("", Refused(NotADuration)),
    ("-5m", Kept),
    ("-1h", Kept),
    ("+5m", Kept),
    ("P1D", Write(iso8601, "24h")),
    ("PT15M", Write(iso8601, "15m")),
    ("PT1H30M", Write(iso8601, "1h30m")),
    ("P1M", Refused(Iso8601(None))),
    ("1M", Refused(AmbiguousM)),
    ("1Mo", Refused(NoFixedLength)),
    ("1mo", Refused(NoFixedLength)),
    ("1 month", Refused(NoFixedLength)),
    ("1 year", Refused(NoFixedLength)),
    ("15min", Write(Spelled, "15m")),
    ("15 min", Write(Spelled, "15m")),
    ("15mins", Write(Spelled, "15m")),
    ("15 minutes", Write(Spelled, "15m")),
    ("15minutes", Write(Spelled, "15m")),
    ("15MIN", Write(UpperCase, "15m")),
    ("15 Minutes", Write(UpperCase, "15m")),
    ("1hr", Write(Spelled, "1h")),
    ("1hrs", Write(Spelled, "1h")),
    ("1 hour", Write(Spelled, "1h")),
    ("2hours", Write(Spelled, "2h")),
    ("1.5 h", Write(Fraction, "1h30m")),
    ("1,5h", Refused(DecimalComma)),
    (".5h", Kept),
    ("1h.5m", Kept),
    ("0.5", Refused(MissingUnit)),
    ("1e3s", Refused(UnknownUnit)),
    ("1us", Kept),
    ("1\u{b5}s", Kept),
    ("1\u{3bc}s", Kept),
    ("5m extra words", Refused(OtherText)),
    ("hello 5m world", Refused(OtherText)),
    ("5x", Refused(UnknownUnit)),
    ("5mz", Refused(UnknownUnit)),
    ("m", Refused(NotADuration)),
    ("foo", Refused(NotADuration)),
    ("never", Refused(NotADuration)),
    ("\u{221e}", Refused(NotADuration)),
    (" 15m", Write(Spelled, "15m")),
    ("15m ", Write(Spelled, "15m")),
    ("15m\n", Write(Spelled, "15m")),
    ("1h-30m", Refused(Sign)),
    ("-5 minutes", Refused(Sign)),
    ("100000000000h", Refused(TooLong)),
    ("9223372036854775807ns", Kept),
    ("9223372036854775808ns", Refused(TooLong)),
    ("300y", Refused(NoFixedLength)),
    ("2562047h47m16.854775807s", Kept),
    ("2562048h", Refused(TooLong)),
    ("999999999999999999999 days", Refused(TooLong)),
    ("1000000 days", Refused(TooLong)),
    ("0s", Kept),
    ("0m", Kept),
    ("1H", Write(UpperCase, "1h")),
    ("1H30M", Write(UpperCase, "1h30m")),
    ("1D", Write(UpperCase, "24h")),
    ("\u{663}m", Refused(NotADuration)),
    ("15m0s", Kept),
];

/// Texts beyond those, each a trap of one of the two readers or of the way they are joined.
const TRAPS: [(&str, Outcome); 76] = [
    // White space at the ends, and the value is written anew.
    ("\u{a0}1.5h\t", Write(Spelled, "1h30m")),
    (" 1500ms", Write(Spelled, "1s500ms")),
    (" -5m", Write(Spelled, "-5m")),
    ("0 ", Write(Spelled, "0s")),
    ("0 days", Write(Spelled, "0s")),
    ("   ", Refused(NotADuration)),
    ("\u{feff}15m", Refused(OtherText)),
    // The human grammar.
    ("1week 2days", Write(Spelled, "216h")),
    ("1 wk 2 wks", Write(Spelled, "504h")),
    ("1h 1h", Write(Spelled, "2h")),
    ("1 m 1 h", Write(Spelled, "1h1m")),
    ("007 days", Write(Spelled, "168h")),
    ("15\u{a0}min", Write(Spelled, "15m")),
    ("1 \u{b5}s", Write(Spelled, "1us")),
    ("1 \u{3bc}s", Write(Spelled, "1us")),
    ("106751 days", Write(Spelled, "2562024h")),
    ("106752 days", Refused(TooLong)),
    ("106751 days 1 day", Refused(TooLong)),
    (
        "9223372036854775807 nsec",
        Write(Spelled, "2562047h47m16s854ms775us807ns"),
    ),
    ("9223372036854775808 nsec", Refused(TooLong)),
    ("18446744073709551615 weeks", Refused(TooLong)),
    // humantime's sum panics here.
    ("18446744073709551615s 1000000000ns", Refused(TooLong)),
    // humantime reads 130 minutes.
    ("1 30m", Refused(MissingUnit)),
    ("1h30", Refused(MissingUnit)),
    ("15min 30", Refused(MissingUnit)),
    // No fixed length, and 'M'.
    ("2 Months", Refused(NoFixedLength)),
    ("1Y6M", Refused(NoFixedLength)),
    ("1 hour 1 year", Refused(NoFixedLength)),
    ("99999999999999999999 months", Refused(NoFixedLength)),
    ("1 M", Refused(AmbiguousM)),
    ("1W6M", Refused(AmbiguousM)),
    ("30M1H", Refused(AmbiguousM)),
    ("1 Hour 30 M", Write(UpperCase, "1h30m")),
    ("1h30M", Write(UpperCase, "1h30m")),
    ("1MS", Write(UpperCase, "1ms")),
    ("1.5H", Write(UpperCase, "1h30m")),
    ("-1H", Write(UpperCase, "-1h")),
    ("1D 99999999999999999999H", Refused(TooLong)),
    // ISO 8601.
    ("p1dt12h", Write(iso8601, "36h")),
    ("P2W", Write(iso8601, "336h")),
    ("PT0S", Write(iso8601, "0s")),
    ("P1Y", Refused(Iso8601(None))),
    ("P1MT1H", Refused(Iso8601(None))),
    ("PT1.5H", Write(iso8601, "1h30m")),
    ("PT1,5H", Refused(Iso8601(None))),
    ("P15", Refused(Iso8601(None))),
    ("P99999999999D", Refused(TooLong)),
    ("P106751DT106751H", Refused(TooLong)),
    ("PT", Refused(NotADuration)),
    ("-PT15M", Refused(Sign)),
    ("Please 5m", Refused(OtherText)),
    // Points, commas, signs, words.
    ("1.5 hours", Write(Fraction, "1h30m")),
    ("1.5days", Write(Fraction, "36h")),
    (".5 days", Refused(OtherText)),
    ("106752.5 days", Refused(TooLong)),
    ("5m 1.5h", Write(Fraction, "1h35m")),
    ("1.5 m 0.5 s", Write(Fraction, "1m30s500ms")),
    ("1.5M", Refused(AmbiguousM)),
    ("1.5 months", Refused(NoFixedLength)),
    ("1.5 h or so", Refused(OtherText)),
    ("9223372036.854775808s", Refused(TooLong)),
    ("1,000 s", Refused(DecimalComma)),
    ("1 hour, 30 minutes", Refused(OtherText)),
    ("1 hour and 30 minutes", Refused(OtherText)),
    ("5-10m", Refused(Sign)),
    ("-9223372036854775809ns", Refused(TooLong)),
    ("--5m", Refused(Sign)),
    ("1:30", Refused(Colon)),
    ("01:30:00", Refused(Colon)),
    ("1:", Refused(UnknownUnit)),
    ("2026-12-31", Refused(Date)),
    ("2026-12-31T23:59:59Z", Refused(Date)),
    ("2026-5", Refused(Sign)),
    ("1_000s", Refused(UnknownUnit)),
    ("15m\0", Refused(UnknownUnit)),
    ("\u{ff11}m", Refused(NotADuration)),
];

#[test]
fn reads_what_go_reads_and_refuses_what_go_refuses() {
    let rows = rows(include_str!("durations/go-durations.json"));
    assert_eq!(rows.len(), 1500);
    for row in rows {
        let text = row["in"].as_str().unwrap();
        let read = GoDuration::parse(text).ok().map(GoDuration::nanoseconds);
        assert_eq!(read, row["ns"].as_i64(), "{text:?}");
        assert_eq!(read.is_none(), row["ns"].is_null(), "{text:?}");
    }
}

#[test]
fn every_window_seen_on_an_api_server_ends_as_specified() {
    let rows = rows(include_str!("durations/expiration-window-seen.json"));
    let strings: Vec<_> = rows.iter().filter(|row| row["value"].is_string()).collect();
    // Numbers, a boolean, a null, a list and a map: wrong types, which are not for this reader.
    assert_eq!((strings.len(), rows.len() - strings.len()), (75, 8));
    for ((text, outcome), row) in SEEN.iter().zip(strings) {
        assert_eq!(row["value"], *text);
        let go_reads = !row["go"].as_str().unwrap().starts_with("error:");
        assert_eq!(matches!(outcome, Kept), go_reads, "{text:?}");
        check(text, outcome);
    }
}

#[test]
fn traps_are_seen() {
    for (text, outcome) in &TRAPS {
        check(text, outcome);
    }
}

#[test]
fn a_text_that_nobody_writes_is_read_by_go_or_not_at_all() {
    for piece in [
        " ", "a", ".", "\u{3bc}", "1 ", "1-", "1,", "1 M", "P1D", "1 d", "5m ", "5m\u{a0}", "1H",
    ] {
        let text = piece.repeat((1 << 20) / piece.len());
        assert_eq!(read_window(&text), Err(NotADuration), "{piece:?}");
    }
    let zeros = "0".repeat(1 << 20);
    let minute = GoDuration::from_seconds(60);
    assert_eq!(read_window(&zeros), Err(MissingUnit));
    assert_eq!(read_window(&format!("{zeros}1m")), Ok(minute));
    assert_eq!(read_window(&format!("1.{zeros}m")), Ok(minute));
    assert_eq!(read_window(&format!(" {zeros}1m")), Err(Spelled(minute)));
    assert_eq!(read_window(&format!("{zeros}1 min")), Err(NotADuration));
    let longest = format!("{}1 min", "0".repeat(256 - "1 min".len()));
    assert_eq!(read_window(&longest), Err(Spelled(minute)));
    assert_eq!(read_window(&format!("0{longest}")), Err(NotADuration));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_duration_reads_back(nanoseconds: i64) {
        let duration = GoDuration::from_nanoseconds(nanoseconds);
        prop_assert_eq!(GoDuration::parse(&duration.to_string()), Ok(duration));
    }

    #[test]
    fn any_text_is_kept_or_refused(text in any_text()) {
        match read_window(&text) {
            Ok(duration) => prop_assert_eq!(GoDuration::parse(&text), Ok(duration)),
            Err(problem) => {
                prop_assert!(GoDuration::parse(&text).is_err());
                if let Some(duration) = problem.suggestion() {
                    prop_assert_eq!(read_window(&duration.to_string()), Ok(duration));
                }
            }
        }
    }

    #[test]
    fn humantime_reads_the_same_in_what_is_spelled(text in "( ?[0-9]{1,4} ?(h|hr|mins|d|days|w|wks|sec|usec|M|x)){1,3}") {
        if let Err(Spelled(duration)) = read_window(&text) {
            let length = humantime::parse_duration(&text).unwrap();
            prop_assert_eq!(i128::from(duration.nanoseconds()), i128::try_from(length.as_nanos()).unwrap());
        }
    }
}

/// Any text, mostly close to a duration.
fn any_text() -> impl Strategy<Value = String> {
    let span = "[-+]?[0-9]{0,20}[.,]?[0-9]{0,3} ?(h|m|s|ms|us|\u{b5}s|\u{3bc}s|ns|M|H|d|D|weeks|Min|month|y|x|T)?[ \u{a0}]?";
    prop_oneof![
        any::<String>(),
        "[-+0-9.,hmsunMHPTDWYdayearkoi\u{b5}\u{3bc}\u{663} \n]{0,24}",
        prop::collection::vec(span, 0..5).prop_map(|spans| spans.concat()),
    ]
}

fn check(text: &str, outcome: &Outcome) {
    let read = read_window(text);
    match *outcome {
        Kept => assert_eq!(
            read,
            GoDuration::parse(text).map_err(|_| NotADuration),
            "{text:?}"
        ),
        Refused(problem) => assert_eq!(read, Err(problem), "{text:?}"),
        Write(problem, write) => {
            let duration = GoDuration::parse(write).unwrap();
            assert_eq!(duration.to_string(), write);
            assert_eq!(read, Err(problem(duration)), "{text:?}");
        }
    }
}

fn iso8601(meaning: GoDuration) -> WindowProblem {
    Iso8601(Some(meaning))
}

fn rows(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}
