//! An sslProfile: three files of a folder, read at the start and when the router is told, never otherwise.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::verify::Anchors;

/// The files of a profile.
pub const FILES: [&str; 3] = [CA, CERTIFICATE, KEY];

/// The answer of a router that was told of a revision.
#[derive(Debug)]
pub enum Update {
    /// The files were read; new handshakes use them.
    Taken,
    /// The files were of no use: the old ones stay, and so do all connections. The ordinal is shown all the same.
    Refused(ProfileProblem),
    /// The ordinal is not above the one that is shown. Nothing was read.
    Ignored,
}

/// Numbers of a profile as management shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The last revision that was offered, taken or refused.
    pub ordinal: u64,
    /// The oldest revision whose connections may stay, as it was offered with it.
    pub oldest_valid_ordinal: u64,
}

/// The management of a router, as far as certificates go.
pub trait Router {
    /// Tells the router of a revision. With a higher ordinal than it shows, it reads its files, all or nothing.
    fn update(&self, ordinal: u64, oldest_valid_ordinal: u64) -> Update;

    /// Shows the numbers of the last revision that was offered.
    fn read(&self) -> Shown;
}

/// A reason to keep the old files.
#[derive(Debug, Error)]
pub enum ProfileProblem {
    /// A file is missing, or may not be read.
    #[error("'{0}' cannot be read: {1}; write all three files before the router is told")]
    Unreadable(&'static str, io::Error),
    /// A file that holds no PEM, or is cut off.
    #[error("'{0}' is cut off, or holds something else; write the whole file")]
    Malformed(&'static str),
    /// Key and certificate do not fit.
    #[error("the key in 'tls.key' is not that of the certificate in 'tls.crt'; write both")]
    OtherKey,
    /// The revision would close its own connections.
    #[error("'oldestValidOrdinal' must be at most 'ordinal'")]
    OldestAboveOrdinal,
}

/// The content of the three files, which belong together.
pub(crate) struct Credentials {
    pub(crate) anchors: Arc<Anchors>,
    pub(crate) key: CertifiedKey,
}

/// A folder, and the revision that was read from it.
pub(crate) struct Profile {
    folder: PathBuf,
    shown: Shown,
    /// The revision in use. A refused one is shown, but never used.
    pub(crate) used: Shown,
}

impl Profile {
    pub(crate) fn open(folder: &Path, ordinal: u64) -> Result<(Self, Credentials), ProfileProblem> {
        let used = Shown {
            ordinal,
            oldest_valid_ordinal: 0,
        };
        let profile = Self {
            folder: folder.to_owned(),
            shown: used,
            used,
        };
        Ok((profile, Credentials::load(folder)?))
    }

    pub(crate) fn shown(&self) -> Shown {
        self.shown
    }

    /// Takes a revision to use, or says why it does not. `install` is called with what was read.
    pub(crate) fn update(&mut self, offered: Shown, install: impl FnOnce(Credentials)) -> Update {
        if offered.ordinal <= self.shown.ordinal {
            return Update::Ignored;
        }
        self.shown = offered;
        if offered.oldest_valid_ordinal > offered.ordinal {
            return Update::Refused(ProfileProblem::OldestAboveOrdinal);
        }
        match Credentials::load(&self.folder) {
            Ok(credentials) => {
                self.used = offered;
                install(credentials);
                Update::Taken
            }
            Err(problem) => Update::Refused(problem),
        }
    }
}

impl Credentials {
    fn load(folder: &Path) -> Result<Self, ProfileProblem> {
        let anchors = Anchors::read(&certificates(folder, CA)?);
        let anchors = Arc::new(anchors.ok_or(ProfileProblem::Malformed(CA))?);
        let chain = certificates(folder, CERTIFICATE)?;
        let key = PrivateKeyDer::from_pem_slice(&content(folder, KEY)?);
        let key = key.map_err(|_| ProfileProblem::Malformed(KEY))?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
        let key = key.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => ProfileProblem::OtherKey,
            rustls::Error::InvalidCertificate(_) => ProfileProblem::Malformed(CERTIFICATE),
            _ => ProfileProblem::Malformed(KEY),
        })?;
        Ok(Self { anchors, key })
    }
}

fn certificates(
    folder: &Path,
    file: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ProfileProblem> {
    let pem = content(folder, file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.ok().filter(|found| !found.is_empty());
    certificates.ok_or(ProfileProblem::Malformed(file))
}

fn content(folder: &Path, file: &'static str) -> Result<Vec<u8>, ProfileProblem> {
    fs::read(folder.join(file)).map_err(|error| ProfileProblem::Unreadable(file, error))
}

const CA: &str = "ca.crt";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
