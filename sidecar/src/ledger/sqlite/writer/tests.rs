//! The thread of the ledger, run on the thread of the test with orders that go wrong.

use std::io;
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use super::super::fault::damaged;
use super::super::place;
use super::*;
use crate::ledger::GrantRecord;
use crate::redemption::{
    CodeDigest, Decision, Grant, GrantUid, KeyDigest, KeyOrigin, Redemption, Refusal, Serial,
};

type Reply<T> = oneshot::Receiver<Result<T, LedgerFault>>;
type Decided = Result<Decision, Refusal>;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn grant() -> Grant {
    let uid = GrantUid::from_bytes([1; 16]);
    Grant {
        uid,
        name: "west".to_owned(),
        code: CodeDigest::of_code(&uid, b"a code of sixteen"),
        redemptions_allowed: 1_000,
        redemptions: 0,
        created: now(),
        expiration_time: now() + TimeDelta::hours(1),
        revoked: None,
        issuer: None,
        namespace: None,
        has_short_code: false,
    }
}

fn redemption(key: u32) -> Redemption {
    let spki = key.to_be_bytes();
    Redemption {
        key: KeyDigest::of_spki(&spki),
        origin: KeyOrigin::Redeemer,
        subject: format!("subject-{key}"),
        serial: Serial::derive(&grant().uid, &spki),
        at: now(),
        certificate_end: now() + TimeDelta::hours(1),
        authority: None,
    }
}

/// A store in a folder of its own that holds the grant.
fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let file = place::make(folder.path()).unwrap();
    let store = Store::open(Arc::new(Files::open(file.into()).unwrap())).unwrap();
    let connection = store.connection.as_ref().unwrap();
    let (created, _) = queries::insert(connection, &grant(), now()).unwrap();
    assert_eq!(created, Ok(()));
    (folder, store)
}

fn order<T: Send + 'static>(
    act: impl FnOnce(&Connection) -> Executed<T> + Send + 'static,
) -> (Box<dyn Order>, Reply<T>) {
    let (reply, answer) = oneshot::channel();
    (Waiting::boxed(None, act, reply), answer)
}

fn count(key: u32) -> (Box<dyn Order>, Reply<Decided>) {
    order(move |connection| queries::count(connection, &grant().uid, redemption(key), now()))
}

/// Runs orders that all wait at once, and says what was logged.
fn serve(store: &mut Store, orders: Vec<Box<dyn Order>>) -> String {
    let (queue, waiting) = mpsc::channel(orders.len());
    for order in orders {
        assert!(queue.try_send(order).is_ok());
    }
    drop(queue);
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, || store.serve(waiting));
    let written = log.0.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

/// Number of transactions in the log of the ledger. Source: SQLite, "WAL-mode File Format": a
/// header of 32 bytes, then frames of 24 bytes and a page; only the last one of a transaction has
/// the size of the database in its bytes 4 to 7.
fn commits(store: &Store) -> usize {
    let log = std::fs::read(format!("{}-wal", store.files.file().display())).unwrap();
    let frames = log.get(32..).unwrap_or_default().chunks(24 + 4096);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[test]
fn everybody_who_waits_shares_a_commit() {
    for (name, waiting, expected) in [
        ("one", 1, 1),
        ("as many as a batch", 256, 1),
        ("one more than a batch", 257, 2),
    ] {
        let (_folder, mut store) = store();
        let before = commits(&store);
        let (orders, replies): (Vec<_>, Vec<_>) = (0..waiting).map(count).unzip();
        let log = serve(&mut store, orders);
        for mut reply in replies {
            assert_eq!(reply.try_recv().unwrap(), Ok(Ok(Decision::Count)), "{name}");
        }
        assert_eq!(commits(&store) - before, expected, "{name}");
        assert_eq!(log, "", "{name}");
        let (orders, _replies): (Vec<_>, Vec<_>) = (0..waiting).map(count).unzip();
        serve(&mut store, orders);
        assert_eq!(
            commits(&store) - before,
            expected,
            "{name}: nothing to write, nothing written"
        );
    }
}

#[test]
fn a_failure_is_a_fault_for_everybody_and_what_was_counted_nevertheless_is_logged() {
    type Failing = fn(&Connection) -> Executed<()>;
    let cases: [(&str, Failing, bool); 4] = [
        (
            "a commit is durable, and fails",
            |connection| {
                connection
                    .execute_batch("COMMIT")
                    .map(|()| ((), Effect::Nothing))
            },
            true,
        ),
        ("a panic", |_| unreachable!("for the test"), false),
        (
            "the disk is full",
            |connection| {
                let pages: i64 =
                    connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
                connection.pragma_update(None, "max_page_count", pages)?;
                let filler = "x".repeat(100_000);
                queries::keep(connection, "filler", &filler).map(|()| ((), Effect::Nothing))
            },
            false,
        ),
        (
            "the file is read-only",
            |connection| {
                connection.pragma_update(None, "query_only", true)?;
                queries::keep(connection, "filler", "x").map(|()| ((), Effect::Nothing))
            },
            false,
        ),
    ];
    for (name, failing, is_counted) in cases {
        let (_folder, mut store) = store();
        let (first, mut first_reply) = count(1);
        let (failing, mut failing_reply) = order(failing);
        let (last, mut last_reply) = count(2);
        let log = serve(&mut store, vec![first, failing, last]);
        assert!(first_reply.try_recv().unwrap().is_err(), "{name}");
        assert!(failing_reply.try_recv().unwrap().is_err(), "{name}");
        assert!(last_reply.try_recv().unwrap().is_err(), "{name}");
        for part in [
            &grant().uid.to_string(),
            r#"name="west""#,
            r#"subject="subject-1""#,
            &redemption(1).serial.to_string(),
            "key_origin=Redeemer",
        ] {
            assert_eq!(log.contains(part), is_counted, "{name}: {part} in {log}");
        }

        let (again, mut again_reply) = count(1);
        assert_eq!(serve(&mut store, vec![again]), "", "{name}");
        let expected = if is_counted {
            Decision::Again(redemption(1))
        } else {
            Decision::Count
        };
        assert_eq!(
            again_reply.try_recv().unwrap(),
            Ok(Ok(expected)),
            "{name}: works again"
        );
    }
}

#[test]
fn a_row_that_cannot_be_true_fails_only_the_order_that_read_it() {
    type Failing = fn(&Connection) -> Executed<()>;
    let cases: [(&str, Failing); 3] = [
        ("a statement fails", |connection| {
            queries::keep(connection, "half", "done")?;
            let failed = connection.execute("INSERT INTO nothing VALUES (1)", []);
            failed.map(|_| ((), Effect::Nothing))
        }),
        ("a row is damaged", |connection| {
            queries::keep(connection, "half", "done")?;
            Err(damaged("for the test"))
        }),
        ("a value has another type", |connection| {
            queries::keep(connection, "half", "done")?;
            let number = "SELECT value FROM meta WHERE key = 'half'";
            let number = connection.query_row(number, [], |row| row.get::<_, i64>(0));
            number.map(|_| ((), Effect::Nothing))
        }),
    ];
    for (name, failing) in cases {
        let (_folder, mut store) = store();
        let (first, mut first_reply) = count(1);
        let (failing, mut failing_reply) = order(failing);
        let (last, mut last_reply) = count(2);
        assert_eq!(serve(&mut store, vec![first, failing, last]), "", "{name}");
        assert!(failing_reply.try_recv().unwrap().is_err(), "{name}");
        for reply in [&mut first_reply, &mut last_reply] {
            assert_eq!(reply.try_recv().unwrap(), Ok(Ok(Decision::Count)), "{name}");
        }
        let (half, mut half_reply) =
            order(|connection| Ok((queries::kept(connection, "half")?, Effect::Nothing)));
        serve(&mut store, vec![half]);
        assert_eq!(half_reply.try_recv().unwrap(), Ok(None), "{name}: undone");
    }
}

#[test]
fn a_count_whose_requester_went_while_it_ran_is_logged() {
    let (_folder, mut store) = store();
    let (left, reply) = count(1);
    let (leaving, _reply) = order(move |_| {
        drop(reply);
        Ok(((), Effect::Nothing))
    });
    let (there, mut reply) = count(2);
    let log = serve(&mut store, vec![left, leaving, there]);
    assert_eq!(reply.try_recv().unwrap(), Ok(Ok(Decision::Count)));
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(r#"subject="subject-1""#), "{log}");
}

#[test]
fn what_nobody_waits_for_or_comes_too_late_is_not_counted() {
    let (_folder, mut store) = store();
    let (gone, reply) = count(1);
    drop(reply);
    let (reply, mut late_reply) = oneshot::channel();
    let act =
        |connection: &Connection| queries::count(connection, &grant().uid, redemption(2), now());
    let late = Waiting::boxed(Some(Instant::now()), act, reply);
    assert_eq!(serve(&mut store, vec![gone, late]), "");
    assert!(late_reply.try_recv().unwrap().is_err());
    for key in [1, 2] {
        let (again, mut reply) = count(key);
        serve(&mut store, vec![again]);
        assert_eq!(reply.try_recv().unwrap(), Ok(Ok(Decision::Count)), "{key}");
    }
}

#[test]
fn a_ledger_that_cannot_be_opened_again_is_a_fault_until_it_can() {
    let (folder, mut store) = store();
    let file = folder.path().join("ledger.db");
    let (stored, mut stored_reply) = count(1);
    let away = folder.path().join("away.db");
    let (from, to) = (file.clone(), away.clone());
    let (durable, _reply) = order(move |connection| {
        connection.execute_batch("COMMIT")?;
        std::fs::rename(from, to).unwrap();
        Ok(((), Effect::Nothing))
    });
    let log = serve(&mut store, vec![stored, durable]);
    assert!(stored_reply.try_recv().unwrap().is_err());
    assert!(
        log.contains("is not open") && !log.contains("subject-1"),
        "{log}"
    );
    let (again, mut again_reply) = count(1);
    serve(&mut store, vec![again]);
    assert!(again_reply.try_recv().unwrap().is_err());
    std::fs::rename(away, file).unwrap();
    let (again, mut again_reply) = count(1);
    let log = serve(&mut store, vec![again]);
    assert_eq!(
        again_reply.try_recv().unwrap(),
        Ok(Ok(Decision::Again(redemption(1))))
    );
    assert!(log.contains("subject-1"), "{log}");
}

#[test]
fn a_long_log_begins_anew_when_no_reader_needs_it() {
    let (_folder, mut store) = store();
    let reader = connection::open_for_reading(store.files.file(), connection::PATIENCE).unwrap();
    let snapshot = reader.unchecked_transaction().unwrap();
    let record = GrantRecord::new(grant(), Vec::new());
    assert_eq!(queries::list(&snapshot).unwrap(), [record]);
    for filler in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        let filler = filler.repeat(1 << 20);
        let keep = move |connection: &Connection| {
            Ok((
                queries::keep(connection, "filler", &filler)?,
                Effect::Nothing,
            ))
        };
        let (order, mut reply) = order(keep);
        serve(&mut store, vec![order]);
        assert_eq!(reply.try_recv().unwrap(), Ok(()));
    }
    let log = |store: &Store| store.files.check().unwrap();
    assert!(log(&store) > LONGEST_LOG);
    assert!(
        store.longest_log > LONGEST_LOG,
        "the next attempt is not the next commit"
    );
    drop(snapshot);
    store.longest_log = LONGEST_LOG;
    serve(&mut store, vec![count(1).0]);
    assert_eq!(log(&store), 0);
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

struct LogLine<'a>(MutexGuard<'a, Vec<u8>>);

impl<'a> MakeWriter<'a> for Log {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> LogLine<'a> {
        LogLine(self.0.lock().unwrap())
    }
}

impl io::Write for LogLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
