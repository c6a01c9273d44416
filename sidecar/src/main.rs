//! The command line of the redemption sidecar.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use redemption_sidecar::args::CommandLine;
use redemption_sidecar::commands;

#[tokio::main]
async fn main() -> ExitCode {
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
            commands::tell(one_line(&error.to_string()));
            return ExitCode::from(2);
        }
    };
    match commands::run(line.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            commands::tell(format_args!("error: {failure}"));
            ExitCode::from(failure.exit_code)
        }
    }
}

/// What clap says in several lines, up to its hints, as one line like every other error.
fn one_line(error: &str) -> String {
    let end = error.find("\n\nUsage:").unwrap_or(error.len());
    let said = error.get(..end).unwrap_or(error);
    let words: Vec<&str> = said.split_whitespace().collect();
    let said = words.join(" ");
    let said = said.trim_end_matches("For more information, try '--help'.");
    format!("{}: try '--help'", said.trim_end())
}
