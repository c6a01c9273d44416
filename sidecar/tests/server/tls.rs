//! Which handshakes succeed, and with which certificate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redemption_sidecar::server::{TlsProblem, load_certified_key};
use rustls::CipherSuite;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::crypto::aws_lc_rs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::room::{
    Client, PATIENT, Room, certified_key, client_configuration, self_signed, with_provider,
};

const POST: &str = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\ncode";

#[tokio::test]
async fn tls_1_3_and_http_1_1_or_nothing() {
    let room = Room::open(PATIENT);
    let (tls13, tls12) = (&rustls::version::TLS13, &rustls::version::TLS12);
    let http: Option<&[u8]> = Some(b"http/1.1");
    let cases: [(&str, &[&str], _, _); 6] = [
        ("no ALPN", &[], tls13, Some(None)),
        ("http/1.1", &["http/1.1"], tls13, Some(http)),
        ("h2 and http/1.1", &["h2", "http/1.1"], tls13, Some(http)),
        ("h2 alone", &["h2"], tls13, None),
        ("another one alone", &["imap"], tls13, None),
        ("TLS 1.2", &[], tls12, None),
    ];
    for (name, alpn, version, expected) in cases {
        let with = client_configuration(alpn, version);
        let client = Client::with(room.tcp().await, with).await;
        let agreed = client
            .as_ref()
            .ok()
            .map(|client| client.stream.get_ref().1.alpn_protocol());
        assert_eq!(agreed, expected, "{name}");
        if let Ok(mut client) = client {
            client.send(POST).await;
            assert_eq!(client.answer().await.status, 200, "{name}");
        }
    }
}

#[tokio::test]
async fn the_server_chooses_the_cheap_cipher_suite_and_takes_any() {
    let room = Room::open(PATIENT);
    let (cheap, dear) = (
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    );
    for (name, offered, expected) in [("both", &[dear, cheap][..], cheap), ("one", &[dear], dear)] {
        let mut provider = aws_lc_rs::default_provider();
        provider
            .cipher_suites
            .retain(|suite| offered.contains(&suite.suite()));
        provider
            .cipher_suites
            .sort_by_key(|suite| suite.suite() != dear);
        let client = Client::with(
            room.tcp().await,
            with_provider(provider, &rustls::version::TLS13),
        )
        .await
        .unwrap();
        let suite = client.stream.get_ref().1.negotiated_cipher_suite().unwrap();
        assert_eq!(suite.suite(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_peer_that_floods_with_handshakes_does_not_hold_up_another() {
    let room = Room::open(PATIENT);
    let done = Arc::new(AtomicUsize::new(0));
    let mut streams = Vec::new();
    for host in [&[1][..], &[2; 60], &[1]].concat() {
        streams.push(room.tcp_from(host).await.unwrap());
    }
    // None of them runs before all are spawned: this runtime has one thread.
    let connecting = streams.into_iter().map(|stream| {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            Client::over(stream).await.unwrap();
            done.fetch_add(1, Ordering::SeqCst)
        })
    });
    let connecting: Vec<_> = connecting.collect();
    for (index, connecting) in connecting.into_iter().enumerate() {
        let before = connecting.await.unwrap();
        let is_other = index == 0 || index == 61;
        assert!(
            !is_other || before < 30,
            "{before} of the 60 went before number {index}"
        );
    }
}

#[tokio::test]
async fn what_is_not_tls_is_closed() {
    let room = Room::open(PATIENT);
    let mut stream = room.tcp().await;
    stream.write_all(POST.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    // An alert at most: no byte of HTTP.
    assert!(rest.len() <= 7, "{rest:?}");
}

#[tokio::test]
async fn no_session_can_be_resumed() {
    let room = Room::open(PATIENT);
    let store = Arc::new(Tickets::default());
    let mut with = client_configuration(&[], &rustls::version::TLS13);
    with.resumption = Resumption::store(Arc::clone(&store) as Arc<dyn ClientSessionStore>);
    for _ in 0..2 {
        let mut client = Client::with(room.tcp().await, with.clone()).await.unwrap();
        client.send(POST).await;
        assert_eq!(client.answer().await.status, 200);
        let kind = client.stream.get_ref().1.handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Full));
    }
    assert_eq!(*store.inserted.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_live() {
    let room = Room::open(PATIENT);
    let shown = |client: &Client| {
        let certificates = client.stream.get_ref().1.peer_certificates();
        certificates.unwrap()[0].clone().into_owned()
    };
    let mut before = room.tls().await;
    let (certificate, key) = self_signed("rsa:2048", "other");
    let other = load_certified_key(&certificate, &key).unwrap();
    let leaf = other.cert[0].clone();
    room.certificate.replace(other);
    let after = room.tls().await;
    assert_eq!(shown(&before), certified_key().cert[0]);
    assert_eq!(shown(&after), leaf);
    before.send(POST).await;
    assert_eq!(before.answer().await.status, 200);
}

#[test]
fn a_certificate_and_its_key_are_read_or_what_is_wrong_is_said() {
    let (certificate, key) = self_signed("ec", "localhost");
    let (_, other) = self_signed("ec", "localhost");
    let (_, rsa) = self_signed("rsa:2048", "localhost");
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let half = certificate[..certificate.len() / 2].to_vec();
    let both = [certificate.clone(), key.clone()].concat();
    let chain = [certificate.clone(), certificate.clone()].concat();
    let cases = [
        ("both", &certificate, &key, None),
        ("both in one file", &both, &both, None),
        ("a chain", &chain, &key, None),
        ("nothing", &vec![], &key, Some(TlsProblem::NoCertificate)),
        (
            "a key in its place",
            &key,
            &key,
            Some(TlsProblem::NoCertificate),
        ),
        (
            "half a certificate",
            &half,
            &key,
            Some(TlsProblem::Certificate),
        ),
        (
            "no certificate inside",
            &broken,
            &key,
            Some(TlsProblem::Certificate),
        ),
        (
            "no key",
            &certificate,
            &certificate,
            Some(TlsProblem::NoKey),
        ),
        (
            "another key",
            &certificate,
            &other,
            Some(TlsProblem::OtherKey),
        ),
        (
            "a key of another kind",
            &certificate,
            &rsa,
            Some(TlsProblem::OtherKey),
        ),
    ];
    for (name, certificate, key, expected) in cases {
        assert_eq!(
            load_certified_key(certificate, key).err(),
            expected,
            "{name}"
        );
    }
}

/// Counts the tickets that a server sends.
#[derive(Debug)]
struct Tickets {
    inserted: Mutex<usize>,
    cache: ClientSessionMemoryCache,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            inserted: Mutex::default(),
            cache: ClientSessionMemoryCache::new(8),
        }
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, name: rustls_pki_types::ServerName<'static>, group: rustls::NamedGroup) {
        self.cache.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &rustls_pki_types::ServerName<'_>) -> Option<rustls::NamedGroup> {
        self.cache.kx_hint(name)
    }

    fn set_tls12_session(
        &self,
        name: rustls_pki_types::ServerName<'static>,
        value: rustls::client::Tls12ClientSessionValue,
    ) {
        self.cache.set_tls12_session(name, value);
    }

    fn tls12_session(
        &self,
        name: &rustls_pki_types::ServerName<'_>,
    ) -> Option<rustls::client::Tls12ClientSessionValue> {
        self.cache.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &rustls_pki_types::ServerName<'static>) {
        self.cache.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(
        &self,
        name: rustls_pki_types::ServerName<'static>,
        value: rustls::client::Tls13ClientSessionValue,
    ) {
        *self.inserted.lock().unwrap() += 1;
        self.cache.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(
        &self,
        name: &rustls_pki_types::ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        self.cache.take_tls13_ticket(name)
    }
}
