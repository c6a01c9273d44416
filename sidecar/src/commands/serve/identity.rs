//! Who the redemption server is in TLS: by its own CA, or by files.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustls::sign::CertifiedKey;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::host::Host;

use super::Failure;
use crate::advertised::AdvertisedUrl;
use crate::args::Serve;
use crate::server::load_certified_key;
use crate::server_ca::ServerCa;

/// Where the certificate of the server comes from.
pub(super) enum Identity {
    /// Made by the server's own CA, for these hosts.
    Own { ca: Box<ServerCa>, hosts: Vec<Host> },
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
        url: &AdvertisedUrl,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        if let (Some(certificate), Some(key), Some(ca)) =
            (&options.tls_cert, &options.tls_key, &options.tls_ca)
        {
            return Ok(Self::Files {
                certificate: certificate.clone(),
                key: key.clone(),
                ca: ca.clone(),
            });
        }
        let ca = ServerCa::open(&folder.join("server-ca"), now)
            .map_err(|problem| Failure::usage(problem.to_string()))?;
        Ok(Self::Own {
            ca: Box::new(ca),
            hosts: vec![url.host().clone()],
        })
    }

    /// The certificate to show from now on.
    pub(super) fn certificate(&self, now: DateTime<Utc>) -> Result<Shown, Failure> {
        match self {
            Self::Own { ca, hosts } => {
                let leaf = ca.issue_server_leaf(hosts, now);
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
                CertificateBundle::parse(&text)
                    .map_err(|problem| Failure::usage(format!("{}: {problem}", ca.display())))?;
                Ok(Shown {
                    certified_key,
                    ca: text,
                    end: None,
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
            Self::Own { .. } => Vec::new(),
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

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}
