//! The lines of redemptions.

use std::net::IpAddr;

use skupper_access_policy::printable::printable;

use crate::redemption::{Grant, GrantUid, KeyOrigin, Redemption};
use crate::telemetry::metrics::Outcome;

/// Logs how a redemption ended whose code was right. Text of the client cannot break out of its field.
pub fn redemption(grant: &Grant, outcome: Outcome, redemption: Option<&Redemption>, peer: IpAddr) {
    let subject = redemption.map(|redemption| redemption.subject.as_str());
    let subject = subject.filter(|subject| !subject.is_empty());
    tracing::info!(
        grant = %grant.uid,
        name = printable(&grant.name).to_string(),
        namespace = grant.namespace.as_deref(),
        outcome = outcome.as_str(),
        subject = subject.map(|subject| printable(subject).to_string()),
        serial = redemption.map(|redemption| tracing::field::display(redemption.serial)),
        peer = %peer,
        "redemption"
    );
}

/// Logs that the answer of a counted redemption did not arrive. A redeemer with a key of its own
/// asks again and gets it; a key that the service made is gone.
pub fn lost_answer(grant: &GrantUid, name: &str, redemption: &Redemption) {
    let name = printable(name).to_string();
    let subject = printable(&redemption.subject).to_string();
    let serial = redemption.serial;
    let key_origin = redemption.origin;
    match key_origin {
        KeyOrigin::Service => tracing::error!(
            %grant, name, subject, %serial, ?key_origin,
            "a redemption is counted, and its answer did not arrive"
        ),
        KeyOrigin::Redeemer => tracing::info!(
            %grant, name, subject, %serial, ?key_origin,
            "a redemption is counted, and its answer did not arrive: with the same key it can be \
             had again and is not counted again"
        ),
    }
}
