use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn peer(number: u8) -> Peer {
    Peer::Address([192, 0, 2, number].into())
}

/// A connection of a test: peer, phase, and since when.
type Row = (u8, fn(Instant) -> Phase, u64);

#[test]
fn the_longest_waiting_one_goes_and_never_one_with_a_right_code() {
    const WAITS: fn(Instant) -> Phase = Phase::Waiting;
    const IDLES: fn(Instant) -> Phase = Phase::Idle;
    const ASKS: fn(Instant) -> Phase = Phase::Asking;
    const SENDS: fn(Instant) -> Phase = Phase::Sending;
    const ANSWERS: fn(Instant) -> Phase = |_| Phase::Answering;
    // Who is connected, who comes, and the index of the one that goes. 4 places, 2 of a peer.
    let cases: [(&str, &[Row], u8, _); 10] = [
        (
            "room",
            &[(1, WAITS, 0), (2, WAITS, 0), (3, WAITS, 0)],
            1,
            Ok(None),
        ),
        (
            "all taken",
            &[(1, WAITS, 3), (2, WAITS, 1), (3, WAITS, 2), (4, WAITS, 4)],
            5,
            Ok(Some(1)),
        ),
        (
            "all taken, one asks",
            &[(1, WAITS, 3), (2, ASKS, 1), (3, WAITS, 2), (4, WAITS, 4)],
            5,
            Ok(Some(1)),
        ),
        (
            "all taken, two were answered",
            &[(1, WAITS, 1), (2, IDLES, 3), (3, IDLES, 2), (4, ASKS, 0)],
            5,
            Ok(Some(2)),
        ),
        (
            "all taken, one answers",
            &[(1, WAITS, 3), (2, ANSWERS, 1), (3, WAITS, 2), (4, WAITS, 4)],
            5,
            Ok(Some(2)),
        ),
        (
            "all answer",
            &[
                (1, ANSWERS, 0),
                (2, ANSWERS, 0),
                (3, ANSWERS, 0),
                (4, ANSWERS, 0),
            ],
            5,
            Err(Bound::Connections),
        ),
        (
            "a peer's taken",
            &[(1, WAITS, 0), (2, WAITS, 2), (2, WAITS, 1)],
            2,
            Ok(Some(2)),
        ),
        (
            "a peer's taken, and all",
            &[(1, WAITS, 0), (2, WAITS, 2), (2, WAITS, 1), (3, WAITS, 0)],
            2,
            Ok(Some(2)),
        ),
        (
            "a peer answers twice",
            &[(2, ANSWERS, 0), (2, SENDS, 0)],
            2,
            Err(Bound::Peer),
        ),
        (
            "of two alike the earlier",
            &[(1, WAITS, 0), (2, WAITS, 0), (3, WAITS, 0), (4, WAITS, 0)],
            1,
            Ok(Some(0)),
        ),
    ];
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    for (name, rows, comes, expected) in cases {
        let mut table = Table::new(4, 2);
        for (index, (from, phase, since)) in rows.iter().enumerate() {
            let (id, closed) = table.admit(peer(*from), start, index).unwrap();
            assert!(
                closed.is_none() && table.set(id, phase(at(*since))),
                "{name}"
            );
        }
        let admitted = table.admit(peer(comes), at(9), usize::MAX);
        let closed = admitted.map(|(_, closed)| closed.map(|(_, index)| index));
        assert_eq!(closed, expected, "{name}");
    }
}

#[test]
fn a_connection_that_was_closed_stays_closed() {
    let mut table = Table::new(1, 1);
    let now = Instant::now();
    let (first, _) = table.admit(peer(1), now, "first").unwrap();
    let (second, closed) = table.admit(peer(2), now, "second").unwrap();
    assert_eq!(closed, Some((Bound::Connections, "first")));
    assert!(!table.set(first, Phase::Answering));
    table.leave(first);
    assert_eq!(table.phase(second), Some(Phase::Waiting(now)));
    assert_eq!(table.open(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Admit(u8),
    Answer(usize),
    Idle(usize),
    Ask(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8).prop_map(Step::Admit),
        2 => any::<usize>().prop_map(Step::Answer),
        2 => any::<usize>().prop_map(Step::Idle),
        1 => any::<usize>().prop_map(Step::Ask),
        1 => any::<usize>().prop_map(Step::Leave),
    ]
}

/// A connection, told without the table.
#[derive(Clone, Debug)]
struct Known {
    id: ConnectionId,
    peer: u8,
    /// True unless it is idle, and since when; `None` while a right code is answered.
    since: Option<(bool, u32)>,
}

proptest! {
    #[test]
    fn the_table_is_a_list_that_keeps_its_limits(
        limit in 1..8_usize,
        limit_per_peer in 1..5_usize,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let start = Instant::now();
        let mut table = Table::new(limit, limit_per_peer);
        let mut known: Vec<Known> = Vec::new();
        for (step, time) in steps.into_iter().zip(0_u32..) {
            let now = start + Duration::from_secs(time.into());
            let length = known.len().max(1);
            match step {
                Step::Admit(from) => {
                    let of_peer = known.iter().filter(|one| one.peer == from).count();
                    let candidates = known.iter().filter(|one| {
                        of_peer < limit_per_peer || one.peer == from
                    });
                    let needed = of_peer >= limit_per_peer || known.len() >= limit;
                    let oldest = candidates.filter_map(|one| one.since).min();
                    match table.admit(peer(from), now, time) {
                        Ok((id, closed)) => {
                            prop_assert_eq!(closed.is_some(), needed);
                            if closed.is_some() {
                                let gone = known.iter().position(|one| {
                                    one.since == oldest && one.since.is_some()
                                        && table.phase(one.id).is_none()
                                });
                                known.remove(gone.unwrap());
                            }
                            known.push(Known { id, peer: from, since: Some((true, time)) });
                        }
                        Err(_) => prop_assert!(needed && oldest.is_none()),
                    }
                }
                Step::Answer(index) => if let Some(one) = known.get_mut(index % length) {
                    prop_assert!(table.set(one.id, Phase::Answering));
                    one.since = None;
                },
                Step::Idle(index) => if let Some(one) = known.get_mut(index % length) {
                    prop_assert!(table.set(one.id, Phase::Idle(now)));
                    one.since = Some((false, time));
                },
                Step::Ask(index) => if let Some(one) = known.get_mut(index % length)
                    && let Some((_, since)) = one.since
                {
                    let since_then = start + Duration::from_secs(since.into());
                    prop_assert!(table.set(one.id, Phase::Asking(since_then)));
                    one.since = Some((true, since));
                },
                Step::Leave(index) => if !known.is_empty() {
                    let one = known.remove(index % known.len());
                    table.leave(one.id);
                },
            }
            prop_assert_eq!(table.open(), known.len());
            prop_assert!(known.len() <= limit);
            for one in &known {
                prop_assert_eq!(table.phase(one.id).is_some(), true);
                let of_peer = known.iter().filter(|other| other.peer == one.peer).count();
                prop_assert!(of_peer <= limit_per_peer);
            }
        }
    }
}
