//! The schema of a ledger file, and the steps from an older one to the newest.
//!
//! Times are whole microseconds since 1970 in UTC, but those of certificates, which are whole seconds.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::OpenProblem;

/// Marks a file as a ledger. Source: SQLite, `PRAGMA application_id`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"RdSc");

/// Step n makes schema n + 1 of schema n. A step that was released is never edited.
///
/// `sum` is over the other columns of its row: SQLite keeps no checksums of its pages, and a
/// damaged count must not be taken for a lower one. `service_end` is the service time, see
/// [`service_time`](super::queries::service_time), at which the grant has ended, whatever the wall
/// clock said meanwhile; that of a link or a revocation is the same for the certificates of the link.
/// A link is in `links` once it was renewed, or its grant was deleted; `certificate_end` is that of its
/// last certificate. The `id` of a revocation is that of a link, or the uid of a grant, which stands for
/// all links of it. The last two indexes of `grants` hold all that
/// [`tally`](super::queries::tally) reads; only the last redemption of a grant changes one.
const STEPS: &[&str] = &[
    "
CREATE TABLE grants (
    uid BLOB PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    code_digest BLOB NOT NULL,
    redemptions_allowed INTEGER NOT NULL,
    redemptions INTEGER NOT NULL,
    created INTEGER NOT NULL,
    expiration_time INTEGER NOT NULL,
    revoked INTEGER,
    issuer TEXT,
    sum INTEGER NOT NULL,
    CHECK (redemptions <= redemptions_allowed)
) STRICT, WITHOUT ROWID;
CREATE TABLE redemptions (
    grant_uid BLOB NOT NULL,
    key BLOB NOT NULL,
    origin INTEGER NOT NULL,
    subject TEXT NOT NULL,
    serial BLOB NOT NULL,
    at INTEGER NOT NULL,
    certificate_end INTEGER NOT NULL,
    PRIMARY KEY (grant_uid, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX grants_by_name ON grants (name, created);
CREATE INDEX grants_by_end ON grants (revoked, expiration_time);
CREATE INDEX grants_spent ON grants (revoked, expiration_time, redemptions, redemptions_allowed)
    WHERE redemptions >= redemptions_allowed;
",
    // Whether a grant can be redeemed by its name. Of older ones it is not known.
    "ALTER TABLE grants ADD COLUMN has_long_code INTEGER NOT NULL DEFAULT 0;",
    "
ALTER TABLE grants ADD COLUMN service_end INTEGER NOT NULL DEFAULT 0;
UPDATE grants SET service_end = max(expiration_time - created, 0) WHERE revoked IS NULL;
",
    "
ALTER TABLE redemptions ADD COLUMN authority TEXT;
CREATE TABLE links (
    id BLOB PRIMARY KEY NOT NULL,
    grant_uid BLOB,
    grant_name TEXT,
    subject TEXT NOT NULL,
    serial BLOB NOT NULL,
    authority TEXT,
    first INTEGER,
    last INTEGER NOT NULL,
    certificate_end INTEGER NOT NULL,
    latest_end INTEGER NOT NULL,
    renewals INTEGER NOT NULL,
    told BLOB,
    service_end INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE revocations (
    id BLOB PRIMARY KEY NOT NULL,
    revoked INTEGER NOT NULL,
    until INTEGER NOT NULL,
    service_end INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
];

/// Reads which schema the file has; an empty file has schema 0. Changes nothing.
pub(super) fn identify(connection: &Connection) -> Result<i64, OpenProblem> {
    // One statement sees one state of the file: another process may be migrating it.
    const IDENTIFY: &str = "SELECT \
        (SELECT count(*) FROM sqlite_schema), \
        (SELECT application_id FROM pragma_application_id), \
        (SELECT user_version FROM pragma_user_version)";
    let (entries, application, found) = connection.query_row(IDENTIFY, [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, i32>(1)?,
            row.get::<_, i64>(2)?,
        ))
    })?;
    if (entries, application, found) == (0, 0, 0) {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(OpenProblem::Foreign);
    }
    let known = newest();
    if found > known {
        return Err(OpenProblem::Newer { found, known });
    }
    Ok(found)
}

/// Brings the file to the newest schema, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenProblem> {
    if identify(connection)? == newest() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated it meanwhile.
    let found = identify(&transaction)?;
    for (version, step) in (1_i64..).zip(STEPS) {
        if version > found {
            transaction.execute_batch(step)?;
        }
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", newest())?;
    transaction.commit()?;
    Ok(())
}

fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
