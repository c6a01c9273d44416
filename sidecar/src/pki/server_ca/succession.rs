//! The CA of the server, and the one that is to follow it.
//!
//! ```text
//! server-ca/ca.crt, ca.key         signs                       tokens and answers carry both, the one
//! server-ca/next/ca.crt, ca.key    signs once 'use' is there   that signs first
//! server-ca/next/use               made by the operator
//! ```
//!
//! Whoever has both trusts the server before the change and after it, so that the way back is open, too.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use skupper_access_policy::value::host::Host;

use super::{CERTIFICATE, KEY, ServerCa, ServerCaProblem, ServerLeaf};

/// The CA of a folder, with the next one where its operator made the folder `next` in it.
pub struct Succession {
    folder: PathBuf,
    current: ServerCa,
    next: Option<ServerCa>,
    stage: Stage,
}

/// Stage of a change of CAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is no other CA.
    Alone,
    /// The next one is made known.
    Announced,
    /// The next one signs.
    Used,
}

impl Succession {
    /// Opens the CA of a folder as [`ServerCa::open`], and the next one.
    ///
    /// # Errors
    /// As [`ServerCa::open`], of either.
    pub fn open(folder: &Path, now: DateTime<Utc>) -> Result<Self, ServerCaProblem> {
        let mut succession = Self {
            folder: folder.to_owned(),
            current: ServerCa::open(folder, now)?,
            next: None,
            stage: Stage::Alone,
        };
        succession.follow(now)?;
        Ok(succession)
    }

    /// The stage that the folder is in now.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let next = self.folder.join(NEXT);
        match (next.is_dir(), next.join(USE).exists()) {
            (false, _) => Stage::Alone,
            (true, false) => Stage::Announced,
            (true, true) => Stage::Used,
        }
    }

    /// A text that changes with the stage, and when files of the next CA are mended.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let written = [CERTIFICATE, KEY].map(|name| {
            let file = fs::metadata(self.folder.join(NEXT).join(name));
            file.and_then(|file| file.modified()).ok()
        });
        format!("{:?} {written:?}", self.stage())
    }

    /// Takes up the stage of the folder, and gives either CA another certificate when that is due, as
    /// [`ServerCa::extend`].
    ///
    /// # Errors
    /// One of them cannot be used; then nothing has changed.
    pub fn follow(&mut self, now: DateTime<Utc>) -> Result<(), ServerCaProblem> {
        let stage = self.stage();
        if stage == Stage::Alone {
            self.next = None;
        } else if self.next.is_none() {
            self.next = Some(ServerCa::open(&self.folder.join(NEXT), now)?);
        }
        self.stage = stage;
        self.current.extend(now)?;
        self.next.as_mut().map_or(Ok(()), |next| next.extend(now))
    }

    /// The certificates in PEM, for tokens: that of the CA that signs first.
    #[must_use]
    pub fn certificates_pem(&self) -> String {
        let (first, second) = self.both();
        let second = second.map(ServerCa::certificate_pem);
        [first.certificate_pem(), second.unwrap_or_default()].concat()
    }

    /// Makes a key and certifies it for some hosts.
    ///
    /// # Errors
    /// As [`ServerCa::issue_server_leaf`].
    pub fn issue_server_leaf(
        &self,
        hosts: &[Host],
        now: DateTime<Utc>,
    ) -> Result<ServerLeaf, ServerCaProblem> {
        self.both().0.issue_server_leaf(hosts, now)
    }

    /// The one that signs, and the other one.
    fn both(&self) -> (&ServerCa, Option<&ServerCa>) {
        match &self.next {
            Some(next) if self.stage == Stage::Used => (next, Some(&self.current)),
            next => (&self.current, next.as_ref()),
        }
    }
}

/// The folder of the next CA.
const NEXT: &str = "next";
/// The file in it that makes it sign.
const USE: &str = "use";
