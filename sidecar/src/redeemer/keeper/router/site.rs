//! The router of a Skupper namespace: its platform, and the way to its management.
//!
//! Source: Skupper `internal/nonkube/common/fs_config_renderer.go`,
//! `internal/nonkube/client/runtime/info.go`, `internal/cmd/skupper/debug/nonkube`.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use skupper_access_manifest::reader;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::command::run;
use super::problem::RouterProblem;
use crate::redeemer::folder;

/// The router of a namespace that was started once.
pub(super) struct SiteRouter {
    /// The name of its container, or of what stands for it in messages.
    pub(super) name: String,
    folder: PathBuf,
    platform: Platform,
    /// The port of its management.
    port: NonZeroU16,
}

/// Platform of a site, other than Kubernetes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Platform {
    Docker,
    Podman,
    Linux,
}

impl SiteRouter {
    /// The router of a namespace. `None` where no site was started in it.
    pub(super) fn read(namespace: &str, folder: &Path) -> Result<Option<Self>, RouterProblem> {
        let platform_file = folder.join("internal/platform.yaml");
        let Some(platform) = object(&platform_file)? else {
            return Ok(None);
        };
        let platform = match platform.pointer("/platform").and_then(Value::as_str) {
            Some("docker") => Platform::Docker,
            Some("podman") => Platform::Podman,
            Some("linux") => Platform::Linux,
            _ => return Err(RouterProblem::Unknown(platform_file)),
        };
        let mut port = None;
        let places = ["runtime", "input"].map(|part| folder.join(part).join(ACCESS));
        for file in &places {
            port = match object(file)? {
                Some(access) => management_port(&access),
                None => continue,
            };
            break;
        }
        let [file, _] = places;
        Ok(Some(Self {
            name: router_name(namespace),
            folder: folder.to_owned(),
            platform,
            port: port.ok_or(RouterProblem::Unknown(file))?,
        }))
    }

    /// True where it runs: one that does not reads its files when it starts.
    pub(super) async fn is_running(&self) -> Result<bool, RouterProblem> {
        let Some(engine) = self.engine() else {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.get()));
            let connected = timeout(CONNECT_TIME, TcpStream::connect(address)).await;
            return Ok(connected.is_ok_and(|connected| connected.is_ok()));
        };
        let mut command = Command::new(engine);
        command
            .arg("ps")
            .arg("--filter")
            .arg(format!("name={}", self.name));
        command.args(["--filter", "status=running", "--format", "{{.Names}}"]);
        let listed = run(command, TIME).await?;
        if listed.code != Some(0) {
            return Err(RouterProblem::Engine {
                engine,
                said: listed.said(),
            });
        }
        let names = String::from_utf8_lossy(&listed.output).into_owned();
        let is_listed = names.lines().any(|line| line.trim() == self.name);
        if !is_listed && self.platform == Platform::Podman && self.is_of_another_user() {
            return Err(RouterProblem::OtherUser(self.folder.clone()));
        }
        Ok(is_listed)
    }

    /// A command of its management.
    pub(super) fn skmanage(&self, arguments: &[&str]) -> Command {
        let (mut command, certificates) = match self.engine() {
            Some(engine) => {
                let mut command = Command::new(engine);
                command.args(["exec", &self.name, "/bin/skmanage"]);
                (command, PathBuf::from("/etc/skupper-router/runtime/certs"))
            }
            None => (Command::new("skmanage"), self.folder.join("runtime/certs")),
        };
        let certificates = certificates.join("skupper-local-client");
        command
            .args(arguments)
            .arg("-b")
            .arg(format!("amqps://127.0.0.1:{}", self.port));
        for (option, file) in [
            ("--ssl-certificate", "tls.crt"),
            ("--ssl-key", "tls.key"),
            ("--ssl-trustfile", "ca.crt"),
        ] {
            command.arg(option).arg(certificates.join(file));
        }
        command
    }

    /// The program that runs its container.
    pub(super) fn engine(&self) -> Option<&'static str> {
        match self.platform {
            Platform::Docker => Some("docker"),
            Platform::Podman => Some("podman"),
            Platform::Linux => None,
        }
    }

    /// Each user has containers of its own with Podman.
    fn is_of_another_user(&self) -> bool {
        let owner = self.folder.metadata().map(|metadata| metadata.uid());
        owner.is_ok_and(|owner| owner != rustix::process::geteuid().as_raw())
    }
}

/// The name of a namespace's router.
pub(super) fn router_name(namespace: &str) -> String {
    format!("{namespace}-skupper-router")
}

/// The only object of a file.
fn object(file: &Path) -> Result<Option<Value>, RouterProblem> {
    let Some(found) = folder::read(file, MAX_BYTES)? else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&found.bytes).unwrap_or_default();
    let value = reader::read(text)
        .into_iter()
        .next()
        .and_then(|tree| tree.ok()?.value().ok());
    value
        .map(Some)
        .ok_or_else(|| RouterProblem::Unknown(file.to_owned()))
}

/// The port of the role that management uses.
fn management_port(access: &Value) -> Option<NonZeroU16> {
    let roles = access.pointer("/spec/roles")?.as_array()?;
    let is_normal = |role: &&Value| role.pointer("/name").is_some_and(|name| name == "normal");
    let role = roles.iter().find(is_normal).or_else(|| roles.first())?;
    let port = role.pointer("/port")?.as_u64()?;
    NonZeroU16::new(port.try_into().ok()?)
}

/// The access that Skupper's own tools use.
const ACCESS: &str = "resources/RouterAccess-skupper-local.yaml";

const MAX_BYTES: usize = 64 * 1024;

/// Time for a program.
pub(super) const TIME: Duration = Duration::from_secs(30);

const CONNECT_TIME: Duration = Duration::from_secs(5);
