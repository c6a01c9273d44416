//! The command line of the checker.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use skupper_access_check::args::CommandLine;
use skupper_access_check::commands;
use skupper_access_policy::printable::first_paragraph;

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
            commands::tell(format_args!(
                "{}: try '--help'",
                first_paragraph(&error.to_string())
            ));
            ExitCode::from(2)
        }
    }
}
