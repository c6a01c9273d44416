//! The command line of the redemption sidecar.

use std::error::Error as _;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use redemption_sidecar::args::CommandLine;
use redemption_sidecar::commands;
use redemption_sidecar::telemetry::log;
use skupper_access_policy::printable::first_paragraph;

/// That of musl has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let exit_code = run().await;
    log::finish();
    exit_code
}

async fn run() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        // Help and version, asked for or because nothing else was.
        Err(error)
            if !error.use_stderr()
                || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            error.exit()
        }
        Err(error) => {
            log::tell(format_args!("{}: try '--help'", one_line(error)));
            return ExitCode::from(2);
        }
    };
    match commands::run(line.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log::tell(format_args!("error: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// An error of clap, up to its hints, as one line like every other error. A URL is not
/// repeated: it may hold a password.
fn one_line(mut error: Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let argument = context(ContextKind::InvalidArg);
    if let Some(problem) = error.source()
        && argument.starts_with("--url ")
    {
        return format!("error: '{argument}': {problem}");
    }
    let echoes = [
        ContextKind::InvalidArg,
        ContextKind::InvalidValue,
        ContextKind::InvalidSubcommand,
    ];
    for kind in echoes.map(|kind| (kind, context(kind).contains("://"))) {
        if let (kind, true) = kind {
            let _ = error.insert(kind, ContextValue::String("a URL".to_owned()));
        }
    }
    first_paragraph(&error.to_string())
}
