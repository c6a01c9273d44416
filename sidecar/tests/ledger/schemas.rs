//! Ledgers as earlier versions made them.

use std::path::Path;

use rusqlite::Connection;

/// The statements that undo each step of the schema, the newest first.
const STEPS_BACK: [(i64, &str); 3] = [
    (
        3,
        "DROP TABLE revocations; DROP TABLE links; ALTER TABLE redemptions DROP COLUMN authority",
    ),
    (2, "ALTER TABLE grants DROP COLUMN service_end"),
    (1, "ALTER TABLE grants DROP COLUMN has_long_code"),
];

/// Takes a ledger that nobody uses back to an earlier schema.
pub(crate) fn go_back(folder: &Path, schema: i64) {
    let ledger = Connection::open(folder.join("ledger.db")).unwrap();
    for (_, step) in STEPS_BACK.iter().filter(|(made, _)| *made >= schema) {
        ledger.execute_batch(step).unwrap();
    }
    ledger.pragma_update(None, "user_version", schema).unwrap();
}
