//! The commands, one file each, and how they end.

mod cluster;
mod data;
mod issue;
mod link_places;
mod links;
mod list;
mod redeem;
mod renew;
mod report;
mod revoke;
mod serve;
mod show;
mod stamps;
mod store;

use std::fmt::Display;
use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Command, CommandLine};
use crate::ledger::LedgerFault;
use crate::system::wording;
use crate::telemetry::log::{self, tell};

/// Runs a command.
///
/// # Errors
/// The reason it failed, with the exit code.
pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(options) => store::serve(&options).await,
        Command::Issue(options) => issue::run(options).await,
        Command::Redeem(options) => redeem::run(options).await,
        Command::Renew(options) => renew::run(&options).await,
        Command::Links(options) => links::run(options).await,
        Command::List(options) => list::run(options).await,
        Command::Show(options) => show::run(options).await,
        Command::Revoke(options) => revoke::run(options).await,
        Command::Completions { shell } => {
            let mut text = Vec::new();
            let mut command = CommandLine::command();
            clap_complete::generate(shell, &mut command, "redemption-sidecar", &mut text);
            print(&text)
        }
        Command::Man { folder } => {
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(CommandLine::command(), &folder));
            written.map_err(|error| {
                let cause = wording::io(&error);
                Failure::usage(format_args!(
                    "cannot write to {}: {cause}",
                    folder.display()
                ))
            })
        }
    }
}

/// Reason a command failed: one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Refused for good.
    #[error("{0}")]
    Refused(String),
    /// Options or input that cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The same command may work later.
    #[error("{0}")]
    TryAgain(String),
    /// Ctrl-C.
    #[error("stopped: run the same command again")]
    Stopped,
}

impl Failure {
    /// The exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::TryAgain(_) => 3,
            // Source: POSIX shells, 128 and the number of SIGINT.
            Self::Stopped => 130,
        }
    }

    /// The same failure, after something was done.
    fn after(self, done: &str) -> Self {
        match self {
            Self::Refused(problem) => Self::Refused(format!("{done}: {problem}")),
            Self::Usage(problem) => Self::Usage(format!("{done}: {problem}")),
            Self::TryAgain(problem) => Self::TryAgain(format!("{done}: {problem}")),
            Self::Stopped => Self::Stopped,
        }
    }

    fn refused(problem: impl Display) -> Self {
        Self::Refused(problem.to_string())
    }

    fn usage(problem: impl Display) -> Self {
        Self::Usage(problem.to_string())
    }

    fn try_again(problem: impl Display) -> Self {
        Self::TryAgain(problem.to_string())
    }
}

impl From<LedgerFault> for Failure {
    fn from(fault: LedgerFault) -> Self {
        match fault {
            LedgerFault::Unavailable(cause) => Self::try_again(cause),
            LedgerFault::Unusable(cause) => Self::usage(cause),
            LedgerFault::Refused(cause) | LedgerFault::Forbidden(cause) => Self::refused(cause),
        }
    }
}

/// Writes to standard output. A reader that went away is no failure.
fn print(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    match write(text.as_ref()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| unwritten(&error)),
    }
}

/// Writes to standard output what is of no use when nobody reads it.
fn deliver(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    write(text.as_ref()).map_err(|error| unwritten(&error))
}

fn write(text: &[u8]) -> io::Result<()> {
    // On a terminal, what was told before stands before.
    log::finish();
    let mut output = io::stdout().lock();
    output.write_all(text)?;
    output.flush()
}

fn unwritten(error: &io::Error) -> Failure {
    let cause = wording::io(error);
    Failure::try_again(format_args!("cannot write to standard output: {cause}"))
}
