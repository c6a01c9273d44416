//! The end: what runs is finished, what waits is closed, and it does not take for ever.

use std::time::{Duration, Instant};

use redemption_sidecar::server::Limits;
use tokio::net::TcpStream;

use crate::room::{Room, SHORT};

const RIGHT: &str = "POST /right HTTP/1.1\r\n\r\n";

/// Times so long that only the stop itself can end something.
const PATIENT: Limits = Limits {
    handshake: Duration::from_secs(60),
    head: Duration::from_secs(60),
    ..SHORT
};

#[tokio::test]
async fn what_runs_is_answered_and_everything_else_closed_at_once() {
    let mut room = Room::open(PATIENT);
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
    let shaking = room.tcp().await;

    let begun = Instant::now();
    let served = room.stop();
    assert!(idle.is_closed().await);
    assert!(used.is_closed().await);
    assert_eq!(shaking.readable().await.ok(), Some(()));
    assert_eq!(shaking.try_read(&mut [0]).ok(), Some(0));
    assert!(TcpStream::connect(room.address).await.is_err());
    assert!(begun.elapsed() < PATIENT.stop / 2);
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
    assert!(begun.elapsed() < PATIENT.stop);
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
    assert!(took >= PATIENT.stop && took < 2 * PATIENT.stop, "{took:?}");
    assert!(running.is_closed().await);
}
