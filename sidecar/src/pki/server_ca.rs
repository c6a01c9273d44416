//! The CA of the redemption server itself.
//!
//! ```
//! use redemption_sidecar::pki::server_ca::ServerCa;
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("server-ca");
//! # let now = chrono::DateTime::from_timestamp_secs(1_785_000_000).unwrap_or_default();
//!
//! let ca = ServerCa::open(&folder, now)?;
//! let leaf = ca.issue_server_leaf(&[std::net::Ipv4Addr::LOCALHOST.into()], now)?;
//! assert!(now < leaf.renew_at && leaf.renew_at < leaf.not_after);
//! // Every process that shares the folder has the same CA.
//! assert_eq!(ServerCa::open(&folder, now)?.certificate_pem(), ca.certificate_pem());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Tokens carry this CA, never that of the site: Skupper's leaves are for servers, too, and would
//! let any linked site pose as the redemption server. Its extended key usage is `serverAuth` alone,
//! so that neither [`Issuer::load`](crate::pki::issuer::Issuer::load) nor OpenSSL nor Go let it certify
//! a client. The key of the leaf never touches a disk.
//!
//! Source: RFC 5280 section 4.2.1; RFC 6125 section 6.4 for the names.

mod files;
mod succession;

use std::path::{Path, PathBuf};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::ExposeSecret as _;
use skupper_access_policy::value::host::Host;
use x509_cert::der;
use x509_cert::der::asn1::Ia5String;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::pki::convert::server_name;
use crate::pki::issuer::encode::{Draft, common_name, extension, extensions, pem};
use crate::pki::issuer::{
    Authority, IssuerProblem, Purpose, ca_validity, leaf_extensions, new_serial, self_signed,
};
use crate::pki::key::{KeyKind, PrivateKey};
use crate::system::random;
use crate::system::wording;

use files::Folder;

pub use succession::{Stage, Succession};

/// A CA for the redemption server alone. No `Debug`.
pub struct ServerCa {
    folder: Folder,
    authority: Authority,
    key: PrivateKey,
    certificate_pem: String,
}

/// A server certificate with its key, for 90 days at most.
pub struct ServerLeaf {
    /// Certificate and key for rustls.
    pub certified_key: CertifiedKey,
    /// The first second of its validity.
    pub not_before: DateTime<Utc>,
    /// The last second of its validity.
    pub not_after: DateTime<Utc>,
    /// Time at which it was made.
    pub made_at: DateTime<Utc>,
    /// Time to issue the next one: after two thirds of its life.
    pub renew_at: DateTime<Utc>,
}

impl ServerLeaf {
    /// True when another one must take its place: its time has come, or the clock was ahead when it
    /// was made, so that it begins too late.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.renew_at <= now || now + SHORTEST_WAIT < self.made_at
    }
}

impl ServerCa {
    /// Reads `ca.crt` and `ca.key` of a folder, or makes them. Several processes may do so at once,
    /// and any of them may be killed: the key comes first and is never replaced, and the
    /// certificate is made for the key that is there. Permissions that let others read are taken
    /// away. A certificate that is out of date is extended, as [`Self::extend`] does.
    ///
    /// # Errors
    /// The folder cannot be used; a file is damaged, or the key belongs to another certificate.
    pub fn open(folder: &Path, now: DateTime<Utc>) -> Result<Self, ServerCaProblem> {
        let folder = Folder::open(folder)?;
        if folder.read(CERTIFICATE)?.is_some() && folder.read(KEY)?.is_none() {
            return Err(ServerCaProblem::KeyMissing(folder.path(KEY)));
        }
        let key = folder.read_or_write(KEY, || {
            let key = PrivateKey::generate(KeyKind::P256).to_pem();
            Ok(key.expose_secret().as_bytes().to_vec())
        })?;
        let damaged = |name, cause| ServerCaProblem::Unusable(folder.path(name), cause);
        let key = std::str::from_utf8(&key).unwrap_or_default();
        let key = PrivateKey::from_pem(key).map_err(|cause| damaged(KEY, cause.into()))?;

        let certificate = folder.read_or_write(CERTIFICATE, || {
            let random = random::bytes();
            let name = format!("redemption-sidecar {:016x}", u64::from_be_bytes(random));
            let name = common_name(&name);
            let der = self_signed(&key, &name, Some(Purpose::Server), ca_validity(now));
            let der = der.map_err(|cause| damaged(CERTIFICATE, cause))?;
            Ok(pem(&der).into_bytes())
        })?;
        let (authority, certificate_pem) =
            read(&certificate, &key, now).map_err(|cause| damaged(CERTIFICATE, cause))?;
        let mut ca = Self {
            folder,
            authority,
            key,
            certificate_pem,
        };
        ca.extend(now)?;
        Ok(ca)
    }

    /// Gives the CA another certificate when `now` lies outside its validity, or too near its end
    /// for a whole leaf: for the same key and name, valid as long as the old one and a new one
    /// together. So tokens that carry the old one still fit, whichever clock was wrong.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn extend(&mut self, now: DateTime<Utc>) -> Result<(), ServerCaProblem> {
        let (begin, end) = self.authority.validity();
        if begin <= now && now + LEAF_LIFE <= end {
            return Ok(());
        }
        let unusable = |cause| ServerCaProblem::Unusable(self.folder.path(CERTIFICATE), cause);
        let (new_begin, new_end) = ca_validity(now);
        let validity = (begin.min(new_begin), end.max(new_end));
        let (key, name) = (&self.key, self.authority.subject());
        let der = self_signed(key, name, Some(Purpose::Server), validity).map_err(unusable)?;
        let authority = Authority::judge(&der, Purpose::Server, now).map_err(unusable)?;
        let certificate_pem = pem(&der);
        self.folder
            .replace(CERTIFICATE, certificate_pem.as_bytes())?;
        self.authority = authority;
        self.certificate_pem = certificate_pem;
        Ok(())
    }

    /// The certificate in PEM, for tokens.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Makes a key and certifies it for some hosts.
    ///
    /// # Errors
    /// There is no host, or the CA is out of date.
    pub fn issue_server_leaf(
        &self,
        hosts: &[Host],
        now: DateTime<Utc>,
    ) -> Result<ServerLeaf, ServerCaProblem> {
        if hosts.is_empty() {
            return Err(ServerCaProblem::NoHosts);
        }
        let key = PrivateKey::generate(KeyKind::P256);
        let not_before = now.trunc_subsecs(0) - BACKDATED;
        let not_after = (now + LEAF_LIFE).min(self.authority.not_after());
        let extensions = self
            .extensions(hosts)
            .map_err(|_| ServerCaProblem::Leaf(IssuerProblem::Unreadable))?;
        let draft = Draft {
            serial: &new_serial(),
            validity: (not_before, not_after),
            subject: &common_name("redemption-sidecar"),
            spki: key.spki(),
            extensions: &extensions,
        };
        let der = self.authority.certify(&draft, &self.key, now);
        let der = der.map_err(ServerCaProblem::Leaf)?;
        is_for(&der, hosts).map_err(|cause| ServerCaProblem::Leaf(IssuerProblem::Leaf(cause)))?;

        let pkcs8 = key.to_pkcs8();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_slice()));
        let key =
            any_ecdsa_type(&key).map_err(|_| ServerCaProblem::Leaf(IssuerProblem::OtherKey))?;
        Ok(ServerLeaf {
            certified_key: CertifiedKey::new(vec![der], key),
            not_before,
            not_after,
            made_at: now,
            renew_at: now + ((not_after - now) * 2 / 3).max(SHORTEST_WAIT),
        })
    }

    fn extensions(&self, hosts: &[Host]) -> der::Result<Vec<u8>> {
        let names = hosts.iter().map(general_name).collect::<der::Result<_>>()?;
        let mut all = leaf_extensions(&self.authority, Purpose::Server)?;
        all.push(extension(false, &SubjectAltName(names))?);
        extensions(&all)
    }
}

/// Reads the CA of a certificate, in date or not.
fn read(
    certificate_pem: &[u8],
    key: &PrivateKey,
    now: DateTime<Utc>,
) -> Result<(Authority, String), IssuerProblem> {
    let der =
        CertificateDer::from_pem_slice(certificate_pem).map_err(|_| IssuerProblem::Damaged)?;
    let judge = |at| Authority::judge(&der, Purpose::Server, at);
    let authority = judge(now).or_else(|problem| match problem {
        IssuerProblem::NotYetValid { from: at } | IssuerProblem::Expired { at } => judge(at),
        other => Err(other),
    })?;
    if !authority.has_key(key) {
        return Err(IssuerProblem::OtherKey);
    }
    Ok((authority, pem(&der)))
}

fn general_name(host: &Host) -> der::Result<GeneralName> {
    Ok(match host {
        Host::Name(name) => GeneralName::DnsName(Ia5String::new(name.as_str())?),
        Host::Ip(address) => GeneralName::from(*address),
    })
}

/// Verifies that clients which connect to each of the hosts will accept the certificate.
fn is_for(leaf: &CertificateDer<'_>, hosts: &[Host]) -> Result<(), webpki::Error> {
    let leaf = webpki::EndEntityCert::try_from(leaf)?;
    hosts.iter().try_for_each(|host| {
        let name = server_name(host).map_err(|_| webpki::Error::MalformedDnsIdentifier)?;
        leaf.verify_is_valid_for_subject_name(&name)
    })
}

/// Reason the redemption server has no CA or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum ServerCaProblem {
    /// The folder or a file cannot be read or written.
    #[error("cannot {action} {}: {}", path.display(), wording::io(cause))]
    File {
        /// Failed step, as a verb.
        action: &'static str,
        /// The folder or the file.
        path: PathBuf,
        /// Error of the system.
        cause: std::io::Error,
    },
    /// There is a certificate, but not this file with its key.
    #[error("the key of the server's CA is missing: restore {}, {REPLACE}", .0.display())]
    KeyMissing(PathBuf),
    /// A file is there and cannot be used.
    #[error("cannot use the server's CA: restore {}, {REPLACE}: {}", .0.display(), .1)]
    Unusable(PathBuf, IssuerProblem),
    /// No host was given that the server is reached at.
    #[error("a server certificate must name at least one host: give '--url'")]
    NoHosts,
    /// A server certificate could not be made.
    #[error("cannot make a server certificate: {0}")]
    Leaf(IssuerProblem),
}

const REPLACE: &str = "or remove 'ca.crt' and 'ca.key' there to get a new CA, which the tokens \
                       that were issued before do not trust";

const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";

/// Time that a server certificate is valid before it is made, for clocks that are late.
const BACKDATED: TimeDelta = TimeDelta::days(1);

const LEAF_LIFE: TimeDelta = TimeDelta::days(90);

/// Shortest time to the renewal of a leaf, for a CA that is about to end and for a clock that is a
/// little off.
const SHORTEST_WAIT: TimeDelta = TimeDelta::minutes(1);
