//! The actions of the command.

mod check;
mod output;

use std::fmt;
use std::io::{self, Write};

use clap::CommandFactory;
use skupper_access_policy::printable::io_error;

use crate::args::CommandLine;
use crate::pages;

/// Does what the command line asks for, and returns the exit code.
#[must_use]
pub fn run(line: &CommandLine) -> u8 {
    if let Some(code) = &line.explain {
        return explain(code);
    }
    if line.rules {
        return output::print(&pages::table());
    }
    if let Some(shell) = line.completions {
        let mut text = Vec::new();
        let mut command = CommandLine::command();
        clap_complete::generate(shell, &mut command, "skupper-access-check", &mut text);
        return output::print(&String::from_utf8_lossy(&text));
    }
    if line.man {
        let mut text = Vec::new();
        return match clap_mangen::Man::new(CommandLine::command()).render(&mut text) {
            Ok(()) => output::print(&String::from_utf8_lossy(&text)),
            Err(error) => {
                tell(format_args!(
                    "error: cannot make the manual page: {}",
                    io_error(&error)
                ));
                UNREADABLE
            }
        };
    }
    check::run(line)
}

/// Nothing is refused.
const CLEAN: u8 = 0;
/// An object is refused.
const REFUSED: u8 = 1;
/// Something cannot be read, or the command line cannot be used.
const UNREADABLE: u8 = 2;

fn explain(code: &str) -> u8 {
    if let Some(page) = pages::page(code) {
        return output::print(page);
    }
    let code = skupper_access_policy::printable::printable(code);
    match pages::nearest(&code.to_string()) {
        Some(nearest) => tell(format_args!(
            "error: there is no rule '{code}': did you mean '{nearest}'?"
        )),
        None => tell(format_args!(
            "error: there is no rule '{code}': '--rules' lists all"
        )),
    }
    UNREADABLE
}

/// Writes a line to standard error. What was done stays done when nobody can read about it.
pub fn tell(line: impl fmt::Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
