use std::io;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use skupper_access_policy::printable::printable;

use super::*;
use crate::redemption::{CodeDigest, Grant, GrantUid, KeyDigest, KeyOrigin, Redemption, Serial};
use crate::telemetry::metrics::Outcome;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The log of some code.
fn logged(format: LogFormat, filter: &str, log: impl FnOnce()) -> String {
    let lines = Lines::default();
    let filter = filter.parse().unwrap();
    let subscriber = subscriber(format, &filter, lines.clone(), false).unwrap();
    tracing::dispatcher::with_default(&subscriber, log);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn forger(subject: &str) {
    let uid = GrantUid::from_bytes([1; 16]);
    let grant = Grant {
        uid,
        name: "west".to_owned(),
        code: CodeDigest::of_code(&uid, b"code"),
        redemptions_allowed: 1,
        redemptions: 0,
        created: DateTime::UNIX_EPOCH,
        expiration_time: DateTime::UNIX_EPOCH,
        revoked: None,
        issuer: None,
        namespace: None,
        has_short_code: false,
    };
    let counted = Redemption {
        key: KeyDigest::of_spki(b"key"),
        origin: KeyOrigin::Redeemer,
        subject: subject.to_owned(),
        serial: Serial::from_bytes([2; 16]),
        at: DateTime::UNIX_EPOCH,
        certificate_end: DateTime::UNIX_EPOCH,
        authority: None,
    };
    let peer = [192, 0, 2, 1].into();
    redemption(&grant, Outcome::Counted, Some(&counted), peer);
}

#[test]
fn a_subject_cannot_forge_a_field_or_a_line() {
    let subjects = [
        "west serial=00",
        "west\" serial=00",
        "west\n2026-01-01T00:00:00Z INFO redemption outcome=\"counted\"",
        "west\u{2028}\u{202e}\u{1b}[2K\u{0}",
    ];
    for subject in subjects {
        let text = logged(LogFormat::Text, "info", || forger(subject));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            !text.trim_end().chars().any(|c| c.is_control() || c > '~'),
            "{text}"
        );
        let quoted = format!("{:?}", printable(subject).to_string());
        let fields = format!("outcome=\"counted\" subject={quoted} serial=0202");
        assert!(text.contains(&fields), "{text}");

        let json = logged(LogFormat::Json, "info", || forger(subject));
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(line["subject"], printable(subject).to_string());
        assert_eq!(line["serial"], "02".repeat(16));
        assert_eq!(line["peer"], "192.0.2.1");
    }
}

#[test]
fn times_are_rfc_3339_in_utc() {
    let json = logged(LogFormat::Json, "info", || forger("west"));
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    let time = line["timestamp"].as_str().unwrap();
    assert!(time.ends_with('Z'), "{time}");
    assert!(DateTime::parse_from_rfc3339(time).is_ok(), "{time}");
}

#[test]
fn a_filter_is_a_level_or_directives() {
    assert_eq!(logged(LogFormat::Text, "warn", || forger("west")), "");
    assert!(
        "info,redemption_sidecar::server=debug"
            .parse::<LogFilter>()
            .is_ok()
    );
    assert_ne!(logged(LogFormat::Text, "", || forger("west")), "");
    assert!("INFO".parse::<LogFilter>().is_ok());
    for text in [
        "loud",
        "off",
        "loud=very",
        "info,loud",
        "redemption_sidecar",
        "3",
    ] {
        let problem = text.parse::<LogFilter>().err();
        assert_eq!(problem, Some(LogProblem::Filter), "{text}");
    }
}

#[test]
fn a_text_line_names_no_module_and_no_empty_subject() {
    let text = logged(LogFormat::Text, "info", || forger(""));
    assert!(text.contains(" INFO redemption "), "{text}");
    assert!(!text.contains("subject"), "{text}");
}
