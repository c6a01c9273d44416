//! Programs that are run for a router: by their arguments and never by a shell, for a bounded time, with a
//! bounded part of their output.

use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use skupper_access_policy::printable::printable;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::system::wording;

/// The end of a program.
pub(super) struct Outcome {
    /// The exit code; absent where a signal ended it.
    pub(super) code: Option<i32>,
    /// The beginning of its standard output.
    pub(super) output: Vec<u8>,
    /// The beginning of its standard error.
    errors: Vec<u8>,
}

impl Outcome {
    /// The first line of its output, or else of its errors, as far as a message may repeat it: any long word
    /// could be a key.
    pub(super) fn said(&self) -> String {
        let texts = [&self.output, &self.errors].map(|bytes| String::from_utf8_lossy(bytes));
        let lines = texts.iter().flat_map(|text| text.lines());
        let line = lines.map(str::trim).find(|line| !line.is_empty());
        let words = line.unwrap_or("it says nothing").split_whitespace();
        let words = words.map(|word| if word.len() > MAX_WORD { "..." } else { word });
        let words: Vec<_> = words
            .take(MAX_WORDS)
            .map(|word| printable(word).to_string())
            .collect();
        words.join(" ")
    }
}

/// Runs a program to its end.
///
/// # Errors
/// It is missing, cannot be run, or takes too long; then it is killed, with all that it began.
pub(super) async fn run(mut command: Command, time: Duration) -> Result<Outcome, CommandProblem> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CommandProblem::Missing(program.clone()),
        _ => CommandProblem::Cannot {
            program: program.clone(),
            error,
        },
    })?;
    let mut group = Group(child);
    match timeout(time, group.outcome()).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => Err(CommandProblem::Cannot { program, error }),
        Err(_) => Err(CommandProblem::Late { program, time }),
    }
}

/// A program and all that it began, which end with the value unless the program has ended by itself.
struct Group(Child);

impl Group {
    async fn outcome(&mut self) -> io::Result<Outcome> {
        let (stdout, stderr) = (self.0.stdout.take(), self.0.stderr.take());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let status = {
            let mut reading = pin!(async {
                tokio::try_join!(
                    beginning(stdout, &mut output),
                    beginning(stderr, &mut errors)
                )
            });
            let mut ending = pin!(self.0.wait());
            tokio::select! {
                read = &mut reading => {
                    read?;
                    ending.await?
                }
                status = &mut ending => {
                    // What it began and left behind may hold its output open for as long as it likes.
                    if let Ok(read) = timeout(REST, reading).await {
                        read?;
                    }
                    status?
                }
            }
        };
        Ok(Outcome {
            code: status.code(),
            output,
            errors,
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It has no number any more once it has ended.
        let id = self
            .0
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(id) = id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Adds the beginning of a stream, which is read to its end.
async fn beginning(stream: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) -> io::Result<()> {
    if let Some(mut stream) = stream {
        (&mut stream).take(MAX_OUTPUT).read_to_end(bytes).await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
    }
    Ok(())
}

/// Reason a program has no outcome.
#[derive(Debug, Error)]
pub enum CommandProblem {
    /// There is no such program.
    #[error("'{0}' is not installed, or not in PATH")]
    Missing(String),
    /// It cannot be run.
    #[error("cannot run '{program}': {}", wording::io(.error))]
    Cannot {
        /// Its name.
        program: String,
        /// The cause.
        error: io::Error,
    },
    /// It did not end in time.
    #[error("'{program}' did not end within {} s and was killed", .time.as_secs())]
    Late {
        /// Its name.
        program: String,
        /// The time that it had.
        time: Duration,
    },
}

/// More than the description of a few thousand connections has, in bytes.
const MAX_OUTPUT: u64 = 8 * 1024 * 1024;

/// Time for the rest of the output of a program that has ended.
const REST: Duration = Duration::from_secs(1);

/// Longest word and most words of an output that a message repeats.
const MAX_WORD: usize = 40;
const MAX_WORDS: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_message_repeats_one_line_and_nothing_that_may_be_a_key() {
        let key = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
        let table = [
            ("nothing", "exit 3".to_owned(), "it says nothing"),
            ("errors", "echo >&2 no; exit 3".to_owned(), "no"),
            (
                "output first",
                "echo >&2 no; echo; echo yes; exit 3".to_owned(),
                "yes",
            ),
            ("a key", format!("echo -n a {key} b; exit 3"), "a ... b"),
        ];
        for (name, script, expected) in table {
            let outcome = run(shell(&script), Duration::from_mins(1))
                .await
                .ok()
                .unwrap();
            assert_eq!(
                (outcome.code, outcome.said().as_str()),
                (Some(3), expected),
                "{name}"
            );
        }
        let loud = run(shell("head -c 9000000 /dev/zero"), Duration::from_mins(1)).await;
        let loud = loud.ok().unwrap();
        assert_eq!((loud.code, loud.output.len() as u64), (Some(0), MAX_OUTPUT));
    }

    #[tokio::test]
    async fn a_program_has_ended_although_something_that_it_began_goes_on() {
        let script = "sleep 600 & echo $!; exit 3";
        let outcome = run(shell(script), Duration::from_secs(30)).await;
        let outcome = outcome.ok().unwrap();
        let id = String::from_utf8(outcome.output).unwrap();
        let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        // It fails if that was ended, too.
        rustix::process::kill_process(id, Signal::KILL).unwrap();
        assert_eq!(outcome.code, Some(3));
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed_with_all_that_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let ids = folder.path().join("ids");
        let script = format!(
            "sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait",
            ids.display()
        );
        let running = run(shell(&script), Duration::from_secs(2)).await;
        let problem = running.err().unwrap().to_string();
        assert_eq!(problem, "'sh' did not end within 2 s and was killed");
        let id = std::fs::read_to_string(ids).unwrap();
        let process = std::path::Path::new("/proc")
            .join(id.trim())
            .join("cmdline");
        // What is dead and not yet collected has no command line.
        while std::fs::read(&process).is_ok_and(|line| !line.is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let missing = run(Command::new("no-such-program"), Duration::from_secs(2)).await;
        let problem = missing.err().unwrap().to_string();
        assert_eq!(
            problem,
            "'no-such-program' is not installed, or not in PATH"
        );
    }
}
