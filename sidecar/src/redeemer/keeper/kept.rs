//! A link as it is in place.

use chrono::{DateTime, Utc};

use super::schedule;
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use crate::redeemer::credential::Credential;
use crate::redeemer::origin::{self, Stored};
use crate::redeemer::renewal_server::RenewalServer;
use crate::wire::objects::{Annotation, Link, TlsSecret};

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

    /// True where the certificate in place is not the one of the redemption, or may not be.
    pub(super) fn is_renewed(&self) -> bool {
        let metadata = &self.secret.metadata;
        let uid = metadata
            .annotation(Annotation::RedeemedFrom)
            .and_then(|url| RedemptionUrl::parse(url).ok())
            .and_then(|url| origin::grant_uid(&url));
        !uid.is_some_and(|uid| self.credential.is_redemption_of(&uid))
    }

    /// True where the router was told of the certificate in place.
    pub(super) fn is_told(&self) -> bool {
        self.is_noted(Annotation::Told)
    }

    /// True where the granting site has heard of that.
    pub(super) fn is_reported(&self) -> bool {
        self.is_noted(Annotation::Reported)
    }

    /// The serial number of the certificate in place, as annotations have it.
    pub(super) fn serial(&self) -> String {
        let serial = self.credential.serial;
        serial.map(|serial| serial.to_string()).unwrap_or_default()
    }

    fn is_noted(&self, annotation: Annotation) -> bool {
        let noted = self.secret.metadata.annotation(annotation);
        noted.is_some_and(|noted| noted == self.serial())
    }
}
