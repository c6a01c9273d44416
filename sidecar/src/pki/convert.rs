//! Times and hosts as the libraries of certificates have them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls_pki_types::{InvalidDnsNameError, ServerName, UnixTime};
use skupper_access_policy::value::host::Host;
use x509_cert::time::Time;

/// Converts a time of a certificate.
pub(crate) fn date_time(time: Time) -> DateTime<Utc> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
    let time = seconds.and_then(DateTime::from_timestamp_secs);
    time.unwrap_or_default()
}

/// Converts a time for a verifier; one before 1970 becomes the beginning of 1970.
pub(crate) fn unix_time(time: DateTime<Utc>) -> UnixTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Converts a host for a verifier.
pub(crate) fn server_name(host: &Host) -> Result<ServerName<'_>, InvalidDnsNameError> {
    match host {
        Host::Name(name) => ServerName::try_from(name.as_str()),
        Host::Ip(address) => Ok(ServerName::from(*address)),
    }
}
