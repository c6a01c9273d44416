//! Wall clocks that are wrong and set right, while the service runs and before it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::holder::Holder;
use crate::redeemers::{Door, Redeemer};
use crate::sidecar::{BINARY, PATIENCE, Sidecar, Token, ask, free_port, private_folder};
use crate::tools::tool;

/// A wall clock that is off by some time, for the processes that are started with it.
pub(crate) struct WrongClock {
    file: tempfile::NamedTempFile,
    library: PathBuf,
}

impl WrongClock {
    /// `offset` is such as `+70d`, or empty for a right clock.
    pub(crate) fn new(offset: &str) -> Self {
        let _ = tool("faketime");
        let folders = fs::read_dir("/usr/lib").unwrap();
        let mut libraries = folders.map(|folder| {
            let folder = folder.unwrap().path();
            folder.join("faketime/libfaketimeMT.so.1")
        });
        let clock = Self {
            file: tempfile::NamedTempFile::new().unwrap(),
            library: libraries.find(|library| library.exists()).unwrap(),
        };
        clock.set(offset);
        clock
    }

    /// Sets it at once.
    pub(crate) fn set(&self, offset: &str) {
        // In one step: the library reads the file whenever somebody asks for the time.
        let next = self.file.path().with_extension("next");
        fs::write(&next, if offset.is_empty() { "+0" } else { offset }).unwrap();
        fs::rename(next, self.file.path()).unwrap();
    }

    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            (
                "FAKETIME_TIMESTAMP_FILE",
                self.file.path().display().to_string(),
            ),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// What goes in front of a command line.
    fn wrapper(&self) -> Vec<String> {
        let variables = self
            .variables()
            .map(|(name, value)| format!("{name}={value}"));
        ["env".to_owned()].into_iter().chain(variables).collect()
    }

    fn serve(&self, folder: &Path, options: &[&str]) -> Sidecar {
        let wrapper = self.wrapper();
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        Sidecar::start_at(folder, free_port(), &wrapper, options)
    }

    /// Runs a command on a data folder.
    fn run(&self, folder: &Path, arguments: &[&str]) -> Output {
        Command::new(BINARY)
            .args(arguments)
            .arg("--data")
            .arg(folder)
            .envs(self.variables())
            .output()
            .unwrap()
    }
}

#[test]
fn a_clock_that_was_ahead_at_the_start_and_is_set_back_keeps_nobody_out() {
    let folder = private_folder();
    let clock = WrongClock::new("+70d");
    let sidecar = clock.serve(folder.path(), &["--init"]);
    clock.set("");
    wait_until_ready(&sidecar);
    let token = sidecar.issue("west", &[]);
    redeem(&sidecar, &token);
    let log = sidecar.log();
    assert_eq!(log.matches("was set back by").count(), 1, "{log}");
    assert_eq!(
        log.matches("the server shows a new certificate").count(),
        1,
        "{log}"
    );
}

#[test]
fn a_clock_that_is_ahead_for_seconds_loses_no_grant() {
    let folder = private_folder();
    let clock = WrongClock::new("");
    let sidecar = clock.serve(folder.path(), &["--init", "--keep", "2s"]);
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    redeem(&sidecar, &token);
    // Longer than between two looks, and than ended grants are kept.
    clock.set("+70d");
    sleep(Duration::from_secs(5));
    clock.set("");
    wait_until_ready(&sidecar);
    redeem(&sidecar, &token);
    let shown = sidecar.run(&["show", "west", "-o", "json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown[0]["redemptions"], 2);
}

/// revoked-never-renews
#[test]
fn a_link_that_was_taken_back_stays_out_whatever_the_clock_says() {
    let folder = private_folder();
    let clock = WrongClock::new("");
    let sidecar = clock.serve(folder.path(), &["--init", "--keep", "2s"]);
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    let mut link = Holder::redeem(&sidecar, &token);
    let mut spared = Holder::redeem(&sidecar, &token);
    let revoked = clock.run(folder.path(), &["revoke", "--link", link.link()]);
    assert!(revoked.status.success(), "{revoked:?}");
    for offset in ["+70d", "-10d"] {
        clock.set(offset);
        // Longer than between two looks, and than what has ended is kept.
        sleep(Duration::from_secs(6));
        clock.set("");
        wait_until_ready(&sidecar);
        let answer = link.renew(sidecar.port);
        assert_eq!(answer.body, "This link was revoked\n", "{offset}");
        assert_eq!(spared.renew(sidecar.port).status, 200, "{offset}");
    }
}

#[test]
fn ended_grants_are_deleted_after_the_time_to_keep_them() {
    let sidecar = Sidecar::start_with(&["--init", "--keep", "1s"]);
    let output = sidecar.run(&["issue", "west", "--expiration-window", "1h"]);
    assert!(output.status.success());
    assert!(sidecar.run(&["revoke", "west"]).status.success());
    let begun = Instant::now();
    while sidecar.run(&["show", "west"]).status.success() {
        assert!(begun.elapsed() < PATIENCE, "{}", sidecar.log());
        sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_first_start_before_the_clock_is_set_makes_nothing_and_goes_on_when_it_is() {
    let folder = private_folder();
    let clock = WrongClock::new("-5000d");
    let log = folder.path().join("log");
    let (port, operations_port) = (free_port(), free_port());
    let mut child = Command::new(BINARY)
        .args(["serve", "--init", "--data"])
        .arg(folder.path().join("data"))
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--metrics-listen", &format!("127.0.0.1:{operations_port}")])
        .args(["--url", &format!("https://127.0.0.1:{port}")])
        .envs(clock.variables())
        .stderr(fs::File::create(&log).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let said = |part: &str| fs::read_to_string(&log).unwrap().matches(part).count();
    wait_for(|| said("when this program was not made yet") == 1);
    let issued = clock.run(&folder.path().join("data"), &["issue", "west"]);
    assert_eq!(issued.status.code(), Some(3));
    assert_eq!(issued.stdout, b"");
    sleep(Duration::from_secs(1));
    assert!(!folder.path().join("data").exists());
    let asked = |path| ask(operations_port, path).unwrap();
    let is_alive = asked("/healthz").starts_with("HTTP/1.1 200 ");
    assert!(is_alive, "whoever looks after it would start it again");
    let readiness = asked("/readyz");
    assert!(readiness.starts_with("HTTP/1.1 503 ") && readiness.contains("clock"));
    clock.set("");
    wait_for(|| said("listening on") == 1);
    // The port changes hands: for a moment nobody answers.
    let is_ready =
        |answer: std::io::Result<String>| answer.is_ok_and(|a| a.starts_with("HTTP/1.1 200 "));
    wait_for(|| is_ready(ask(operations_port, "/readyz")));
    assert_eq!(said("when this program was not made yet"), 1);
    let ca = fs::read(folder.path().join("data/server-ca/ca.crt")).unwrap();
    let ca = CertificateDer::from_pem_slice(&ca).unwrap();
    let ca = Certificate::from_der(&ca).unwrap();
    let begin = ca
        .tbs_certificate()
        .validity()
        .not_before
        .to_unix_duration();
    let earliest = redemption_sidecar::system::clock::EARLIEST.timestamp();
    assert_eq!(i64::try_from(begin.as_secs()).unwrap(), earliest);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn sigterm_ends_the_wait_for_the_clock() {
    let folder = private_folder();
    let clock = WrongClock::new("-5000d");
    let log = folder.path().join("log");
    let mut child = Command::new(BINARY)
        .args([
            "serve",
            "--init",
            "--url",
            "https://127.0.0.1:9090",
            "--data",
        ])
        .arg(folder.path().join("data"))
        .envs(clock.variables())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    wait_for(|| fs::read_to_string(&log).unwrap().contains("waiting"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn no_token_is_made_by_a_clock_before_the_files() {
    let sidecar = Sidecar::start();
    let clock = WrongClock::new("-10d");
    let issued = clock.run(sidecar.folder(), &["issue", "west"]);
    let text = String::from_utf8_lossy(&issued.stderr);
    assert_eq!(issued.status.code(), Some(3), "{text}");
    assert_eq!(issued.stdout, b"");
    assert!(text.contains("set the clock"), "{text}");
    // Nothing is in the way of a right clock.
    redeem(&sidecar, &sidecar.issue("west", &[]));
}

#[test]
fn files_of_the_future_hold_nobody_up_for_ever() {
    let folder = private_folder();
    let mut before = Sidecar::start_in(folder.path(), &["--init"]);
    before.kill();
    let ca = folder.path().join("server-ca/ca.crt");
    let future = std::time::SystemTime::now() + Duration::from_hours(70 * 24);
    fs::File::open(&ca).unwrap().set_modified(future).unwrap();
    let refused = before.run(&["issue", "west"]);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(text.contains("touch"), "{text}");
    let begun = Instant::now();
    let sidecar = Sidecar::start_in(folder.path(), &["--init"]);
    assert!(
        begun.elapsed() > Duration::from_secs(5),
        "nothing was waited for"
    );
    let touched = Command::new("touch").arg(&ca).status().unwrap();
    assert!(touched.success());
    redeem(&sidecar, &sidecar.issue("west", &[]));
}

#[test]
fn a_certificate_of_files_out_of_date_is_said_once_and_makes_the_service_not_ready() {
    let folder = private_folder();
    let clock = WrongClock::new("");
    let pair = crate::operators::pair(folder.path());
    let options = [
        "--init",
        "--tls-cert",
        &pair[0],
        "--tls-key",
        &pair[1],
        "--tls-ca",
        &pair[2],
    ];
    let sidecar = clock.serve(folder.path(), &options);
    wait_until_ready(&sidecar);
    for (offset, says) in [
        ("-40d", "is valid only from"),
        ("+70d", "look at the clock, then renew it"),
    ] {
        clock.set(offset);
        wait_for(|| sidecar.operations("/readyz").contains(says));
        sleep(Duration::from_secs(5));
        let log = sidecar.log();
        assert_eq!(log.matches(says).count(), 1, "{log}");
        clock.set("");
        wait_until_ready(&sidecar);
    }
    clock.set("+70d");
    let issued = clock.run(folder.path(), &["issue", "east"]);
    let text = String::from_utf8_lossy(&issued.stderr);
    assert_eq!(issued.status.code(), Some(3), "{text}");
    assert!(text.contains("nobody could redeem it"), "{text}");
    assert_eq!(issued.stdout, b"");
}

/// A right clock is enough, and soon.
fn wait_until_ready(sidecar: &Sidecar) {
    let begun = Instant::now();
    // What was answered before the clock was set does not count.
    sleep(Duration::from_millis(100));
    loop {
        let answer = sidecar.operations("/readyz");
        if answer.starts_with("HTTP/1.1 200 ") {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{answer}: {}",
            sidecar.log()
        );
        sleep(Duration::from_millis(100));
    }
}

/// With a right clock.
fn redeem(sidecar: &Sidecar, token: &Token) {
    let door = Door::new(sidecar.port, &token.ca, 0);
    assert_eq!(Redeemer::plain().ask_once(&door, token).status, 200);
}

fn wait_for(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(50));
    }
}
