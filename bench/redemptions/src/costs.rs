//! What no implementation can avoid, measured on the same machine in the same run.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use redemption_sidecar::pki::server_ca::ServerCa;
use redemption_sidecar::system::clock;
use redemption_sidecar::system::random;
use redemption_sidecar::wire::advertised::AdvertisedUrl;
use rusqlite::{Connection, named_params};
use rustix::time::{ClockId, clock_gettime};
use rustls::{ClientConnection, ServerConnection};

use crate::bench::milliseconds;
use crate::room;
use redemption_bench::Fault;
use redemption_bench::client;
use redemption_bench::table::{Figure, Goal, Table};

/// Milliseconds of a core, each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// One durable commit for a single redemption, on the clock: it waits for the disk.
    pub(crate) commit: f64,
    /// The share of one redemption in a commit for 64.
    pub(crate) shared_commit: f64,
    pub(crate) p256_key: f64,
    pub(crate) p256_signature: f64,
    pub(crate) p256_verification: f64,
    pub(crate) rsa_key: f64,
    pub(crate) rsa_signature: f64,
    pub(crate) rsa_verification: f64,
    /// A request and its answer over TLS on loopback, the server's side.
    pub(crate) exchange: f64,
    /// The same on a new connection, with its TLS 1.3 handshake.
    pub(crate) new_exchange: f64,
}

impl Costs {
    /// A redemption with a key of its own: the key's proof is verified, the leaf is signed and
    /// verified.
    pub(crate) fn redemption(&self) -> f64 {
        2.0 * self.p256_verification + self.p256_signature + self.shared_commit + self.exchange
    }

    /// The same on a new connection.
    pub(crate) fn new_redemption(&self) -> f64 {
        self.redemption() - self.exchange + self.new_exchange
    }

    /// A renewal on a new connection: nothing is written before the answer, and the shown certificate
    /// and the proof that the client has its key are verified.
    pub(crate) fn renewal(&self) -> f64 {
        self.new_redemption() - self.shared_commit + 2.0 * self.p256_verification
    }

    /// A kept-alive redemption with an RSA issuer.
    pub(crate) fn rsa_redemption(&self) -> f64 {
        self.redemption() - self.p256_signature - self.p256_verification
            + self.rsa_signature
            + self.rsa_verification
    }

    /// A redemption whose key is made here.
    pub(crate) fn plain_redemption(&self) -> f64 {
        self.redemption() - self.p256_verification + self.p256_key
    }

    /// The same with an RSA key.
    pub(crate) fn plain_rsa_redemption(&self) -> f64 {
        self.redemption() - self.p256_verification + self.rsa_key
    }

    /// From request to answer when nothing else is to be done.
    pub(crate) fn lone_redemption(&self) -> f64 {
        self.redemption() - self.shared_commit + self.commit
    }

    /// Measures everything, a moment each, and puts it into the table.
    pub(crate) async fn measure(folder: &Path, table: &mut Table) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder)?;
        let sync = synced(folder)?;
        let ledger = folder.join("ledger");
        let uid = *room::grants(&ledger, 1).await?.first().ok_or("no grant")?;
        let database = Database::open(&ledger.join("ledger.db"), *uid.as_bytes())?;
        let commit = timed(FEW, || database.commit(1))?;
        let shared = timed(FEW, || database.commit(64))?.each(64.0);

        let none = |_| "AWS-LC failed";
        let random = SystemRandom::new();
        let make = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(none);
        let p256_key = timed(MANY, || Ok(make().map(drop)?))?;
        let key = make()?;
        let signature = key.sign(&random, MESSAGE).map_err(none)?;
        let p256_signature = timed(MANY, || {
            Ok(key.sign(&random, MESSAGE).map(drop).map_err(none)?)
        })?;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public_key());
        let p256_verification = timed(MANY, || {
            Ok(public.verify(MESSAGE, signature.as_ref()).map_err(none)?)
        })?;
        let make = || RsaKeyPair::generate(KeySize::Rsa2048).map_err(none);
        let rsa_key = timed(FEW / 8, || Ok(make().map(drop)?))?;
        let key = make()?;
        let mut signature = vec![0; key.public_modulus_len()];
        let rsa_signature = timed(MANY / 4, || {
            Ok(key
                .sign(&RSA_PKCS1_SHA256, &random, MESSAGE, &mut signature)
                .map_err(none)?)
        })?;
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key());
        let rsa_verification = timed(MANY, || {
            Ok(public.verify(MESSAGE, &signature).map_err(none)?)
        })?;

        let tls = Tls::new(&folder.join("server-ca"))?;
        let (handshake, of_server) = tls.handshakes(MANY / 4)?;
        let exchange = tls.exchanges(MANY, true)?;
        let new_exchange = tls.exchanges(MANY / 4, false)?;

        let rows = [
            ("4 KiB written and fdatasync, on the clock", sync.clock),
            (
                "durable commit of one redemption, on the clock",
                commit.clock,
            ),
            ("  its time on a core", commit.cpu),
            (
                "durable commit of 64, share of each, on the clock",
                shared.clock,
            ),
            ("  the share of each on a core", shared.cpu),
            ("P-256 key", p256_key.cpu),
            ("P-256 signature", p256_signature.cpu),
            ("P-256 verification", p256_verification.cpu),
            ("RSA-2048 key (mean)", rsa_key.cpu),
            ("RSA-2048 signature", rsa_signature.cpu),
            ("RSA-2048 verification", rsa_verification.cpu),
            ("TLS 1.3 handshake in memory, both sides", handshake),
            ("  the server's side alone", of_server),
            ("request and answer on loopback with TLS, server", exchange),
            ("  on a new connection, with its handshake", new_exchange),
        ];
        for (name, cost) in rows {
            let (unit, goal) = ("ms", Goal::Free);
            table.see(Figure { name, unit, goal }, cost);
        }
        Ok(Self {
            commit: commit.clock,
            shared_commit: shared.cpu,
            p256_key: p256_key.cpu,
            p256_signature: p256_signature.cpu,
            p256_verification: p256_verification.cpu,
            rsa_key: rsa_key.cpu,
            rsa_signature: rsa_signature.cpu,
            rsa_verification: rsa_verification.cpu,
            exchange,
            new_exchange,
        })
    }
}

/// Milliseconds.
#[derive(Clone, Copy)]
struct Cost {
    /// The median on the clock.
    clock: f64,
    /// The mean of this thread's time on a core.
    cpu: f64,
}

impl Cost {
    fn each(self, count: f64) -> Self {
        Self {
            clock: self.clock / count,
            cpu: self.cpu / count,
        }
    }
}

fn timed(rounds: u32, mut act: impl FnMut() -> Result<(), Fault>) -> Result<Cost, Fault> {
    for _ in 0..rounds / 10 {
        act()?;
    }
    let mut times = redemption_bench::samples::Samples::default();
    let before = cpu();
    for _ in 0..rounds {
        let begun = Instant::now();
        act()?;
        times.add(begun.elapsed());
    }
    Ok(Cost {
        clock: times.median(),
        cpu: (cpu() - before) / f64::from(rounds),
    })
}

/// What this thread has spent on a core, in milliseconds.
fn cpu() -> f64 {
    milliseconds(clock_gettime(ClockId::ThreadCPUTime))
}

fn synced(folder: &Path) -> Result<Cost, Fault> {
    let file = File::create(folder.join("synced"))?;
    let pages = vec![7; 4096];
    for page in 0..64 {
        file.write_all_at(&pages, page * 4096)?;
    }
    file.sync_all()?;
    let mut page = 0;
    timed(FEW, || {
        page = (page + 1) % 64;
        file.write_all_at(&pages, page * 4096)?;
        Ok(file.sync_data()?)
    })
}

/// A ledger's file, written without the ledger.
struct Database {
    connection: Connection,
    uid: [u8; 16],
}

impl Database {
    fn open(file: &Path, uid: [u8; 16]) -> Result<Self, Fault> {
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(Self { connection, uid })
    }

    /// What this many redemptions write, in one transaction.
    fn commit(&self, redemptions: u32) -> Result<(), Fault> {
        let transaction = self.connection.unchecked_transaction()?;
        for _ in 0..redemptions {
            transaction
                .prepare_cached(
                    "INSERT INTO redemptions \
                     (grant_uid, key, origin, subject, serial, at, certificate_end) \
                     VALUES (:uid, :key, 0, 'west', :serial, 1, 2)",
                )?
                .execute(named_params! {
                    ":uid": self.uid,
                    ":key": random::bytes::<32>(),
                    ":serial": random::bytes::<16>(),
                })?;
            transaction
                .prepare_cached(
                    "UPDATE grants SET redemptions = redemptions + 1, sum = sum + 1 WHERE uid = ?1",
                )?
                .execute([self.uid])?;
        }
        Ok(transaction.commit()?)
    }
}

/// Both ends of TLS 1.3, with a certificate as the service has it.
struct Tls {
    server: Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
}

impl Tls {
    fn new(folder: &Path) -> Result<Self, Fault> {
        let now = clock::now();
        let url: AdvertisedUrl = "https://127.0.0.1:9090".parse()?;
        let leaf = ServerCa::open(folder, now)?.issue_server_leaf(&[url.host().clone()], now)?;
        let server = redemption_sidecar::server::ServerCertificate::new(leaf.certified_key);
        Ok(Self {
            server: server.configuration()?,
            client: Arc::new(client::configuration()?),
        })
    }

    fn connection(&self) -> Result<ClientConnection, Fault> {
        let name = "127.0.0.1".try_into()?;
        Ok(ClientConnection::new(Arc::clone(&self.client), name)?)
    }

    /// A handshake in memory: both sides, and the server's alone.
    fn handshakes(&self, rounds: u32) -> Result<(f64, f64), Fault> {
        let (mut both, mut of_server) = (0.0, 0.0);
        for _ in 0..rounds {
            let begun = cpu();
            let mut client = self.connection()?;
            let server_begun = cpu();
            let mut server = ServerConnection::new(Arc::clone(&self.server))?;
            of_server += cpu() - server_begun;
            let mut bytes = Vec::with_capacity(4096);
            while client.is_handshaking() || server.is_handshaking() {
                bytes.clear();
                while client.wants_write() {
                    client.write_tls(&mut bytes)?;
                }
                let server_begun = cpu();
                let mut received = bytes.as_slice();
                while !received.is_empty() {
                    server.read_tls(&mut received)?;
                    server.process_new_packets()?;
                }
                let mut sent = Vec::with_capacity(4096);
                while server.wants_write() {
                    server.write_tls(&mut sent)?;
                }
                of_server += cpu() - server_begun;
                let mut received = sent.as_slice();
                while !received.is_empty() {
                    client.read_tls(&mut received)?;
                    client.process_new_packets()?;
                }
            }
            both += cpu() - begun;
        }
        let rounds = f64::from(rounds);
        Ok((both / rounds, of_server / rounds))
    }

    /// A request and an answer of a redemption's size over loopback: the server's side.
    fn exchanges(&self, rounds: u32, is_kept_alive: bool) -> Result<f64, Fault> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let connections = if is_kept_alive { 1 } else { rounds };
        let each = rounds / connections;
        let config = Arc::clone(&self.server);
        let server = std::thread::spawn(move || -> Result<f64, Fault> {
            let begun = cpu();
            let mut request = vec![0; REQUEST];
            for _ in 0..connections {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                let connection = ServerConnection::new(Arc::clone(&config))?;
                let mut stream = rustls::StreamOwned::new(connection, stream);
                for _ in 0..each {
                    stream.read_exact(&mut request)?;
                    stream.write_all(&[b'a'; ANSWER])?;
                    stream.flush()?;
                }
            }
            Ok(cpu() - begun)
        });
        let mut answer = vec![0; ANSWER];
        for _ in 0..connections {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            let mut stream = rustls::StreamOwned::new(self.connection()?, stream);
            for _ in 0..each {
                stream.write_all(&[b'q'; REQUEST])?;
                stream.flush()?;
                stream.read_exact(&mut answer)?;
            }
        }
        let spent = server.join().map_err(|_| "the thread panicked")??;
        Ok(spent / f64::from(rounds))
    }
}

/// Rounds of what takes microseconds.
const MANY: u32 = 2000;

/// Rounds of what waits for a disk.
const FEW: u32 = 300;

/// About the size of what is signed of a leaf, in bytes.
const MESSAGE: &[u8] = &[7; 350];

/// The sizes of a request and of an answer, in bytes.
const REQUEST: usize = 560;
const ANSWER: usize = 2900;
