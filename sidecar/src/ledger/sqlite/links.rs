//! The statements of the register of links: the inventory.
//!
//! A link that was never renewed is known from its redemption alone. What is noted of a link later goes
//! before that, but for what only the redemption tells.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};

use super::notes::Noted;
use super::queries::{PRUNED_AT_ONCE, micros, service_time};
use super::revocations;
use super::rows::second;
use crate::ledger::{LinkChoice, LinkRecord, LinkState, LinkTally};
use crate::redemption::{GrantUid, LinkId, Serial};
use crate::renewal::{AuthorityId, Issued};

/// A link, and the service time at which its certificates have ended.
pub(super) struct Known {
    pub(super) record: LinkRecord,
    pub(super) service_end: i64,
}

/// The links that are chosen, by subject and id.
pub(super) fn list(connection: &Connection, choice: &LinkChoice) -> rusqlite::Result<Vec<Known>> {
    let mut links = redeemed(connection, choice)?;
    for known in noted(connection, choice, &links)? {
        match links.entry(known.record.link) {
            Entry::Vacant(entry) => {
                entry.insert(known);
            }
            Entry::Occupied(mut entry) => entry.get_mut().renew(known),
        }
    }
    revocations::mark(connection, choice, &mut links)?;
    let mut links: Vec<_> = links.into_values().collect();
    links.sort_by(|one, other| one.record.subject.cmp(&other.record.subject));
    Ok(links)
}

/// Number of links in each state, and the soonest end.
pub(super) fn tally(connection: &Connection, now: DateTime<Utc>) -> rusqlite::Result<LinkTally> {
    const TALLY: &str = "\
        WITH all_links (id, grant_uid, certificate_end, latest_end) AS ( \
            SELECT id, grant_uid, certificate_end, latest_end FROM links \
            UNION ALL SELECT substr(serial, 1, 10), grant_uid, certificate_end, certificate_end \
            FROM redemptions \
            WHERE NOT EXISTS (SELECT 1 FROM links WHERE id = substr(redemptions.serial, 1, 10)) \
        ), judged AS ( \
            SELECT certificate_end, CASE WHEN latest_end < :now THEN 'ended' \
            WHEN EXISTS (SELECT 1 FROM revocations AS taken \
                WHERE taken.id = all_links.id OR taken.id = all_links.grant_uid) THEN 'revoked' \
            ELSE 'live' END AS state FROM all_links \
        ) \
        SELECT state, count(*), min(certificate_end) FILTER (WHERE certificate_end >= :now) \
        FROM judged GROUP BY state";
    let mut counts = LinkState::ALL.map(|state| (state, 0));
    let mut soonest_end = None;
    let mut statement = connection.prepare_cached(TALLY)?;
    let mut rows = statement.query(named_params! { ":now": now.timestamp() })?;
    while let Some(row) = rows.next()? {
        let (state, count): (String, i64) = (row.get(0)?, row.get(1)?);
        if state == LinkState::Live.as_str() {
            soonest_end = optional_second(row.get(2)?)?;
        }
        for (known, links) in &mut counts {
            if known.as_str() == state {
                *links = u64::try_from(count).unwrap_or_default();
            }
        }
    }
    Ok(LinkTally {
        states: counts.into(),
        soonest_end,
    })
}

/// Writes what was noted of a link.
pub(super) fn note(connection: &Connection, link: LinkId, noted: &Noted) -> rusqlite::Result<()> {
    const UPSERT: &str = "\
        INSERT INTO links (id, grant_uid, grant_name, subject, serial, authority, last, \
            certificate_end, latest_end, renewals, service_end) \
        VALUES (:id, :grant, (SELECT name FROM grants WHERE uid = :grant), :subject, :serial, \
            :authority, :last, :certificate_end, :latest_end, :renewals, :service_end) \
        ON CONFLICT (id) DO UPDATE SET \
            grant_uid = coalesce(grant_uid, excluded.grant_uid), \
            grant_name = coalesce(grant_name, excluded.grant_name), \
            subject = excluded.subject, serial = excluded.serial, authority = excluded.authority, \
            last = excluded.last, certificate_end = excluded.certificate_end, \
            latest_end = max(latest_end, excluded.latest_end), \
            renewals = renewals + excluded.renewals, \
            service_end = max(service_end, excluded.service_end)";
    if let Some(issued) = &noted.issued {
        let life = micros(noted.latest_end - issued.at);
        let service_end = service_time(connection)?.saturating_add(life);
        let grant = issued.grant.as_ref().map(GrantUid::as_bytes);
        connection.prepare_cached(UPSERT)?.execute(named_params! {
            ":id": link.as_bytes(),
            ":grant": grant,
            ":subject": issued.subject,
            ":serial": issued.serial.as_bytes(),
            ":authority": issued.authority.as_str(),
            ":last": issued.at.timestamp(),
            ":certificate_end": issued.certificate_end.timestamp(),
            ":latest_end": noted.latest_end.timestamp(),
            ":renewals": noted.renewals,
            ":service_end": service_end,
        })?;
        // It was certified while it was being taken back.
        revocations::extend(connection, link, noted.latest_end, service_end)?;
    }
    if let Some(told) = noted.told {
        connection
            .prepare_cached("UPDATE links SET told = ?2 WHERE id = ?1")?
            .execute((link.as_bytes(), told.as_bytes()))?;
    }
    Ok(())
}

/// True where the ledger has the grant of a renewed link, and knows nothing of the link: it is older than
/// the link.
pub(super) fn is_missing(connection: &Connection, issued: &Issued) -> rusqlite::Result<bool> {
    // In this order: only a link whose last note was lost is looked for among all of its grant.
    const IS_MISSING: &str = "\
        SELECT EXISTS (SELECT 1 FROM grants WHERE uid = :grant) \
        AND NOT EXISTS (SELECT 1 FROM links WHERE id = :id) \
        AND NOT EXISTS (SELECT 1 FROM redemptions WHERE grant_uid = :grant AND key = :key) \
        AND NOT EXISTS (SELECT 1 FROM redemptions \
            WHERE grant_uid = :grant AND substr(serial, 1, 10) = :id)";
    let (Some(grant), Some(shown)) = (&issued.grant, &issued.shown) else {
        return Ok(false);
    };
    connection.prepare_cached(IS_MISSING)?.query_row(
        named_params! {
            ":grant": grant.as_bytes(),
            ":id": issued.link.as_bytes(),
            ":key": shown.key.as_bytes(),
        },
        |row| row.get(0),
    )
}

/// Keeps the links of redemptions that are to be deleted with their grant: the first ones of it, so many.
/// Those that ended before some time by the wall clock, and by the service time, are not kept; they may
/// have been renewed once without a note.
pub(super) fn keep_redeemed(
    connection: &Connection,
    grant: &[u8],
    redemptions: i64,
    before: i64,
    served: i64,
) -> rusqlite::Result<()> {
    const KEEP: &str = "\
        INSERT INTO links (id, grant_uid, grant_name, subject, serial, authority, first, last, \
            certificate_end, latest_end, renewals, service_end) \
        SELECT substr(serial, 1, 10), grant_uid, name, subject, serial, authority, at, at, \
            certificate_end, certificate_end, 0, :service_time + (certificate_end - at) * 1000000 \
        FROM redemptions JOIN grants ON uid = grant_uid \
        WHERE grant_uid = :grant \
        AND key IN (SELECT key FROM redemptions WHERE grant_uid = :grant LIMIT :limit) \
        AND (certificate_end * 1000000 + :life >= :before \
            OR service_end + (certificate_end - at) * 1000000 + :life >= :served) \
        ON CONFLICT (id) DO UPDATE SET \
            grant_uid = excluded.grant_uid, grant_name = excluded.grant_name, \
            first = excluded.first, latest_end = max(latest_end, excluded.latest_end), \
            service_end = max(service_end, excluded.service_end)";
    connection.prepare_cached(KEEP)?.execute(named_params! {
        ":service_time": service_time(connection)?,
        ":life": micros(revocations::longest_life(connection)?),
        ":grant": grant,
        ":limit": redemptions,
        ":before": before,
        ":served": served,
    })?;
    Ok(())
}

/// Links and revocations that ended longer ago than `keep`, by the wall clock and by the service time; not
/// more than are deleted at once. A link may have been renewed once without a note.
pub(super) fn ended(
    connection: &Connection,
    keep: TimeDelta,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<Ended>> {
    const ENDED: &str = "\
        SELECT 0, id FROM links \
        WHERE latest_end * 1000000 + :life < :before AND service_end + :life < :served \
        UNION ALL SELECT 1, id FROM revocations WHERE until < :before AND service_end < :served \
        LIMIT :limit";
    let keep = micros(keep);
    let before = now.timestamp_micros().saturating_sub(keep);
    let served = service_time(connection)?.saturating_sub(keep);
    let life = micros(revocations::longest_life(connection)?);
    connection
        .prepare_cached(ENDED)?
        .query_map(
            named_params! {
                ":life": life,
                ":before": before,
                ":served": served,
                ":limit": PRUNED_AT_ONCE,
            },
            |row| {
                let is_revocation = row.get(0)?;
                let life = if is_revocation { 0 } else { life };
                Ok(Ended {
                    is_revocation,
                    id: row.get(1)?,
                    before: before.saturating_sub(life),
                    served: served.saturating_sub(life),
                })
            },
        )?
        .collect()
}

/// A row that ended before some time.
pub(super) struct Ended {
    is_revocation: bool,
    id: Vec<u8>,
    before: i64,
    served: i64,
}

/// Deletes such rows, unless they live longer by now, and returns how many they were.
pub(super) fn delete(connection: &Connection, ended: &[Ended]) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for row in ended {
        let delete = if row.is_revocation {
            "DELETE FROM revocations WHERE id = ?1 AND until < ?2 AND service_end < ?3"
        } else {
            "DELETE FROM links WHERE id = ?1 AND latest_end * 1000000 < ?2 AND service_end < ?3"
        };
        deleted += connection
            .prepare_cached(delete)?
            .execute((&row.id, row.before, row.served))?;
    }
    Ok(deleted)
}

impl Known {
    /// Adds what was noted later to what the redemption tells.
    fn renew(&mut self, noted: Self) {
        let redeemed = &self.record;
        let record = LinkRecord {
            grant: redeemed.grant,
            grant_name: redeemed.grant_name.clone(),
            first: redeemed.first,
            latest_end: redeemed.latest_end.max(noted.record.latest_end),
            ..noted.record
        };
        let service_end = self.service_end.max(noted.service_end);
        *self = Self {
            record,
            service_end,
        };
    }
}

/// The links that are known from redemptions.
fn redeemed(
    connection: &Connection,
    choice: &LinkChoice,
) -> rusqlite::Result<BTreeMap<LinkId, Known>> {
    const REDEEMED: &str = "\
        SELECT serial, grant_uid, name, subject, serial, authority, at, at, certificate_end, \
            certificate_end, 0, NULL, :service_time + (certificate_end - at) * 1000000 \
        FROM redemptions JOIN grants ON uid = grant_uid";
    let service_time = service_time(connection)?;
    let rows = match choice {
        LinkChoice::All => select(
            connection,
            REDEEMED,
            named_params! { ":service_time": service_time },
        ),
        LinkChoice::Link(link) => select(
            connection,
            &format!("{REDEEMED} WHERE substr(serial, 1, 10) = :id"),
            named_params! { ":service_time": service_time, ":id": link.as_bytes() },
        ),
        LinkChoice::Subject(subject) => select(
            connection,
            &format!("{REDEEMED} WHERE subject = :subject"),
            named_params! { ":service_time": service_time, ":subject": subject },
        ),
        LinkChoice::Grant(name) => select(
            connection,
            &format!("{REDEEMED} WHERE name = :name"),
            named_params! { ":service_time": service_time, ":name": name },
        ),
    }?;
    let by_link = rows.into_iter().map(|known| (known.record.link, known));
    Ok(by_link.collect())
}

/// The links of which something was noted, among those that are chosen; `redeemed` are known to be.
fn noted(
    connection: &Connection,
    choice: &LinkChoice,
    redeemed: &BTreeMap<LinkId, Known>,
) -> rusqlite::Result<Vec<Known>> {
    const NOTED: &str = "\
        SELECT id, grant_uid, grant_name, subject, serial, authority, first, last, certificate_end, \
            latest_end, renewals, told, service_end FROM links";
    let of_link = |link: &LinkId| {
        connection
            .prepare_cached(&format!("{NOTED} WHERE id = ?1"))?
            .query_row([link.as_bytes()], read)
            .optional()
    };
    match choice {
        LinkChoice::All => select(connection, NOTED, ()),
        LinkChoice::Link(link) => Ok(of_link(link)?.into_iter().collect()),
        LinkChoice::Subject(subject) => select(
            connection,
            &format!("{NOTED} WHERE subject = ?1"),
            [subject],
        ),
        LinkChoice::Grant(name) => {
            let by_name = format!("{NOTED} WHERE grant_name = ?1");
            let mut links = select(connection, &by_name, [name])?;
            // Certificates of earlier versions do not tell their grant.
            for link in redeemed.keys() {
                links.extend(of_link(link)?);
            }
            Ok(links)
        }
    }
}

fn select(
    connection: &Connection,
    statement: &str,
    parameters: impl Params,
) -> rusqlite::Result<Vec<Known>> {
    connection
        .prepare_cached(statement)?
        .query_map(parameters, read)?
        .collect()
}

/// The link of a row. Its first column begins with the id.
fn read(row: &Row<'_>) -> rusqlite::Result<Known> {
    let id: Vec<u8> = row.get(0)?;
    let link = id.first_chunk().copied().unwrap_or_default();
    let authority: Option<String> = row.get(5)?;
    let told: Option<[u8; 16]> = row.get(11)?;
    Ok(Known {
        record: LinkRecord {
            link: LinkId::from_bytes(link),
            grant: row.get::<_, Option<[u8; 16]>>(1)?.map(GrantUid::from_bytes),
            grant_name: row.get(2)?,
            subject: row.get(3)?,
            serial: Some(Serial::from_bytes(row.get(4)?)),
            authority: authority.as_deref().map(AuthorityId::from_stored),
            first: optional_second(row.get(6)?)?,
            last: Some(second(row.get(7)?)?),
            certificate_end: Some(second(row.get(8)?)?),
            latest_end: Some(second(row.get(9)?)?),
            renewals: row.get(10)?,
            told: told.map(Serial::from_bytes),
            revoked: None,
        },
        service_end: row.get(12)?,
    })
}

fn optional_second(seconds: Option<i64>) -> rusqlite::Result<Option<DateTime<Utc>>> {
    seconds.map(second).transpose()
}
