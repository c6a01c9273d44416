//! Hostile servers that the token vouches for: nothing is written, whatever they answer.

use std::io::{Read, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redemption_sidecar::redeemer::{Cause, RedeemProblem, redeem};

use crate::partner::{CODE, Certificates, Partner, Received, answer, chunked, skupper_objects};
use crate::{files, order, run};

type Respond = Box<dyn Fn(usize, &Received, &mut dyn Write) + Send + Sync>;

const KEY_FILE: &str = ".redeem-6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10.key";

fn objects() -> String {
    let certificates = Certificates::of_the_tests();
    let (client, ca) = (&certificates.client, &certificates.site_ca);
    skupper_objects("west", &ca.certificate, &client.certificate, &client.key)
}

/// Always the same bytes.
fn bytes(bytes: Vec<u8>) -> Respond {
    Box::new(move |_, _, stream| {
        let _ = stream.write_all(&bytes);
    })
}

/// What a portal or a proxy answers.
fn page(status: &str) -> Vec<u8> {
    let page = "<html>canary</html>";
    let length = page.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}");
    format!("{head}\r\n\r\n{page}").into_bytes()
}

fn text(status: &str, headers: &str, body: &str) -> Respond {
    bytes(answer(status, headers, body))
}

/// What is refused at once: the exit code, and what the message says.
#[expect(clippy::too_many_lines, reason = "a table")]
fn refusals() -> Vec<(&'static str, Respond, u8, &'static str)> {
    let objects = objects();
    let location = "Location: https://127.0.0.1:1/a\r\n";
    let not_used = "cannot be used, nothing was written";
    let chunks = chunked("", &objects);
    vec![
        (
            "a redirect",
            text("307 Temporary Redirect", location, &objects),
            3,
            "status 307, a redirect, which is not followed, content type 'text/plain",
        ),
        (
            "another redirect",
            text("303 See Other", location, &objects),
            3,
            "status 303, a redirect, which is not followed",
        ),
        (
            "created",
            text("201 Created", "", &objects),
            3,
            "status 201",
        ),
        (
            "no content",
            bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            3,
            "status 204, no content type, certificate signed by 'CN=redemption': look",
        ),
        (
            "bad request",
            text("400 Bad Request", "", "header 'name': \u{1b}[31m no\n"),
            1,
            "\\u{1b}[31m no",
        ),
        (
            "wrong code",
            text("403 Forbidden", "", "refused\n"),
            1,
            "refuses the code",
        ),
        (
            "the code in the answer",
            text("403 Forbidden", "", CODE),
            1,
            "ask for a new token",
        ),
        (
            "no grant",
            text("404 Not Found", "", "No such claim\n"),
            1,
            "the grant of this token is unknown, expired or revoked: ask for a new token: the \
             server says 'No such claim'",
        ),
        (
            "no redemption left",
            text("404 Not Found", "", "No such access granted\n"),
            1,
            "every redemption of this token is used: ask for a new token: the server says 'No \
             such access granted'",
        ),
        (
            "no page",
            text("404 Not Found", "", "404 page not found\n"),
            3,
            "what answers is no redemption server: status 404",
        ),
        (
            "no POST",
            text("405 Method Not Allowed", "Allow: GET\r\n", ""),
            1,
            "redeems no tokens",
        ),
        (
            "a teapot",
            text("418 I'm a teapot", "", ""),
            3,
            "status 418",
        ),
        ("an empty answer", text("200 OK", "", ""), 1, not_used),
        (
            "a page",
            text("200 OK", "", "<!DOCTYPE html>"),
            3,
            "no redemption server: status 200",
        ),
        (
            "the page of a portal",
            bytes(page("200 OK")),
            3,
            "status 200, content type 'text/html', certificate signed by 'CN=redemption'",
        ),
        (
            "a page that refuses",
            bytes(page("403 Forbidden")),
            3,
            "status 403, content type 'text/html'",
        ),
        (
            "more than was asked for",
            text("200 OK", "", &format!("{objects}---\na: b\n")),
            1,
            not_used,
        ),
        (
            "an answer that says it is long",
            text("200 OK", "", &"a".repeat(1_048_577)),
            3,
            "longer than 1 MiB",
        ),
        (
            "an answer without an end",
            Box::new(|_, _, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                let chunk = format!("1000\r\n{}\r\n", "a".repeat(4096));
                while stream.write_all(chunk.as_bytes()).is_ok() {}
            }),
            3,
            "longer than 1 MiB",
        ),
        (
            "chunks after each other",
            bytes([chunks.as_slice(), &chunks].concat()),
            0,
            "",
        ),
    ]
}

#[tokio::test]
async fn an_answer_that_is_not_a_redemption_ends_it() {
    let certificates = Certificates::of_the_tests();
    for (name, respond, exit_code, expected) in refusals() {
        let partner = Partner::start(&certificates.server, respond);
        let folder = tempfile::tempdir().unwrap();
        let result = run(&partner.token(&certificates.server_ca), folder.path()).await;
        assert_eq!(partner.connections(), 1, "{name}");
        let Err(problem) = result else {
            assert_eq!(exit_code, 0, "{name}");
            continue;
        };
        let message = problem.to_string();
        assert_eq!(problem.exit_code(), exit_code, "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
        assert!(!message.contains("canary"), "{name}: {message}");
        assert!(!message.contains(char::is_control), "{name}: {message}");
        let mut left = files(folder.path());
        left.retain(|file| *file != KEY_FILE);
        assert_eq!(left, [""; 0], "{name}");
    }
}

/// What may be better the next time, but is not: the exit code is 3.
fn faults() -> Vec<(&'static str, Respond)> {
    let objects = objects();
    let whole = answer("200 OK", "", &objects);
    let mut half = whole.clone();
    half.truncate(whole.len() / 2);
    let mut chunks = chunked("", &objects);
    chunks.truncate(chunks.len() - 5);
    vec![
        ("nothing", Box::new(|_, _, _| {})),
        ("half an answer", bytes(half)),
        ("chunks without the last one", bytes(chunks)),
        (
            "half a head",
            bytes(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
        ),
        ("no HTTP", bytes(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())),
        (
            "a head without an end",
            Box::new(|_, _, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
                while stream.write_all(b"a: b\r\n").is_ok() {}
            }),
        ),
        (
            "a long line",
            Box::new(|_, _, stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 ");
                while stream.write_all(&[b'a'; 4096]).is_ok() {}
            }),
        ),
        (
            "two lengths",
            bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na".to_vec()),
        ),
        (
            "a wrong chunk",
            bytes(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"
                    .to_vec(),
            ),
        ),
    ]
}

#[tokio::test]
async fn a_broken_answer_is_asked_for_once_more() {
    let certificates = Certificates::of_the_tests();
    for (name, respond) in faults() {
        let partner = Partner::start(&certificates.server, respond);
        let folder = tempfile::tempdir().unwrap();
        let problem = run(&partner.token(&certificates.server_ca), folder.path())
            .await
            .err()
            .unwrap();
        assert!(
            matches!(problem, RedeemProblem::Doubt { since: Some(_), .. }),
            "{name}: {problem:?}"
        );
        assert_eq!(problem.exit_code(), 3, "{name}");
        assert_eq!(partner.connections(), 2, "{name}");
        assert_eq!(files(folder.path()), [KEY_FILE], "{name}");
    }
}

#[tokio::test]
async fn a_slow_server_has_what_is_left_of_the_time() {
    let certificates = Certificates::of_the_tests();
    let whole = answer("200 OK", "", &objects());
    for (timeout, seconds) in [(0, 1), (1, 1), (3, 3)] {
        let whole = whole.clone();
        let drip: Respond = Box::new(move |_, _, stream| {
            for byte in &whole {
                let written = stream.write_all(&[*byte]).and_then(|()| stream.flush());
                if written.is_err() {
                    return;
                }
                sleep(Duration::from_millis(100));
            }
        });
        let partner = Partner::start(&certificates.server, drip);
        let folder = tempfile::tempdir().unwrap();
        let token = partner.token(&certificates.server_ca);
        let mut order = order(&token, folder.path());
        order.timeout = Duration::from_secs(timeout);
        let start = Instant::now();
        let problem = redeem(&order, &mut ()).await.err().unwrap();
        assert_eq!(start.elapsed().as_secs(), seconds, "{problem}");
        assert_eq!(problem.exit_code(), 3);
        let expected = format!("within {seconds} s");
        assert!(problem.to_string().contains(&expected), "{problem}");
        assert_eq!(partner.connections(), 1, "the time of the order is over");
    }
}

#[tokio::test]
async fn a_server_without_tls_learns_nothing() {
    let certificates = Certificates::of_the_tests();
    let partner = Partner::start_raw(|_, mut stream| {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap_or(0);
        assert!(!bytes[..count].windows(6).any(|window| window == b"canary"));
        let _ = stream.write_all(&answer("200 OK", "", "a"));
    });
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.server_ca);
    let mut order = order(&token, folder.path());
    order.timeout = Duration::from_millis(1200);
    let problem = redeem(&order, &mut ()).await.err().unwrap();
    assert_eq!(problem.exit_code(), 3);
    let expected = format!("127.0.0.1:{} does not speak TLS 1.3", partner.port);
    assert!(problem.to_string().contains(&expected), "{problem}");
    assert!(partner.connections() > 1);
    assert_eq!(files(folder.path()), [""; 0], "the key was never sent");
}

#[tokio::test]
async fn the_cause_of_a_long_answer_is_told() {
    let certificates = Certificates::of_the_tests();
    let partner = Partner::start(
        &certificates.server,
        text("200 OK", "", &"a".repeat(2_000_000)),
    );
    let folder = tempfile::tempdir().unwrap();
    let problem = run(&partner.token(&certificates.server_ca), folder.path())
        .await
        .err();
    assert!(matches!(
        problem,
        Some(RedeemProblem::Server {
            cause: Cause::TooLong,
            ..
        })
    ));
}
