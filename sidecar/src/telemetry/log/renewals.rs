//! The lines of renewals.

use std::net::IpAddr;

use skupper_access_policy::printable::printable;

use crate::renewal::{Issued, LinkCertificate, Refusal};
use crate::system::wording::time;
use crate::telemetry::metrics::RenewalOutcome;

/// Logs how a renewal ended whose certificate is of this site. The text of a subject cannot break out of
/// its field.
pub fn renewal(certificate: &LinkCertificate, renewed: Result<&Issued, &Refusal>, peer: IpAddr) {
    let outcome = match renewed {
        Ok(_) => RenewalOutcome::Renewed,
        Err(refusal) => RenewalOutcome::from(refusal),
    };
    let flaw = match renewed {
        Err(Refusal::NotOfSite(flaw)) => Some(flaw.to_string()),
        _ => None,
    };
    let issued = renewed.ok();
    tracing::info!(
        link = %certificate.link,
        subject = printable(&certificate.subject).to_string(),
        outcome = outcome.as_str(),
        flaw,
        serial = issued.map(|issued| tracing::field::display(issued.serial)),
        end = issued.map(|issued| time(issued.certificate_end)),
        peer = %peer,
        "renewal"
    );
}
