//! The command line of the checker.

use std::process::ExitCode;

use clap::Parser;
use clap::error::{Error, ErrorKind};
use skupper_access_check::args::CommandLine;
use skupper_access_check::commands;

fn main() -> ExitCode {
    match CommandLine::try_parse() {
        Ok(line) => ExitCode::from(commands::run(&line)),
        // Help and version, asked for or because nothing else was.
        Err(error)
            if !error.use_stderr()
                || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand =>
        {
            error.exit()
        }
        Err(error) => {
            commands::tell(format_args!("{}: try '--help'", one_line(&error)));
            ExitCode::from(2)
        }
    }
}

/// What clap says in several lines, up to its hints, as one line like every other error.
fn one_line(error: &Error) -> String {
    let text = error.to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = said.split_whitespace().collect();
    words.join(" ")
}
