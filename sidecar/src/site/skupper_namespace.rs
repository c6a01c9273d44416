//! The folder of a Skupper namespace on Docker, Podman or Linux.
//!
//! ```text
//! runtime/resources/Site-NAME.yaml            the site
//! runtime/resources/RouterAccess-NAME.yaml    where its router listens
//! runtime/certs/CREDENTIALS/tls.crt           the router's server certificate
//! runtime/issuers/skupper-site-ca/tls.crt     the CA of the site, and its key in tls.key
//! ```
//!
//! Skupper empties `runtime/resources` and `runtime/certs` and writes them anew when it reloads a
//! site, so that a problem here may be gone in a moment.
//!
//! Source: Skupper `pkg/nonkube/api/environment.go` and `site_state.go`,
//! `internal/nonkube/common/fs_config_renderer.go`.

mod problem;

use std::ffi::OsStr;
use std::fmt::Display;
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use skupper_access_policy::printable::printable;
use skupper_access_policy::value::host::Host;
use skupper_access_policy::value::name::SubdomainName;

use super::files::Files;
use super::server_certificate::ServerHosts;
use crate::system::wording;
use crate::wire::manifest;
use crate::wire::objects::{Endpoint, Role};

pub use problem::NamespaceProblem;

/// The issuer of grants that name none. Source: Skupper, `CreateLinkAccessesCertificates`.
pub const DEFAULT_ISSUER: &str = "skupper-site-ca";

/// The group of all endpoints: such a site has one router. Source: Skupper,
/// `FileSystemConfigurationRenderer.Render`.
const GROUP: &str = "skupper-router";

/// The site of a namespace, without its issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The name of the site.
    pub name: String,
    /// Endpoints of its router for links: empty for an edge site, and for one that takes no links.
    pub endpoints: Vec<Endpoint>,
    /// True when it is an edge site.
    pub is_edge: bool,
    /// Notes of what was passed over, one line each.
    pub remarks: Vec<String>,
}

/// The folder of all namespaces. `None` when neither variable tells it.
///
/// `data_home` and `home` are the values of `XDG_DATA_HOME` and `HOME`.
/// Source: Skupper `pkg/nonkube/api/environment.go`, `GetDataHome`.
#[must_use]
pub fn namespaces_folder(
    is_root: bool,
    data_home: Option<&OsStr>,
    home: Option<&OsStr>,
) -> Option<PathBuf> {
    if is_root {
        return Some(PathBuf::from("/var/lib/skupper/namespaces"));
    }
    let set = |value: Option<&OsStr>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    let data_home = set(data_home).or_else(|| Some(set(home)?.join(".local/share")));
    Some(data_home?.join("skupper/namespaces"))
}

/// Path of the folder of an issuer.
pub(super) fn issuer_folder(folder: &Path, name: &str) -> PathBuf {
    folder.join("runtime/issuers").join(name)
}

/// Reads the folder of a namespace, but for its issuers.
///
/// # Errors
/// A file is missing or not what it must be, or no host fits. See [`NamespaceProblem`].
pub fn read(
    files: &impl Files,
    folder: &Path,
    advertise_host: Option<&Host>,
) -> Result<Namespace, NamespaceProblem> {
    let resources = folder.join("runtime/resources");
    let names = files.list(&resources);
    let names = names.map_err(|cause| unreadable(&resources, &cause))?;
    let of_kind = |kind: &str| {
        // A file that is not named after an object is none of Skupper's.
        let names = names.iter().filter(|name| {
            let middle = name.strip_prefix(kind);
            let object = middle.and_then(|middle| middle.strip_suffix(".yaml"));
            object.is_some_and(|object| SubdomainName::parse(object).is_ok())
        });
        names.map(|name| resources.join(name)).collect::<Vec<_>>()
    };
    let site: Object<SiteSpec> = match of_kind("Site-").as_slice() {
        [file] => read_object(files, file, "Site")?,
        [] => return Err(NamespaceProblem::NoSite(resources)),
        _ => return Err(NamespaceProblem::SeveralSites(resources)),
    };
    let mut namespace = Namespace {
        name: site.metadata.name,
        endpoints: Vec::new(),
        is_edge: site.spec.edge,
        remarks: Vec::new(),
    };
    if namespace.is_edge {
        return Ok(namespace);
    }
    let mut refused: Option<Vec<String>> = None;
    for file in of_kind("RouterAccess-") {
        let access: Object<RouterAccessSpec> = read_object(files, &file, "RouterAccess")?;
        let listeners = listeners(&file, &access.spec.roles)?;
        if listeners.is_empty() {
            continue;
        }
        if let Some(issuer) = access.other_issuer() {
            namespace.remarks.push(format!(
                "RouterAccess '{}' is passed over: its issuer is '{}', and links are certified by \
                 '{DEFAULT_ISSUER}'",
                printable(&access.metadata.name),
                printable(issuer),
            ));
            continue;
        }
        let hosts = server_hosts(files, folder, &file, access.credentials())?;
        let host = match advertise_host {
            Some(host) => Some(host).filter(|host| hosts.covers(host)),
            None => hosts.first_reachable(),
        };
        let Some(host) = host else {
            refused.get_or_insert_default().extend(hosts.names());
            continue;
        };
        let endpoints = listeners.into_iter().map(|(role, port)| Endpoint {
            role,
            host: host.clone(),
            port,
            group: GROUP.to_owned(),
        });
        namespace.endpoints.extend(endpoints);
    }
    match (refused, advertise_host) {
        (Some(hosts), None) if namespace.endpoints.is_empty() => {
            Err(NamespaceProblem::NoHost(hosts))
        }
        (Some(hosts), Some(host)) if namespace.endpoints.is_empty() => {
            Err(NamespaceProblem::HostNotNamed(host.clone(), hosts))
        }
        _ => Ok(namespace),
    }
}

/// The port of a role when its RouterAccess gives none. Source: Skupper, `RouterAccessRole.GetPort`.
#[must_use]
pub fn default_port(role: Role) -> NonZeroU16 {
    match role {
        Role::Edge => const { NonZeroU16::new(45671).unwrap() },
        Role::InterRouter => const { NonZeroU16::new(55671).unwrap() },
    }
}

#[derive(Deserialize)]
struct Object<S> {
    metadata: Metadata,
    /// Skupper always writes one: a file without it is not written to its end.
    spec: S,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
struct SiteSpec {
    #[serde(default)]
    edge: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RouterAccessSpec {
    #[serde(default)]
    roles: Vec<RouterAccessRole>,
    tls_credentials: Option<String>,
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct RouterAccessRole {
    name: String,
    port: Option<i64>,
}

impl Object<RouterAccessSpec> {
    /// The folder of its server certificate. Source: Skupper, `CreateLinkAccessesCertificates`.
    fn credentials(&self) -> &str {
        let named = self.spec.tls_credentials.as_deref();
        let named = named.filter(|named| !named.is_empty());
        named.unwrap_or(&self.metadata.name)
    }

    /// Its issuer, when that is not the one that certifies links.
    fn other_issuer(&self) -> Option<&str> {
        let issuer = self.spec.issuer.as_deref();
        issuer.filter(|issuer| !issuer.is_empty() && *issuer != DEFAULT_ISSUER)
    }
}

fn read_object<S: DeserializeOwned>(
    files: &impl Files,
    file: &Path,
    kind: &'static str,
) -> Result<Object<S>, NamespaceProblem> {
    let bytes = files.read(file).map_err(|cause| unreadable(file, &cause))?;
    let object = manifest::object_of_kind(&bytes, kind);
    let object = object.map_err(|problem| malformed(file, problem))?;
    serde_json::from_value(object).map_err(|cause| malformed(file, cause))
}

fn unreadable(path: &Path, cause: &io::Error) -> NamespaceProblem {
    NamespaceProblem::Unreadable(path.to_owned(), wording::unreadable(path, cause))
}

fn malformed(file: &Path, problem: impl Display) -> NamespaceProblem {
    NamespaceProblem::Malformed(file.to_owned(), problem.to_string())
}

/// The roles that links use, with their ports.
fn listeners(
    file: &Path,
    roles: &[RouterAccessRole],
) -> Result<Vec<(Role, NonZeroU16)>, NamespaceProblem> {
    let roles = roles
        .iter()
        .filter_map(|role| Some((Role::parse(&role.name)?, role.port)));
    let listeners = roles.map(|(role, port)| match port {
        None | Some(0) => Ok((role, default_port(role))),
        Some(port) => match u16::try_from(port).ok().and_then(NonZeroU16::new) {
            Some(port) => Ok((role, port)),
            None => Err(malformed(file, "every port must be from 1 to 65535")),
        },
    });
    listeners.collect()
}

/// The hosts of the server certificate that a RouterAccess names.
fn server_hosts(
    files: &impl Files,
    folder: &Path,
    access: &Path,
    credentials: &str,
) -> Result<ServerHosts, NamespaceProblem> {
    // Nothing else may become part of a path.
    let credentials = SubdomainName::parse(credentials)
        .map_err(|problem| malformed(access, format!("spec.tlsCredentials: {problem}")))?;
    let file = folder
        .join("runtime/certs")
        .join(credentials.as_str())
        .join("tls.crt");
    let pem = files.read(&file);
    let pem = pem.map_err(|cause| unreadable(&file, &cause))?;
    ServerHosts::read(&pem).map_err(|problem| malformed(&file, problem))
}
