//! `redeem`: redeems a token file and writes Secret and Link.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::report::time;
use super::{Failure, data, tell};
use crate::args::Redeem;
use crate::clock;
use crate::redeemer::token::Token;
use crate::redeemer::{Order, Progress, redeem};
use crate::redemption::KeyOrigin;

pub(super) async fn run(options: Redeem) -> Result<(), Failure> {
    let now = clock::now();
    let unreadable = |problem: &dyn fmt::Display| {
        Failure::usage(format!("{}: {problem}", options.token.display()))
    };
    let file = File::open(&options.token).map_err(|error| unreadable(&error))?;
    let token = Token::read_from(file, options.name.as_deref(), now)
        .map_err(|problem| unreadable(&problem))?;
    let folder = folder(&options)?;
    let order = Order {
        token: &token,
        subject: options.subject.as_deref(),
        folder: &folder,
        force: options.force,
        timeout: options.timeout.to_std().unwrap_or(Duration::MAX),
        now,
    };
    let mut waiting = Waiting::default();
    let redeemed = redeem(&order, &mut waiting).await;
    waiting.end();
    let redeemed = redeemed.map_err(|problem| Failure {
        exit_code: problem.exit_code(),
        message: problem.to_string(),
    })?;

    let mut files = vec![&redeemed.secret];
    files.extend(&redeemed.links);
    let state = match redeemed.key_made_by {
        None => "redeemed already",
        Some(_) => "redeemed",
    };
    tell(format_args!(
        "{state}: '{}', valid until {}",
        redeemed.name,
        time(redeemed.not_after)
    ));
    if redeemed.key_made_by == Some(KeyOrigin::Service) {
        tell("the private key was made by the server");
    }
    for file in files {
        super::print(format!("{}\n", file.display()))?;
    }
    Ok(())
}

/// The folder of the option, or the one that the Skupper namespace reads.
fn folder(options: &Redeem) -> Result<PathBuf, Failure> {
    if let Some(folder) = &options.out {
        return Ok(folder.clone());
    }
    let namespaces = data::namespaces_folder()
        .ok_or_else(|| Failure::usage("neither XDG_DATA_HOME nor HOME is set: name --out"))?;
    Ok(namespaces.join(&options.namespace).join("input/resources"))
}

/// Says what is waited for: on a terminal in one line that is written anew, elsewhere in a line
/// for each new reason.
#[derive(Default)]
struct Waiting {
    last: String,
    is_open: bool,
}

impl Progress for Waiting {
    fn waiting(&mut self, reason: &dyn fmt::Display, pause: Duration) {
        let reason = reason.to_string();
        let mut output = io::stderr().lock();
        if output.is_terminal() {
            let seconds = pause.as_secs_f32();
            // Nothing is lost when a line about waiting cannot be written.
            let _ = write!(
                output,
                "\r\x1b[Kwaiting: {reason}; trying again in {seconds:.1} s"
            );
            let _ = output.flush();
            self.is_open = true;
        } else if reason != self.last {
            let _ = writeln!(output, "waiting: {reason}");
        }
        self.last = reason;
    }
}

impl Waiting {
    fn end(&self) {
        if self.is_open {
            tell("");
        }
    }
}
