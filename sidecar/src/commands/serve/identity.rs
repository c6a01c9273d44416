//! Who the redemption server is in TLS: by its own CA, or by files.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustls::sign::CertifiedKey;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::host::Host;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::Failure;
use super::presented::judge;
use crate::args::Serve;
use crate::server::load_certified_key;
use crate::server_ca::ServerCa;
use crate::site::Sites;
use crate::wording;

/// Where the certificate of the server comes from.
pub(super) enum Identity {
    /// Made by the server's own CA.
    Own(Box<ServerCa>),
    /// The files of `--tls-cert`, `--tls-key` and `--tls-ca`.
    Files {
        certificate: PathBuf,
        key: PathBuf,
        ca: PathBuf,
    },
}

/// A certificate to show, and what tokens carry for it.
pub(super) struct Shown {
    pub(super) certified_key: CertifiedKey,
    pub(super) ca: String,
    /// When it ends, where that is known.
    pub(super) end: Option<DateTime<Utc>>,
    /// When another one must take its place.
    pub(super) renew_at: Option<DateTime<Utc>>,
    /// What the files held, so that a change can be seen.
    pub(super) fingerprint: Vec<Vec<u8>>,
}

impl Identity {
    pub(super) fn open(
        options: &Serve,
        folder: &Path,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        if let Some(files) = Self::files(options) {
            return Ok(files);
        }
        let ca = ServerCa::open(&folder.join("server-ca"), now)
            .map_err(|problem| Failure::usage(problem.to_string()))?;
        Ok(Self::Own(Box::new(ca)))
    }

    /// The files, when the options name them.
    pub(super) fn files(options: &Serve) -> Option<Self> {
        Some(Self::Files {
            certificate: options.tls_cert.clone()?,
            key: options.tls_key.clone()?,
            ca: options.tls_ca.clone()?,
        })
    }

    /// The certificate to show from now on to those who connect to the host, and not one that the
    /// issuers of the site made.
    pub(super) fn certificate(
        &self,
        host: &Host,
        sites: &Sites,
        now: DateTime<Utc>,
    ) -> Result<Shown, Failure> {
        match self {
            Self::Own(ca) => {
                let leaf = ca.issue_server_leaf(std::slice::from_ref(host), now);
                let leaf = leaf.map_err(|problem| Failure::usage(problem.to_string()))?;
                Ok(Shown {
                    certified_key: leaf.certified_key,
                    ca: ca.certificate_pem().to_owned(),
                    end: Some(leaf.not_after),
                    renew_at: Some(leaf.renew_at),
                    fingerprint: Vec::new(),
                })
            }
            Self::Files {
                certificate,
                key,
                ca,
            } => {
                let fingerprint = self.fingerprint();
                let certified_key =
                    load_certified_key(&read(certificate)?, &read(key)?).map_err(|problem| {
                        Failure::usage(format!("{}: {problem}", certificate.display()))
                    })?;
                let text = String::from_utf8_lossy(&read(ca)?).into_owned();
                let bundle = CertificateBundle::parse(&text)
                    .map_err(|problem| Failure::usage(format!("{}: {problem}", ca.display())))?;
                judge(&certified_key.cert, &bundle, host, sites, now)
                    .map_err(|problem| Failure::usage(problem.to_string()))?;
                Ok(Shown {
                    end: end(&certified_key),
                    certified_key,
                    ca: text,
                    renew_at: None,
                    fingerprint,
                })
            }
        }
    }

    /// What the files hold, so that a change can be seen. Empty without files, and where one
    /// cannot be read.
    pub(super) fn fingerprint(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Own(_) => Vec::new(),
            Self::Files {
                certificate,
                key,
                ca,
            } => [certificate, key, ca]
                .map(|path| fs::read(path).unwrap_or_default())
                .into(),
        }
    }
}

fn end(certified_key: &CertifiedKey) -> Option<DateTime<Utc>> {
    let leaf = Certificate::from_der(certified_key.cert.first()?).ok()?;
    let end = leaf.tbs_certificate().validity().not_after;
    DateTime::from_timestamp_secs(end.to_unix_duration().as_secs().try_into().ok()?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        Failure::usage(format!(
            "cannot read {}: {}",
            path.display(),
            wording::io(&error)
        ))
    })
}
