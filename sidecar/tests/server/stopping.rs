//! The end: what runs is finished, what waits is closed, and it does not take for ever.

use std::time::{Duration, Instant};

use redemption_sidecar::server::Limits;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::room::{LATE, PATIENT, Room};

const RIGHT: &str = "POST /right HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn what_runs_is_answered_and_everything_else_closed_at_once() {
    let mut room = Room::open(Limits {
        stop: PATIENT.head,
        ..PATIENT
    });
    let mut running = room.tls().await;
    running.send(RIGHT).await;
    let mut gone = room.tls().await;
    gone.send(RIGHT).await;
    room.handler.begun(2).await;
    drop(gone);
    let mut idle = room.tls().await;
    let mut used = room.tls().await;
    used.send("POST / HTTP/1.1\r\n\r\n").await;
    assert_eq!(used.answer().await.status, 200);
    let mut shaking = room.tcp().await;
    room.connected(5).await;

    let begun = Instant::now();
    let served = room.stop();
    assert!(idle.is_closed().await);
    assert!(used.is_closed().await);
    assert_eq!(shaking.read(&mut [0]).await.unwrap(), 0);
    assert!(TcpStream::connect(room.address).await.is_err());
    assert!(begun.elapsed() < LATE);
    assert!(!served.is_finished());

    room.handler.permits().add_permits(1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        !served.is_finished(),
        "the client of the other one has gone, its redemption has not"
    );
    room.handler.permits().add_permits(1);
    let reply = running.answer().await;
    assert_eq!(reply.body, "right");
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(served.await.unwrap(), 0);
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let mut room = Room::open(PATIENT);
    let mut running = room.tls().await;
    running.send(RIGHT).await;
    room.handler.begun(1).await;
    let begun = Instant::now();
    assert_eq!(room.stop().await.unwrap(), 1);
    let took = begun.elapsed();
    assert!(took >= PATIENT.stop && took < LATE, "{took:?}");
    assert!(running.is_closed().await);
}
