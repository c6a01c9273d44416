//! The certificate of the redemption server: of its own CA, or of files.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustls::sign::CertifiedKey;
use skupper_access_policy::value::certificate::CertificateBundle;
use skupper_access_policy::value::host::Host;
use tracing::warn;

use super::presented::{Presented, PresentedProblem};
use super::{Failure, start};
use crate::args::Serve;
use crate::pki::server_ca::{ServerLeaf, Succession};
use crate::server::load_certified_key;
use crate::site::Sites;
use crate::system::wording;

/// Source of the server's certificate.
pub(super) enum Identity {
    /// Made by the server's own CA.
    Own(Box<Succession>),
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
    /// In PEM, for tokens.
    pub(super) ca: String,
    presented: Presented,
    /// The certificate, if it is made here.
    leaf: Option<ServerLeaf>,
}

impl Shown {
    /// Tells whether redeemers accept it.
    ///
    /// # Errors
    /// The reason they do not.
    pub(super) fn judge(&self, now: DateTime<Utc>) -> Result<(), PresentedProblem> {
        self.presented.judge(now)
    }

    /// Tells whether another one can and must be made.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.leaf.as_ref().is_some_and(|leaf| leaf.is_due(now))
    }

    /// The last second of its validity.
    pub(super) fn end(&self) -> DateTime<Utc> {
        self.presented.end()
    }
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
        Self::own(folder, now)
    }

    /// The CA of a data folder.
    pub(super) fn own(folder: &Path, now: DateTime<Utc>) -> Result<Self, Failure> {
        let ca = Succession::open(&folder.join("server-ca"), now).map_err(Failure::usage)?;
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

    /// The certificate to show from now on to those who connect to the hosts, and not one that the
    /// issuers of the site made. One of files may be out of date: the clock may be wrong; and it may
    /// not be for the hosts after the first one, which tokens in the field carry.
    pub(super) fn certificate(
        &mut self,
        hosts: &[Host],
        sites: &Sites,
        now: DateTime<Utc>,
    ) -> Result<Shown, Failure> {
        let (host, earlier) = hosts.split_first().ok_or_else(start::no_url)?;
        match self {
            Self::Own(ca) => {
                let leaf = ca
                    .follow(now)
                    .and_then(|()| ca.issue_server_leaf(hosts, now));
                let leaf = leaf.map_err(Failure::usage)?;
                let chain = &leaf.certified_key.cert;
                let carried = ca.certificates_pem();
                Ok(Shown {
                    presented: Presented::read(chain, &carried, host).map_err(Failure::usage)?,
                    certified_key: leaf.certified_key.clone(),
                    ca: carried,
                    leaf: Some(leaf),
                })
            }
            Self::Files {
                certificate,
                key,
                ca,
            } => {
                let of = |path: &Path, problem: &dyn std::fmt::Display| {
                    Failure::usage(format_args!("{}: {problem}", path.display()))
                };
                let certified_key = load_certified_key(&read(certificate)?, &read(key)?)
                    .map_err(|problem| of(certificate, &problem))?;
                let text = String::from_utf8_lossy(&read(ca)?).into_owned();
                CertificateBundle::parse(&text)
                    .map_err(|problem| of(ca, &wording::ca_of_tokens(problem)))?;
                let presented =
                    Presented::read(&certified_key.cert, &text, host).map_err(Failure::usage)?;
                presented.has_no_key_of(sites).map_err(Failure::usage)?;
                match presented.judge(now) {
                    Err(problem) if !problem.may_pass() => return Err(Failure::usage(problem)),
                    _ => {}
                }
                for host in earlier {
                    let presented = Presented::read(&certified_key.cert, &text, host);
                    if let Err(problem) = presented.and_then(|presented| presented.judge(now)) {
                        warn!(
                            "tokens in the field carry the host '{host}' and cannot be redeemed: {problem}"
                        );
                    }
                }
                Ok(Shown {
                    certified_key,
                    ca: text,
                    presented,
                    leaf: None,
                })
            }
        }
    }

    /// The content of the files, so that a change can be seen: empty where one cannot be read. Of a CA of
    /// its own, what its operator changes.
    pub(super) fn fingerprint(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Own(ca) => vec![ca.fingerprint().into_bytes()],
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
    fs::read(path).map_err(|error| {
        Failure::usage(format_args!(
            "cannot read {}: {}",
            path.display(),
            wording::io(&error)
        ))
    })
}
