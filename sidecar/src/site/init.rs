//! Makes a site of its own, for a router that no Skupper controller looks after: a CA and a
//! `redemption.yaml`.
//!
//! The folder is made under another name and renamed when everything in it is on the disk: it is
//! there as a whole or not at all, and one that is there is never written to.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use skupper_access_policy::value::host::Host;

use super::config::{Config, FILE_NAME};
use super::skupper_namespace::default_port;
use crate::pki::issuer::{IssuerProblem, new_site_ca};
use crate::system::random;
use crate::system::wording;
use crate::wire::objects::{Role, endpoint_host};

/// What became of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The site was made. Holds what its operator must do next, in several lines.
    Made(String),
    /// There was one, and it stays as it is.
    Present,
}

/// Makes a site in a folder, unless there is one. Its endpoints have the host that is to be
/// advertised, else the host of the redemption service.
///
/// # Errors
/// No host is known; the site that is there has another host than the one to advertise; the folder
/// holds something else or cannot be written.
pub fn init(
    folder: &Path,
    advertise_host: Option<&Host>,
    service_host: Option<&Host>,
    now: DateTime<Utc>,
) -> Result<Outcome, InitProblem> {
    let file = folder.join(FILE_NAME);
    let exists = || {
        let exists = file.try_exists();
        exists.map_err(|cause| InitProblem::Unreadable(file.clone(), cause))
    };
    if exists()? {
        return present(file, advertise_host);
    }
    let host = advertise_host.or(service_host);
    let host = host.ok_or(InitProblem::NoHost)?;
    let name = match host {
        Host::Name(name) => name.as_str().split('.').next().unwrap_or_default(),
        Host::Ip(_) => "site",
    };
    let random = u64::from_be_bytes(random::bytes());
    let (certificate, key) =
        new_site_ca(&format!("site {random:016x}"), now).map_err(InitProblem::Ca)?;

    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let temporary = parent.join(format!(".site.{random:016x}.tmp"));
    let unwritable = |cause| InitProblem::Unwritable(folder.to_owned(), cause);
    private_folder(parent).map_err(unwritable)?;
    let written = private_folder(&temporary)
        .and_then(|()| write(&temporary, "ca.key", key.expose_secret()))
        .and_then(|()| write(&temporary, "ca.crt", &certificate))
        .and_then(|()| write(&temporary, FILE_NAME, &description(name, host)))
        .and_then(|()| sync(&temporary));
    let renamed = written.and_then(|()| fs::rename(&temporary, folder));
    if let Err(cause) = renamed {
        // What stays behind is a key that nothing uses.
        let _ = fs::remove_dir_all(&temporary);
        // Another process was faster.
        if exists()? {
            return present(file, advertise_host);
        }
        return match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
            Ok(true) => Err(InitProblem::Occupied(folder.to_owned())),
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                Err(InitProblem::Unreadable(folder.to_owned(), cause))
            }
            _ => Err(unwritable(cause)),
        };
    }
    sync(parent).map_err(unwritable)?;
    Ok(Outcome::Made(next_steps(folder, host)))
}

fn present(file: PathBuf, advertise_host: Option<&Host>) -> Result<Outcome, InitProblem> {
    let text = fs::read_to_string(&file).unwrap_or_default();
    // What cannot be read is reported by the one who loads it.
    if let (Some(host), Ok(config)) = (advertise_host, Config::parse(&text))
        && config
            .endpoints
            .iter()
            .all(|endpoint| endpoint.host != *host)
    {
        return Err(InitProblem::OtherHost(file, host.clone()));
    }
    Ok(Outcome::Present)
}

fn description(name: &str, host: &Host) -> String {
    use fmt::Write as _;
    let mut text = format!(
        "# The site that 'serve --init' made.\nname: \"{name}\"\nissuers:\n  \
         default: {{cert: ca.crt, key: ca.key}}\nendpoints:\n"
    );
    let host = endpoint_host(host);
    for role in Role::ALL {
        // Writing to a String cannot fail.
        let port = default_port(role);
        let _ = writeln!(text, "- {{name: {role}, host: \"{host}\", port: {port}}}");
    }
    text
}

/// What is left to do. Skupper's router compares an address with the DNS names, too.
///
/// Source: Skupper `internal/nonkube/common/fs_config_renderer.go`, `loadUserCertAsSecret`.
fn next_steps(folder: &Path, host: &Host) -> String {
    let shown = endpoint_host(host);
    let names = match host {
        Host::Name(_) => format!("DNS:{shown}"),
        Host::Ip(_) => format!("IP:{shown},DNS:{shown}"),
    };
    let ca = folder.join("ca");
    let [folder, ca] = [folder, &ca].map(|path| path.display().to_string());
    let [edge, inter_router] = Role::ALL.map(default_port);
    format!(
        "made a site in {folder}: links lead to {shown}, port {inter_router} (inter-router) and \
         {edge} (edge)\n\
         No router trusts its CA yet. Give the router at {shown} a certificate of this CA, and let \
         it trust the CA:\n  \
         openssl req -x509 -CA '{ca}.crt' -CAkey '{ca}.key' -newkey rsa:2048 -nodes -subj '/CN={shown}' \
         -addext 'subjectAltName={names}' -addext 'basicConstraints=critical,CA:FALSE' -days 825 \
         -keyout tls.key -out tls.crt\n\
         A router that has no certificate of another CA takes tls.crt, tls.key and {ca}.crt as they \
         are. On Docker, Podman and Linux, Skupper's router takes them as input/certs/NAME/tls.crt, \
         tls.key and ca.crt of its namespace, NAME being that of its RouterAccess, when the site is \
         reloaded.\n\
         A router that has links already must go on trusting the CA of those: append the new CA to \
         its present ca.crt, and replace nothing ('cat {ca}.crt >> ca.crt').\n\
         Where Skupper runs on this machine, 'serve --namespace NAME' needs none of this: it uses \
         the CA that the router trusts.\n"
    )
}

/// Makes a folder that only its owner may enter, and those above it.
fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn write(folder: &Path, name: &str, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(folder.join(name))?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Why no site was made.
#[derive(Debug)]
pub enum InitProblem {
    /// Neither an option nor the address of the service tells where the router is.
    NoHost,
    /// The site that is there (its file) has no endpoint at this host.
    OtherHost(PathBuf, Host),
    /// The folder, or the description of the site in it, cannot be looked at.
    Unreadable(PathBuf, io::Error),
    /// The folder holds something, but no site.
    Occupied(PathBuf),
    /// The folder cannot be written.
    Unwritable(PathBuf, io::Error),
    /// The CA could not be made.
    Ca(IssuerProblem),
}

impl fmt::Display for InitProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost => formatter.write_str(
                "the host of the router is not known: name it with --advertise-host, as other \
                 sites reach it",
            ),
            Self::OtherHost(file, host) => write!(
                formatter,
                "there is a site already, and none of its endpoints is at '{}': leave \
                 --advertise-host out, or change the endpoints in {}",
                endpoint_host(host),
                file.display()
            ),
            Self::Unreadable(path, cause) => formatter.write_str(&wording::unreadable(path, cause)),
            Self::Occupied(folder) => write!(
                formatter,
                "{} holds files, but no {FILE_NAME}: empty it, or describe the site in a file and \
                 give --site FILE",
                folder.display()
            ),
            Self::Unwritable(folder, cause) => {
                let (folder, cause) = (folder.display(), wording::io(cause));
                write!(formatter, "cannot make a site in {folder}: {cause}")
            }
            Self::Ca(problem) => write!(formatter, "cannot make a CA for the site: {problem}"),
        }
    }
}

impl std::error::Error for InitProblem {}
