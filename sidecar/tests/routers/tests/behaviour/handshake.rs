//! Certificates are judged in the handshake, and never again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{Certificates, DATA_CONNECTIONS, HOST, accepting, connecting, folder, link};
use router_stand_in::{Clock, ConnectingRouter, Link, SecretContent, Settings, Versions, until};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion, version,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sidecar_test_support::openssl::CA;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[tokio::test]
async fn each_side_judges_the_certificate_of_the_other() {
    for versions in [Versions::Tls12, Versions::Tls13] {
        for (name, row, refusal) in judged() {
            let east = accepting(&row.east, settings(versions, row.east_ahead)).await;
            let way = link(&east.router);
            let west = connecting(&row.west, way, settings(versions, row.west_ahead));
            let (east, west) = (&east.router, &west.router);

            let all = DATA_CONNECTIONS + 1;
            match refusal {
                None => {
                    until(name, || west.is_open() && east.peers().len() == all).await;
                    assert_eq!(west.handshakes().refused, 0, "{name}, {versions:?}");
                    assert_eq!(east.handshakes().refused, 0, "{name}, {versions:?}");
                }
                Some(reason) => {
                    // Twice as many as there are connections: each has come again.
                    let twice = 2 * all as u64;
                    until(name, || west.handshakes().refused > twice).await;
                    until(name, || east.handshakes().refused > twice).await;
                    assert_eq!(west.handshakes().done, 0, "{name}, {versions:?}");
                    assert_eq!(east.peers(), [], "{name}, {versions:?}");
                    let said = west.last_refusal().unwrap();
                    assert!(said.contains(reason), "{name}, {versions:?}: {said}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_versions_of_both_must_meet() {
    use Versions::{Both, Tls12, Tls13};
    let certificates = Certificates::new();
    let (east, west) = (certificates.east(), certificates.west("/CN=west"));
    for (of_east, of_west, meet) in [
        (Tls12, Tls12, true),
        (Tls12, Tls13, false),
        (Tls12, Both, true),
        (Tls13, Tls12, false),
        (Tls13, Tls13, true),
        (Tls13, Both, true),
        (Both, Tls12, true),
        (Both, Tls13, true),
    ] {
        let name = format!("{of_east:?} and {of_west:?} give {meet}");
        let east = accepting(&east, settings(of_east, 0)).await;
        let west = connecting(&west, link(&east.router), settings(of_west, 0));
        let west = &west.router;
        until(&name, || west.is_open() || west.handshakes().refused > 0).await;
        assert_eq!(west.is_open(), meet, "{name}");
    }
}

#[tokio::test]
async fn an_open_connection_outlives_its_certificate() {
    let certificates = Certificates::new();
    let clock = Arc::new(Clock::default());
    let settings = Settings {
        time: Arc::<Clock>::clone(&clock),
        ..Settings::default()
    };
    let east = accepting(&certificates.east(), settings).await;
    let content = certificates.west("/CN=west");
    let west = connecting(&content, link(&east.router), Settings::default());
    let (east, west) = (&east.router, &west.router);
    until("the link is open", || west.is_open()).await;

    let mut stream = west.open_flow().await.unwrap();
    clock.forward(ELEVEN_YEARS);
    stream.ping(b"after the end").await.unwrap();
    west.open_flow().await.unwrap();
    assert_eq!(east.handshakes().refused, 0);

    assert_eq!(east.cut(|_| true), DATA_CONNECTIONS + 1);
    stream.broken().await;
    until("it is refused", || east.handshakes().refused > 4).await;
    assert_eq!(east.peers(), []);
}

#[tokio::test]
async fn the_accepting_router_resumes_no_session() {
    for version in [&version::TLS12, &version::TLS13] {
        let certificates = Certificates::new();
        let east = accepting(&certificates.east(), Settings::default()).await;
        let west = certificates.west("/CN=west");
        let (chain, key, roots) = pem(&west);
        let config = ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        let tls = TlsConnector::from(Arc::new(config));
        for _ in 0..2 {
            let socket = TcpStream::connect(east.router.address()).await.unwrap();
            let name = ServerName::try_from(HOST).unwrap();
            let mut stream = tls.connect(name, socket).await.unwrap();
            stream.write_all(b"dping").await.unwrap();
            stream.read_exact(&mut [0; 5]).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), FULL, "{version:?}");
        }
    }
}

#[tokio::test]
async fn the_connecting_router_resumes_no_session() {
    for version in [&version::TLS12, &version::TLS13] {
        let certificates = Certificates::new();
        let (tls, listener) = resuming_server(&certificates.east(), version).await;
        let folder = folder(&certificates.west("/CN=west"));
        let way = Link {
            data_connections: 0,
            after_loss: Duration::ZERO,
            ..Link::new(HOST, listener.local_addr().unwrap())
        };
        let _west = ConnectingRouter::start(folder.path(), way, Settings::default()).unwrap();
        for _ in 0..2 {
            let kind = once(&tls, &listener).await.unwrap();
            assert_eq!(kind, FULL, "{version:?}");
        }
    }
}

/// Files of both sides, and how far their clocks are ahead, in years.
struct Row {
    east: SecretContent,
    east_ahead: u64,
    west: SecretContent,
    west_ahead: u64,
}

/// Rows with what the connecting router says of the refusal, if there is one.
fn judged() -> Vec<(&'static str, Row, Option<&'static str>)> {
    let certificates = Certificates::new();
    certificates.ca("other");
    let pki = &certificates.pki;
    pki.key("middle", "P-256 PKCS#8");
    pki.certificate("ca", "middle", "/CN=middle", CA);

    let server = certificates.east();
    let client = certificates.west("/CN=west");
    let ca = pki.read("ca.crt");
    let other = pki.read("other.crt");
    let middle = pki.read("middle.crt");
    let ended = with_validity(&certificates, "200101000000Z", "210101000000Z");
    let not_yet_valid = with_validity(&certificates, "480101000000Z", "490101000000Z");
    let with = |content: &SecretContent, file: &str, bytes: &[u8]| {
        let mut content = content.clone();
        content.insert(file.into(), bytes.to_vec());
        content
    };
    let of_middle = certificates.leaf("middle", "/CN=west", "extendedKeyUsage = clientAuth");
    let of_middle = with(&of_middle, "ca.crt", &ca);
    let of_other = certificates.leaf("other", "/CN=west", "extendedKeyUsage = clientAuth");
    let of_other = with(&of_other, "ca.crt", &ca);
    let elsewhere = certificates.leaf("ca", "/CN=east", "subjectAltName = DNS:north.example");
    let named = certificates.leaf("ca", "/CN=west", "subjectAltName = DNS:north.example");
    let trusting = |anchors: &[&[u8]]| with(&server, "ca.crt", &anchors.concat());

    let row = |east: &SecretContent, west: &SecretContent| Row {
        east: east.clone(),
        east_ahead: 0,
        west: west.clone(),
        west_ahead: 0,
    };
    let mut rows = vec![
        ("both are in order", row(&server, &client), None),
        (
            "the name of a client is not looked at",
            row(&server, &named),
            None,
        ),
        (
            "the server is of another host",
            row(&elsewhere, &client),
            Some("NotValidForName"),
        ),
        (
            "the client's CA is unknown",
            row(&server, &of_other),
            Some("UnknownCA"),
        ),
        (
            "the server's CA is unknown",
            row(&server, &with(&client, "ca.crt", &other)),
            Some("UnknownIssuer"),
        ),
        (
            "an anchor has ended",
            row(&trusting(&[&ended]), &client),
            Some("UnknownCA"),
        ),
        (
            "an anchor is not yet valid",
            row(&trusting(&[&not_yet_valid]), &client),
            Some("UnknownCA"),
        ),
        (
            "one of two anchors has ended",
            row(&trusting(&[&ended, &ca]), &client),
            None,
        ),
        (
            "any anchor will do",
            row(&trusting(&[&other, &ca]), &client),
            None,
        ),
        (
            "an intermediate is an anchor",
            row(&trusting(&[&middle]), &of_middle),
            None,
        ),
        (
            "an intermediate stands beside its root",
            row(&trusting(&[&middle, &ca]), &of_middle),
            None,
        ),
        (
            "an intermediate is missing",
            row(&trusting(&[&ca]), &of_middle),
            Some("UnknownCA"),
        ),
    ];
    let late = |east_ahead, west_ahead| Row {
        east_ahead,
        west_ahead,
        ..row(&server, &client)
    };
    rows.push((
        "the client's has ended",
        late(11, 0),
        Some("CertificateExpired"),
    ));
    rows.push((
        "the server's has ended",
        late(0, 11),
        Some("certificate: Expired"),
    ));
    rows
}

/// The CA with another validity. Its own signature no longer fits, which nobody looks at.
fn with_validity(certificates: &Certificates, begin: &str, end: &str) -> Vec<u8> {
    let der = certificates.pki.der("ca.crt");
    let mut times = der.windows(2).enumerate();
    let at = times.find(|(_, tag)| *tag == UTC_TIME).unwrap().0;
    let length = usize::from(der[at - 1]);
    let validity = [UTC_TIME, begin.as_bytes(), UTC_TIME, end.as_bytes()].concat();
    let shorter = length - validity.len();
    let mut changed = [&der[..at], &validity, &der[at + length..]].concat();
    changed[at - 1] -= u8::try_from(shorter).unwrap();
    // The lengths of the certificate and of what is signed, in two bytes each.
    for length in [2, 6] {
        let two = u16::from_be_bytes([changed[length], changed[length + 1]]);
        let two = two - u16::try_from(shorter).unwrap();
        changed[length..length + 2].copy_from_slice(&two.to_be_bytes());
    }
    certificates.pki.write("changed.der", &changed);
    certificates.pki.openssl("x509 -inform DER -in changed.der")
}

fn settings(versions: Versions, years_ahead: u64) -> Settings {
    let clock = Clock::default();
    clock.forward(YEAR * u32::try_from(years_ahead).unwrap());
    Settings {
        versions,
        time: Arc::new(clock),
        ..Settings::default()
    }
}

async fn resuming_server(
    content: &SecretContent,
    version: &'static SupportedProtocolVersion,
) -> (TlsAcceptor, TcpListener) {
    let (chain, key, _) = pem(content);
    let config = ServerConfig::builder_with_protocol_versions(&[version])
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (TlsAcceptor::from(Arc::new(config)), listener)
}

/// Accepts a connection, lets it begin and closes it.
async fn once(tls: &TlsAcceptor, listener: &TcpListener) -> io::Result<Option<HandshakeKind>> {
    let (socket, _) = listener.accept().await?;
    let mut stream = tls.accept(socket).await?;
    stream.read_u8().await?;
    stream.write_u8(1).await?;
    stream.shutdown().await?;
    Ok(stream.get_ref().1.handshake_kind())
}

type Pem = (
    Vec<CertificateDer<'static>>,
    PrivateKeyDer<'static>,
    RootCertStore,
);

fn pem(content: &SecretContent) -> Pem {
    let certificates = |file: &str| -> Vec<_> {
        let certificates = CertificateDer::pem_slice_iter(&content[file]);
        certificates.map(Result::unwrap).collect()
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca.crt"));
    let key = PrivateKeyDer::from_pem_slice(&content["tls.key"]).unwrap();
    (certificates("tls.crt"), key, roots)
}

const FULL: Option<HandshakeKind> = Some(HandshakeKind::Full);
const YEAR: Duration = Duration::from_hours(24 * 366);
const ELEVEN_YEARS: Duration = Duration::from_hours(11 * 24 * 366);
/// The tag and the length of a time.
const UTC_TIME: &[u8] = &[0x17, 13];
