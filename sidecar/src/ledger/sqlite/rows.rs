//! Grants and redemptions as rows.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use sha2::{Digest, Sha256};

use super::fault::damaged;
use crate::redemption::{CodeDigest, Grant, GrantUid, KeyDigest, KeyOrigin, Redemption, Serial};
use crate::renewal::AuthorityId;

macro_rules! grant_columns {
    () => {
        "uid, name, code_digest, redemptions_allowed, redemptions, created, expiration_time, \
         revoked, issuer, has_long_code, sum"
    };
}

macro_rules! redemption_columns {
    () => {
        "key, origin, subject, serial, at, certificate_end, authority"
    };
}

macro_rules! select_grants {
    ($tail:literal) => {
        concat!("SELECT ", grant_columns!(), " FROM grants ", $tail)
    };
}

pub(super) use {grant_columns, redemption_columns, select_grants};

/// The column at which those of a redemption begin behind those of its grant.
pub(super) const REDEMPTION: usize = 11;

/// The grant of a row that begins with [`grant_columns`].
pub(super) fn read_grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    let grant = Grant {
        uid: GrantUid::from_bytes(row.get(0)?),
        name: row.get(1)?,
        code: CodeDigest::from_stored(row.get(2)?, row.get(9)?),
        redemptions_allowed: row.get(3)?,
        redemptions: row.get(4)?,
        created: time(row.get(5)?)?,
        expiration_time: time(row.get(6)?)?,
        revoked: row.get::<_, Option<i64>>(7)?.map(time).transpose()?,
        issuer: row.get(8)?,
        namespace: None,
        // No shorter code is taken.
        has_short_code: false,
    };
    if row.get::<_, i64>(10)? != sum(&grant) {
        return Err(damaged("the sum of a grant is another one"));
    }
    Ok(grant)
}

/// The redemption of a row whose [`redemption_columns`] begin at a column.
pub(super) fn read_redemption(row: &Row<'_>, first: usize) -> rusqlite::Result<Redemption> {
    Ok(Redemption {
        key: KeyDigest::from_bytes(row.get(first)?),
        origin: match row.get(first + 1)? {
            0 => KeyOrigin::Redeemer,
            1 => KeyOrigin::Service,
            _ => return Err(damaged("a key has no known origin")),
        },
        subject: row.get(first + 2)?,
        serial: Serial::from_bytes(row.get(first + 3)?),
        at: second(row.get(first + 4)?)?,
        certificate_end: second(row.get(first + 5)?)?,
        authority: row
            .get::<_, Option<String>>(first + 6)?
            .map(|authority| AuthorityId::from_stored(&authority)),
    })
}

/// A stored time in microseconds.
pub(super) fn time(micros: i64) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| damaged("a time is out of range"))
}

/// A stored time in seconds.
pub(super) fn second(seconds: i64) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_secs(seconds).ok_or_else(|| damaged("a time is out of range"))
}

/// The first 8 bytes of SHA-256 over the stored form of a grant.
pub(super) fn sum(grant: &Grant) -> i64 {
    let mut hash = Sha256::new();
    hash.update(grant.uid.as_bytes());
    hash.update(grant.code.as_bytes());
    for number in [grant.redemptions_allowed, grant.redemptions] {
        hash.update(number.to_be_bytes());
    }
    for time in [
        Some(grant.created),
        Some(grant.expiration_time),
        grant.revoked,
    ] {
        hash.update([u8::from(time.is_some())]);
        hash.update(time.map_or(0, |time| time.timestamp_micros()).to_be_bytes());
    }
    for text in [Some(&grant.name), grant.issuer.as_ref()] {
        hash.update(text.map_or("", String::as_str));
        // Neither byte is part of a text.
        hash.update([if text.is_some() { 0xff } else { 0xfe }]);
    }
    if grant.code.is_long() {
        // Grants of the first schema say nothing of it.
        hash.update(b"long code");
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_at(8);
    i64::from_be_bytes(first.try_into().unwrap_or([0; 8]))
}
