//! The certificate that the replicas of a Deployment share: made by the commands of `deploy/README.md`,
//! mounted as the kubelet mounts a Secret, replaced while the service runs.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster_tests::Cluster;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::room::Room;
use crate::service::Services;

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_certificate_is_accepted_and_a_new_one_takes_its_place_without_a_failed_handshake()
 {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "certificates").await;
    room.site().await;
    let services = Services::new(&cluster, &room);
    let workshop = TempDir::new().unwrap();
    let first_ca = make(workshop.path(), "console ca", "ca.crt");
    make(workshop.path(), "console certificate", "tls.crt");
    let mount = Mount::new(workshop.path());
    let service = services.start(&texts(&mount.options())).await;
    let first = shown(service.port, &first_ca).unwrap();

    // A new certificate of the same CA, as every year: nobody notices.
    make(workshop.path(), "console certificate", "tls.crt");
    mount.replace(workshop.path());
    let end = Instant::now() + PATIENCE;
    while shown(service.port, &first_ca).unwrap() == first {
        assert!(Instant::now() < end, "{}", service.log());
        sleep(Duration::from_millis(20)).await;
    }

    // A new CA: the tokens of the old one end, those of the new one begin, and nothing is between.
    let second_ca = make(workshop.path(), "console ca", "ca.crt");
    make(workshop.path(), "console certificate", "tls.crt");
    mount.replace(workshop.path());
    let end = Instant::now() + PATIENCE;
    while shown(service.port, &first_ca).is_ok() {
        assert!(Instant::now() < end, "{}", service.log());
        sleep(Duration::from_millis(20)).await;
    }
    shown(service.port, &second_ca).unwrap();
    let log = service.log();
    assert!(!log.contains("stays as it was"), "{log}");
    assert_eq!(service.is_ready(), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_certificate_that_will_not_do_is_said_and_the_last_one_stays() {
    let cluster = Cluster::shared().await.unwrap();
    let room = Room::new(&cluster, "certificates-refused").await;
    room.site().await;
    let services = Services::new(&cluster, &room);
    let workshop = TempDir::new().unwrap();
    let ca = make(workshop.path(), "console ca", "ca.crt");
    make(workshop.path(), "console certificate", "tls.crt");
    let mount = Mount::new(workshop.path());
    let service = services.start(&texts(&mount.options())).await;
    make(workshop.path(), "console ca", "ca.crt");
    mount.replace(workshop.path());
    let end = Instant::now() + PATIENCE;
    while !service.log().contains("--tls-ca does not sign --tls-cert") {
        assert!(Instant::now() < end, "{}", service.log());
        sleep(Duration::from_millis(50)).await;
    }
    shown(service.port, &ca).unwrap();
}

/// Runs the openssl commands of a block of the README for this machine, and reads one of their files.
fn make(folder: &Path, block: &str, file: &str) -> String {
    let readme = repository().join("deploy/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, text) = readme.split_once(&format!("\n```{block}\n")).unwrap();
    let (text, _) = text.split_once("\n```").unwrap();
    let text = text.replace("DNS:grants.example.com", "IP:127.0.0.1");
    assert!(block == "console ca" || text.contains("IP:127.0.0.1"));
    for line in text.lines().filter(|line| line.starts_with("openssl ")) {
        let mut shell = Command::new("bash");
        let output = shell.args(["-c", line]).current_dir(folder).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
    fs::read_to_string(folder.join(file)).unwrap()
}

/// A Secret as the kubelet mounts it: files that lead through the link `..data` into a folder of one
/// moment. A change is a new folder and a new link, which is renamed onto the old one.
///
/// Source: Kubernetes, `pkg/volume/util/atomic_writer.go`.
struct Mount {
    folder: TempDir,
}

impl Mount {
    fn new(source: &Path) -> Self {
        let mount = Self {
            folder: TempDir::new().unwrap(),
        };
        mount.replace(source);
        for key in KEYS {
            symlink(Path::new("..data").join(key), mount.path(key)).unwrap();
        }
        mount
    }

    fn replace(&self, source: &Path) {
        let moment = tempfile::Builder::new()
            .prefix("..")
            .tempdir_in(&self.folder);
        let moment = moment.unwrap().keep();
        for key in KEYS {
            fs::copy(source.join(key), moment.join(key)).unwrap();
        }
        let old = fs::read_link(self.path("..data"));
        symlink(moment.file_name().unwrap(), self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        if let Ok(old) = old {
            fs::remove_dir_all(self.folder.path().join(old)).unwrap();
        }
    }

    /// As the Deployment names them.
    fn options(&self) -> Vec<String> {
        let pairs = ["cert", "key", "ca"].into_iter().zip(KEYS);
        let options = pairs.map(|(name, key)| format!("--tls-{name}={}", self.path(key).display()));
        options.collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The certificate that the service shows to who trusts this CA, in DER; an error when that is another.
fn shown(port: u16, ca: &str) -> std::io::Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    while session.is_handshaking() {
        session.complete_io(&mut socket)?;
    }
    Ok(session.peer_certificates().unwrap()[0].to_vec())
}

fn texts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// In the order of the options.
const KEYS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// A service looks every 2 s.
const PATIENCE: Duration = Duration::from_secs(20);
