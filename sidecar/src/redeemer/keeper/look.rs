//! A link as far as its Secret and the clock tell: there is no state elsewhere.

use chrono::{DateTime, Utc};
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use super::KeepProblem;
use super::kept::Kept;
use super::schedule::{self, Times};
use crate::redeemer::credential::{Credential, Validity};
use crate::redeemer::origin::{Stored, grant_uid};
use crate::redeemer::renewal_server::RenewalServer;
use crate::redemption::{LinkId, Serial};
use crate::wire::objects::{Annotation, Metadata, TlsSecret};

/// The name of a link and of its Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkName {
    /// The Skupper namespace, or that of the cluster; none in a folder of its own.
    pub namespace: Option<String>,
    /// The name of the Secret.
    pub name: String,
}

/// A link that was looked at.
#[derive(Debug)]
pub struct Seen {
    /// Its name.
    pub name: LinkName,
    /// Its certificate, where that can be read.
    pub certificate: Option<SeenCertificate>,
    /// The care that is taken of it, or the reason there is none.
    pub care: Result<Care, KeepProblem>,
}

/// A certificate whose key is beside it.
#[derive(Clone, Debug)]
pub struct SeenCertificate {
    /// Its serial number.
    pub serial: Option<Serial>,
    /// Its common name.
    pub subject: Option<String>,
    /// Its times.
    pub times: Times,
    /// The end, where it or its CA has ended.
    pub ended: Option<DateTime<Utc>>,
}

/// Facts about a link that is kept.
#[derive(Clone, Debug)]
pub struct Care {
    /// Host and port of the server that renews it.
    pub server: String,
    /// Knowledge that others have of its certificate.
    pub telling: Noted,
}

/// Knowledge that others have of a certificate, as its Secret notes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It came with the link.
    First,
    /// The router was not told.
    Untold,
    /// It was, and the granting site has not heard of that.
    Unreported,
    /// Both know.
    All,
    /// No router reads the place.
    NoRouter,
}

impl SeenCertificate {
    /// The id of the link.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        self.serial.map(|serial| serial.link())
    }
}

impl Seen {
    /// A link that cannot be read.
    pub(super) fn broken(name: LinkName, problem: KeepProblem) -> Self {
        Self {
            name,
            certificate: None,
            care: Err(problem),
        }
    }

    /// A Secret whose certificate was judged.
    pub(super) fn of(name: LinkName, secret: &Stored<TlsSecret>, credential: &Credential) -> Self {
        let certificate = SeenCertificate {
            serial: credential.serial,
            subject: credential.subject.clone(),
            times: schedule::times(credential),
            ended: match credential.validity {
                Validity::Ended(end) => Some(end),
                Validity::Valid | Validity::NotYet(_) => None,
            },
        };
        let care = server(&secret.metadata, &name.name).map(|server| Care {
            server: server.authority().unwrap_or_default(),
            telling: noted(&secret.metadata, credential),
        });
        Self {
            name,
            certificate: Some(certificate),
            care,
        }
    }
}

impl Kept {
    /// Knowledge that others have of the certificate in place.
    pub(super) fn noted(&self) -> Noted {
        noted(&self.secret.metadata, &self.credential)
    }
}

/// The server that renews a link.
pub(super) fn server(metadata: &Metadata, name: &str) -> Result<RenewalServer, KeepProblem> {
    let server = RenewalServer::of_annotations(metadata);
    let server = server.map_err(|problem| KeepProblem::Annotations {
        name: name.to_owned(),
        problem,
    })?;
    server.ok_or_else(|| KeepProblem::NotKept(name.to_owned()))
}

/// The certificate of a redemption came into use with its link. One that a renewal put in place, or may have, is
/// noted when its router was told.
fn noted(metadata: &Metadata, credential: &Credential) -> Noted {
    let uid = metadata
        .annotation(Annotation::RedeemedFrom)
        .and_then(|url| RedemptionUrl::parse(url).ok())
        .and_then(|url| grant_uid(&url));
    let serial = credential.serial.map(|serial| serial.to_string());
    let names = |annotation| {
        let noted = metadata.annotation(annotation);
        noted.is_some() && noted == serial.as_deref()
    };
    if uid.is_some_and(|uid| credential.is_redemption_of(&uid)) {
        Noted::First
    } else if !names(Annotation::Told) {
        Noted::Untold
    } else if !names(Annotation::Reported) {
        Noted::Unreported
    } else {
        Noted::All
    }
}
