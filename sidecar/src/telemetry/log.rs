//! Logs: one line for each event, on standard error, for people or for programs.
//!
//! Nothing waits for standard error: see [`queue`].

mod keeping;
mod queue;
mod redemptions;
mod renewals;

use std::fmt;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::panic;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt as _;

pub use keeping::{broken, kept};
pub use redemptions::{lost_answer, redemption};
pub use renewals::renewal;

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
mod tests;
