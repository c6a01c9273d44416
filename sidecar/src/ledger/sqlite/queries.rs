//! The statements of a ledger, each on a connection and inside whatever transaction it has.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::fault::damaged;
use super::links;
use super::rows::{
    REDEMPTION, grant_columns, read_grant, read_redemption, redemption_columns, select_grants, sum,
    time,
};
use crate::ledger::{Entry, GrantRecord};
use crate::redemption::{
    Decision, Grant, GrantState, GrantUid, KeyDigest, KeyOrigin, Redemption, Refusal, decide,
};
use crate::renewal::AuthorityId;

/// The key in `meta` of the number of the newest change.
const CHANGES: &str = "changes";

/// The keys of the table `meta` for the service time and for when it was added to.
const SERVICE_TIME: &str = "service_time";
const SERVED_UNTIL: &str = "served_until";

/// Most rows that one call of [`prune`] deletes.
pub(super) const PRUNED_AT_ONCE: i64 = 500;

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

/// The newest grant of a name whose code is long; one that was not revoked goes before others.
pub(super) fn look_by_name(connection: &Connection, name: &str) -> rusqlite::Result<Option<Grant>> {
    const LOOK: &str = select_grants!(
        "WHERE name = ?1 AND has_long_code ORDER BY revoked IS NOT NULL, created DESC, uid DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(LOOK)?;
    statement.query_row([name], read_grant).optional()
}

/// Effect of statements, once their transaction is committed.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Nothing that must not be lost.
    Nothing,
    /// A grant was made or ended.
    Changed,
    /// A redemption was counted.
    Counted(Counted),
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
) -> rusqlite::Result<(Result<Decision, Refusal>, Effect)> {
    let Some(entry) = look(connection, uid, Some(&candidate.key))? else {
        return Ok((Err(Refusal::UnknownGrant), Effect::Nothing));
    };
    let mut grant = entry.grant;
    let decision = decide(&grant, entry.redemption.as_ref(), &candidate.subject, now);
    if decision != Ok(Decision::Count) {
        return Ok((decision, Effect::Nothing));
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
    read_back(connection, &grant, Some(&candidate.key))?;
    let counted = Counted {
        uid: *uid,
        name: grant.name,
        redemption: candidate,
    };
    Ok((decision, Effect::Counted(counted)))
}

/// Adds a grant unless its name means a grant that has not ended.
pub(super) fn insert(
    connection: &Connection,
    grant: &Grant,
    now: DateTime<Utc>,
) -> rusqlite::Result<(Result<(), Box<Grant>>, Effect)> {
    const INSERT: &str = concat!(
        "INSERT INTO grants (",
        grant_columns!(),
        ", service_end) VALUES (:uid, :name, :code_digest, :redemptions_allowed, :redemptions, \
         :created, :expiration_time, :revoked, :issuer, :has_long_code, :sum, :service_end)"
    );
    if let Some(holder) = not_ended(connection, &grant.name, now)?.next() {
        return Ok((Err(Box::new(holder)), Effect::Nothing));
    }
    let life = (grant.expiration_time - grant.created).max(TimeDelta::zero());
    let service_end = service_time(connection)?.saturating_add(micros(life));
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":service_end": service_end,
        ":uid": grant.uid.as_bytes(),
        ":name": grant.name,
        ":code_digest": grant.code.as_bytes(),
        ":redemptions_allowed": grant.redemptions_allowed,
        ":redemptions": grant.redemptions,
        ":created": grant.created.timestamp_micros(),
        ":expiration_time": grant.expiration_time.timestamp_micros(),
        ":revoked": grant.revoked.map(|at| at.timestamp_micros()),
        ":issuer": grant.issuer,
        ":has_long_code": grant.code.is_long(),
        ":sum": sum(grant),
    })?;
    Ok((Ok(()), Effect::Changed))
}

/// Every grant, by name, the newest of a name first, without its redemptions.
pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<GrantRecord>> {
    const LIST: &str = select_grants!("ORDER BY name, created DESC, uid DESC");
    connection
        .prepare_cached(LIST)?
        .query_map([], |row| Ok(GrantRecord::new(read_grant(row)?, Vec::new())))?
        .collect()
}

/// The grants of a name, the newest first, each with its redemptions by time.
pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Vec<GrantRecord>> {
    let grants = of_name(connection, name)?.into_iter();
    grants.map(|grant| record(connection, grant)).collect()
}

/// Ends every grant of a name that has not ended: there is one, or more after the clock was set
/// back.
pub(super) fn revoke(
    connection: &Connection,
    name: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<(Vec<GrantRecord>, Effect)> {
    let revoked = time(now.timestamp_micros())?;
    let service_time = service_time(connection)?;
    let grants: Vec<_> = not_ended(connection, name, now)?
        .map(|mut grant| {
            grant.revoked = Some(revoked);
            connection
                .prepare_cached(
                    "UPDATE grants SET revoked = :revoked, sum = :sum, \
                     service_end = min(service_end, :service_time) WHERE uid = :uid",
                )?
                .execute(named_params! {
                    ":service_time": service_time,
                    ":revoked": now.timestamp_micros(),
                    ":sum": sum(&grant),
                    ":uid": grant.uid.as_bytes(),
                })?;
            read_back(connection, &grant, None)?;
            record(connection, grant)
        })
        .collect::<rusqlite::Result<_>>()?;
    let effect = if grants.is_empty() {
        Effect::Nothing
    } else {
        Effect::Changed
    };
    Ok((grants, effect))
}

/// The last end of the grants that can still be redeemed, or could be repeated.
pub(super) fn last_end(
    connection: &Connection,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let end: Option<i64> = connection
        .prepare_cached(
            "SELECT max(expiration_time) FROM grants \
             WHERE revoked IS NULL AND expiration_time >= :now",
        )?
        .query_row(named_params! { ":now": now.timestamp_micros() }, |row| {
            row.get(0)
        })?;
    end.map(time).transpose()
}

/// Number of grants in each state, by [`GrantState::ALL`].
pub(super) fn tally(
    connection: &Connection,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<(GrantState, u64)>> {
    const TALLY: &str = "SELECT \
         (SELECT count(*) FROM grants WHERE revoked IS NULL AND expiration_time >= :now), \
         (SELECT count(*) FROM grants WHERE revoked IS NULL AND expiration_time >= :now \
          AND redemptions >= redemptions_allowed), \
         (SELECT count(*) FROM grants WHERE revoked IS NULL AND expiration_time < :now), \
         (SELECT count(*) FROM grants WHERE revoked IS NOT NULL)";
    let [unexpired, spent, expired, revoked] = connection
        .prepare_cached(TALLY)?
        .query_row(named_params! { ":now": now.timestamp_micros() }, |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })?;
    Ok(GrantState::ALL
        .into_iter()
        .map(|state| {
            let count: i64 = match state {
                GrantState::Live => unexpired - spent,
                GrantState::Spent => spent,
                GrantState::Expired => expired,
                GrantState::Revoked => revoked,
            };
            (state, u64::try_from(count).unwrap_or(0))
        })
        .collect())
}

/// Service time of the ledger, in microseconds, by both clocks: nobody can set it.
pub(super) fn service_time(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(kept_number(connection, SERVICE_TIME)?.unwrap_or_default())
}

/// Adds to the service time what has passed since the process called this last, but not more than
/// what the wall clock says since anybody called it.
pub(super) fn add_service_time(
    connection: &Connection,
    passed: TimeDelta,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let now = now.timestamp_micros();
    let by_wall = kept_number(connection, SERVED_UNTIL)?.map(|last: i64| now.saturating_sub(last));
    let passed = micros(passed).min(by_wall.unwrap_or(i64::MAX)).max(0);
    let total = service_time(connection)?.saturating_add(passed);
    keep(connection, SERVICE_TIME, &total.to_string())?;
    keep(connection, SERVED_UNTIL, &now.to_string())
}

/// Deletes grants that ended longer ago than `keep`, by the wall clock and by the service time, with
/// their redemptions, a bounded number of rows at a call; their links are kept while they live. Says how
/// many grants it deleted, and whether there may be more.
pub(super) fn prune(
    connection: &Connection,
    keep: TimeDelta,
    now: DateTime<Utc>,
) -> rusqlite::Result<(usize, bool)> {
    let keep = micros(keep);
    let before = now.timestamp_micros().saturating_sub(keep);
    let served = service_time(connection)?.saturating_sub(keep);
    let ended: Vec<Vec<u8>> = connection
        .prepare_cached(
            "SELECT uid FROM grants WHERE revoked IS NULL AND expiration_time < :before \
             AND service_end < :served \
             UNION ALL SELECT uid FROM grants WHERE revoked < :before AND service_end < :served \
             LIMIT :limit",
        )?
        .query_map(
            named_params! { ":before": before, ":served": served, ":limit": PRUNED_AT_ONCE },
            |row| row.get(0),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let more = i64::try_from(ended.len()) == Ok(PRUNED_AT_ONCE);
    let mut rows = PRUNED_AT_ONCE;
    let mut grants = 0;
    for uid in &ended {
        links::keep_redeemed(connection, uid, rows, before, served)?;
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

/// The number of the newest change; 0 before the first.
pub(super) fn changes(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(kept_number(connection, CHANGES)?.unwrap_or_default())
}

/// Gives the next number to what the transaction changes, and returns it.
pub(super) fn number_change(connection: &Connection) -> rusqlite::Result<u64> {
    let number = changes(connection)?.saturating_add(1);
    keep(connection, CHANGES, &number.to_string())?;
    Ok(number)
}

/// The number under a key.
pub(super) fn kept_number<N: FromStr>(
    connection: &Connection,
    key: &str,
) -> rusqlite::Result<Option<N>> {
    let number = kept(connection, key)?.map(|text| text.parse());
    number
        .transpose()
        .map_err(|_| damaged("a number of the ledger is none"))
}

/// A time in microseconds.
pub(super) fn micros(time: TimeDelta) -> i64 {
    time.num_microseconds().unwrap_or(i64::MAX)
}

fn not_ended(
    connection: &Connection,
    name: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<impl Iterator<Item = Grant>> {
    let grants = of_name(connection, name)?;
    Ok(grants
        .into_iter()
        .filter(move |grant| !grant.state(now).is_ended()))
}

fn of_name(connection: &Connection, name: &str) -> rusqlite::Result<Vec<Grant>> {
    const OF_NAME: &str = select_grants!("WHERE name = ?1 ORDER BY created DESC, uid DESC");
    connection
        .prepare_cached(OF_NAME)?
        .query_map([name], read_grant)?
        .collect()
}

/// A grant with its redemptions by time.
fn record(connection: &Connection, grant: Grant) -> rusqlite::Result<GrantRecord> {
    const REDEMPTIONS: &str = concat!(
        "SELECT ",
        redemption_columns!(),
        " FROM redemptions WHERE grant_uid = ?1 ORDER BY at, key"
    );
    let redemptions = connection
        .prepare_cached(REDEMPTIONS)?
        .query_map([grant.uid.as_bytes()], |row| read_redemption(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(GrantRecord::new(grant, redemptions))
}

/// Reads back a grant and the redemption of a key that were written. When a write of the
/// disk went astray, two tables may share pages and write over each other, and a count that is not
/// kept would have no end.
fn read_back(
    connection: &Connection,
    grant: &Grant,
    key: Option<&KeyDigest>,
) -> rusqlite::Result<()> {
    let entry = look(connection, &grant.uid, key)?;
    let entry = entry.filter(|entry| entry.redemption.is_some() == key.is_some());
    match entry {
        Some(entry) if entry.grant == *grant => Ok(()),
        _ => Err(damaged("what was written is not there")),
    }
}

fn insert_redemption(
    connection: &Connection,
    uid: &GrantUid,
    redemption: &Redemption,
) -> rusqlite::Result<()> {
    const INSERT: &str = concat!(
        "INSERT INTO redemptions (grant_uid, ",
        redemption_columns!(),
        ") VALUES (:grant_uid, :key, :origin, :subject, :serial, :at, :certificate_end, :authority)"
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
        ":authority": redemption.authority.as_ref().map(AuthorityId::as_str),
    })?;
    Ok(())
}
