//! Links in a folder, and `renew` beside them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use redemption_sidecar::system::clock;
use rustix::process::{Pid, Signal, kill_process};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::redeemers::decoded;
use crate::sidecar::{BINARY, PATIENCE, Sidecar, ask, free_port, private_folder};

/// A folder with links.
pub(crate) struct Links {
    folder: TempDir,
}

/// A pair of key and certificate, which belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// 32 digits.
    pub(crate) serial: String,
    /// In seconds of Unix time.
    pub(crate) end: u64,
}

impl Links {
    /// Redeems so many links, named `link-0` and so on.
    pub(crate) fn redeem(sidecar: &Sidecar, count: usize) -> Self {
        let links = Self {
            folder: private_folder(),
        };
        let allowed = count.to_string();
        let token = sidecar.issue("links", &["--redemptions-allowed", &allowed]);
        let file = links.folder.path().join("token");
        fs::write(&file, &token.yaml).unwrap();
        for number in 0..count {
            links.redeem_one(&file, &format!("link-{number}"));
        }
        fs::remove_file(file).unwrap();
        links
    }

    fn redeem_one(&self, token: &Path, name: &str) {
        let redeemed = Command::new(BINARY)
            .arg("redeem")
            .arg(token)
            .args(["--name", name, "--out"])
            .arg(self.path())
            .output()
            .unwrap();
        assert_eq!(redeemed.status.code(), Some(0), "{}", text(&redeemed));
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("links")
    }

    pub(crate) fn secret(&self, name: &str) -> PathBuf {
        self.path().join(format!("Secret-{name}.yaml"))
    }

    /// Runs `renew` with these arguments.
    pub(crate) fn renew(&self, arguments: &[&str]) -> Output {
        self.command("renew", arguments).output().unwrap()
    }

    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args([name, "--out"])
            .arg(self.path())
            .args(arguments);
        command
    }

    /// Every link, whose key and certificate belong together.
    pub(crate) fn pairs(&self) -> BTreeMap<String, Pair> {
        let names = fs::read_dir(self.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let secrets = names.filter(|name| name.starts_with("Secret-"));
        secrets
            .map(|file| {
                let pair = pair(&self.path().join(&file));
                (file.replace("Secret-", "").replace(".yaml", ""), pair)
            })
            .collect()
    }

    /// The same, all in date and of the links that they were of.
    pub(crate) fn check(&self, before: &BTreeMap<String, Pair>) -> BTreeMap<String, Pair> {
        let pairs = self.pairs();
        assert!(pairs.keys().eq(before.keys()), "{:?}", pairs.keys());
        let now = u64::try_from(clock::now().timestamp()).unwrap();
        for (name, pair) in &pairs {
            let left = i128::from(pair.end) - i128::from(now);
            assert!(left > 0, "{name} has ended {left} s ago");
            assert_eq!(pair.serial[..20], before[name].serial[..20], "{name}");
        }
        pairs
    }
}

/// The key and the certificate of a Secret.
pub(crate) fn pair(file: &Path) -> Pair {
    let yaml = fs::read_to_string(file).unwrap();
    let secret: Value = serde_saphyr::from_str(&yaml).unwrap();
    let data = |entry: &str| decoded(&secret["data"][entry]);
    let certificate = Certificate::from_pem(data("tls.crt")).unwrap();
    let signed = certificate.tbs_certificate();
    let key = PrivateKeyDer::from_pem_slice(data("tls.key").as_bytes()).unwrap();
    let key = any_supported_type(&key).unwrap();
    let key = key.public_key().unwrap();
    let of_certificate = signed.subject_public_key_info().to_der().unwrap();
    assert_eq!(key.as_ref(), of_certificate, "{}", file.display());
    let serial = signed.serial_number().as_bytes().iter();
    let digits = serial.fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    Pair {
        serial: format!("{digits:0>32}"),
        end: signed.validity().not_after.to_unix_duration().as_secs(),
    }
}

/// The words of a command.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A `renew --watch` of a folder. It ends with the value.
pub(crate) struct Keeper {
    child: Child,
    log: PathBuf,
    operations_port: u16,
}

impl Keeper {
    pub(crate) fn start(links: &Links) -> Self {
        Self::start_with(links, &[])
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_with(links: &Links, variables: &[(&str, String)]) -> Self {
        let operations_port = free_port();
        let log = links.folder.path().join(format!("log-{operations_port}"));
        let address = format!("127.0.0.1:{operations_port}");
        let child = links
            .command("renew", &["--watch", "--metrics-listen", &address])
            .envs(variables.iter().cloned())
            .stderr(fs::File::create(&log).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            log,
            operations_port,
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// The answer of its operations port; nothing before it is open.
    pub(crate) fn operations(&self, path: &str) -> String {
        ask(self.operations_port, path).unwrap_or_default()
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let metrics = self.operations("/metrics");
        let full = format!("redemption_sidecar_keeper_{name} ");
        let line = metrics.lines().find(|line| line.starts_with(&full))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until something is so.
    pub(crate) fn wait_until(&self, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            let metrics = self.operations("/metrics");
            assert!(begun.elapsed() < 3 * PATIENCE, "{}{metrics}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.kill();
    }
}
