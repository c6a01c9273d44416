//! The commands, one file each, and how they end.

mod cluster;
mod data;
pub mod grant_order;
mod issue;
mod list;
mod redeem;
mod report;
mod revoke;
mod serve;
mod show;
mod stamps;

use std::fmt;
use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Command, CommandLine};
use crate::ledger::LedgerFault;
use crate::redemption::fault::Fault;
use crate::system::wording;
use crate::telemetry::log::{self, tell};

/// Runs a command.
///
/// # Errors
/// Why it failed, with the exit code.
pub async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(options) => serve::run(*options).await,
        Command::Issue(options) => issue::run(options).await,
        Command::Redeem(options) => redeem::run(options).await,
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
                Failure::usage(format!("cannot write to {}: {cause}", folder.display()))
            })
        }
    }
}

/// Why a command failed: one line that says what to do, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// 1: refused for good; 2: usage or unreadable input; 3: the same command may work later;
    /// 130: stopped by Ctrl-C.
    pub exit_code: u8,
    message: String,
}

impl Failure {
    /// Refused for good.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self {
            exit_code: 1,
            message: message.into(),
        }
    }

    /// Options or input that cannot be used.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit_code: 2,
            message: message.into(),
        }
    }

    /// The same command may work later.
    pub(crate) fn try_again(message: impl Into<String>) -> Self {
        Self {
            exit_code: 3,
            message: message.into(),
        }
    }
}

impl From<LedgerFault> for Failure {
    fn from(fault: LedgerFault) -> Self {
        Self::try_again(fault.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A token cannot be made for a site that accepts no links.
fn edge_site(name: impl Into<String>) -> Failure {
    Failure::refused(format!(
        "{}: issue the token at another site",
        Fault::EdgeSite(name.into())
    ))
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
    Failure::try_again(format!("cannot write to standard output: {cause}"))
}
