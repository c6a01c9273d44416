//! Hosts that the server certificate of a router names.

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use skupper_access_policy::value::host::{Host, HostName};
use x509_cert::Certificate;
use x509_cert::der::{self, Decode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::wire::objects::{endpoint_host, read_endpoint_host};

/// The subject alternative names of a certificate, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerHosts(Vec<Pattern>);

/// Reason the hosts of a certificate cannot be told, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerHostsProblem {
    /// There is no certificate in the text.
    #[error("must hold a certificate in PEM")]
    NoCertificate,
    /// The first certificate is malformed.
    #[error("the first certificate is not readable: {0}")]
    Certificate(der::Error),
    /// Its subject alternative names are malformed.
    #[error("the subject alternative names are not readable: {0}")]
    Names(der::Error),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Host(Host),
    /// `*.` before this name.
    Below(HostName),
}

impl ServerHosts {
    /// Reads the first certificate of a PEM text. Names that no host can have are passed over:
    /// Skupper has written empty ones, and an address once as a DNS name and once as an address.
    ///
    /// # Errors
    /// The certificate or its names cannot be read.
    pub fn read(pem: &[u8]) -> Result<Self, ServerHostsProblem> {
        let der =
            CertificateDer::from_pem_slice(pem).map_err(|_| ServerHostsProblem::NoCertificate)?;
        let certificate = Certificate::from_der(&der).map_err(ServerHostsProblem::Certificate)?;
        let fields = certificate.tbs_certificate();
        let names = fields.get_extension::<SubjectAltName>();
        let names = names.map_err(ServerHostsProblem::Names)?;
        let names = names.map_or_else(Vec::new, |(_, names)| names.0);
        let mut patterns = Vec::new();
        for pattern in names.iter().filter_map(pattern) {
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        Ok(Self(patterns))
    }

    /// The first host that can be another machine's: no loopback, no unspecified address.
    #[must_use]
    pub fn first_reachable(&self) -> Option<&Host> {
        let hosts = self.0.iter().filter_map(|pattern| match pattern {
            Pattern::Host(host) => Some(host),
            Pattern::Below(_) => None,
        });
        hosts.into_iter().find(|host| !is_this_machine(host))
    }

    /// True when a client that connects to this host accepts the certificate.
    #[must_use]
    pub fn covers(&self, host: &Host) -> bool {
        self.0.iter().any(|pattern| match (pattern, host) {
            (Pattern::Host(named), host) => named == host,
            (Pattern::Below(parent), Host::Name(name)) => {
                let label = name.as_str().split_once('.');
                label.is_some_and(|(_, rest)| rest == parent.as_str())
            }
            (Pattern::Below(_), Host::Ip(_)) => false,
        })
    }

    /// Every name as an operator would type it.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|pattern| match pattern {
            Pattern::Host(host) => endpoint_host(host),
            Pattern::Below(parent) => format!("*.{}", parent.as_str()),
        })
    }
}

fn pattern(name: &GeneralName) -> Option<Pattern> {
    match name {
        GeneralName::DnsName(name) => match name.as_str().strip_prefix("*.") {
            Some(parent) => HostName::parse(parent).ok().map(Pattern::Below),
            None => read_endpoint_host(name.as_str()).ok().map(Pattern::Host),
        },
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
            address.ok().map(Host::Ip).map(Pattern::Host)
        }
        _ => None,
    }
}

/// True when every machine means itself by this host.
fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Name(name) => {
            let mut labels = name.as_str().split('.');
            // `localhost.localdomain` is the name of many a machine that was given none.
            labels.clone().next_back() == Some("localhost") || labels.next() == Some("localhost")
        }
        Host::Ip(address) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
    }
}
