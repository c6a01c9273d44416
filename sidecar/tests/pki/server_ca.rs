//! The redemption server's CA: one for all processes, and what clients say to its leaves.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use chrono::TimeDelta;
use redemption_sidecar::pki::issuer::{IssuerProblem, new_site_ca, verify_client_leaf};
use redemption_sidecar::pki::key::{KeyKind, KeyProblem, PrivateKey};
use redemption_sidecar::pki::server_ca::{ServerCa, ServerCaProblem, Stage, Succession};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use secrecy::ExposeSecret as _;
use skupper_access_policy::value::host::Host;
use tempfile::TempDir;
use x509_cert::Certificate;
use x509_cert::der::DecodePem as _;

use sidecar_test_support::openssl::{Pki, now};

fn hosts() -> Vec<Host> {
    ["grants.example", "10.0.0.1", "[2001:db8::1]"]
        .map(|host| Host::parse(host).unwrap())
        .to_vec()
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn open(folder: &TempDir) -> ServerCa {
    ServerCa::open(folder.path(), now()).unwrap()
}

#[test]
fn the_files_belong_to_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data/server-ca");
    ServerCa::open(&folder, now()).unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(folder.join("ca.key")), 0o600);
    let names = fs::read_dir(&folder).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["ca.crt", "ca.key"], "no temporary file stays");

    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.join("ca.key"), Permissions::from_mode(0o644)).unwrap();
    ServerCa::open(&folder, now()).unwrap();
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(folder.join("ca.key")), 0o600);
}

#[test]
fn processes_that_open_the_folder_at_once_have_the_same_ca() {
    for _ in 0..5 {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let start = Arc::new(Barrier::new(8));
        let openers = (0..8).map(|_| {
            let (folder, start) = (Arc::clone(&folder), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                let ca = open(&folder);
                let leaf = ca.issue_server_leaf(&hosts(), now()).unwrap();
                assert!(handshake(&ca, leaf.certified_key, "10.0.0.1").is_ok());
                ca.certificate_pem().to_owned()
            })
        });
        let openers: Vec<_> = openers.collect();
        let mut certificates: Vec<_> = openers
            .into_iter()
            .map(|opener| opener.join().unwrap())
            .collect();
        certificates.dedup();
        assert_eq!(certificates.len(), 1);
        assert_eq!(
            certificates[0],
            fs::read_to_string(folder.path().join("ca.crt")).unwrap()
        );
    }
}

#[test]
fn a_process_killed_between_key_and_certificate_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder);
    let key = fs::read(folder.path().join("ca.key")).unwrap();
    fs::remove_file(folder.path().join("ca.crt")).unwrap();
    fs::write(folder.path().join(".ca.crt.0123456789abcdef.tmp"), "half").unwrap();
    let ca = open(&folder);
    assert_eq!(fs::read(folder.path().join("ca.key")).unwrap(), key);
    let leaf = ca.issue_server_leaf(&hosts(), now()).unwrap();
    assert!(handshake(&ca, leaf.certified_key, "grants.example").is_ok());
}

#[test]
fn two_cas_never_share_a_name() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let subject = |folder| {
        let certificate = Certificate::from_pem(open(folder).certificate_pem()).unwrap();
        certificate.tbs_certificate().subject().to_string()
    };
    assert!(subject(&first).starts_with("CN=redemption-sidecar "));
    assert_ne!(subject(&first), subject(&second));
}

#[test]
fn damaged_files_are_errors_that_name_the_file() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage, &str); 8] = [
        (
            "no key",
            |folder| fs::remove_file(folder.join("ca.key")).unwrap(),
            "ca.key",
        ),
        (
            "empty key",
            |folder| fs::write(folder.join("ca.key"), "").unwrap(),
            "ca.key",
        ),
        (
            "half a key",
            |folder| halve(&folder.join("ca.key")),
            "ca.key",
        ),
        (
            "half a certificate",
            |folder| halve(&folder.join("ca.crt")),
            "ca.crt",
        ),
        (
            "binary key",
            |folder| fs::write(folder.join("ca.key"), [0xff; 99]).unwrap(),
            "ca.key",
        ),
        (
            "another key",
            |folder| {
                let key = PrivateKey::generate(KeyKind::P256).to_pem();
                fs::write(folder.join("ca.key"), key.expose_secret()).unwrap();
            },
            "ca.crt",
        ),
        (
            "a folder for a key",
            |folder| {
                fs::remove_file(folder.join("ca.key")).unwrap();
                fs::create_dir(folder.join("ca.key")).unwrap();
            },
            "ca.key",
        ),
        (
            "endless",
            |folder| {
                fs::remove_file(folder.join("ca.crt")).unwrap();
                symlink("/dev/zero", folder.join("ca.crt")).unwrap();
            },
            "ca.crt",
        ),
    ];
    for (name, damage, file) in damages {
        let folder = tempfile::tempdir().unwrap();
        open(&folder);
        damage(folder.path());
        let before = list(folder.path());
        let problem = ServerCa::open(folder.path(), now()).err().expect(name);
        let text = problem.to_string();
        assert!(
            text.contains(folder.path().join(file).to_str().unwrap()),
            "{name}: {text}"
        );
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
        assert_eq!(list(folder.path()), before, "{name}: nothing is replaced");
    }
}

fn halve(path: &Path) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() / 2]).unwrap();
}

fn list(folder: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (
            entry.file_name().into_string().unwrap(),
            entry.metadata().unwrap().ino(),
        )
    });
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    entries
}

#[test]
fn a_ca_begins_when_no_clock_was_right_yet_so_that_a_clock_ahead_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = now() + TimeDelta::days(70);
    let mut ca = ServerCa::open(folder.path(), ahead).unwrap();
    let made = ca.certificate_pem().to_owned();
    ca.extend(now()).unwrap();
    assert_eq!(ca.certificate_pem(), made, "there is nothing to extend");
    let leaf = ca.issue_server_leaf(&hosts(), now()).unwrap();
    let leaf = pem(&leaf.certified_key);
    let pki = Pki::empty();
    let verdict = pki.verify(
        leaf.as_bytes(),
        made.as_bytes(),
        "sslserver -x509_strict",
        now(),
    );
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a_ca_out_of_date_is_extended_and_tokens_that_carry_the_old_one_still_fit() {
    let rows = [
        ("the clock is far back", -400),
        ("too near its end for a whole leaf", 3600),
        ("it ended", 3700),
        ("it ended long ago", 20_000),
    ];
    for (name, days) in rows {
        let folder = tempfile::tempdir().unwrap();
        let mut ca = open(&folder);
        let then = now() + TimeDelta::days(days);
        assert!((0..3650).contains(&days) || ca.issue_server_leaf(&hosts(), then).is_err());
        let old = ca.certificate_pem().to_owned();
        let mut opened = ServerCa::open(folder.path(), then).unwrap();
        ca.extend(then).unwrap();
        assert_ne!(ca.certificate_pem(), old, "{name}");
        opened.extend(then).unwrap();

        // Whichever process made it, and whichever clock was right.
        let pki = Pki::empty();
        for made in [&ca, &opened] {
            for at in [then, now()] {
                let leaf = made.issue_server_leaf(&hosts(), at).unwrap();
                let leaf = pem(&leaf.certified_key);
                let anchor = made.certificate_pem().as_bytes();
                let verdict = pki.verify(leaf.as_bytes(), anchor, "sslserver -x509_strict", at);
                assert_eq!(verdict, Ok(()), "{name}");
            }
            let leaf = made.issue_server_leaf(&hosts(), now()).unwrap();
            let leaf = pem(&leaf.certified_key);
            let verdict = pki.verify(leaf.as_bytes(), old.as_bytes(), "sslserver", now());
            assert_eq!(verdict, Ok(()), "{name}");
        }
        let again = ServerCa::open(folder.path(), now()).unwrap();
        let of_either = [ca.certificate_pem(), opened.certificate_pem()];
        assert!(of_either.contains(&again.certificate_pem()), "{name}");
        assert_eq!(mode(folder.path().join("ca.crt")), 0o600, "{name}");
    }
}

#[test]
fn a_next_ca_is_made_known_before_it_signs_and_the_way_back_is_open() {
    type Change = fn(&Path);
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::empty();
    let mut before = Succession::open(folder.path(), now()).unwrap();
    let old = before.certificates_pem();
    let mut known = old.clone();
    let rows: [(&str, Change, Stage, usize); 8] = [
        ("nothing", |_| {}, Stage::Alone, 1),
        (
            "a folder",
            |next| fs::create_dir(next).unwrap(),
            Stage::Announced,
            2,
        ),
        ("nothing more", |_| {}, Stage::Announced, 2),
        (
            "used",
            |next| fs::write(next.join("use"), "").unwrap(),
            Stage::Used,
            2,
        ),
        ("used still", |_| {}, Stage::Used, 2),
        (
            "and back",
            |next| fs::remove_file(next.join("use")).unwrap(),
            Stage::Announced,
            2,
        ),
        (
            "used again",
            |next| fs::write(next.join("use"), "").unwrap(),
            Stage::Used,
            2,
        ),
        (
            "moved, while nothing runs",
            |next| {
                let parent = next.parent().unwrap();
                let aside = tempfile::tempdir().unwrap();
                for name in ["ca.crt", "ca.key"] {
                    fs::rename(next.join(name), aside.path().join(name)).unwrap();
                }
                fs::remove_dir_all(next).unwrap();
                for name in ["ca.crt", "ca.key"] {
                    fs::copy(aside.path().join(name), parent.join(name)).unwrap();
                }
            },
            Stage::Alone,
            1,
        ),
    ];
    for (name, change, stage, count) in rows {
        change(&folder.path().join("next"));
        // A process that runs, unless it was stopped, and one that starts.
        let started = Succession::open(folder.path(), now()).unwrap();
        assert_eq!(started.stage(), stage, "{name}");
        if !name.starts_with("moved") {
            before.follow(now()).unwrap();
            assert_eq!(
                before.certificates_pem(),
                started.certificates_pem(),
                "{name}"
            );
        }
        let carried = started.certificates_pem();
        let found = CertificateDer::pem_slice_iter(carried.as_bytes()).count();
        assert_eq!(found, count, "{name}");
        let leaf = pem(&started
            .issue_server_leaf(&hosts(), now())
            .unwrap()
            .certified_key);
        let verify = |ca: &str| pki.verify(leaf.as_bytes(), ca.as_bytes(), "sslserver", now());
        assert_eq!(verify(&carried), Ok(()), "{name}");
        assert_eq!(
            verify(&known),
            Ok(()),
            "{name}: whoever heard of the stage before is left out"
        );
        let is_old = verify(&old).is_ok();
        assert_eq!(
            is_old,
            matches!(stage, Stage::Announced) || name == "nothing",
            "{name}"
        );
        known = carried;
    }
}

#[test]
fn a_next_ca_that_cannot_be_used_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Succession::open(folder.path(), now()).unwrap();
    let before = running.certificates_pem();
    let next = folder.path().join("next");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("ca.key"), "half").unwrap();
    fs::write(next.join("use"), "").unwrap();
    for problem in [
        running.follow(now()).err(),
        Succession::open(folder.path(), now()).err(),
    ] {
        let problem = problem.unwrap().to_string();
        assert!(problem.contains("next/ca.key"), "{problem}");
    }
    assert_eq!(running.certificates_pem(), before);
    assert!(running.issue_server_leaf(&hosts(), now()).is_ok());
    // A plain file is no folder: it means nothing.
    fs::remove_dir_all(&next).unwrap();
    fs::write(&next, "").unwrap();
    running.follow(now()).unwrap();
    assert_eq!(running.stage(), Stage::Alone);
}

#[test]
fn a_ca_of_a_site_is_no_server_ca_when_its_key_is_missing_or_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = new_site_ca("site", now()).unwrap();
    fs::write(folder.path().join("ca.crt"), certificate).unwrap();
    let problem = ServerCa::open(folder.path(), now()).err();
    assert!(matches!(problem, Some(ServerCaProblem::KeyMissing(_))));
    let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(folder.path().join("ca.key"), key).unwrap();
    let problem = ServerCa::open(folder.path(), now()).err();
    let encrypted = IssuerProblem::Key(KeyProblem::Encrypted);
    assert!(matches!(problem, Some(ServerCaProblem::Unusable(_, cause)) if cause == encrypted));
}

#[test]
fn a_leaf_is_renewed_at_two_thirds_of_its_life_and_never_outlives_its_ca() {
    let folder = tempfile::tempdir().unwrap();
    let begin = now();
    let ca = ServerCa::open(folder.path(), begin).unwrap();
    for (days, life, wait) in [
        (0, TimeDelta::days(90), TimeDelta::days(60)),
        (3559, TimeDelta::days(90), TimeDelta::days(60)),
        (3620, TimeDelta::days(30), TimeDelta::days(20)),
        (3650, TimeDelta::zero(), TimeDelta::minutes(1)),
    ] {
        let now = begin + TimeDelta::days(days);
        let leaf = ca.issue_server_leaf(&hosts(), now).unwrap();
        assert_eq!(
            (leaf.not_after - now, leaf.renew_at - now),
            (life, wait),
            "{days}"
        );
        assert_eq!((now - leaf.not_before).num_hours(), 24, "{days}");
    }
    let problem = ca.issue_server_leaf(&[], begin).err();
    assert!(matches!(problem, Some(ServerCaProblem::NoHosts)));
}

#[test]
fn a_leaf_and_its_ca_are_for_servers_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ca = open(&folder);
    let leaf = ca.issue_server_leaf(&hosts(), now()).unwrap();
    let leaf = pem(&leaf.certified_key);
    let pki = Pki::empty();
    let anchor = ca.certificate_pem().as_bytes();
    let verify = |purpose| pki.verify(leaf.as_bytes(), anchor, purpose, now());
    assert_eq!(verify("sslserver -x509_strict"), Ok(()));
    assert!(verify("sslclient").is_err());

    // Not even a leaf that says it is for clients.
    pki.write("ca.crt", anchor);
    pki.write("ca.key", &fs::read(folder.path().join("ca.key")).unwrap());
    pki.key("leaf", "P-256 PKCS#8");
    pki.certificate("ca", "leaf", "/CN=west", "extendedKeyUsage = clientAuth");
    let verdict = pki.verify(&pki.read("leaf.crt"), anchor, "sslclient", now());
    assert!(verdict.is_err());
    assert!(verify_client_leaf(&pki.der("leaf.crt"), &pki.der("ca.crt"), now()).is_err());
}

#[test]
fn rustls_clients_accept_the_hosts_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let ca = open(&folder);
    let leaf = ca.issue_server_leaf(&hosts(), now()).unwrap().certified_key;
    for (host, accepted) in [
        ("grants.example", true),
        ("GRANTS.example", true),
        ("10.0.0.1", true),
        ("2001:db8::1", true),
        ("other.example", false),
        ("example", false),
        ("redemption-sidecar", false),
        ("10.0.0.2", false),
    ] {
        assert_eq!(
            handshake(&ca, leaf.clone(), host).is_ok(),
            accepted,
            "{host}"
        );
    }
    let other = tempfile::tempdir().unwrap();
    assert!(handshake(&open(&other), leaf, "grants.example").is_err());
}

#[test]
fn openssl_clients_accept_the_hosts_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let ca = open(&folder);
    let pki = Pki::empty();
    pki.write("anchor.pem", ca.certificate_pem().as_bytes());
    let leaf = ca.issue_server_leaf(&hosts(), now()).unwrap().certified_key;
    let port = serve(leaf);
    for (check, accepted) in [
        ("-verify_hostname grants.example", true),
        ("-verify_ip 10.0.0.1", true),
        ("-verify_ip 2001:db8::1", true),
        ("-verify_hostname other.example", false),
        ("-verify_hostname redemption-sidecar", false),
        ("-verify_ip 10.0.0.2", false),
    ] {
        let output = pki.try_openssl(&format!(
            "s_client -connect 127.0.0.1:{port} -CAfile anchor.pem -no-CApath -no-CAstore \
             -verify_return_error -x509_strict -tls1_3 {check}"
        ));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), accepted, "{check}: {errors}");
    }
}

fn pem(key: &CertifiedKey) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(&key.cert[0]);
    format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
}

/// Shows one certificate to every client.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn server(key: CertifiedKey) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(key))));
    Arc::new(config)
}

/// A handshake in memory.
fn handshake(ca: &ServerCa, key: CertifiedKey, host: &str) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.certificate_pem().as_bytes()).unwrap())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = ServerName::try_from(host).unwrap().to_owned();
    let mut client = ClientConnection::new(Arc::new(config), host)?;
    let mut server = ServerConnection::new(server(key))?;
    while client.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

/// A server on a port of its own; it ends with the test.
fn serve(key: CertifiedKey) -> u16 {
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = server(key);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that refuses the certificate closes in the middle.
            let _ = stream.write_all(b"hello\n");
            let _ = stream.read(&mut [0; 16]);
        }
    });
    port
}
