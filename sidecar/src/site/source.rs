//! Sources of sites, and loading from them.
//!
//! A site on a cluster comes from [`super::cluster_sites`], and is a [`Loaded`], too.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use skupper_access_policy::value::host::Host;
use zeroize::Zeroizing;

use super::Site;
use super::config::{Config, ConfigProblem, DEFAULT_ISSUER};
use super::files::{Disk, Files, Fingerprint, read_text};
use super::previous::{self, Previous};
use super::skupper_namespace::{self, NamespaceProblem};
use crate::pki::issuer::{Issuer, IssuerProblem, found};
use crate::system::wording;
use crate::wire::advertised::AdvertisedUrl;

/// Description of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteSource {
    /// A `redemption.yaml`.
    Config {
        /// The file.
        file: PathBuf,
        /// The issuers that grants may name, beside the default one.
        issuers: Vec<String>,
    },
    /// The folder of a Skupper namespace on Docker, Podman or Linux.
    SkupperNamespace {
        /// The folder.
        folder: PathBuf,
        /// The host that Links name; default: one of the router's server certificate.
        advertise_host: Option<Host>,
        /// The issuers that grants may name, beside the default one.
        issuers: Vec<String>,
        /// The issuers that the default one has followed.
        previous: Vec<String>,
    },
}

/// A site as it was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The site, with those of its issuers that can be used.
    pub site: Arc<Site>,
    /// The address of the service, where the source gives one.
    pub url: Option<AdvertisedUrl>,
    /// The other issuers, with the reason they cannot be used.
    pub failed: BTreeMap<String, Arc<IssuerFault>>,
    /// Issuers that stand in for one that failed, since these times.
    pub kept_since: BTreeMap<String, DateTime<Utc>>,
    /// The issuers that others have followed.
    pub previous: Vec<Previous>,
    /// Notes of what was passed over, one line each.
    pub remarks: Vec<String>,
}

impl Loaded {
    /// Loads the issuers of a site: the default one and the named ones, and no other CA in reach, but for
    /// the certificates of those before them.
    pub(super) fn new(
        mut site: Site,
        named: &[String],
        load: impl Fn(&str) -> Result<Issuer, IssuerFault>,
        mut previous: Vec<Previous>,
    ) -> Self {
        let mut failed = BTreeMap::new();
        let all = named.iter().chain([&site.default_issuer]).cloned();
        for name in all.collect::<BTreeSet<_>>() {
            match load(&name) {
                Ok(issuer) => drop(site.issuers.insert(name, Arc::new(issuer))),
                Err(fault) => drop(failed.insert(name, Arc::new(fault))),
            }
        }
        previous::follow(&mut site.issuers, &mut previous);
        Self {
            site: Arc::new(site),
            url: None,
            failed,
            kept_since: BTreeMap::new(),
            previous,
            remarks: Vec::new(),
        }
    }

    /// True when the issuer of grants that name none can be used.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.site.issuer(None).is_some()
    }
}

impl SiteSource {
    /// Loads the site. An issuer that cannot be used is no error: it is in [`Loaded::failed`].
    ///
    /// # Errors
    /// The description of the site cannot be read.
    pub fn load(&self, now: DateTime<Utc>) -> Result<Loaded, SiteProblem> {
        self.load_and_see(now).0
    }

    /// Loads the site. Returns the fingerprint of its files at that moment, too.
    pub(super) fn load_and_see(
        &self,
        now: DateTime<Utc>,
    ) -> (Result<Loaded, SiteProblem>, Fingerprint) {
        let disk = Disk::default();
        let loaded = self.load_from(&disk, now);
        (loaded, disk.fingerprint())
    }

    /// Loads the site from files that may lie elsewhere than on the disk.
    ///
    /// # Errors
    /// As [`SiteSource::load`].
    pub fn load_from(&self, files: &impl Files, now: DateTime<Utc>) -> Result<Loaded, SiteProblem> {
        match self {
            Self::Config { file, issuers } => load_config(files, file, issuers, now),
            Self::SkupperNamespace {
                folder,
                advertise_host,
                issuers,
                previous,
            } => {
                let host = advertise_host.as_ref();
                load_namespace(files, folder, host, issuers, previous, now)
            }
        }
    }
}

/// Reason a site cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SiteProblem {
    /// A `redemption.yaml` cannot be read.
    #[error("{}", wording::unreadable(.0, .1))]
    Unreadable(PathBuf, io::Error),
    /// A `redemption.yaml` is not well-formed.
    #[error("{}: {}", .0.display(), .1)]
    Config(PathBuf, ConfigProblem),
    /// A Skupper namespace is not well-formed.
    #[error(transparent)]
    Namespace(#[from] NamespaceProblem),
}

/// Reason an issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerFault {
    /// The configuration (its path) has no issuer of this name.
    #[error("not among the issuers of {}", .0.display())]
    NotConfigured(PathBuf),
    /// One of its files cannot be read.
    #[error("{}", wording::unreadable(.0, .1))]
    Unreadable(PathBuf, io::Error),
    /// Its certificate and key are not an issuer.
    #[error("{origin}: {problem} ({found})")]
    Unusable {
        /// The path of the certificate, or its Secret.
        origin: String,
        /// The first fault.
        problem: IssuerProblem,
        /// Description of certificate and key.
        found: String,
    },
    /// Its Secret is of no use.
    #[error(transparent)]
    Secret(#[from] SecretProblem),
}

impl IssuerFault {
    /// True for files that look so while they are being replaced.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::NotConfigured(_) | Self::Secret(_) => false,
            Self::Unreadable(..) => true,
            Self::Unusable { problem, .. } => problem.is_of_half_a_file(),
        }
    }
}

/// Reason the Secret of an issuer is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// The Secret of this name was not looked at yet.
    #[error("Secret '{0}' is not read yet")]
    Unread(String),
    /// There is no Secret of this name.
    #[error("there is no Secret '{0}'")]
    Missing(String),
    /// It lacks an entry.
    #[error("its Secret must hold 'tls.crt' and 'tls.key'")]
    Incomplete,
    /// The Secret of this name, of which only certificates are needed, lacks that of the CA.
    #[error("Secret '{0}' must hold 'tls.crt'")]
    NoCertificate(String),
    /// The API server does not give it.
    #[error("cannot read Secret '{name}': {cause}")]
    Unreadable {
        /// Its name.
        name: String,
        /// Answer of the API server.
        cause: String,
    },
}

fn load_config(
    files: &impl Files,
    file: &Path,
    named: &[String],
    now: DateTime<Utc>,
) -> Result<Loaded, SiteProblem> {
    let text =
        read_text(files, file).map_err(|cause| SiteProblem::Unreadable(file.to_owned(), cause))?;
    let config =
        Config::parse(&text).map_err(|problem| SiteProblem::Config(file.to_owned(), problem))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let site = Site {
        name: config.name,
        endpoints: config.endpoints,
        is_edge: false,
        default_issuer: DEFAULT_ISSUER.to_owned(),
        issuers: BTreeMap::new(),
    };
    let mut previous = Vec::new();
    for (issuer, of_issuer) in &config.issuers {
        let read = |path| Previous::of_file(files, issuer, &folder.join(path), now);
        if issuer == DEFAULT_ISSUER || named.contains(issuer) {
            previous.extend(of_issuer.previous.iter().map(read));
        }
    }
    let load = |name: &str| {
        let pair = config.issuers.get(name);
        let pair = pair.ok_or_else(|| IssuerFault::NotConfigured(file.to_owned()))?;
        let (certificate, key) = (folder.join(&pair.cert), folder.join(&pair.key));
        load_issuer(files, &certificate, &key, now)
    };
    let loaded = Loaded::new(site, named, load, previous);
    Ok(Loaded {
        url: config.url,
        ..loaded
    })
}

fn load_namespace(
    files: &impl Files,
    folder: &Path,
    advertise_host: Option<&Host>,
    named: &[String],
    previous: &[String],
    now: DateTime<Utc>,
) -> Result<Loaded, SiteProblem> {
    let namespace = skupper_namespace::read(files, folder, advertise_host)?;
    let site = Site {
        name: namespace.name,
        endpoints: namespace.endpoints,
        is_edge: namespace.is_edge,
        default_issuer: skupper_namespace::DEFAULT_ISSUER.to_owned(),
        issuers: BTreeMap::new(),
    };
    let previous = previous.iter().map(|name| {
        let path = skupper_namespace::issuer_folder(folder, name).join("tls.crt");
        Previous::of_file(files, &site.default_issuer, &path, now)
    });
    let previous = previous.collect();
    let load = |name: &str| {
        let folder = skupper_namespace::issuer_folder(folder, name);
        load_issuer(files, &folder.join("tls.crt"), &folder.join("tls.key"), now)
    };
    let loaded = Loaded::new(site, named, load, previous);
    Ok(Loaded {
        remarks: namespace.remarks,
        ..loaded
    })
}

fn load_issuer(
    files: &impl Files,
    certificate: &Path,
    key: &Path,
    now: DateTime<Utc>,
) -> Result<Issuer, IssuerFault> {
    let read = |path: &Path| {
        let content = files.read(path);
        content.map_err(|cause| IssuerFault::Unreadable(path.to_owned(), cause))
    };
    let (pem, key) = (read(certificate)?, read(key)?);
    // cert-manager writes what is above an intermediate CA beside it.
    let above = match read(&certificate.with_file_name("ca.crt")) {
        Err(IssuerFault::Unreadable(_, cause)) if cause.kind() == io::ErrorKind::NotFound => {
            Ok(Zeroizing::default())
        }
        above => above,
    };
    let above_pem = above.as_ref().map_or(&[][..], |above| above.as_slice());
    match (Issuer::load_below(&pem, &key, above_pem, now), above) {
        (Ok(issuer), _) => Ok(issuer),
        (Err(IssuerProblem::NoRoot(_)), Err(unreadable)) => Err(unreadable),
        (Err(problem), _) => Err(IssuerFault::Unusable {
            origin: certificate.display().to_string(),
            problem,
            found: found(&pem, &key),
        }),
    }
}
