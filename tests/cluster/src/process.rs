//! A program that runs beside the tests, and ends with them.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::{fs, io};

use redemption_sidecar::system::random;

use crate::Problem;

/// A running program. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints goes to `log`.
    pub(crate) fn start(
        program: &Path,
        arguments: impl IntoIterator<Item = OsString>,
        log: PathBuf,
    ) -> Result<Self, Problem> {
        let output = File::options().create(true).append(true).open(&log)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        Ok(Self { child, log })
    }

    /// The exit status of a program that has ended.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// The last lines that the program printed.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().rev().take(LAST_LINES).collect();
        lines.reverse();
        lines.join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing is to be done about a program that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 that nobody listens on, that was not asked for before, and that no connection
/// gets as its own: whoever listens on it may end and come back.
///
/// # Errors
/// None is found.
pub fn free_port() -> io::Result<u16> {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU16::new(u16::from_be_bytes(random::bytes())));
    let mut result = Err(io::ErrorKind::AddrInUse.into());
    for _ in 0..100 {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let port = FIRST_PORT + number % (END_OF_PORTS - FIRST_PORT);
        result = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|_| port);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// `--name=value` for each pair.
pub(crate) fn flags(pairs: &[(&str, &str)]) -> Vec<OsString> {
    let flag = |(name, value): &(&str, &str)| format!("--{name}={value}").into();
    pairs.iter().map(flag).collect()
}

const LAST_LINES: usize = 20;

const FIRST_PORT: u16 = 10_240;

/// From here on Linux takes the ports of outgoing connections. Source: Linux ip-sysctl,
/// `ip_local_port_range`.
const END_OF_PORTS: u16 = 32_768;
