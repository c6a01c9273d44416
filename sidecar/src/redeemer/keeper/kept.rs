//! A link as it is in place.

use chrono::{DateTime, Utc};

use super::schedule;
use crate::redeemer::answer::Answer;
use crate::redeemer::credential::Credential;
use crate::redeemer::origin::Stored;
use crate::redeemer::renewal_server::RenewalServer;
use crate::wire::objects::{Link, TlsSecret};

/// A link that is kept: its Secret, whose key and certificate fit, and the Links that use it. No `Debug`:
/// it holds the key.
pub(super) struct Kept {
    pub(super) secret: Stored<TlsSecret>,
    pub(super) credential: Credential,
    pub(super) server: RenewalServer,
    pub(super) links: Vec<Stored<Link>>,
}

impl Kept {
    /// The name of the Secret.
    pub(super) fn name(&self) -> &str {
        &self.secret.object.name
    }

    /// Time from which the certificate is to be renewed.
    pub(super) fn due(&self) -> DateTime<Utc> {
        schedule::due(&self.credential)
    }

    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.due() <= now
    }

    /// True where Links have other endpoints than those in place. Their order counts for nothing.
    pub(super) fn has_moved(&self, links: &[Link]) -> bool {
        let old = self.links.iter().map(|link| &link.object);
        let old: Vec<_> = old.flat_map(|link| &link.endpoints).collect();
        let new: Vec<_> = links.iter().flat_map(|link| &link.endpoints).collect();
        old.iter().any(|endpoint| !new.contains(endpoint))
            || new.iter().any(|endpoint| !old.contains(endpoint))
    }

    /// Host and port of the server that an answer names for the next renewal, where it is another one.
    pub(super) fn new_server(&self, renewed: &Answer) -> Option<String> {
        let server = renewed.renewal.as_ref()?.authority();
        server.filter(|server| Some(server) != self.server.authority().as_ref())
    }

    /// The serial number of the certificate in place, as annotations have it.
    pub(super) fn serial(&self) -> String {
        let serial = self.credential.serial;
        serial.map(|serial| serial.to_string()).unwrap_or_default()
    }
}
