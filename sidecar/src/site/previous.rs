//! The issuers that the issuers of a site have followed. One that cannot be used keeps nobody from
//! anything but the renewal of its certificates.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::files::Files;
use super::source::SecretProblem;
use crate::pki::issuer::{Issuer, IssuerProblem, PreviousIssuer};
use crate::system::wording;

/// An issuer that another one has followed.
#[derive(Clone, Debug)]
pub struct Previous {
    /// The name of the issuer that has followed it.
    pub issuer: String,
    /// The path of its certificate, or its Secret.
    pub origin: String,
    /// The issuer, where it can be used.
    pub loaded: Result<Arc<PreviousIssuer>, Arc<PreviousFault>>,
    /// Time since which it stands in for one whose files cannot be read.
    pub kept_since: Option<DateTime<Utc>>,
}

/// Reason a previous issuer is not used.
#[derive(Debug, thiserror::Error)]
pub enum PreviousFault {
    /// Its file cannot be read.
    #[error("{}", wording::unreadable(.0, .1))]
    Unreadable(PathBuf, io::Error),
    /// Its certificates are no issuer.
    #[error("{origin}: {problem}")]
    Unusable {
        /// The path of the certificate, or its Secret.
        origin: String,
        /// The first fault.
        problem: IssuerProblem,
    },
    /// Its Secret is of no use.
    #[error(transparent)]
    Secret(#[from] SecretProblem),
}

impl Previous {
    /// Reads one from a file, with the CAs above an intermediate one behind it or in `ca.crt` beside it.
    pub(super) fn of_file(
        files: &impl Files,
        issuer: &str,
        path: &Path,
        now: DateTime<Utc>,
    ) -> Self {
        Self::new(issuer, path.display().to_string(), || {
            let read = |path: &Path| {
                let content = files.read(path);
                content.map_err(|cause| PreviousFault::Unreadable(path.to_owned(), cause))
            };
            let certificate = read(path)?;
            // Damage in a file that is not needed does no harm.
            let above = read(&path.with_file_name("ca.crt")).unwrap_or_default();
            Ok(PreviousIssuer::load_below(&certificate, &above, now))
        })
    }

    /// Loads one from certificates that are fetched.
    pub(super) fn new(
        issuer: &str,
        origin: String,
        load: impl FnOnce() -> Result<Result<PreviousIssuer, IssuerProblem>, PreviousFault>,
    ) -> Self {
        let unusable = |problem| PreviousFault::Unusable {
            origin: origin.clone(),
            problem,
        };
        let loaded = load().and_then(|loaded| loaded.map_err(unusable));
        Self {
            issuer: issuer.to_owned(),
            loaded: loaded.map(Arc::new).map_err(Arc::new),
            origin,
            kept_since: None,
        }
    }

    /// True when it cannot be used and a load at this time would tell otherwise, though nothing was
    /// written.
    pub(super) fn is_mended_at(&self, now: DateTime<Utc>) -> bool {
        match self.loaded.as_ref().map_err(AsRef::as_ref) {
            Err(PreviousFault::Unusable { problem, .. }) => match problem {
                IssuerProblem::Expired { at } => now <= *at,
                IssuerProblem::NotYetValid { from } => *from <= now,
                _ => false,
            },
            _ => false,
        }
    }
}

impl PreviousFault {
    /// True for files that look so while they are being replaced.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreadable(..) => true,
            Self::Unusable { problem, .. } => problem.is_of_half_a_file(),
            Self::Secret(_) => false,
        }
    }
}

/// Makes issuers follow the ones before them, in the order of these, and no others.
pub(super) fn follow(issuers: &mut BTreeMap<String, Arc<Issuer>>, previous: &mut [Previous]) {
    for (name, issuer) in issuers {
        let mut before: Vec<_> = previous
            .iter_mut()
            .filter(|one| one.issuer == *name)
            .collect();
        if before.is_empty() {
            continue;
        }
        let mut following = issuer.alone();
        for one in &mut before {
            let Ok(loaded) = &one.loaded else { continue };
            if let Err(problem) = following.follow(loaded) {
                let origin = one.origin.clone();
                one.loaded = Err(Arc::new(PreviousFault::Unusable { origin, problem }));
            }
        }
        *issuer = Arc::new(following);
    }
}
