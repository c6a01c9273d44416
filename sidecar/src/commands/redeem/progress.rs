//! Progress of `redeem` while it waits.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::commands::tell;
use crate::redeemer::Progress;
use crate::telemetry::log::show;

/// Tells the reason of each pause: on a terminal in one line that is written anew, elsewhere in a line
/// for each new reason.
#[derive(Default)]
pub(super) struct Waiting {
    last: String,
    is_open: bool,
    remarks: Vec<String>,
}

impl Progress for Waiting {
    fn waiting(&mut self, reason: &dyn fmt::Display, pause: Duration) {
        let reason = reason.to_string();
        if io::stderr().is_terminal() {
            let line = line(&reason, pause, width());
            show(format_args!("\r\x1b[K{line}"));
            self.is_open = true;
        } else if reason != self.last {
            tell(format_args!("waiting: {reason}"));
        }
        self.last = reason;
    }

    fn remark(&mut self, what: &dyn fmt::Display) {
        self.remarks.push(what.to_string());
    }
}

impl Waiting {
    /// Ends the line of a terminal.
    pub(super) fn end(&self) {
        if self.is_open {
            tell("");
        }
    }

    /// Tells the acts that nobody asked for.
    pub(super) fn say_remarks(&self) {
        self.remarks.iter().for_each(tell);
    }
}

/// A line that leaves the last column free: one that a terminal continues below cannot be written
/// anew.
fn line(reason: &str, pause: Duration, width: usize) -> String {
    let seconds = pause.as_secs_f32();
    let whole = format!("waiting: {reason}; trying again in {seconds:.1} s");
    whole.chars().take(width.saturating_sub(1)).collect()
}

/// The columns of the terminal.
fn width() -> usize {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => USUAL_WIDTH,
    }
}

const USUAL_WIDTH: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shorter_than_the_terminal_is_wide() {
        let pause = Duration::from_millis(1250);
        let whole = "waiting: ü; trying again in 1.2 s";
        assert_eq!(line("ü", pause, 34), whole);
        assert_eq!(line("ü", pause, 33), "waiting: ü; trying again in 1.2 ");
        let long = "x".repeat(200);
        assert_eq!(line(&long, pause, 80).len(), 79);
        assert_eq!(line(&long, pause, 0), "");
    }
}
