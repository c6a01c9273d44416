//! Where a site is described, and how it is loaded from there.
//!
//! A site on a cluster comes from [`super::kubernetes`]; what it makes is a [`Loaded`], too.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use skupper_access_policy::value::host::Host;
use zeroize::Zeroizing;

use super::Site;
use super::config::{Config, ConfigProblem, DEFAULT_ISSUER, IssuerFiles};
use super::files::{Disk, Files, Fingerprint, read_text};
use super::skupper_namespace::{self, NamespaceProblem};
use crate::pki::issuer::{Issuer, IssuerProblem, found};
use crate::system::wording;
use crate::wire::advertised::AdvertisedUrl;

/// Where a site is described.
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
    },
}

/// A site as it was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The site, with those of its issuers that can be used.
    pub site: Arc<Site>,
    /// The address of the service, where the source gives one.
    pub url: Option<AdvertisedUrl>,
    /// Why the other issuers cannot be used.
    pub failed: BTreeMap<String, Arc<IssuerFault>>,
    /// Since when an issuer stands in for one that failed.
    pub kept_since: BTreeMap<String, DateTime<Utc>>,
    /// What was passed over, one line each.
    pub remarks: Vec<String>,
}

impl Loaded {
    /// Whether the issuer of grants that name none can be used.
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

    /// Loads the site, and remembers how its files looked at that moment.
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
            } => load_namespace(files, folder, advertise_host.as_ref(), issuers, now),
        }
    }
}

/// Why a site cannot be loaded.
#[derive(Debug)]
pub enum SiteProblem {
    /// A `redemption.yaml` cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A `redemption.yaml` does not say what it must.
    Config(PathBuf, ConfigProblem),
    /// A Skupper namespace does not hold what it must.
    Namespace(NamespaceProblem),
}

impl fmt::Display for SiteProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, cause) => formatter.write_str(&wording::unreadable(path, cause)),
            Self::Config(path, problem) => write!(formatter, "{}: {problem}", path.display()),
            Self::Namespace(problem) => problem.fmt(formatter),
        }
    }
}

impl std::error::Error for SiteProblem {}

/// Why an issuer cannot be used.
#[derive(Debug)]
pub enum IssuerFault {
    /// The configuration (its path) has no issuer of this name.
    NotConfigured(PathBuf),
    /// One of its files cannot be read.
    Unreadable(PathBuf, io::Error),
    /// Its certificate (the path) and key are not an issuer. Says what they are.
    Unusable(PathBuf, IssuerProblem, String),
    /// Its Secret cannot be read. Says why.
    NoSecret(String),
    /// What its Secret holds is not an issuer. Says what it is.
    UnusableSecret(IssuerProblem, String),
}

impl IssuerFault {
    /// Whether files look like this while they are being replaced.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::NotConfigured(_) | Self::NoSecret(_) => false,
            Self::Unreadable(..) => true,
            Self::Unusable(_, problem, _) | Self::UnusableSecret(problem, _) => matches!(
                problem,
                IssuerProblem::NoCertificate
                    | IssuerProblem::Damaged
                    | IssuerProblem::AboveDamaged
                    | IssuerProblem::Unreadable
                    | IssuerProblem::Key(_)
                    | IssuerProblem::NoRoot(_)
                    | IssuerProblem::OtherKey
            ),
        }
    }
}

impl fmt::Display for IssuerFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfigured(path) => {
                write!(formatter, "not among the issuers of {}", path.display())
            }
            Self::Unreadable(path, cause) => formatter.write_str(&wording::unreadable(path, cause)),
            Self::Unusable(path, problem, found) => {
                write!(formatter, "{}: {problem} ({found})", path.display())
            }
            Self::NoSecret(cause) => formatter.write_str(cause),
            Self::UnusableSecret(problem, found) => {
                write!(formatter, "its Secret: {problem} ({found})")
            }
        }
    }
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
    let (issuers, failed) = load_issuers(DEFAULT_ISSUER, named, |name| {
        let pair = config.issuers.get(name);
        let pair = pair.ok_or_else(|| IssuerFault::NotConfigured(file.to_owned()))?;
        let pair = IssuerFiles {
            cert: folder.join(&pair.cert),
            key: folder.join(&pair.key),
        };
        load_issuer(files, &pair, now)
    });
    let site = Arc::new(Site {
        name: config.name,
        endpoints: config.endpoints,
        is_edge: false,
        default_issuer: DEFAULT_ISSUER.to_owned(),
        issuers,
    });
    Ok(Loaded {
        site,
        url: config.url,
        failed,
        kept_since: BTreeMap::new(),
        remarks: Vec::new(),
    })
}

fn load_namespace(
    files: &impl Files,
    folder: &Path,
    advertise_host: Option<&Host>,
    named: &[String],
    now: DateTime<Utc>,
) -> Result<Loaded, SiteProblem> {
    let namespace =
        skupper_namespace::read(files, folder, advertise_host).map_err(SiteProblem::Namespace)?;
    let default = skupper_namespace::DEFAULT_ISSUER;
    let (issuers, failed) = load_issuers(default, named, |name| {
        let pair = skupper_namespace::issuer_files(folder, name);
        load_issuer(files, &pair, now)
    });
    let site = Arc::new(Site {
        name: namespace.name,
        endpoints: namespace.endpoints,
        is_edge: namespace.is_edge,
        default_issuer: default.to_owned(),
        issuers,
    });
    Ok(Loaded {
        site,
        url: None,
        failed,
        kept_since: BTreeMap::new(),
        remarks: namespace.remarks,
    })
}

pub(super) type Issuers = BTreeMap<String, Arc<Issuer>>;
pub(super) type Faults = BTreeMap<String, Arc<IssuerFault>>;

/// Loads the default issuer and the named ones, and no other CA in reach.
pub(super) fn load_issuers(
    default: &str,
    named: &[String],
    load: impl Fn(&str) -> Result<Issuer, IssuerFault>,
) -> (Issuers, Faults) {
    let (mut issuers, mut faults) = (Issuers::new(), Faults::new());
    for name in named.iter().map(String::as_str).chain([default]) {
        if issuers.contains_key(name) || faults.contains_key(name) {
            continue;
        }
        match load(name) {
            Ok(issuer) => drop(issuers.insert(name.to_owned(), Arc::new(issuer))),
            Err(fault) => drop(faults.insert(name.to_owned(), Arc::new(fault))),
        }
    }
    (issuers, faults)
}

fn load_issuer(
    files: &impl Files,
    pair: &IssuerFiles,
    now: DateTime<Utc>,
) -> Result<Issuer, IssuerFault> {
    let read = |path: &Path| {
        let content = files.read(path);
        content.map_err(|cause| IssuerFault::Unreadable(path.to_owned(), cause))
    };
    let (cert, key) = (read(&pair.cert)?, read(&pair.key)?);
    // cert-manager writes what is above an intermediate CA beside it.
    let above = pair.cert.with_file_name("ca.crt");
    let above = match read(&above) {
        Err(IssuerFault::Unreadable(_, cause)) if cause.kind() == io::ErrorKind::NotFound => {
            Ok(Zeroizing::default())
        }
        above => above,
    };
    let above_pem = above.as_ref().map_or(&[][..], |above| above.as_slice());
    match (Issuer::load_below(&cert, &key, above_pem, now), above) {
        (Ok(issuer), _) => Ok(issuer),
        (Err(IssuerProblem::NoRoot(_)), Err(unreadable)) => Err(unreadable),
        (Err(problem), _) => Err(IssuerFault::Unusable(
            pair.cert.clone(),
            problem,
            found(&cert, &key),
        )),
    }
}
