//! The command line of the redemption sidecar.

use std::process::ExitCode;

use clap::Parser;
use redemption_sidecar::args::CommandLine;
use redemption_sidecar::commands;

#[tokio::main]
async fn main() -> ExitCode {
    let line = CommandLine::parse();
    match commands::run(line.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code)
        }
    }
}
