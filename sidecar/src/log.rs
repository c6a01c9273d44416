//! Logs: one line for each event, on standard error, for people or for programs.

use std::fmt;
use std::io::{IsTerminal as _, stderr};
use std::net::IpAddr;

use skupper_access_policy::printable::printable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use crate::metrics::Outcome;
use crate::redemption::{GrantUid, Serial};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For terminals.
    Text,
    /// One JSON object in each line.
    Json,
}

/// Which lines are written: a level (`error`, `warn`, `info`, `debug`, `trace`), or directives such
/// as `info,redemption_sidecar::server=debug`.
#[derive(Clone, Debug)]
pub struct LogFilter(String);

impl std::str::FromStr for LogFilter {
    type Err = LogProblem;

    fn from_str(text: &str) -> Result<Self, LogProblem> {
        match EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(LogProblem::Filter),
        }
    }
}

/// Starts logging. To be called once, before anything logs. Times are RFC 3339 in UTC.
///
/// # Errors
/// [`LogProblem::Started`] when it was called before.
pub fn start(format: LogFormat, filter: &LogFilter) -> Result<(), LogProblem> {
    let lines = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_timer(SystemTime)
        .with_env_filter(EnvFilter::try_new(&filter.0).map_err(|_| LogProblem::Filter)?);
    match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    }
    .map_err(|_| LogProblem::Started)
}

/// One redemption whose code was right: what the log says about it.
#[derive(Clone, Copy, Debug)]
pub struct RedemptionLine<'a> {
    /// The grant.
    pub grant: &'a GrantUid,
    /// Its name.
    pub name: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// The common name, as the client wanted it.
    pub subject: &'a str,
    /// The serial number of the certificate, when there is one.
    pub serial: Option<&'a Serial>,
    /// The address of the client.
    pub peer: IpAddr,
}

/// Logs a redemption. Text of the client cannot break out of its field.
pub fn redemption(line: &RedemptionLine<'_>) {
    let RedemptionLine {
        grant,
        name,
        outcome,
        subject,
        serial,
        peer,
    } = line;
    tracing::info!(
        grant = %grant,
        name = printable(name).to_string(),
        outcome = outcome.as_str(),
        subject = printable(subject).to_string(),
        serial = serial.map(tracing::field::display),
        peer = %peer,
        "redemption"
    );
}

/// Logging cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogProblem {
    /// The filter cannot be read.
    Filter,
    /// Something logs already.
    Started,
}

impl fmt::Display for LogProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Filter => "must be a level: 'error', 'warn', 'info', 'debug' or 'trace'",
            Self::Started => "logging was started twice",
        })
    }
}

impl std::error::Error for LogProblem {}
