//! Makes a site of its own, for a router that no Skupper controller looks after: a CA and a
//! `redemption.yaml`.
//!
//! The folder is made under another name and renamed when everything in it is on the disk: it is
//! there as a whole or not at all, and one that is there is never written to.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use skupper_access_policy::value::host::Host;

use super::config::{Config, FILE_NAME};
use super::skupper_namespace::default_port;
use crate::pki::issuer::{IssuerProblem, new_site_ca};
use crate::system::private_files::{make_folder, sync_folder, write_new};
use crate::system::random;
use crate::system::wording;
use crate::wire::objects::{Role, endpoint_host};

/// Makes a site in a folder, unless there is one. Its endpoints have the host that is to be
/// advertised, else the host of the redemption service. Returns what its operator must do next, in
/// several lines; `None` when there is a site, which stays as it is.
///
/// # Errors
/// No host is known; the site that is there has another host than the one to advertise; the folder
/// holds something else or cannot be written.
pub fn init(
    folder: &Path,
    advertise_host: Option<&Host>,
    service_host: Option<&Host>,
    now: DateTime<Utc>,
) -> Result<Option<String>, InitProblem> {
    let file = folder.join(FILE_NAME);
    let exists = || {
        let exists = file.try_exists();
        exists.map_err(|cause| InitProblem::Unreadable(file.clone(), cause))
    };
    if exists()? {
        return check_host(file, advertise_host).map(|()| None);
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
    make_folder(parent).map_err(unwritable)?;
    let write =
        |name, content: &str| write_new(&temporary.join(name), content.as_bytes()).map(drop);
    let written = make_folder(&temporary)
        .and_then(|()| write("ca.key", key.expose_secret()))
        .and_then(|()| write("ca.crt", &certificate))
        .and_then(|()| write(FILE_NAME, &description(name, host)))
        .and_then(|()| sync_folder(&temporary));
    let renamed = written.and_then(|()| fs::rename(&temporary, folder));
    if let Err(cause) = renamed {
        // What stays behind is a key that nothing uses.
        let _ = fs::remove_dir_all(&temporary);
        // Another process was faster.
        if exists()? {
            return check_host(file, advertise_host).map(|()| None);
        }
        return match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
            Ok(true) => Err(InitProblem::Occupied(folder.to_owned())),
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                Err(InitProblem::Unreadable(folder.to_owned(), cause))
            }
            _ => Err(unwritable(cause)),
        };
    }
    sync_folder(parent).map_err(unwritable)?;
    Ok(Some(next_steps(folder, host)))
}

/// Checks that a site has an endpoint at the host that is to be advertised.
fn check_host(file: PathBuf, advertise_host: Option<&Host>) -> Result<(), InitProblem> {
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
    Ok(())
}

fn description(name: &str, host: &Host) -> String {
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

/// Tells what is left to do. Skupper's router compares an address with the DNS names, too.
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

/// Reason no site was made.
#[derive(Debug, thiserror::Error)]
pub enum InitProblem {
    /// Neither an option nor the address of the service tells the host of the router.
    #[error(
        "the host of the router is not known: name it with --advertise-host, as other sites reach it"
    )]
    NoHost,
    /// The site that is there (its file) has no endpoint at this host.
    #[error(
        "there is a site already, and none of its endpoints is at '{}': leave --advertise-host out, \
         or change the endpoints in {}", endpoint_host(.1), .0.display()
    )]
    OtherHost(PathBuf, Host),
    /// The folder, or the description of the site in it, cannot be looked at.
    #[error("{}", wording::unreadable(.0, .1))]
    Unreadable(PathBuf, io::Error),
    /// The folder holds something, but no site.
    #[error(
        "{} holds files, but no {FILE_NAME}: empty it, or describe the site in a file and give \
         --site FILE", .0.display()
    )]
    Occupied(PathBuf),
    /// The folder cannot be written.
    #[error("cannot make a site in {}: {}", .0.display(), wording::io(.1))]
    Unwritable(PathBuf, io::Error),
    /// The CA could not be made.
    #[error("cannot make a CA for the site: {0}")]
    Ca(IssuerProblem),
}
