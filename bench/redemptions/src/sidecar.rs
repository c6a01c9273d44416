//! The binary under measurement, as a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Fault;
use crate::client::Client;

/// A running `serve` on loopback. It ends with the value.
pub struct Sidecar {
    child: Child,
    log: Option<JoinHandle<usize>>,
    /// Where it redeems.
    pub address: SocketAddr,
    /// Where `/readyz` and `/metrics` are.
    pub operations: SocketAddr,
    /// From its start to its first answer.
    pub first_answer: Duration,
}

/// What a process has in memory, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Now.
    pub resident: f64,
    /// At most, since the process began.
    pub peak: f64,
}

impl Sidecar {
    /// Starts a `serve`, whose addresses are chosen here, and waits for the first answer. The log
    /// goes into a pipe, as it does under systemd and in a container, and is thrown away here.
    ///
    /// # Errors
    /// It ends, or does not answer in time.
    pub async fn start(mut serve: Command) -> Result<Self, Fault> {
        let address = free_address()?;
        let operations = free_address()?;
        let client = Client::new(address)?;
        let begun = Instant::now();
        let mut child = serve
            .arg(format!("--listen={address}"))
            .arg(format!("--metrics-listen={operations}"))
            .arg(format!("--url=https://{address}"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|why| format!("cannot run {}: {why}", serve.get_program().display()))?;
        let log = child.stderr.take().map(|log| {
            thread::spawn(move || {
                let lines = BufReader::with_capacity(64 * 1024, log).split(b'\n');
                lines.map_while(Result::ok).count()
            })
        });
        let mut sidecar = Self {
            child,
            log,
            address,
            operations,
            first_answer: Duration::ZERO,
        };
        while client.is_answered().await.is_err() {
            if let Some(status) = sidecar.child.try_wait()? {
                return Err(format!("the sidecar ended at its start: {status}").into());
            }
            if begun.elapsed() > START {
                return Err("the sidecar does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sidecar.first_answer = begun.elapsed();
        Ok(sidecar)
    }

    /// See [`cpu`].
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> Result<f64, Fault> {
        cpu(self.child.id())
    }

    /// See [`memory`].
    ///
    /// # Errors
    /// It has ended.
    pub fn memory(&self) -> Result<Memory, Fault> {
        memory(self.child.id())
    }

    /// Ends it as an operator does, and says how many lines it logged.
    ///
    /// # Errors
    /// It ends with another status than success.
    pub fn stop(mut self) -> Result<usize, Fault> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("the sidecar ended with {status}").into());
        }
        let log = self.log.take().ok_or("the log was read already")?;
        log.join().map_err(|_| "the log cannot be read".into())
    }
}

/// The time that all threads of a process, also those that ended, spent on a core, in milliseconds. It
/// goes in steps of ten.
///
/// Source: `proc_pid_stat(5)`, utime and stime.
///
/// # Errors
/// It has ended.
pub fn cpu(process: u32) -> Result<f64, Fault> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the command, in parentheses, may hold blanks.
    let (_, fields) = stat.rsplit_once(')').ok_or("stat has no command")?;
    let mut fields = fields.split_ascii_whitespace().skip(UTIME);
    let mut ticks =
        || -> Result<u32, Fault> { Ok(fields.next().ok_or("stat has too few fields")?.parse()?) };
    let ticks = ticks()? + ticks()?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(f64::from(ticks) * 1e3 / f64::from(per_second))
}

/// The memory of a process.
///
/// Source: `proc_pid_status(5)`, `VmRSS` and `VmHWM`.
///
/// # Errors
/// It has ended.
pub fn memory(process: u32) -> Result<Memory, Fault> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let mebibytes = |name: &str| -> Result<f64, Fault> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_ascii_whitespace().next());
        Ok(number.ok_or("status has no memory")?.parse::<f64>()? / 1024.0)
    };
    Ok(Memory {
        resident: mebibytes("VmRSS:")?,
        peak: mebibytes("VmHWM:")?,
    })
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // After `stop` there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of loopback that was free a moment ago.
fn free_address() -> Result<SocketAddr, Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

/// How many fields stand between the command and utime.
const UTIME: usize = 11;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);
