//! What comes to the handler, and what is answered before it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redemption_sidecar::metrics::Bound;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::room::{Client, LATE, Room, SHORT};

fn post(path: &str, more: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n{body}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_as_they_are_framed() {
    let room = Room::open(SHORT);
    let many = format!("POST / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
    let large = format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n";
    let chunks = |chunks: usize| format!("{chunked}\r\n{}0\r\n\r\n", "1\r\nz\r\n".repeat(chunks));
    let cases: [(&str, String, u16, &str, bool); 25] = [
        // name, bytes, status, body, whether the connection is kept
        ("a POST", post("/", "", "code"), 200, "code", true),
        ("an empty body", post("/", "", ""), 200, "", true),
        ("no length", "POST / HTTP/1.1\r\n\r\n".into(), 200, "", true),
        ("a query", post("/?code=1", "", "code"), 200, "code", true),
        (
            "an absolute target",
            post("https://x/peer", "", ""),
            200,
            "127.0.0.1",
            true,
        ),
        (
            "one header twice",
            post("/headers", "subject: a\r\nSubject: b\r\n", ""),
            200,
            "a|b",
            true,
        ),
        (
            "an empty header",
            post("/headers", "Subject:\r\n", ""),
            200,
            "",
            true,
        ),
        ("chunks", chunks(4), 200, "zzzz", true),
        (
            "trailers",
            format!("{chunked}\r\n1\r\nz\r\n0\r\nx: y\r\n\r\n"),
            200,
            "z",
            true,
        ),
        (
            "4 KiB",
            post("/", "", &"z".repeat(4096)),
            200,
            &"z".repeat(4096),
            true,
        ),
        (
            "4 KiB in chunks",
            chunks(4096),
            200,
            &"z".repeat(4096),
            true,
        ),
        (
            "a byte more",
            post("/", "", &"z".repeat(4097)),
            413,
            "Request body not valid\n",
            false,
        ),
        (
            "a byte more in chunks",
            chunks(4097),
            413,
            "Request body not valid\n",
            false,
        ),
        (
            "a bad chunk",
            format!("{chunked}\r\nz\r\n"),
            400,
            "Request body not valid\n",
            false,
        ),
        (
            "GET",
            "GET / HTTP/1.1\r\n\r\n".into(),
            405,
            "Only POST is supported\n",
            true,
        ),
        ("HEAD", "HEAD / HTTP/1.1\r\n\r\n".into(), 405, "-", true),
        (
            "CONNECT",
            "CONNECT x:1 HTTP/1.1\r\n\r\n".into(),
            405,
            "Only POST is supported\n",
            true,
        ),
        (
            "HTTP/1.0",
            "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nz".into(),
            200,
            "z",
            false,
        ),
        (
            "HTTP/1.0 kept",
            "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nz".into(),
            200,
            "z",
            true,
        ),
        (
            "asked to close",
            post("/", "Connection: close\r\n", "z"),
            200,
            "z",
            false,
        ),
        (
            "length and chunks",
            format!("{chunked}Content-Length: 3\r\n\r\n1\r\nz\r\n0\r\n\r\n"),
            200,
            "z",
            false,
        ),
        (
            "two lengths",
            post("/", "Content-Length: 9\r\n", "code"),
            400,
            "",
            false,
        ),
        ("a huge head", large, 431, "", false),
        ("many headers", many, 431, "", false),
        ("not HTTP", "hello\r\n\r\n".into(), 400, "", false),
    ];
    for (name, bytes, status, body, kept) in cases {
        let mut client = room.tls().await;
        client.send(&bytes).await;
        if body == "-" {
            // An answer to HEAD has the length of a body, and none.
            let mut bytes = [0; 12];
            client.stream.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"HTTP/1.1 405", "{name}");
            continue;
        }
        let reply = client.try_answer().await.expect(name);
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, body),
            "{name}"
        );
        if kept {
            client.send(post("/", "", "again")).await;
            let again = client.try_answer().await.map(|reply| reply.body);
            assert_eq!(again.as_deref(), Some("again"), "{name}");
        } else {
            let begun = Instant::now();
            assert!(client.is_closed().await, "{name}");
            assert!(begun.elapsed() < SHORT.head / 2, "{name}");
        }
        if status == 405 {
            assert_eq!(reply.header("allow"), Some("POST"), "{name}");
        }
        if status == 413 {
            assert_eq!(reply.header("connection"), Some("close"), "{name}");
        }
        if matches!(status, 405 | 413) {
            let kind = reply.header("content-type");
            assert_eq!(kind, Some("text/plain; charset=utf-8"), "{name}");
        }
    }
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
        assert!(took >= SHORT.body && took < LATE, "{name}: {took:?}");
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
    client.send(post("/", "", "code")).await;
    assert_eq!(client.answer().await.body, "code");
}

#[tokio::test]
async fn a_handler_is_ended_with_its_client_until_it_answers_a_right_code() {
    let room = Room::open(SHORT);
    for (path, ends) in [("/undecided", false), ("/right", true)] {
        let begun = room.handler.begun.load(Ordering::SeqCst);
        let ended = room.handler.ended.load(Ordering::SeqCst);
        let mut client = room.tls().await;
        client.send(post(path, "", "code")).await;
        room.handler.begun(begun + 1).await;
        drop(client);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let connections = |open| format!("redemption_sidecar_connections {open}\n");
        let open = usize::from(ends);
        assert!(room.metrics.encode().contains(&connections(open)), "{path}");
        room.handler.permits().add_permits(1);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let all = room.handler.ended.load(Ordering::SeqCst);
        assert_eq!(all, ended + usize::from(ends), "{path}");
        assert!(room.metrics.encode().contains(&connections(0)), "{path}");
        // The permit that an ended handler did not take.
        room.handler.permits().forget_permits(1);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_read_holds_its_connection_no_longer_than_a_head() {
    let room = Room::open(SHORT);
    let mut client = Client::over(room.tcp().await).await.unwrap();
    client.send(post("/large", "", "").repeat(32)).await;
    tokio::time::sleep(LATE).await;
    assert_eq!(room.metrics.connections().closed(Bound::Head), 1);
    assert!(
        room.metrics
            .encode()
            .contains("redemption_sidecar_connections 0\n")
    );
}

#[tokio::test]
async fn http_2_is_closed_without_an_answer() {
    let room = Room::open(SHORT);
    let mut client = room.tls().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(client.is_closed().await);
}
