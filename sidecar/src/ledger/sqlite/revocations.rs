//! The statements of the register of links: what was taken back.
//!
//! A revocation outlives every certificate of its link, also one that the register does not know: it was
//! certified in the same moment and its note was lost, or the ledger was restored from an older copy. A
//! grant that is taken back with its links gets a revocation of its own, because the certificates of its
//! links name it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, named_params};

use super::fault::damaged;
use super::links::{self, Known};
use super::queries::{Effect, keep, kept_number, micros, service_time};
use super::rows::time;
use crate::ledger::{LinkChoice, LinkRecord, LinkState};
use crate::redemption::{GrantUid, LinkId};

/// The key in `meta` of the longest life of a renewed certificate, in microseconds.
const LONGEST_LIFE: &str = "longest_renewed_life";

/// The longest life of a certificate of which nothing is known: that of an issuer that `--init` made.
const LIFE_OF_ISSUER: TimeDelta = TimeDelta::days(3653);

/// Time at which a link was taken back, by itself or with its grant.
pub(super) fn revoked(
    connection: &Connection,
    link: LinkId,
    grant: Option<&GrantUid>,
) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let revoked: Option<i64> = connection
        .prepare_cached("SELECT min(revoked) FROM revocations WHERE id IN (?1, ?2)")?
        .query_row((link.as_bytes(), grant.map(GrantUid::as_bytes)), |row| {
            row.get(0)
        })?;
    revoked.map(time).transpose()
}

/// Says of each link whether it was taken back, and adds those that are chosen of which nothing else is
/// known.
pub(super) fn mark(
    connection: &Connection,
    choice: &LinkChoice,
    links: &mut BTreeMap<LinkId, Known>,
) -> rusqlite::Result<()> {
    let id = match choice {
        LinkChoice::All => None,
        LinkChoice::Link(link) => Some(*link),
        LinkChoice::Subject(_) | LinkChoice::Grant(_) => return mark_known(connection, links),
    };
    let mut statement = connection.prepare_cached(
        "SELECT id, service_end FROM revocations WHERE length(id) = 10 AND id = coalesce(?1, id)",
    )?;
    let mut rows = statement.query([id.as_ref().map(LinkId::as_bytes)])?;
    while let Some(row) = rows.next()? {
        let link = LinkId::from_bytes(row.get(0)?);
        let service_end = row.get(1)?;
        links
            .entry(link)
            .or_insert_with(|| Known::unknown(link, service_end));
    }
    mark_known(connection, links)
}

/// Takes back the links that are chosen and live, and the grants of a name with those that are not known.
pub(super) fn revoke(
    connection: &Connection,
    choice: &LinkChoice,
    now: DateTime<Utc>,
) -> rusqlite::Result<(Vec<LinkRecord>, Effect)> {
    let served = service_time(connection)?;
    let revoked_at = time(now.timestamp_micros())?;
    let of_unknown = Bound::from(now, served, LIFE_OF_ISSUER);
    let of_lost = Bound::from(now, served, longest_life(connection)?);
    let mut known = links::list(connection, choice)?;
    let mut effect = Effect::Nothing;
    if let LinkChoice::Grant(name) = choice {
        for grant in grants(connection, name, &known)? {
            insert(connection, grant.as_bytes(), now, of_unknown)?;
            effect = Effect::Changed;
        }
    }
    if let (LinkChoice::Link(link), true) = (choice, known.is_empty()) {
        known.push(Known::unknown(*link, of_unknown.service_end));
    }
    // What has ended may come back when the clock is set, or with a renewal whose note was lost.
    known.retain(|known| known.record.revoked.is_none());
    for Known {
        record,
        service_end,
    } in &mut known
    {
        let end = record.latest_end.map_or(of_unknown, |latest| Bound {
            until: of_lost.until.max(latest.timestamp_micros()),
            service_end: of_lost.service_end.max(*service_end),
        });
        insert(connection, record.link.as_bytes(), now, end)?;
        if revoked(connection, record.link, None)?.is_none() {
            return Err(damaged("what was written is not there"));
        }
        record.revoked = Some(revoked_at);
        effect = Effect::Changed;
    }
    let links = known.into_iter().map(|known| known.record);
    let links = links.filter(|link| link.state(now) != LinkState::Ended);
    Ok((links.collect(), effect))
}

/// Lets the revocation of a link live as long as another certificate of it.
pub(super) fn extend(
    connection: &Connection,
    link: LinkId,
    until: DateTime<Utc>,
    service_end: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE revocations SET until = max(until, ?2), service_end = max(service_end, ?3) \
             WHERE id = ?1",
        )?
        .execute((link.as_bytes(), until.timestamp_micros(), service_end))?;
    Ok(())
}

/// Keeps how long the certificates of renewals live, if they never lived longer.
pub(super) fn keep_longest_life(connection: &Connection, life: TimeDelta) -> rusqlite::Result<()> {
    let longest = longest_life(connection)?.max(life);
    keep(connection, LONGEST_LIFE, &micros(longest).to_string())
}

/// The end of a revocation, by the wall clock and by the service time.
#[derive(Clone, Copy)]
struct Bound {
    until: i64,
    service_end: i64,
}

impl Bound {
    /// That of a certificate which is made now and lives so long.
    fn from(now: DateTime<Utc>, served: i64, life: TimeDelta) -> Self {
        let life = micros(life);
        Self {
            until: now.timestamp_micros().saturating_add(life),
            service_end: served.saturating_add(life),
        }
    }
}

impl Known {
    /// A link of which nothing but a revocation is known.
    fn unknown(link: LinkId, service_end: i64) -> Self {
        Self {
            record: LinkRecord {
                link,
                grant: None,
                grant_name: None,
                subject: None,
                serial: None,
                authority: None,
                first: None,
                last: None,
                certificate_end: None,
                latest_end: None,
                renewals: 0,
                told: None,
                revoked: None,
            },
            service_end,
        }
    }
}

fn mark_known(
    connection: &Connection,
    links: &mut BTreeMap<LinkId, Known>,
) -> rusqlite::Result<()> {
    for (link, known) in links {
        known.record.revoked = revoked(connection, *link, known.record.grant.as_ref())?;
    }
    Ok(())
}

/// The grants of a name: those that are there, and those of links.
fn grants(connection: &Connection, name: &str, links: &[Known]) -> rusqlite::Result<Vec<GrantUid>> {
    let mut grants: Vec<GrantUid> = connection
        .prepare_cached("SELECT uid FROM grants WHERE name = ?1")?
        .query_map([name], |row| row.get(0).map(GrantUid::from_bytes))?
        .collect::<rusqlite::Result<_>>()?;
    grants.extend(links.iter().filter_map(|known| known.record.grant));
    grants.sort_unstable();
    grants.dedup();
    Ok(grants)
}

/// Adds a revocation, or lets the one that is there live longer.
fn insert(
    connection: &Connection,
    id: &[u8],
    now: DateTime<Utc>,
    end: Bound,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO revocations (id, revoked, until, service_end) \
             VALUES (:id, :revoked, :until, :service_end) \
             ON CONFLICT (id) DO UPDATE SET until = max(until, excluded.until), \
             service_end = max(service_end, excluded.service_end)",
        )?
        .execute(named_params! {
            ":id": id,
            ":revoked": now.timestamp_micros(),
            ":until": end.until,
            ":service_end": end.service_end,
        })?;
    Ok(())
}

/// The longest life of a renewed certificate: one whose note was lost ends so long after the last known
/// one, at most.
pub(super) fn longest_life(connection: &Connection) -> rusqlite::Result<TimeDelta> {
    let longest: Option<i64> = kept_number(connection, LONGEST_LIFE)?;
    Ok(TimeDelta::microseconds(longest.unwrap_or_default()))
}
