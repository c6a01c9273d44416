//! The two sites.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use router_stand_in::{
    AcceptingRouter, Clock, ConnectingRouter, FILES, LOOPBACK, Link, Router, Settings, Update,
    until,
};
use serde_json::Value;
use sidecar_test_support::openssl::{CA, Pki};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const BINARY: &str = env!("CARGO_BIN_EXE_redemption-sidecar");

/// A granting site with its accepting router, east, and a redeeming one with its connecting router, west.
pub(crate) struct World {
    folder: TempDir,
    pki: Pki,
    port: u16,
    service: Child,
    /// The renewals since the service began: it takes 10 a minute of a link.
    renewals: u32,
    pub(crate) east: Arc<AcceptingRouter>,
    pub(crate) west: Arc<ConnectingRouter>,
    pub(crate) clock: Arc<Clock>,
}

impl World {
    /// A link that was redeemed, and is open.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::empty();
        for ca in ["old", "new"] {
            pki.key(ca, "P-256 PKCS#8");
            pki.root(ca, "/CN=skupper-site-ca", CA);
            let server = format!("server-{ca}");
            pki.key(&server, "P-256 PKCS#8");
            pki.certificate(ca, &server, "/CN=east", "subjectAltName = DNS:east.example");
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let path = folder.path();
        for name in ["data", "east", "namespace/runtime/certs/west-profile"] {
            fs::create_dir_all(path.join(name)).unwrap();
        }
        fs::set_permissions(path.join("data"), fs::Permissions::from_mode(0o700)).unwrap();
        describe(path, &pki, port, "old", &[], 45_671);
        let service = serve(path, port);
        let redeemed = redeem(path);
        assert!(redeemed.status.success(), "{}", text(&redeemed));
        install(path);
        write(&pki, path, &["old"], "old");
        let clock = Arc::new(Clock::default());
        let settings = Settings {
            time: Arc::clone(&clock) as Arc<_>,
            ..Settings::default()
        };
        let files = path.join("east");
        let accepting = AcceptingRouter::start(&files, LOOPBACK, settings);
        let east = Arc::new(accepting.await.unwrap());
        let link = Link {
            after_loss: Duration::from_millis(20),
            after_failure: Duration::from_millis(50),
            ..Link::new("east.example", east.address())
        };
        let profile = path.join("namespace/runtime/certs/west-profile");
        let west = ConnectingRouter::start(&profile, link, Settings::default());
        let west = Arc::new(west.unwrap());
        until("the link is open", || west.is_open()).await;
        tells(path, Arc::clone(&west));
        Self {
            folder,
            pki,
            port,
            service,
            renewals: 0,
            east,
            west,
            clock,
        }
    }

    /// Begins a new flow every few milliseconds, until it is ended.
    pub(crate) fn flow(&self) -> Flowing {
        let (west, ends) = (Arc::clone(&self.west), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&ends);
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::SeqCst) {
                let flow = west.open_flow().await;
                if let Ok(mut flow) = flow {
                    flow.ping(b"flow").await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Flowing { ends, task }
    }

    /// No flow failed, and no handshake was refused.
    pub(crate) fn assert_unharmed(&self) {
        let west = self.west.handshakes();
        let said = self.west.last_refusal();
        assert_eq!((west.refused, self.west.flows().failed), (0, 0), "{said:?}");
        assert_eq!(self.east.handshakes().refused, 0, "{said:?}");
    }

    /// Renews the link, which must go well.
    pub(crate) fn renew(&mut self) {
        let output = self.run_renew();
        assert!(output.status.success(), "{}", text(&output));
    }

    pub(crate) async fn renew_until(&mut self, claim: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(30), "{claim}");
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.renew();
        }
    }

    /// Tries to renew the link, and returns what was said when that failed.
    pub(crate) fn try_renew(&mut self) -> String {
        let output = self.run_renew();
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    }

    pub(crate) fn try_renew_until(&mut self, claim: &str, holds: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let said = text(&self.run_renew());
            if holds(&said) {
                return said;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{claim}: {said}");
            sleep(Duration::from_millis(500));
        }
    }

    fn run_renew(&mut self) -> Output {
        self.renewals += 1;
        if self.renewals > 9 {
            // A service that begins anew has forgotten how many there were.
            self.stop();
            self.service = serve(self.folder.path(), self.port);
            self.renewals = 1;
        }
        let path = self.folder.path();
        let mut command = Command::new(BINARY);
        command.args(["renew", "west", "--force", "--out"]);
        command.arg(path.join("namespace/input/resources"));
        command
            .arg("--exec")
            .arg(path.join("tell"))
            .output()
            .unwrap()
    }

    pub(crate) fn revoke(&self) {
        let output = Command::new(BINARY)
            .args(["revoke", "west", "--data"])
            .arg(self.folder.path().join("data"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }

    /// The links as the granting site lists them.
    pub(crate) fn links(&self) -> Value {
        let start = Instant::now();
        loop {
            let output = Command::new(BINARY)
                .args(["list", "--links", "-o", "json", "--data"])
                .arg(self.folder.path().join("data"))
                .output()
                .unwrap();
            let links: Value = serde_json::from_slice(&output.stdout).unwrap();
            // The register is written behind the answers.
            if links[0]["told"] == true || start.elapsed() > Duration::from_secs(10) {
                return links;
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Describes the site anew: its issuer, those before it, and where its router listens. The service is
    /// told.
    pub(crate) fn describe(&self, issuer: &str, previous: &[&str], port: u16) {
        describe(
            self.folder.path(),
            &self.pki,
            self.port,
            issuer,
            previous,
            port,
        );
        let id = self.service.id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status().unwrap();
        assert!(status.success());
    }

    /// Gives the accepting router other CAs to trust, and tells it.
    pub(crate) fn trust(&self, cas: &[&str]) {
        let ca = cas
            .iter()
            .flat_map(|ca| self.pki.read(&format!("{ca}.crt")));
        let ca: Vec<u8> = ca.collect();
        fs::write(self.folder.path().join("east/ca.crt"), ca).unwrap();
        self.tell_east();
    }

    /// Gives the accepting router a certificate of a CA, and tells it.
    pub(crate) fn show(&self, ca: &str) {
        for (file, ending) in [("tls.crt", "crt"), ("tls.key", "key")] {
            let content = self.pki.read(&format!("server-{ca}.{ending}"));
            fs::write(self.folder.path().join("east").join(file), content).unwrap();
        }
        self.tell_east();
    }

    fn tell_east(&self) {
        let next = self.east.read().ordinal + 1;
        let update = self.east.update(next, next.saturating_sub(2));
        assert!(matches!(update, Update::Taken), "{update:?}");
    }

    /// The serial number of the certificate in place.
    pub(crate) fn serial(&self) -> String {
        self.x509("-serial")
            .trim_start_matches("serial=")
            .trim()
            .to_lowercase()
    }

    /// The key of the CA that made the certificate in place.
    pub(crate) fn issuer(&self) -> String {
        self.x509("-ext authorityKeyIdentifier")
    }

    fn x509(&self, asks: &str) -> String {
        let file = self
            .folder
            .path()
            .join("namespace/runtime/certs/west-profile/tls.crt");
        self.pki.write("seen.crt", &fs::read(file).unwrap());
        let said = self
            .pki
            .openssl(&format!("x509 -in seen.crt -noout {asks}"));
        String::from_utf8(said).unwrap()
    }

    /// The number of CAs that the connecting router trusts.
    pub(crate) fn cas(&self) -> usize {
        let file = self
            .folder
            .path()
            .join("namespace/runtime/certs/west-profile/ca.crt");
        fs::read_to_string(file).unwrap().matches("BEGIN").count()
    }

    pub(crate) fn link_file(&self) -> String {
        fs::read_to_string(self.resources("Link-west.yaml")).unwrap()
    }

    pub(crate) fn secret(&self) -> String {
        fs::read_to_string(self.resources("Secret-west.yaml")).unwrap()
    }

    fn resources(&self, file: &str) -> PathBuf {
        self.folder
            .path()
            .join("namespace/input/resources")
            .join(file)
    }

    fn stop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Flows that begin all the time.
pub(crate) struct Flowing {
    ends: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Flowing {
    pub(crate) async fn end(self) {
        self.ends.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
    }
}

fn describe(folder: &Path, pki: &Pki, port: u16, issuer: &str, previous: &[&str], endpoint: u16) {
    let files: Vec<_> = previous
        .iter()
        .map(|ca| pki.path(&format!("{ca}.crt")))
        .collect();
    let previous = if files.is_empty() {
        String::new()
    } else {
        format!(", previous: {files:?}")
    };
    let text = format!(
        "name: east\nurl: https://127.0.0.1:{port}\nissuers:\n  default: {{cert: {}, key: {}{previous}}}\n\
         endpoints:\n- {{name: inter-router, host: east.example, port: {endpoint}}}\n",
        pki.path(&format!("{issuer}.crt")).display(),
        pki.path(&format!("{issuer}.key")).display(),
    );
    // Replaced as a whole: the service may be reading it.
    fs::write(folder.join("site.new"), text).unwrap();
    fs::rename(folder.join("site.new"), folder.join("redemption.yaml")).unwrap();
}

fn serve(folder: &Path, port: u16) -> Child {
    let mut log = fs::File::options();
    let log = log.create(true).append(true).open(folder.join("log"));
    let child = Command::new(BINARY)
        .args(["serve", "--renewed-certificate-duration", "1m", "--site"])
        .arg(folder.join("redemption.yaml"))
        .arg("--data")
        .arg(folder.join("data"))
        .args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--metrics-listen",
            "127.0.0.1:0",
        ])
        .stderr(Stdio::from(log.unwrap()))
        .spawn()
        .unwrap();
    let start = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = fs::read_to_string(folder.join("log")).unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "{log}");
        sleep(Duration::from_millis(5));
    }
    child
}

fn redeem(folder: &Path) -> Output {
    let issued = Command::new(BINARY)
        .args(["issue", "west", "--data"])
        .arg(folder.join("data"))
        .arg("-o")
        .arg(folder.join("west.yaml"))
        .output()
        .unwrap();
    assert!(issued.status.success(), "{}", text(&issued));
    Command::new(BINARY)
        .arg("redeem")
        .arg(folder.join("west.yaml"))
        .arg("--out")
        .arg(folder.join("namespace/input/resources"))
        .output()
        .unwrap()
}

/// Brings the link into use, as a reload of the redeeming site does.
fn install(folder: &Path) {
    let secret = folder.join("namespace/input/resources/Secret-west.yaml");
    let secret: Value = serde_saphyr::from_str(&fs::read_to_string(secret).unwrap()).unwrap();
    for file in FILES {
        let content = secret["data"][file].as_str().unwrap();
        let content = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, content);
        let profile = folder.join("namespace/runtime/certs/west-profile");
        fs::write(profile.join(file), content.unwrap()).unwrap();
    }
}

fn write(pki: &Pki, folder: &Path, trusted: &[&str], shown: &str) {
    let ca: Vec<u8> = trusted
        .iter()
        .flat_map(|ca| pki.read(&format!("{ca}.crt")))
        .collect();
    fs::write(folder.join("east/ca.crt"), ca).unwrap();
    fs::write(
        folder.join("east/tls.crt"),
        pki.read(&format!("server-{shown}.crt")),
    )
    .unwrap();
    fs::write(
        folder.join("east/tls.key"),
        pki.read(&format!("server-{shown}.key")),
    )
    .unwrap();
}

/// Makes the program that tells the connecting router: it asks this process to, and says how it went.
fn tells(folder: &Path, west: Arc<ConnectingRouter>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = format!("#!/bin/sh\nexec curl --noproxy '*' -sf http://{address}/tell\n");
    fs::write(folder.join("tell"), script).unwrap();
    fs::set_permissions(folder.join("tell"), fs::Permissions::from_mode(0o755)).unwrap();
    // The router connects in tasks of its own.
    let runtime = tokio::runtime::Handle::current();
    thread::spawn(move || {
        let _entered = runtime.enter();
        for mut asked in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(asked.try_clone().unwrap()).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let next = west.read().ordinal + 1;
            let status = match west.update(next, next.saturating_sub(2)) {
                Update::Taken => "200 OK",
                Update::Refused(_) | Update::Ignored => "500 Refused",
            };
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = asked.write_all(answer.as_bytes());
        }
    });
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
