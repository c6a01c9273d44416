//! A running sidecar, and clients that say exactly what a test wants them to say.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use redemption_sidecar::ledger::SqliteLedger;
use redemption_sidecar::redemption::{CodeDigest, Grant, GrantUid};
use redemption_sidecar::system::clock;
use redemption_sidecar::system::random;
use redemption_sidecar::wire::access_token::AccessToken;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_redemption-sidecar");

/// A `serve` of its own data folder, on loopback. It ends with the value.
pub(crate) struct Sidecar {
    child: Child,
    folder: PathBuf,
    owned: Option<TempDir>,
    pub(crate) port: u16,
    pub(crate) operations_port: u16,
}

impl Sidecar {
    /// Serves a new site that `--init` makes.
    pub(crate) fn start() -> Self {
        Self::start_with(&["--init"])
    }

    /// Serves a new data folder with these options.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        let folder = private_folder();
        let mut sidecar = Self::start_in(folder.path(), options);
        sidecar.owned = Some(folder);
        sidecar
    }

    /// Serves an existing data folder.
    pub(crate) fn start_in(folder: &Path, options: &[&str]) -> Self {
        Self::start_at(folder, free_port(), &[], options)
    }

    /// Serves an existing data folder on this port, as the last part of a longer command line.
    pub(crate) fn start_at(folder: &Path, port: u16, wrapper: &[&str], options: &[&str]) -> Self {
        let log = folder.join(format!("log-{port}"));
        let log = OpenOptions::new().create(true).append(true).open(log);
        Self::start_logging_to(log.unwrap(), folder, port, wrapper, options)
    }

    /// The same with another standard error.
    pub(crate) fn start_logging_to(
        log: impl Into<Stdio>,
        folder: &Path,
        port: u16,
        wrapper: &[&str],
        options: &[&str],
    ) -> Self {
        let operations_port = free_port();
        let words = [wrapper, &[BINARY]].concat();
        let url = ["--url", &format!("https://127.0.0.1:{port}")];
        let url = Some(url).filter(|_| !options.contains(&"--url"));
        let child = Command::new(words[0])
            .args(&words[1..])
            .args(["serve", "--data"])
            .arg(folder)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--metrics-listen", &format!("127.0.0.1:{operations_port}")])
            .args(url.into_iter().flatten())
            .args(options)
            .stderr(log)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut sidecar = Self {
            child,
            folder: folder.to_owned(),
            owned: None,
            port,
            operations_port,
        };
        sidecar.wait_until_it_listens();
        sidecar
    }

    /// Ends it, and serves the same data folder at the same port again, with no further option.
    pub(crate) fn restart(self) -> Self {
        self.restart_under(&[])
    }

    /// The same as the last part of a longer command line.
    pub(crate) fn restart_under(self, wrapper: &[&str]) -> Self {
        self.restart_as(wrapper, &[])
    }

    /// The same with these options.
    pub(crate) fn restart_with(self, options: &[&str]) -> Self {
        self.restart_as(&[], options)
    }

    fn restart_as(mut self, wrapper: &[&str], options: &[&str]) -> Self {
        self.kill();
        let mut next = Self::start_at(&self.folder, self.port, wrapper, options);
        next.owned = self.owned.take();
        next
    }

    fn wait_until_it_listens(&mut self) {
        let start = Instant::now();
        // Its ports are open a moment before it serves.
        while !lives(self.operations_port) {
            let is_gone = self.child.try_wait().unwrap().is_some();
            let is_late = start.elapsed() > PATIENCE;
            assert!(!is_gone && !is_late, "does not listen: {}", self.log());
            sleep(Duration::from_millis(1));
        }
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it logged so far. A thread of its own writes the log, a moment after the answers.
    pub(crate) fn log(&self) -> String {
        let file = self.folder.join(format!("log-{}", self.port));
        let read = || fs::read_to_string(&file).unwrap_or_default();
        let mut log = read();
        loop {
            sleep(Duration::from_millis(50));
            let later = read();
            if later == log {
                return log;
            }
            log = later;
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Runs another command on the same data folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(&self.folder, arguments)
    }

    /// Makes a grant of this name and returns its token.
    pub(crate) fn issue(&self, name: &str, options: &[&str]) -> Token {
        self.issue_from(&[&[name], options].concat())
    }

    /// Makes a grant of this name without a process of its own, for tests that need many.
    pub(crate) fn issue_here(&self, name: &str, allowed: u32) -> Token {
        let ledger = SqliteLedger::open(&self.folder).unwrap();
        let (uid, code) = (GrantUid::from_random(random::bytes()), random::code());
        let now = clock::now();
        let grant = Grant {
            uid,
            name: name.to_owned(),
            code: CodeDigest::of_code(&uid, code.expose_secret().as_bytes()),
            redemptions_allowed: allowed,
            redemptions: 0,
            created: now,
            expiration_time: now + TimeDelta::hours(1),
            revoked: None,
            issuer: None,
            namespace: None,
            has_short_code: false,
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let published = runtime.block_on(async {
            ledger.insert(&grant, now).await.unwrap().unwrap();
            ledger.published().await.unwrap().unwrap()
        });
        let token = AccessToken {
            name: grant.name,
            url: format!("{}/{uid}", published.url),
            code,
            ca: published.ca,
            link_cost: 1,
            note: String::new(),
        };
        Token::read(&token.to_yaml())
    }

    /// Makes a grant and returns its token.
    pub(crate) fn issue_from(&self, options: &[&str]) -> Token {
        let output = self.run(&[&["issue"], options].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{options:?}: {errors}");
        Token::read(&String::from_utf8(output.stdout).unwrap())
    }

    /// Ends it with `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What its operations port answers to this path.
    pub(crate) fn operations(&self, path: &str) -> String {
        ask(self.operations_port, path).unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// Waits for its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder of its owner, as a data folder is.
pub(crate) fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

/// Whether a service answers on its operations port.
fn lives(port: u16) -> bool {
    ask(port, "/healthz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// The answer of an operations port.
pub(crate) fn ask(operations_port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", operations_port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Runs a command on a data folder.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let (command, rest) = arguments.split_first().unwrap();
    Command::new(BINARY)
        .arg(command)
        .arg("--data")
        .arg(folder)
        .args(rest)
        .output()
        .unwrap()
}

/// What a test needs of an AccessToken.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) yaml: String,
    pub(crate) name: String,
    /// The path of the URL: a slash and the uid.
    pub(crate) path: String,
    pub(crate) code: String,
    pub(crate) ca: String,
}

impl Token {
    pub(crate) fn read(yaml: &str) -> Self {
        let object: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        let text = |field: &str| object["spec"][field].as_str().unwrap().to_owned();
        let url = text("url");
        Self {
            yaml: yaml.to_owned(),
            name: object["metadata"]["name"].as_str().unwrap().to_owned(),
            path: format!("/{}", url.rsplit('/').next().unwrap()),
            code: text("code"),
            ca: text("ca"),
        }
    }
}

/// The same numbers for the same seed. Source: Vigna, `SplitMix64`.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number of this range.
    pub(crate) fn of(&mut self, range: Range<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (mixed ^ (mixed >> 31)) % (range.end - range.start)
    }
}

/// A port of 127.0.0.1 that is free, and that nobody else of this process gets. It is none of those
/// that the kernel gives to outgoing connections: they could take it while a service restarts.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id().wrapping_mul(37) % u32::from(PORTS.end - PORTS.start);
    loop {
        let number = u32::from(TAKEN.fetch_add(1, Ordering::SeqCst)) + begin;
        let port = number % u32::from(PORTS.end - PORTS.start) + u32::from(PORTS.start);
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Source: Linux, `ip_local_port_range`, begins at 32768.
const PORTS: Range<u16> = 12_000..32_000;

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
