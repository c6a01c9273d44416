//! Time and number of connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redemption_sidecar::server::{Limits, within_file_limit};
use redemption_sidecar::telemetry::metrics::Bound;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::room::{Client, LATE, PATIENT, Room, SHORT};

const POST: &str = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\ncode";

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let room = Room::open(SHORT);
    // The record header of a ClientHello that is announced with 512 bytes.
    for (name, bytes) in [
        ("nothing", &b""[..]),
        ("a part", b"\x16\x03\x01\x02\x00\x01"),
    ] {
        let mut stream = room.tcp().await;
        let begun = Instant::now();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        let took = begun.elapsed();
        assert!(
            took > SHORT.handshake / 2 && took < LATE,
            "{name}: {took:?}"
        );
        assert!(rest.is_empty(), "{name}");
    }
    assert_eq!(room.metrics.connections().closed(Bound::Handshake), 2);
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let room = Room::open(SHORT);
    let cases = [
        ("nothing", "", false),
        ("half a head", "POST / HTTP/1.1\r\nHost:", false),
        ("one byte at a time", "POST / HTTP/1.1\r\nx: ", true),
        ("an idle kept-alive connection", POST, false),
    ];
    for (name, bytes, drip) in cases {
        let mut client = room.tls().await;
        client.send(bytes).await;
        if bytes == POST {
            assert_eq!(client.answer().await.status, 200, "{name}");
        }
        let begun = Instant::now();
        let (mut reading, mut writing) = tokio::io::split(client.stream);
        let dripping = tokio::spawn(async move {
            while drip && writing.write_all(b"z").await.is_ok() {
                let _ = writing.flush().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            writing
        });
        let mut rest = Vec::new();
        let _ = reading.read_to_end(&mut rest).await;
        let took = begun.elapsed();
        assert!(took > SHORT.head / 2 && took < LATE, "{name}: {took:?}");
        assert!(rest.is_empty(), "{name}");
        dripping.abort();
    }
    let closed =
        [Bound::Request, Bound::Idle].map(|bound| room.metrics.connections().closed(bound));
    assert_eq!(closed, [3, 1]);
}

#[tokio::test]
async fn a_connection_in_use_lives_longer_than_any_limit() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    let begun = Instant::now();
    while begun.elapsed() < 3 * SHORT.head {
        client.send(POST).await;
        assert_eq!(client.answer().await.status, 200);
        tokio::time::sleep(SHORT.head / 2).await;
    }
}

#[tokio::test]
async fn a_handler_may_take_longer_than_a_client() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    client.send("POST /right HTTP/1.1\r\n\r\n").await;
    tokio::time::sleep(2 * SHORT.head).await;
    room.handler.permits().add_permits(1);
    assert_eq!(client.answer().await.body, "right");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_idle_connections_keep_nobody_out() {
    let _ = within_file_limit(Limits {
        connections: 4096,
        ..Limits::default()
    });
    let room = Arc::new(Room::open(PATIENT));
    let done = Arc::new(AtomicBool::new(false));
    let others = tokio::spawn({
        let (room, done) = (Arc::clone(&room), Arc::clone(&done));
        async move {
            let mut served = 0;
            while !done.load(Ordering::SeqCst) {
                assert!(room.serves().await);
                served += 1;
            }
            served
        }
    });
    let mut idle = Vec::new();
    for host in 2..42 {
        for _ in 0..50 {
            idle.push(room.tcp_from(host).await.unwrap());
        }
    }
    assert_eq!(idle.len(), 2000);
    for _ in 0..20 {
        assert!(room.serves().await);
    }
    done.store(true, Ordering::SeqCst);
    assert!(others.await.unwrap() > 0);
    let closed = room.metrics.connections().closed(Bound::Connections);
    assert!(closed >= 2000 - 1024, "{closed}");
    // The first to come were the first to go, the last are still there.
    let mut byte = [0];
    assert_eq!(idle[0].read(&mut byte).await.unwrap(), 0);
    let last = tokio::time::timeout(Duration::from_millis(50), idle[1999].read(&mut byte));
    assert!(last.await.is_err());
}

#[tokio::test]
async fn a_peer_closes_its_own_connections_and_no_others() {
    let room = Room::open(PATIENT);
    let mut other = Client::over(room.tcp_from(2).await.unwrap()).await.unwrap();
    let mut fresh = room.tls().await;
    let mut used = room.tls().await;
    let mut used_later = room.tls().await;
    for client in [&mut other, &mut used, &mut used_later] {
        client.send(POST).await;
        assert_eq!(client.answer().await.status, 200);
    }
    let mut more = Vec::new();
    for _ in 0..62 {
        more.push(room.tcp().await);
    }
    assert!(used.is_closed().await);
    for client in [&mut other, &mut fresh, &mut used_later] {
        client.send(POST).await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(room.metrics.connections().closed(Bound::Peer), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_clients_as_a_peer_may_have_connect_anew_for_each_request() {
    let room = Arc::new(Room::open(PATIENT));
    let clients = (0..64).map(|_| {
        let room = Arc::clone(&room);
        tokio::spawn(async move {
            for _ in 0..10 {
                assert!(room.serves().await);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn right_codes_are_answered_while_connections_are_closed_around_them() {
    let room = Room::open(Limits {
        connections: 3,
        ..PATIENT
    });
    let mut right = Vec::new();
    for asked in 1..=2 {
        let mut client = room.tls().await;
        client.send("POST /right HTTP/1.1\r\n\r\n").await;
        room.handler.begun(asked).await;
        right.push(client);
    }
    let mut undecided = room.tls().await;
    undecided.send("POST /undecided HTTP/1.1\r\n\r\n").await;
    room.handler.begun(3).await;
    assert!(room.serves().await, "the undecided one goes");
    assert!(undecided.is_closed().await);
    let mut third = room.tls().await;
    third.send("POST /right HTTP/1.1\r\n\r\n").await;
    room.handler.begun(5).await;
    let mut stream = room.tcp().await;
    let turned_away = stream.read(&mut [0]).await;
    assert!(matches!(turned_away, Ok(0) | Err(_)), "nobody can go");
    room.handler.permits().add_permits(3);
    right.push(third);
    for client in &mut right {
        assert_eq!(client.answer().await.body, "right");
    }
    assert!(room.serves().await);
}
