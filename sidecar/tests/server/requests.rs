//! Requests that come to the handler, and those that are answered before it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redemption_sidecar::server::Limits;
use redemption_sidecar::telemetry::metrics::Bound;
use rustix::net::{Shutdown, shutdown};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::room::{Client, LATE, PATIENT, Reply, Room, SHORT};

fn post(path: &str, more: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n{body}")
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n";

/// A body in chunks of one byte.
fn chunks(chunks: usize) -> String {
    format!("{CHUNKED}\r\n{}0\r\n\r\n", "1\r\nz\r\n".repeat(chunks))
}

/// Sends a request and another one after its answer; returns both answers, the second only when
/// the connection was kept. Closing it must not wait for a limit.
async fn ask(room: &Room, bytes: &str) -> (Reply, Option<Reply>) {
    let mut client = room.tls().await;
    client.send(bytes).await;
    let reply = client.answer().await;
    let begun = Instant::now();
    // The server may have closed it already.
    let _ = client.try_send(&post("/", "", "again")).await;
    let again = client.try_answer().await;
    assert!(begun.elapsed() < LATE);
    (reply, again)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_come_to_the_handler_as_they_were_framed() {
    let room = Room::open(PATIENT);
    let (http_10, kept) = (
        "POST / HTTP/1.0\r\nContent-Length: 1\r\n",
        "Connection: keep-alive",
    );
    let full = "z".repeat(4096);
    // The name, the bytes, what the handler answers, whether the connection is kept.
    let cases: [(_, String, &str, bool); 15] = [
        ("a POST", post("/", "", "code"), "code", true),
        ("an empty body", post("/", "", ""), "", true),
        ("no length", "POST / HTTP/1.1\r\n\r\n".into(), "", true),
        ("a query", post("/?code=1", "", "code"), "code", true),
        (
            "an absolute target",
            post("https://x/peer", "", ""),
            "127.0.0.1",
            true,
        ),
        (
            "a header twice",
            post("/headers", "subject: a\r\nSubject: b\r\n", ""),
            "a|b",
            true,
        ),
        (
            "an empty header",
            post("/headers", "Subject:\r\n", ""),
            "",
            true,
        ),
        ("chunks", chunks(4), "zzzz", true),
        (
            "trailers",
            format!("{CHUNKED}\r\n1\r\nz\r\n0\r\nx: y\r\n\r\n"),
            "z",
            true,
        ),
        ("4 KiB", post("/", "", &full), &full, true),
        ("4 KiB in chunks", chunks(4096), &full, true),
        ("HTTP/1.0", format!("{http_10}\r\nz"), "z", false),
        (
            "HTTP/1.0 kept",
            format!("{http_10}{kept}\r\n\r\nz"),
            "z",
            true,
        ),
        (
            "asked to close",
            post("/", "Connection: close\r\n", "z"),
            "z",
            false,
        ),
        (
            "length and chunks",
            format!("{CHUNKED}Content-Length: 3\r\n\r\n1\r\nz\r\n0\r\n\r\n"),
            "z",
            false,
        ),
    ];
    for (name, bytes, body, kept) in cases {
        let (reply, again) = ask(&room, &bytes).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, body), "{name}");
        let again = again.map(|reply| reply.body);
        assert_eq!(again.as_deref(), kept.then_some("again"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_to_the_handler_is_answered_in_a_line() {
    let room = Room::open(PATIENT);
    let invalid = "Request body not valid\n";
    let only_post = "Only POST is supported\n";
    let large = format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let many = format!("POST / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
    // The name, the bytes, status and body of the answer, whether the connection is kept.
    let cases: [(_, String, u16, &str, bool); 10] = [
        ("GET", "GET / HTTP/1.1\r\n\r\n".into(), 405, only_post, true),
        (
            "CONNECT",
            "CONNECT x:1 HTTP/1.1\r\n\r\n".into(),
            405,
            only_post,
            true,
        ),
        (
            "a byte too much",
            post("/", "", &"z".repeat(4097)),
            413,
            invalid,
            false,
        ),
        (
            "a byte too much in chunks",
            chunks(4097),
            413,
            invalid,
            false,
        ),
        (
            "a bad chunk",
            format!("{CHUNKED}\r\nz\r\n"),
            400,
            invalid,
            false,
        ),
        // The following are answered by hyper.
        (
            "two lengths",
            post("/", "Content-Length: 9\r\n", "code"),
            400,
            "",
            false,
        ),
        ("a huge head", large, 431, "", false),
        ("many headers", many, 431, "", false),
        (
            "a bare line feed",
            "POST / HTTP/1.1\r\nx: a\nb\r\n\r\n".into(),
            400,
            "",
            false,
        ),
        ("not HTTP", "hello\r\n\r\n".into(), 400, "", false),
    ];
    for (name, bytes, status, body, kept) in cases {
        let (reply, again) = ask(&room, &bytes).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, body),
            "{name}"
        );
        assert_eq!(again.is_some(), kept, "{name}");
        assert_eq!(
            reply.header("allow"),
            (status == 405).then_some("POST"),
            "{name}"
        );
        if !body.is_empty() {
            let kind = reply.header("content-type");
            assert_eq!(kind, Some("text/plain; charset=utf-8"), "{name}");
            assert_eq!(
                reply.header("connection"),
                (!kept).then_some("close"),
                "{name}"
            );
        }
    }
    let mut client = room.tls().await;
    client
        .send("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await;
    let mut answer = String::new();
    let _ = client.stream.read_to_string(&mut answer).await;
    assert!(
        answer.starts_with("HTTP/1.1 405 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    let bodies: Vec<_> = (0..40).map(|number| format!("code {number}")).collect();
    let bytes: String = bodies.iter().map(|body| post("/", "", body)).collect();
    client.send(bytes).await;
    for body in bodies {
        assert_eq!(client.answer().await.body, body);
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it_unless_its_body_is_too_large() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length:";
    client.send(format!("{head} 4\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 100);
    client.send("code").await;
    assert_eq!(client.answer().await.body, "code");
    client.send(format!("{head} 536870912\r\n\r\n")).await;
    assert_eq!(client.answer().await.status, 413);
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_gigabyte_is_refused_at_once_and_not_read() {
    let room = Room::open(SHORT);
    let announced = "Content-Length: 536870912\r\n\r\n".to_owned();
    let streamed = "Transfer-Encoding: chunked\r\n\r\n20000000\r\n".to_owned();
    for (name, framing) in [("announced", announced), ("streamed", streamed)] {
        let client = room.tls().await;
        let (mut reading, mut writing) = tokio::io::split(client.stream);
        let begun = Instant::now();
        let sending = tokio::spawn(async move {
            let head = format!("POST / HTTP/1.1\r\n{framing}");
            writing.write_all(head.as_bytes()).await.unwrap();
            let mut sent = 0_usize;
            while writing.write_all(&[b'z'; 8192]).await.is_ok() {
                sent += 8192;
            }
            sent
        });
        let mut answer = vec![0; 12];
        reading.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 413", "{name}");
        let _ = reading.read_to_end(&mut answer).await;
        let sent = sending.await.unwrap();
        assert!(begun.elapsed() < LATE, "{name}");
        // What the kernels of both sides hold is beyond the server.
        assert!(sent < 16 << 20, "{name}: {sent} bytes");
    }
    assert_eq!(room.handler.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_and_one_byte_at_a_time_does_not_help() {
    let room = Room::open(SHORT);
    for (name, drip) in [("nothing", false), ("one byte at a time", true)] {
        let client = room.tls().await;
        let (mut reading, mut writing) = tokio::io::split(client.stream);
        let begun = Instant::now();
        let head = "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n";
        writing.write_all(head.as_bytes()).await.unwrap();
        let dripping = tokio::spawn(async move {
            while drip && writing.write_all(b"z").await.is_ok() {
                let _ = writing.flush().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            writing
        });
        let mut answer = vec![0; 12];
        reading.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 408", "{name}");
        let took = begun.elapsed();
        assert!(took > SHORT.body / 2 && took < LATE, "{name}: {took:?}");
        dripping.abort();
    }
    assert_eq!(room.handler.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_handler_that_panics_is_503_and_the_connection_lives() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    client.send(post("/panic", "", "code")).await;
    let reply = client.answer().await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), Some("2"));
    let counted = "redemption_sidecar_redemptions_total{outcome=\"unavailable\"} 1\n";
    assert!(room.metrics.encode().contains(counted));
    client.send(post("/", "", "code")).await;
    assert_eq!(client.answer().await.body, "code");
}

#[tokio::test]
async fn a_handler_is_ended_with_its_connection_until_it_answers_a_right_code() {
    let room = Room::open(Limits {
        connections: 1,
        ..PATIENT
    });
    for (path, ends) in [("/undecided", false), ("/right", true)] {
        let begun = room.handler.begun.load(Ordering::SeqCst);
        let ended = room.handler.ended.load(Ordering::SeqCst);
        let mut client = room.tls().await;
        client.send(post(path, "", "code")).await;
        room.handler.begun(begun + 1).await;
        let newcomer = Client::over(room.tcp().await).await;
        assert_eq!(newcomer.is_err(), ends, "{path}: room is made for another");
        drop((client, newcomer));
        room.handler.permits().add_permits(1);
        tokio::time::timeout(LATE, room.connected(0)).await.unwrap();
        let all = room.handler.ended.load(Ordering::SeqCst);
        assert_eq!(all, ended + usize::from(ends), "{path}");
        // The permit that an ended handler did not take.
        room.handler.permits().forget_permits(1);
    }
}

#[tokio::test]
async fn a_client_that_ends_its_own_direction_reads_its_answer() {
    let room = Room::open(SHORT);
    for (path, answer) in [("/", "code"), ("/undecided", "true"), ("/right", "right")] {
        for is_tls_ended in [true, false] {
            let begun = room.handler.begun.load(Ordering::SeqCst);
            let mut client = room.tls().await;
            client.send(post(path, "", "code")).await;
            if is_tls_ended {
                client.stream.shutdown().await.unwrap();
            } else {
                shutdown(client.stream.get_ref().0, Shutdown::Write).unwrap();
            }
            room.handler.begun(begun + 1).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            if path != "/" {
                room.handler.permits().add_permits(1);
            }
            let reply = client.try_answer().await;
            let body = reply.map(|reply| reply.body);
            assert_eq!(body.as_deref(), Some(answer), "{path}, TLS: {is_tls_ended}");
            assert!(client.is_closed().await, "{path}, TLS: {is_tls_ended}");
        }
    }
    tokio::time::timeout(LATE, room.connected(0)).await.unwrap();
    assert_eq!(room.handler.lost.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_answer_that_is_not_read_holds_its_connection_no_longer_than_a_head() {
    let room = Room::open(SHORT);
    for (path, bound) in [("/large", Bound::Idle), ("/large/right", Bound::Answer)] {
        let mut client = Client::over(room.tcp().await).await.unwrap();
        client.send(post(path, "", "").repeat(32)).await;
        tokio::time::timeout(LATE, room.connected(0)).await.unwrap();
        assert_eq!(room.metrics.connections().closed(bound), 1, "{path}");
        let lost = room.handler.lost.load(Ordering::SeqCst);
        assert_eq!(lost > 0, path == "/large/right", "{path}: {lost} lost");
    }
}

#[tokio::test]
async fn http_2_is_closed_without_an_answer() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(client.is_closed().await);
}
