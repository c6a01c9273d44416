//! The times of renewals. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::redeemer::credential::Credential;

/// Time from which a certificate is to be renewed: half of its life.
pub(super) fn due(credential: &Credential) -> DateTime<Utc> {
    let begin = begin(credential.not_before, credential.not_after);
    begin + (credential.not_after - begin) / 2
}

/// Time at which a certificate was made, as far as it tells: our servers begin its validity an hour
/// before.
fn begin(not_before: DateTime<Utc>, not_after: DateTime<Utc>) -> DateTime<Utc> {
    let begin = not_before + BACKDATED;
    if begin < not_after { begin } else { not_before }
}

/// See `pki::issuer`.
const BACKDATED: TimeDelta = TimeDelta::hours(1);
