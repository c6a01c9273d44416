//! Standard output.

use std::io::{self, IsTerminal, Write};

use skupper_access_policy::printable::io_error;

use super::{CLEAN, UNREADABLE, tell};
use crate::args::Color;

/// Prints a text, and returns the exit code. A reader that went away is no failure.
pub(super) fn print(text: &str) -> u8 {
    let mut output = io::stdout().lock();
    match output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tell(format_args!(
                "error: cannot write to standard output: {}",
                io_error(&error)
            ));
            UNREADABLE
        }
        _ => CLEAN,
    }
}

/// True where standard output is to be coloured.
pub(super) fn is_coloured(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let is_refused = std::env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty());
            io::stdout().is_terminal() && !is_refused
        }
    }
}

/// Progress of the work, on a terminal's standard error, for many files.
pub(super) struct Progress {
    total: usize,
    is_shown: bool,
}

impl Progress {
    pub(super) fn of(total: usize) -> Self {
        Self {
            total,
            is_shown: total >= MANY && io::stderr().is_terminal(),
        }
    }

    pub(super) fn show(&self, done: usize) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r{done} of {} files", self.total);
        }
    }

    pub(super) fn clear(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// From how many files on the work may take long enough to be watched.
const MANY: usize = 1000;
