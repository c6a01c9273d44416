//! The statements of a ledger, each on a connection and inside whatever transaction it has.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use sha2::{Digest, Sha256};

use super::fault::damaged;
use crate::ledger::Entry;
use crate::redemption::{
    CodeDigest, Decision, Grant, GrantState, GrantUid, KeyDigest, KeyOrigin, Redemption, Refusal,
    Serial, decide,
};

macro_rules! grant_columns {
    () => {
        "uid, name, code_digest, redemptions_allowed, redemptions, created, expiration_time, \
         revoked, issuer, sum"
    };
}

macro_rules! redemption_columns {
    () => {
        "key, origin, subject, serial, at, certificate_end"
    };
}

/// The column at which those of a redemption begin behind those of its grant.
const REDEMPTION: usize = 10;

/// How many rows one call of [`prune`] deletes.
const PRUNED_AT_ONCE: i64 = 500;

/// A grant and the redemption of a key, read at one moment.
pub(super) fn look(
    connection: &Connection,
    uid: &GrantUid,
    key: Option<&KeyDigest>,
) -> rusqlite::Result<Option<Entry>> {
    const LOOK: &str = concat!(
        "SELECT ",
        grant_columns!(),
        ", ",
        redemption_columns!(),
        " FROM grants LEFT JOIN redemptions ON grant_uid = uid AND key = :key WHERE uid = :uid"
    );
    connection
        .prepare_cached(LOOK)?
        .query_row(
            named_params! { ":uid": uid.as_bytes(), ":key": key.map(KeyDigest::as_bytes) },
            |row| {
                let counted: Option<[u8; 32]> = row.get(REDEMPTION)?;
                Ok(Entry {
                    grant: read_grant(row)?,
                    redemption: counted
                        .map(|_| read_redemption(row, REDEMPTION))
                        .transpose()?,
                })
            },
        )
        .optional()
}

/// A redemption that is counted once the transaction is committed.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) uid: GrantUid,
    pub(super) name: String,
    pub(super) redemption: Redemption,
}

/// Decides about a candidate and writes what was decided.
pub(super) fn count(
    connection: &Connection,
    uid: &GrantUid,
    candidate: Redemption,
    now: DateTime<Utc>,
) -> rusqlite::Result<(Result<Decision, Refusal>, Option<Counted>)> {
    let Some(entry) = look(connection, uid, Some(&candidate.key))? else {
        return Ok((Err(Refusal::UnknownGrant), None));
    };
    let mut grant = entry.grant;
    let decision = decide(&grant, entry.redemption.as_ref(), &candidate.subject, now);
    if decision != Ok(Decision::Count) {
        return Ok((decision, None));
    }
    insert_redemption(connection, uid, &candidate)?;
    grant.redemptions += 1;
    connection
        .prepare_cached(
            "UPDATE grants SET redemptions = :redemptions, sum = :sum WHERE uid = :uid",
        )?
        .execute(named_params! {
            ":redemptions": grant.redemptions,
            ":sum": sum(&grant),
            ":uid": uid.as_bytes(),
        })?;
    let counted = Counted {
        uid: *uid,
        name: grant.name,
        redemption: candidate,
    };
    Ok((decision, Some(counted)))
}

/// Adds a grant unless its name means a grant that has not ended.
pub(super) fn create(
    connection: &Connection,
    grant: &Grant,
    now: DateTime<Utc>,
) -> rusqlite::Result<Result<(), Box<Grant>>> {
    const INSERT: &str = concat!(
        "INSERT INTO grants (",
        grant_columns!(),
        ") VALUES (:uid, :name, :code_digest, :redemptions_allowed, :redemptions, :created, \
         :expiration_time, :revoked, :issuer, :sum)"
    );
    if let Some(holder) = not_ended(connection, &grant.name, now)? {
        return Ok(Err(Box::new(holder)));
    }
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":uid": grant.uid.as_bytes(),
        ":name": grant.name,
        ":code_digest": grant.code.as_bytes(),
        ":redemptions_allowed": grant.redemptions_allowed,
        ":redemptions": grant.redemptions,
        ":created": grant.created.timestamp_micros(),
        ":expiration_time": grant.expiration_time.timestamp_micros(),
        ":revoked": grant.revoked.map(|at| at.timestamp_micros()),
        ":issuer": grant.issuer,
        ":sum": sum(grant),
    })?;
    Ok(Ok(()))
}

/// Every grant, by name, the newest of a name first.
pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<Grant>> {
    const LIST: &str = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants ORDER BY name, created DESC, uid DESC"
    );
    connection
        .prepare_cached(LIST)?
        .query_map([], read_grant)?
        .collect()
}

/// The grants of a name, the newest first, each with its redemptions by time.
pub(super) fn show(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Vec<(Grant, Vec<Redemption>)>> {
    of_name(connection, name)?
        .into_iter()
        .map(|grant| {
            let redemptions = redemptions(connection, &grant.uid)?;
            Ok((grant, redemptions))
        })
        .collect()
}

/// Ends the grant of a name that has not ended.
pub(super) fn revoke(
    connection: &Connection,
    name: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<(Grant, Vec<Redemption>)>> {
    let Some(mut grant) = not_ended(connection, name, now)? else {
        return Ok(None);
    };
    grant.revoked = Some(whole_microseconds(now)?);
    connection
        .prepare_cached("UPDATE grants SET revoked = :revoked, sum = :sum WHERE uid = :uid")?
        .execute(named_params! {
            ":revoked": now.timestamp_micros(),
            ":sum": sum(&grant),
            ":uid": grant.uid.as_bytes(),
        })?;
    let redemptions = redemptions(connection, &grant.uid)?;
    Ok(Some((grant, redemptions)))
}

/// How many grants are in each state, by [`GrantState::ALL`].
pub(super) fn tally(
    connection: &Connection,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<(GrantState, u64)>> {
    let number = |sql: &str| -> rusqlite::Result<u64> {
        let mut statement = connection.prepare_cached(sql)?;
        let count: i64 = if statement.parameter_count() == 0 {
            statement.query_row([], |row| row.get(0))?
        } else {
            statement.query_row([now.timestamp_micros()], |row| row.get(0))?
        };
        Ok(u64::try_from(count).unwrap_or(0))
    };
    let revoked = number("SELECT count(*) FROM grants WHERE revoked IS NOT NULL")?;
    let expired =
        number("SELECT count(*) FROM grants WHERE revoked IS NULL AND expiration_time < ?1")?;
    let unexpired =
        number("SELECT count(*) FROM grants WHERE revoked IS NULL AND expiration_time >= ?1")?;
    let spent = number(
        "SELECT count(*) FROM grants WHERE redemptions >= redemptions_allowed AND revoked IS NULL \
         AND expiration_time >= ?1",
    )?;
    Ok(GrantState::ALL
        .into_iter()
        .map(|state| {
            let count = match state {
                GrantState::Live => unexpired.saturating_sub(spent),
                GrantState::Spent => spent,
                GrantState::Expired => expired,
                GrantState::Revoked => revoked,
            };
            (state, count)
        })
        .collect())
}

/// Deletes grants that ended before a time, with their redemptions, a bounded number of rows at a
/// call. Says how many grants it deleted, and whether there may be more.
pub(super) fn prune(
    connection: &Connection,
    before: DateTime<Utc>,
) -> rusqlite::Result<(usize, bool)> {
    let ended: Vec<Vec<u8>> = connection
        .prepare_cached(
            "SELECT uid FROM grants WHERE revoked IS NULL AND expiration_time < :before \
             UNION ALL SELECT uid FROM grants WHERE revoked < :before LIMIT :limit",
        )?
        .query_map(
            named_params! { ":before": before.timestamp_micros(), ":limit": PRUNED_AT_ONCE },
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let more = i64::try_from(ended.len()) == Ok(PRUNED_AT_ONCE);
    let mut rows = PRUNED_AT_ONCE;
    let mut grants = 0;
    for uid in &ended {
        let redemptions = connection
            .prepare_cached(
                "DELETE FROM redemptions WHERE grant_uid = ?1 AND key IN \
                 (SELECT key FROM redemptions WHERE grant_uid = ?1 LIMIT ?2)",
            )?
            .execute((uid, rows))?;
        rows -= i64::try_from(redemptions).unwrap_or(rows);
        if rows == 0 {
            return Ok((grants, true));
        }
        rows -= 1;
        grants += connection
            .prepare_cached("DELETE FROM grants WHERE uid = ?1")?
            .execute([uid])?;
    }
    Ok((grants, more))
}

/// Keeps a value under a key.
pub(super) fn keep(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        )?
        .execute((key, value))?;
    Ok(())
}

/// The value under a key.
pub(super) fn kept(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

fn not_ended(
    connection: &Connection,
    name: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<Grant>> {
    let grants = of_name(connection, name)?;
    Ok(grants
        .into_iter()
        .find(|grant| !grant.state(now).is_ended()))
}

fn of_name(connection: &Connection, name: &str) -> rusqlite::Result<Vec<Grant>> {
    const OF_NAME: &str = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants WHERE name = ?1 ORDER BY created DESC, uid DESC"
    );
    connection
        .prepare_cached(OF_NAME)?
        .query_map([name], read_grant)?
        .collect()
}

fn redemptions(connection: &Connection, uid: &GrantUid) -> rusqlite::Result<Vec<Redemption>> {
    const REDEMPTIONS: &str = concat!(
        "SELECT ",
        redemption_columns!(),
        " FROM redemptions WHERE grant_uid = ?1 ORDER BY at, key"
    );
    connection
        .prepare_cached(REDEMPTIONS)?
        .query_map([uid.as_bytes()], |row| read_redemption(row, 0))?
        .collect()
}

fn insert_redemption(
    connection: &Connection,
    uid: &GrantUid,
    redemption: &Redemption,
) -> rusqlite::Result<()> {
    const INSERT: &str = concat!(
        "INSERT INTO redemptions (grant_uid, ",
        redemption_columns!(),
        ") VALUES (:grant_uid, :key, :origin, :subject, :serial, :at, :certificate_end)"
    );
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":grant_uid": uid.as_bytes(),
        ":key": redemption.key.as_bytes(),
        ":origin": match redemption.origin {
            KeyOrigin::Redeemer => 0,
            KeyOrigin::Service => 1,
        },
        ":subject": redemption.subject,
        ":serial": redemption.serial.as_bytes(),
        ":at": redemption.at.timestamp(),
        ":certificate_end": redemption.certificate_end.timestamp(),
    })?;
    Ok(())
}

fn read_grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    let time = |micros| {
        DateTime::from_timestamp_micros(micros).ok_or_else(|| damaged("a time is out of range"))
    };
    let grant = Grant {
        uid: GrantUid::from_bytes(row.get(0)?),
        name: row.get(1)?,
        code: CodeDigest::from_bytes(row.get(2)?),
        redemptions_allowed: row.get(3)?,
        redemptions: row.get(4)?,
        created: time(row.get(5)?)?,
        expiration_time: time(row.get(6)?)?,
        revoked: row.get::<_, Option<i64>>(7)?.map(time).transpose()?,
        issuer: row.get(8)?,
    };
    if row.get::<_, i64>(9)? != sum(&grant) {
        return Err(damaged("the sum of a grant is another one"));
    }
    Ok(grant)
}

fn read_redemption(row: &Row<'_>, first: usize) -> rusqlite::Result<Redemption> {
    let time = |seconds| {
        DateTime::from_timestamp_secs(seconds).ok_or_else(|| damaged("a time is out of range"))
    };
    Ok(Redemption {
        key: KeyDigest::from_bytes(row.get(first)?),
        origin: match row.get(first + 1)? {
            0 => KeyOrigin::Redeemer,
            1 => KeyOrigin::Service,
            _ => return Err(damaged("a key has no known origin")),
        },
        subject: row.get(first + 2)?,
        serial: Serial::from_bytes(row.get(first + 3)?),
        at: time(row.get(first + 4)?)?,
        certificate_end: time(row.get(first + 5)?)?,
    })
}

/// The first 8 bytes of SHA-256 over the stored form of a grant.
fn sum(grant: &Grant) -> i64 {
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
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_at(8);
    i64::from_be_bytes(first.try_into().unwrap_or([0; 8]))
}

fn whole_microseconds(time: DateTime<Utc>) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(time.timestamp_micros())
        .ok_or_else(|| damaged("a time is out of range"))
}
