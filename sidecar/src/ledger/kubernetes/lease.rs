//! The Lease of a link, and of a revocation. Pure.
//!
//! | of a link | in its Lease |
//! |---|---|
//! | id | the name; the revocation of a grant with all its links has the name of the grant's uid |
//! | common name | `spec.holderIdentity` |
//! | redemption, last renewal | `spec.acquireTime`, `spec.renewTime` |
//! | life of the last certificate | `spec.leaseDurationSeconds` |
//! | number of renewals | `spec.leaseTransitions` |
//! | grant | label `redemption-sidecar/grant`, its uid; annotation `redemption-sidecar/grant-name` |
//! | last certificate | annotations `serial`, `not-after`, `authority`, `told` |
//! | latest end of any certificate | annotation `latest-end` |
//! | revocation | label `redemption-sidecar/revoked`, whatever its value; annotations `revoked-at`, its value, and `revoked-until` |
//!
//! Labels and annotations of others stay as they are.

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use crate::ledger::LinkRecord;
use crate::pki::issuer::LONGEST_LIFE;
use crate::redemption::{GrantUid, LinkId, Serial};
use crate::renewal::{AuthorityId, Issued};
use crate::system::wording::time;

/// The label of a revocation.
pub(super) const REVOKED: &str = "redemption-sidecar/revoked";

/// Notes of a link that wait to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// The last certificate that was handed out.
    pub(super) issued: Option<Issued>,
    /// Number of renewals among those that are noted at once.
    pub(super) renewals: u32,
    /// The certificate that its router was told of.
    pub(super) told: Option<Serial>,
}

/// The Lease of a link with notes of it, in place of the one that is there.
pub(super) fn noted(found: Option<Lease>, link: LinkId, notes: &Notes) -> Lease {
    let known = found.as_ref().and_then(read);
    let mut lease = found.unwrap_or_else(|| new(&link.to_string()));
    let labels = lease.metadata.labels.get_or_insert_default();
    labels.insert(MANAGED_BY.to_owned(), SIDECAR.to_owned());
    if let Some(issued) = &notes.issued {
        if let Some(grant) = issued.grant {
            labels.insert(GRANT.to_owned(), grant.to_string());
        }
        // The certificate that was shown may be of an earlier version and outlive those that follow it.
        let shown = issued.shown.map(|shown| shown.end);
        let latest = known.as_ref().and_then(|known| known.latest_end);
        let latest = issued
            .certificate_end
            .max(shown.max(latest).unwrap_or_default());
        annotate(&mut lease, LATEST_END, &time(latest));
        if let Some(name) = &issued.grant_name {
            annotate(&mut lease, GRANT_NAME, name);
        }
        let spec = lease.spec.get_or_insert_default();
        if !issued.is_renewal() && spec.acquire_time.is_none() {
            spec.acquire_time = micro_time(issued.at);
        }
        if known.as_ref().is_none_or(|known| is_newer(issued, known)) {
            spec.holder_identity = Some(issued.subject.clone());
            let life = (issued.certificate_end - issued.at).num_seconds().max(1);
            spec.lease_duration_seconds = Some(life.try_into().unwrap_or(i32::MAX));
            spec.renew_time = micro_time(issued.at);
            let before = spec.lease_transitions.unwrap_or_default();
            let renewals = i32::try_from(notes.renewals).unwrap_or(i32::MAX);
            spec.lease_transitions = Some(before.saturating_add(renewals));
            annotate(&mut lease, SERIAL, &issued.serial.to_string());
            annotate(&mut lease, NOT_AFTER, &time(issued.certificate_end));
            annotate(&mut lease, AUTHORITY, issued.authority.as_str());
        }
    }
    if let Some(told) = notes.told {
        annotate(&mut lease, TOLD, &told.to_string());
    }
    lease
}

/// True when a certificate follows the last one that is known of its link. Notes are written late and again,
/// and a redemption that is answered again is noted again.
fn is_newer(issued: &Issued, known: &LinkRecord) -> bool {
    match known.serial {
        None => true,
        Some(serial) if serial == issued.serial || !issued.is_renewal() => false,
        Some(_) => known.last.is_none_or(|last| last <= issued.at),
    }
}

/// The Lease of a link, or of a grant, that is taken back, in place of the one that is there. It is of use
/// until a time.
pub(super) fn revoked(
    found: Option<Lease>,
    name: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Lease {
    let mut lease = found.unwrap_or_else(|| new(name));
    let labels = lease.metadata.labels.get_or_insert_default();
    labels.insert(MANAGED_BY.to_owned(), SIDECAR.to_owned());
    // A label holds no colons.
    labels.insert(REVOKED.to_owned(), now.timestamp().to_string());
    annotate(&mut lease, REVOKED_AT, &now.timestamp().to_string());
    annotate(&mut lease, REVOKED_UNTIL, &time(until));
    lease
}

/// The Lease that is renewed so that the watch of revocations is heard. It revokes nothing, because its
/// name is that of no link.
/// It tells how long certificates of renewals live at most.
pub(super) fn heartbeat(found: Option<Lease>, longest: TimeDelta, now: DateTime<Utc>) -> Lease {
    let longest = found.as_ref().and_then(life).max(Some(longest));
    let mut lease = found.unwrap_or_else(|| new(HEARTBEAT));
    let labels = lease.metadata.labels.get_or_insert_default();
    labels.insert(REVOKED.to_owned(), "none".to_owned());
    let spec = lease.spec.get_or_insert_default();
    spec.renew_time = micro_time(now);
    let longest = longest.map_or(0, |longest| longest.num_seconds());
    // The API server takes no 0.
    spec.lease_duration_seconds = (longest > 0).then(|| longest.try_into().unwrap_or(i32::MAX));
    lease
}

/// The name of that Lease.
pub(super) const HEARTBEAT: &str = "redemption-sidecar";

/// The link of a Lease. `None` for a Lease of something else.
pub(super) fn read(lease: &Lease) -> Option<LinkRecord> {
    let link = LinkId::parse(lease.metadata.name.as_deref()?)?;
    let spec = lease.spec.clone().unwrap_or_default();
    let at = |annotation| DateTime::parse_from_rfc3339(annotation_of(lease, annotation)?).ok();
    let end = at(NOT_AFTER).map(|end| end.to_utc());
    let serial = |annotation| Serial::parse(annotation_of(lease, annotation)?);
    Some(LinkRecord {
        link,
        grant: label_of(lease, GRANT).and_then(GrantUid::parse),
        grant_name: annotation_of(lease, GRANT_NAME).map(str::to_owned),
        subject: spec.holder_identity,
        serial: serial(SERIAL),
        authority: annotation_of(lease, AUTHORITY).map(AuthorityId::from_stored),
        first: spec.acquire_time.and_then(|at| date_time(at.0)),
        last: spec.renew_time.and_then(|at| date_time(at.0)),
        certificate_end: end,
        latest_end: at(LATEST_END).map(|end| end.to_utc()).or(end),
        renewals: spec
            .lease_transitions
            .and_then(|renewals| renewals.try_into().ok())
            .unwrap_or_default(),
        told: serial(TOLD),
        revoked: revocation(lease),
    })
}

/// Time at which a Lease became a revocation. Of one that was labelled by hand it is not known: that of the
/// Lease stands for it.
pub(super) fn revocation(lease: &Lease) -> Option<DateTime<Utc>> {
    let value = label_of(lease, REVOKED)?;
    let noted = value.parse().ok().and_then(DateTime::from_timestamp_secs);
    let made = lease.metadata.creation_timestamp.as_ref();
    let made = made.and_then(|made| date_time(made.0));
    Some(noted.or(made).unwrap_or_default())
}

/// Time from which nobody needs a Lease any more: the end of every certificate of its link, or that of its
/// revocation. Of a revocation by hand it is not known how long it is needed: as long as any certificate
/// can live.
pub(super) fn needed_until(lease: &Lease) -> Option<DateTime<Utc>> {
    let made = lease.metadata.creation_timestamp.as_ref();
    let made = made.and_then(|made| date_time(made.0))?;
    let latest = read(lease).and_then(|record| record.latest_end);
    let Some(label) = label_of(lease, REVOKED) else {
        return Some(latest.unwrap_or(made));
    };
    // The annotations of an earlier revocation may be there still.
    let is_own = annotation_of(lease, REVOKED_AT) == Some(label);
    let until = annotation_of(lease, REVOKED_UNTIL).filter(|_| is_own);
    let until = until.and_then(|until| {
        let until = DateTime::parse_from_rfc3339(until).ok()?;
        Some(until.to_utc())
    });
    let until = until.unwrap_or(made.max(latest.unwrap_or(made)) + LONGEST_LIFE);
    Some(latest.map_or(until, |latest| latest.max(until)))
}

/// The version of a Lease, by which those of all Leases are in order.
pub(super) fn version(lease: &Lease) -> Option<u64> {
    lease.metadata.resource_version.as_ref()?.parse().ok()
}

/// The life of the last certificate of a link; the longest life of those of renewals in the heartbeat.
pub(super) fn life(lease: &Lease) -> Option<TimeDelta> {
    let seconds = lease.spec.as_ref()?.lease_duration_seconds?;
    Some(TimeDelta::seconds(seconds.into()))
}

fn new(name: &str) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec::default()),
    }
}

fn annotate(lease: &mut Lease, name: &str, value: &str) {
    let annotations = lease.metadata.annotations.get_or_insert_default();
    annotations.insert(name.to_owned(), value.to_owned());
}

fn annotation_of<'a>(lease: &'a Lease, name: &str) -> Option<&'a str> {
    let annotations = lease.metadata.annotations.as_ref()?;
    annotations.get(name).map(String::as_str)
}

fn label_of<'a>(lease: &'a Lease, name: &str) -> Option<&'a str> {
    let labels = lease.metadata.labels.as_ref()?;
    labels.get(name).map(String::as_str)
}

fn micro_time(at: DateTime<Utc>) -> Option<MicroTime> {
    Timestamp::from_second(at.timestamp()).ok().map(MicroTime)
}

fn date_time(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_secs(at.as_second())
}

/// Source: Kubernetes, Recommended Labels.
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const SIDECAR: &str = "redemption-sidecar";

/// The label with the uid of the grant.
const GRANT: &str = "redemption-sidecar/grant";

const GRANT_NAME: &str = "redemption-sidecar/grant-name";
const SERIAL: &str = "redemption-sidecar/serial";
const NOT_AFTER: &str = "redemption-sidecar/not-after";
const LATEST_END: &str = "redemption-sidecar/latest-end";
const AUTHORITY: &str = "redemption-sidecar/authority";
const TOLD: &str = "redemption-sidecar/told";
const REVOKED_AT: &str = "redemption-sidecar/revoked-at";
const REVOKED_UNTIL: &str = "redemption-sidecar/revoked-until";

#[cfg(test)]
mod tests;
