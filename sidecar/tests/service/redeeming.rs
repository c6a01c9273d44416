//! The command `redeem`, stopped at any point and run again; and redeeming with OpenSSL and curl.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use redemption_sidecar::pki::key::PrivateKey;
use serde_json::Value;
use tempfile::TempDir;
use x509_cert::der::{DecodePem as _, Encode as _};

use crate::redeemers::decoded;
use crate::sidecar::{BINARY, Random, Sidecar};
use crate::tools::{printed, tool};

const KILLS: usize = 100;
const SEED: u64 = 7;

/// Kills of one redemption, before it is left alone.
const KILLS_OF_ONE: u32 = 3;

/// More than are needed: one that is done before its time is not killed.
const REDEMPTIONS: u32 = 300;

#[test]
fn a_redeemer_that_is_killed_over_and_over_redeems_once_and_leaves_nothing_behind() {
    println!("seed {SEED}");
    let sidecar = Sidecar::start();
    let life = life(&sidecar);
    let (next, kills) = (AtomicU32::new(0), AtomicUsize::new(0));
    let stages = scope(|scope| {
        let threads = [SEED, SEED + 1].map(|seed| {
            let (sidecar, next, kills) = (&sidecar, &next, &kills);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut stages = Vec::new();
                while kills.load(Ordering::SeqCst) < KILLS {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    assert!(number < REDEMPTIONS, "only {kills:?} kills");
                    let place = Place::make(sidecar, &format!("west-{number}"));
                    for _ in 0..KILLS_OF_ONE {
                        let mut child = place.redeem().spawn().unwrap();
                        sleep(Duration::from_micros(random.of(0..life)));
                        child.kill().unwrap();
                        if child.wait().unwrap().signal().is_some() {
                            stages.push(place.stage());
                            kills.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    place.finish(sidecar);
                }
                stages
            })
        });
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert_each_is_counted_once(&sidecar);
    report(&stages, &format!("kills within {life} us"));
}

#[test]
fn a_redeemer_that_is_killed_before_any_system_call_redeems_once_and_leaves_nothing_behind() {
    let sidecar = Sidecar::start();
    let halves = [
        // What the disk gets.
        ["/^mkdir", "flock", "/^rename", "/^unlink"],
        // What is made durable, what is sent, and all the rest that is written.
        ["fsync", "connect", "writev", "write"],
    ];
    let stages = scope(|scope| {
        let threads = halves.map(|calls| {
            let sidecar = &sidecar;
            scope.spawn(move || {
                let each = calls.map(|call| killed_before_each(sidecar, call));
                each.concat()
            })
        });
        threads.map(|thread| thread.join().unwrap()).concat()
    });
    assert_each_is_counted_once(&sidecar);
    report(&stages, "system calls");
    for stage in Stage::ALL {
        assert!(stages.contains(&stage), "never killed at: {stage:?}");
    }
}

#[test]
fn openssl_and_curl_redeem_and_redeem_again() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let keep = |name: &str, text: &str| {
        fs::write(path(name), text).unwrap();
        path(name)
    };
    let openssl = |arguments: &str, files: &[&str]| {
        let mut command = tool("openssl");
        printed(command.args(arguments.split(' ')).args(files))
    };
    let ca = keep("server-ca.crt", &token.ca);
    let code = keep("code", &token.code);
    let key = path("tls.key");
    let request = path("request.der");
    openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ignored -outform DER",
        &["-keyout", &key, "-out", &request],
    );
    let request = openssl("base64 -A -in", &[&request]);
    let redeem = || {
        let mut curl = tool("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--fail",
            "--http1.1",
            "--cacert",
            &ca,
        ])
        .args(["--data-binary", &format!("@{code}")])
        .args(["--header", &format!("certificate-request: {request}")])
        .arg(format!("https://127.0.0.1:{}{}", sidecar.port, token.path));
        let answer: Vec<Value> = serde_saphyr::from_multiple(&printed(&mut curl)).unwrap();
        assert_eq!(answer.len(), 2);
        assert_eq!(answer[1]["spec"]["tlsCredentials"], "west");
        let secret = answer.into_iter().next().unwrap();
        assert_eq!(secret["data"]["tls.key"], Value::Null);
        secret
    };
    let secret = redeem();
    let certificate = keep("tls.crt", &decoded(&secret["data"]["tls.crt"]));
    let site_ca = keep("ca.crt", &decoded(&secret["data"]["ca.crt"]));
    let verified = openssl(
        "verify -purpose sslclient -CAfile",
        &[&site_ca, &certificate],
    );
    assert!(verified.ends_with(": OK\n"), "{verified}");
    assert_eq!(
        openssl("x509 -noout -pubkey -in", &[&certificate]),
        openssl("pkey -pubout -in", &[&key]),
    );
    let serial = |certificate: &str| openssl("x509 -noout -serial -in", &[certificate]);
    let digits = serial(&certificate).trim().to_lowercase();
    let (_, digits) = digits.split_once('=').unwrap();
    let link = &format!("{digits:0>32}")[..20];
    let subject = openssl("x509 -noout -subject -nameopt RFC2253 -in", &[&certificate]);
    assert_eq!(subject, format!("subject=OU={link},CN=west\n"));
    let again = keep("again.crt", &decoded(&redeem()["data"]["tls.crt"]));
    assert_eq!(serial(&certificate), serial(&again));
    assert_each_is_counted_once(&sidecar);
}

/// Kills a redemption of its own before each system call of this name.
fn killed_before_each(sidecar: &Sidecar, call: &str) -> Vec<Stage> {
    let mut stages = Vec::new();
    for number in 1.. {
        let place = Place::make(
            sidecar,
            &format!("{}-{number}", call.trim_start_matches("/^")),
        );
        let inject = format!("inject={call}:signal=SIGKILL:when={number}");
        let mut command = tool("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &inject]);
        let redeem = place.redeem();
        command.arg(redeem.get_program()).args(redeem.get_args());
        let status = command.output().unwrap().status;
        // strace ends as the program that it watches.
        let is_killed = status.signal().is_some();
        if is_killed {
            stages.push(place.stage());
        }
        place.finish(sidecar);
        if !is_killed {
            assert!(status.success(), "{call} {number}: {status}");
            break;
        }
    }
    stages
}

/// A token of one redemption, and the folder it is redeemed into.
struct Place {
    name: String,
    folder: TempDir,
}

impl Place {
    fn make(sidecar: &Sidecar, name: &str) -> Self {
        let place = Self {
            name: name.to_owned(),
            folder: tempfile::tempdir().unwrap(),
        };
        let token = sidecar.issue_here(name, 1);
        fs::write(place.folder.path().join("token.yaml"), token.yaml).unwrap();
        place
    }

    fn redeem(&self) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg("redeem")
            .arg(self.folder.path().join("token.yaml"))
            .arg("--out")
            .arg(self.folder.path().join("out"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// The names of all files of the output folder.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("out")) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn read(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.folder.path().join("out").join(file)).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }

    /// How far a redeemer came. What it finished is whole.
    fn stage(&self) -> Stage {
        let files = self.files();
        let has = |name: &str| files.iter().any(|file| file == name);
        let has_kept = |end: &str| {
            let kept = |file: &&String| file.starts_with(".redeem-") && file.ends_with(end);
            files.iter().find(kept).is_some()
        };
        let [secret, link] = self.names();
        if has(&secret) {
            self.check_secret();
        }
        match (has(&secret), has(&link)) {
            (false, true) => panic!("{}: a Link without its Secret", self.name),
            (true, true) if has_kept(".key") => Stage::Link,
            (true, true) => Stage::Cleared,
            (true, false) => Stage::Secret,
            (false, false) if has_kept(".answer") => Stage::Answer,
            (false, false) if has_kept(".key") => Stage::Key,
            (false, false) => Stage::Nothing,
        }
    }

    /// Redeems undisturbed: everything is in place, and nothing else.
    fn finish(&self, sidecar: &Sidecar) {
        let output = self.redeem().stderr(Stdio::piped()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", self.name);
        let [secret, link] = self.names();
        assert_eq!(self.files(), [link.clone(), secret], "{}", self.name);
        self.check_secret();
        let link = self.read(&link);
        assert_eq!(link["metadata"]["name"], self.name);
        assert_eq!(link["spec"]["tlsCredentials"], self.name);
        let ports = ["45671", "55671"];
        for (endpoint, port) in link["spec"]["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .zip(ports)
        {
            assert_eq!(endpoint["port"], port, "{}", sidecar.log());
        }
    }

    /// The certificate is for the key.
    fn check_secret(&self) {
        let secret = self.read(&self.names()[0]);
        assert_eq!(secret["metadata"]["name"], self.name);
        let certificate = decoded(&secret["data"]["tls.crt"]);
        let certificate = x509_cert::Certificate::from_pem(certificate).unwrap();
        let certified = certificate.tbs_certificate().subject_public_key_info();
        let key = PrivateKey::from_pem(&decoded(&secret["data"]["tls.key"])).unwrap();
        assert_eq!(certified.to_der().unwrap(), key.spki(), "{}", self.name);
    }

    fn names(&self) -> [String; 2] {
        ["Secret", "Link"].map(|kind| format!("{kind}-{}.yaml", self.name))
    }
}

/// What a killed redeemer has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Nothing,
    Key,
    Answer,
    Secret,
    Link,
    Cleared,
}

impl Stage {
    const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Key,
        Self::Answer,
        Self::Secret,
        Self::Link,
        Self::Cleared,
    ];
}

/// How long a redemption takes here, in microseconds.
fn life(sidecar: &Sidecar) -> u64 {
    let mut lives = ["life-1", "life-2", "life-3"].map(|name| {
        let place = Place::make(sidecar, name);
        let start = Instant::now();
        assert!(place.redeem().status().unwrap().success());
        u64::try_from(start.elapsed().as_micros()).unwrap()
    });
    lives.sort_unstable();
    lives[1]
}

fn assert_each_is_counted_once(sidecar: &Sidecar) {
    let list = sidecar.run(&["list", "-o", "json"]);
    let grants: Value = serde_json::from_slice(&list.stdout).unwrap();
    for grant in grants.as_array().unwrap() {
        assert_eq!(grant["redemptions"], 1, "{grant}");
    }
}

fn report(stages: &[Stage], what: &str) {
    let mut histogram = BTreeMap::new();
    for stage in stages {
        *histogram.entry(stage).or_insert(0) += 1;
    }
    println!("{} {what}: {histogram:?}", stages.len());
}
