//! etcd and kube-apiserver on loopback.
//!
//! Source: Kubernetes 1.36, `cmd/kube-apiserver/app/options`, for the flags that have no default.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use kube::{Client, Config};
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::system::random;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::binaries::{self, Binaries};
use crate::process::{Process, flags, free_port};
use crate::{Identity, Problem};

/// A control plane of its own. Both processes end, and its folder goes, when it is dropped.
pub struct Cluster {
    binaries: Binaries,
    api_server: std::sync::Mutex<Option<Process>>,
    etcd_address: String,
    port: u16,
    admin_token: String,
    /// Dropped after the processes: they write into the folder.
    _etcd: Process,
    folder: TempDir,
}

impl Cluster {
    /// Starts etcd and kube-apiserver, and waits until both are ready: about three seconds.
    ///
    /// # Errors
    /// A program is missing or ends; the message has its last words.
    pub async fn start() -> Result<Self, Problem> {
        let folder = tempfile::Builder::new().prefix("cluster-").tempdir()?;
        // What a crash of the machine would cost is of no interest to tests.
        Self::start_in(folder, &["--unsafe-no-fsync"]).await
    }

    /// The same with an etcd that waits for its disk, as in a cluster that is used, and with its
    /// files in a folder of `parent`.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn start_durable(parent: &Path) -> Result<Self, Problem> {
        let folder = tempfile::Builder::new()
            .prefix("cluster-")
            .tempdir_in(parent)?;
        Self::start_in(folder, &[]).await
    }

    async fn start_in(folder: TempDir, etcd_options: &[&str]) -> Result<Self, Problem> {
        let binaries = binaries::find()?;
        let etcd_address = format!("http://127.0.0.1:{}", free_port()?);
        let etcd = start_etcd(&binaries.etcd, folder.path(), &etcd_address, etcd_options)?;
        let admin_token = format!("{:032x}", u128::from_be_bytes(random::bytes()));
        write_credentials(folder.path(), &admin_token)?;
        let cluster = Self {
            binaries,
            api_server: std::sync::Mutex::new(None),
            etcd_address,
            port: free_port()?,
            admin_token,
            _etcd: etcd,
            folder,
        };
        cluster.start_api_server().await?;
        Ok(cluster)
    }

    /// The cluster that the tests of a file share, with Skupper's kinds installed. It ends with the
    /// last test that holds it.
    ///
    /// # Errors
    /// As [`Cluster::start`] and [`Cluster::install_skupper_kinds`].
    pub async fn shared() -> Result<Arc<Self>, Problem> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return Ok(cluster);
        }
        let cluster = Arc::new(Self::start().await?);
        cluster.install_skupper_kinds().await?;
        *shared = Arc::downgrade(&cluster);
        Ok(cluster)
    }

    /// A client that may do everything.
    ///
    /// # Errors
    /// None that a running API server causes.
    pub fn admin(&self) -> Result<Client, Problem> {
        self.client_as(&Identity::Admin)
    }

    /// A client of somebody. It does not repeat requests by itself.
    ///
    /// # Errors
    /// None that a running API server causes.
    pub fn client_as(&self, identity: &Identity) -> Result<Client, Problem> {
        let mut config = Config::new(self.address().parse()?);
        let authorities = CertificateDer::pem_slice_iter(self.ca_pem()?.as_bytes())
            .map(|certificate| certificate.map(|der| der.to_vec()))
            .collect::<Result<_, _>>()?;
        config.root_cert = Some(authorities);
        config.default_retry = false;
        config.auth_info.token = Some(match identity {
            Identity::Admin | Identity::User(..) => self.admin_token.clone().into(),
            Identity::Token(token) => token.clone().into(),
        });
        if let Identity::User(name, groups) = identity {
            config.auth_info.impersonate = Some(name.clone());
            config.auth_info.impersonate_groups = Some(groups.clone());
        }
        Ok(Client::try_from(config)?)
    }

    /// The address of the API server, with its scheme.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificates that the API server's own chains to, in PEM.
    ///
    /// # Errors
    /// The API server never ran.
    pub fn ca_pem(&self) -> Result<String, Problem> {
        Ok(fs::read_to_string(self.path("certificates/apiserver.crt"))?)
    }

    /// A kubeconfig, for programs that read one.
    ///
    /// # Errors
    /// The API server never ran.
    pub fn kubeconfig(&self, identity: &Identity) -> Result<String, Problem> {
        let user = match identity {
            Identity::Admin => json!({"token": self.admin_token}),
            Identity::User(name, groups) => {
                json!({"token": self.admin_token, "as": name, "as-groups": groups})
            }
            Identity::Token(token) => json!({"token": token}),
        };
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {
                "server": self.address(),
                "certificate-authority-data": base64(self.ca_pem()?.as_bytes()),
            }}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        });
        Ok(config.to_string())
    }

    /// The audit log of the API server: who changed objects of `skupper.io` and asked
    /// for tokens, and everything that ServiceAccounts asked for.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn audit_events(&self) -> Result<Vec<Value>, Problem> {
        let log = fs::read_to_string(self.path("audit.log"))?;
        // The last line may not be written to its end yet.
        let events = log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        Ok(events.map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// Ends both processes.
    pub fn stop(self) {}

    /// Kills the API server.
    pub fn stop_api_server(&self) {
        *lock(&self.api_server) = None;
    }

    /// Starts the API server on the same port, with the same store, and waits until it is ready.
    ///
    /// # Errors
    /// It ends, or is not ready within a minute; the message has its last words.
    pub async fn start_api_server(&self) -> Result<(), Problem> {
        *lock(&self.api_server) = Some(self.launch_api_server()?);
        let start = Instant::now();
        while !self.is_ready().await {
            if start.elapsed() > PATIENCE {
                return Err(self.complaint("is not ready"));
            }
            if self.has_ended() {
                return Err(self.complaint("has ended"));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Kills the API server and starts it again.
    ///
    /// # Errors
    /// As [`Cluster::start_api_server`].
    pub async fn restart_api_server(&self) -> Result<(), Problem> {
        self.stop_api_server();
        self.start_api_server().await
    }

    fn launch_api_server(&self) -> Result<Process, Problem> {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        let port = self.port.to_string();
        let arguments = flags(&[
            ("etcd-servers", &self.etcd_address),
            ("bind-address", "127.0.0.1"),
            ("secure-port", &port),
            // The API server makes its own certificate here.
            ("cert-dir", &path("certificates")),
            ("endpoint-reconciler-type", "none"),
            ("service-cluster-ip-range", "10.0.0.0/24"),
            ("service-account-issuer", ISSUER),
            ("service-account-key-file", &path("service-accounts.pub")),
            (
                "service-account-signing-key-file",
                &path("service-accounts.key"),
            ),
            ("token-auth-file", &path("tokens.csv")),
            ("authorization-mode", "Node,RBAC"),
            ("audit-policy-file", &path("audit.json")),
            ("audit-log-path", &path("audit.log")),
        ]);
        let log = self.path("kube-apiserver.log");
        Process::start(&self.binaries.api_server, arguments, log)
    }

    async fn is_ready(&self) -> bool {
        let Ok(client) = self.admin() else {
            return false;
        };
        let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
            return false;
        };
        client.request_text(request).await.is_ok()
    }

    fn has_ended(&self) -> bool {
        let mut api_server = lock(&self.api_server);
        let ended = api_server.as_mut().map(Process::ended);
        !matches!(ended, Some(Ok(None)))
    }

    fn complaint(&self, what: &str) -> Problem {
        let api_server = lock(&self.api_server);
        let words = api_server.as_ref().map(Process::last_words);
        format!("kube-apiserver {what}:\n{}", words.unwrap_or_default()).into()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Before etcd, or it would wait for it.
        self.stop_api_server();
    }
}

fn start_etcd(
    program: &Path,
    folder: &Path,
    address: &str,
    options: &[&str],
) -> Result<Process, Problem> {
    let peers = format!("http://127.0.0.1:{}", free_port()?);
    let data = folder.join("etcd").to_string_lossy().into_owned();
    let mut arguments = flags(&[
        ("data-dir", &data),
        ("listen-client-urls", address),
        ("advertise-client-urls", address),
        ("listen-peer-urls", &peers),
        ("initial-advertise-peer-urls", &peers),
        ("initial-cluster", &format!("default={peers}")),
    ]);
    arguments.extend(options.iter().map(Into::into));
    Process::start(program, arguments, folder.join("etcd.log"))
}

fn write_credentials(folder: &Path, admin_token: &str) -> Result<(), Problem> {
    use secrecy::ExposeSecret as _;
    let key = PrivateKey::generate(KeyKind::P256);
    fs::write(
        folder.join("service-accounts.key"),
        key.to_pem().expose_secret(),
    )?;
    let public = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64(key.spki())
    );
    fs::write(folder.join("service-accounts.pub"), public)?;
    let admin = format!("{admin_token},admin,admin,\"system:masters\"\n");
    fs::write(folder.join("tokens.csv"), admin)?;
    let audit = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "verbs": ["create", "update", "patch"], "resources": [
                {"group": "skupper.io"},
                {"group": "", "resources": ["serviceaccounts/token"]},
            ]},
            // Everything that a ServiceAccount asks for: what its Role must allow.
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None"},
        ],
    });
    fs::write(folder.join("audit.json"), audit.to_string())?;
    Ok(())
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The issuer of ServiceAccount tokens, and the audience that stands for the API server.
const ISSUER: &str = "https://kubernetes.default.svc";

/// Longest time until a program is ready. Three seconds are usual; the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);
