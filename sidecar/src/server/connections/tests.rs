use super::*;

fn limits(connections: usize) -> Limits {
    Limits {
        connections,
        connections_per_peer: connections,
        ..Limits::default()
    }
}

#[test]
fn a_right_code_comes_before_the_end_of_a_connection_or_not_at_all() {
    let connections = Connections::new(&limits(1), ConnectionMetrics::default());
    let admit = |host: u8| connections.admit([192, 0, 2, host].into(), Instant::now());
    let first = admit(1).unwrap();
    let second = admit(2).unwrap();
    assert!(!first.answering(), "it was closed to make room");
    assert!(second.answering());
    assert!(admit(3).is_none(), "a right code is being answered");
    assert!(!second.leave(), "its client went, it is still in the table");
    assert_eq!(connections.open(), 1);
    drop(second);
    assert_eq!(connections.open(), 0);
    let third = admit(3).unwrap();
    assert!(third.leave());
    assert!(!third.answering(), "its client went before");
    let closed = [Bound::Connections, Bound::Peer].map(|bound| connections.metrics.closed(bound));
    assert_eq!(closed, [2, 0]);
}

#[test]
fn an_answer_is_lost_unless_it_was_written_and_flushed() {
    type Step = fn(&Connection);
    const WRITTEN: Step = |connection| connection.answered(Instant::now());
    const FLUSHED: Step = Connection::sent;
    let cases: [(&str, &[Step], bool); 5] = [
        ("nothing", &[], true),
        ("not written", &[FLUSHED], true),
        ("not flushed", &[WRITTEN], true),
        ("flushed before it was written", &[FLUSHED, WRITTEN], true),
        ("flushed", &[WRITTEN, FLUSHED], false),
    ];
    for (name, steps, expected) in cases {
        let connections = Connections::new(&limits(1), ConnectionMetrics::default());
        let admitted = connections.admit([192, 0, 2, 1].into(), Instant::now());
        let connection = admitted.unwrap();
        assert!(connection.answering());
        let is_lost = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&is_lost);
        connection.on_lost_answer(move || lost.store(true, Ordering::Relaxed));
        for step in steps {
            step(&connection);
        }
        drop(connection);
        assert_eq!(is_lost.load(Ordering::Relaxed), expected, "{name}");
    }
}

#[test]
fn patience_ends_for_clients_and_not_for_the_service() {
    let connections = Connections::new(&limits(1), ConnectionMetrics::default());
    let start = Instant::now();
    let limit = Duration::from_secs(5);
    let [earlier, later] = [start + limit / 2, start + limit];
    let connection = connections.admit([192, 0, 2, 1].into(), start).unwrap();
    let patience = |now| connection.patience(limit, now);
    let over = |bound| [Patience::Until(start + limit), Patience::Over(bound)];
    assert_eq!(
        [earlier, later].map(patience),
        over(Bound::Request),
        "it came"
    );
    connection.asks();
    assert_eq!(patience(later), Patience::Until(later + limit), "it asks");
    connection.answered(start);
    assert_eq!(
        [earlier, later].map(patience),
        over(Bound::Idle),
        "it was refused"
    );
    assert!(connection.answering());
    assert_eq!(
        patience(later),
        Patience::Until(later + limit),
        "its code is right"
    );
    connection.answered(start);
    assert_eq!(
        [earlier, later].map(patience),
        over(Bound::Idle),
        "it is answered"
    );
    connection.blocked();
    assert_eq!(
        [earlier, later].map(patience),
        over(Bound::Answer),
        "it must read"
    );
    let other = connections.admit([192, 0, 2, 1].into(), later);
    assert!(other.is_none(), "what is being sent stays");
    connection.sent();
    let other = connections.admit([192, 0, 2, 1].into(), later);
    assert!(other.is_some(), "what is sent does not");
    assert_eq!(patience(later), Patience::Gone);
}
