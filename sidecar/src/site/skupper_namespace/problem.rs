//! Faults of a Skupper namespace.

use std::path::PathBuf;

use skupper_access_policy::value::host::Host;

use crate::wire::objects::endpoint_host;

/// Fault of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceProblem {
    /// A file or folder cannot be read. Says which and why, in one line.
    #[error("{1}")]
    Unreadable(PathBuf, String),
    /// The folder of its resources (the path) holds no site.
    #[error("{} holds no Site: start the site with 'skupper system start' first", .0.display())]
    NoSite(PathBuf),
    /// The folder of its resources (the path) holds more than one site.
    #[error("{} holds several Sites, not one", .0.display())]
    SeveralSites(PathBuf),
    /// A file is malformed. Says how.
    #[error("{}: {}", .0.display(), .1)]
    Malformed(PathBuf, String),
    /// The server certificates name these hosts, and none that another machine can reach.
    #[error(
        "the router's server certificate names no host that another machine can reach: {}",
        remedy(.0)
    )]
    NoHost(Vec<String>),
    /// The server certificates name these hosts, and not the one to advertise.
    #[error(
        "the router's server certificate does not name '{}': {}", endpoint_host(.0), remedy(.1)
    )]
    HostNotNamed(Host, Vec<String>),
}

/// Remedy for a host, when the certificates name these.
fn remedy(hosts: &[String]) -> String {
    let choice = if hosts.is_empty() {
        String::new()
    } else {
        let hosts = hosts.join("', '");
        format!("choose one of '{hosts}' with --advertise-host, or ")
    };
    format!(
        "{choice}add the host to subjectAlternativeNames of the RouterAccess, reload the site and \
         name it with --advertise-host"
    )
}
