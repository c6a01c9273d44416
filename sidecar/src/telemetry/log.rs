//! Logs: one line for each event, on standard error, for people or for programs.
//!
//! Nothing waits for standard error: see [`queue`].

mod queue;

use std::fmt;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::net::IpAddr;
use std::panic;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use skupper_access_policy::printable::printable;
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::redemption::{Grant, GrantUid, KeyOrigin, Redemption};
use crate::telemetry::metrics::Outcome;
use queue::Queue;

/// Form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For terminals.
    Text,
    /// One JSON object in each line.
    Json,
}

/// Filter of lines: a level (`error`, `warn`, `info`, `debug`, `trace`), or directives such
/// as `info,redemption_sidecar::server=debug`.
#[derive(Clone, Debug)]
pub struct LogFilter(String);

impl std::str::FromStr for LogFilter {
    type Err = LogProblem;

    /// A word that is no level would be the name of a module that nothing logs from.
    fn from_str(text: &str) -> Result<Self, LogProblem> {
        if text.is_empty() {
            return Ok(Self("info".to_owned()));
        }
        let has_level = |directive: &str| {
            let level = directive.rsplit('=').next().unwrap_or_default().trim();
            LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
        };
        match EnvFilter::try_new(text) {
            Ok(_) if text.split(',').all(has_level) => Ok(Self(text.to_owned())),
            _ => Err(LogProblem::Filter),
        }
    }
}

/// Starts logging. To be called once, before anything logs. Times are RFC 3339 in UTC.
///
/// A panic becomes a line of the log, with its place and without its text, which may hold anything.
///
/// # Errors
/// [`LogProblem::Started`] when it was called before, [`LogProblem::Thread`] when there can be no
/// other thread.
pub fn start(format: LogFormat, filter: &LogFilter) -> Result<(), LogProblem> {
    let subscriber = subscriber(format, filter, queue()?, stderr().is_terminal())?;
    tracing::dispatcher::set_global_default(subscriber).map_err(|_| LogProblem::Started)?;
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    Ok(())
}

/// Writes a line to standard error, as it is, in the order of the log. A line that nobody can read is no
/// error.
pub fn tell(line: impl fmt::Display) {
    show(format_args!("{line}\n"));
}

/// Writes a text to standard error, as it is.
pub fn show(text: impl fmt::Display) {
    let text = text.to_string();
    match queue() {
        Ok(queue) => queue.push(text.as_bytes()),
        Err(_) => {
            let _ = stderr().write_all(text.as_bytes());
        }
    }
}

/// Writes the lines that wait, unless standard error takes nothing: the process may end then.
pub fn finish() {
    if let Some(Some(queue)) = QUEUE.get() {
        queue.flush_within(LAST_PATIENCE);
    }
}

/// The number of lines that standard error did not take.
#[must_use]
pub fn dropped_lines() -> Counter {
    DROPPED.clone()
}

/// The way to standard error, which is opened when it is first needed.
fn queue() -> Result<Queue, LogProblem> {
    let start = || {
        let resumed = |lines| {
            tracing::warn!(
                lines,
                "lines of the log are missing here: standard error did not take them"
            );
        };
        Queue::start(stderr(), DROPPED.clone(), resumed).ok()
    };
    QUEUE.get_or_init(start).clone().ok_or(LogProblem::Thread)
}

fn subscriber<W>(
    format: LogFormat,
    filter: &LogFilter,
    writer: W,
    ansi: bool,
) -> Result<Dispatch, LogProblem>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_timer(SystemTime)
        // It would say so on standard error, too, and end the redemption that is being logged.
        .log_internal_errors(false)
        .with_env_filter(EnvFilter::try_new(&filter.0).map_err(|_| LogProblem::Filter)?);
    // The client of Kubernetes logs whole answers that it cannot read, and they may hold keys.
    let is_harmless = filter_fn(|metadata| !metadata.target().starts_with("kube"));
    Ok(match format {
        LogFormat::Text => lines
            .with_ansi(ansi)
            .with_target(false)
            .finish()
            .with(is_harmless)
            .into(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .with(is_harmless)
            .into(),
    })
}

/// Logs how a redemption ended whose code was right. Text of the client cannot break out of its field.
pub fn redemption(grant: &Grant, outcome: Outcome, redemption: Option<&Redemption>, peer: IpAddr) {
    let subject = redemption.map(|redemption| redemption.subject.as_str());
    let subject = subject.filter(|subject| !subject.is_empty());
    tracing::info!(
        grant = %grant.uid,
        name = printable(&grant.name).to_string(),
        namespace = grant.namespace.as_deref(),
        outcome = outcome.as_str(),
        subject = subject.map(|subject| printable(subject).to_string()),
        serial = redemption.map(|redemption| tracing::field::display(redemption.serial)),
        peer = %peer,
        "redemption"
    );
}

/// Logs that the answer of a counted redemption did not arrive. A redeemer with a key of its own
/// asks again and gets it; a key that the service made is gone.
pub fn lost_answer(grant: &GrantUid, name: &str, redemption: &Redemption) {
    let name = printable(name).to_string();
    let subject = printable(&redemption.subject).to_string();
    let serial = redemption.serial;
    let key_origin = redemption.origin;
    match key_origin {
        KeyOrigin::Service => tracing::error!(
            %grant, name, subject, %serial, ?key_origin,
            "a redemption is counted, and its answer did not arrive"
        ),
        KeyOrigin::Redeemer => tracing::info!(
            %grant, name, subject, %serial, ?key_origin,
            "a redemption is counted, and its answer did not arrive: with the same key it can be \
             had again and is not counted again"
        ),
    }
}

/// Reason logging cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogProblem {
    /// The filter cannot be read.
    #[error("must be error, warn, info, debug or trace")]
    Filter,
    /// Something logs already.
    #[error("logging was started twice")]
    Started,
    /// The thread that writes cannot be started.
    #[error("the thread of the log cannot be started")]
    Thread,
}

static QUEUE: OnceLock<Option<Queue>> = OnceLock::new();
static DROPPED: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Time that the end of the process waits for standard error.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use chrono::DateTime;

    use super::*;
    use crate::redemption::{CodeDigest, KeyDigest, Serial};

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
}
