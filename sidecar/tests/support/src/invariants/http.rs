//! The bytes of a connection to the redemption port.

mod memory;
mod room;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redemption_sidecar::redeemer::Answer;
use redemption_sidecar::redemption::{Grant, KeyDigest, KeyOrigin, Redemption};
use redemption_sidecar::system::clock;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use memory::CODE;
use room::{Conversation, Room};

/// What a client sends is answered as the protocol says, however it is cut into pieces; no grant
/// counts more than it allows, and every certificate is one that was counted and logged.
pub fn http(bytes: &[u8]) {
    let room = Room::open();
    let conversation = room.converse(bytes, 64 * 1024);
    let at_once = check(&conversation, bytes);
    for (_, body) in at_once.iter().filter(|(status, _)| *status == 200) {
        assert_was_counted(body, &conversation.redemptions);
    }
    if bytes.len() <= 2048 {
        let in_pieces = check(&room.converse(bytes, 7), bytes);
        assert_same(&statuses(&at_once), &statuses(&in_pieces), bytes);
    }
}

/// Checks what holds for every conversation. Returns the answers.
fn check(conversation: &Conversation, asked: &[u8]) -> Vec<Answered> {
    let answers = answers(&conversation.answered);
    for (status, body) in &answers {
        match body.strip_suffix(b"\n") {
            None => assert!(body.is_empty() && HTTP.contains(status), "{status}"),
            Some(line) => {
                assert!(PROTOCOL.contains(status), "{status}");
                assert!(*status == 200 || !line.contains(&b'\n'));
            }
        }
    }
    for (grant, redemptions) in &conversation.redemptions {
        assert!(grant.redemptions <= grant.redemptions_allowed);
        assert_eq!(u32::try_from(redemptions.len()), Ok(grant.redemptions));
    }
    let lines = log_lines(&conversation.log);
    let counted = lines.iter().filter(|line| line["outcome"] == "counted");
    assert_eq!(counted.count(), conversation.counted);
    let log = str::from_utf8(&conversation.log).unwrap();
    if lines.iter().all(|line| line["message"] != "redemption") {
        assert!(!log.contains(HEADER), "logged before the code was right");
    }
    if !has_code_in_head(asked) {
        assert!(!log.as_bytes().windows(CODE.len()).any(|part| part == CODE));
        let mut answered = conversation.answered.windows(CODE.len());
        assert!(!answered.any(|part| part == CODE));
    }
    answers
}

/// Bytes that come in pieces are answered as those that come at once, but for a connection that is
/// closed earlier, over a body that is not read or a head that is not whole. What begins as HTTP/2
/// is closed without an answer when it comes at once.
fn assert_same(at_once: &[u16], in_pieces: &[u16], asked: &[u8]) {
    let is_http2 = asked.windows(HTTP2.len()).any(|part| part == HTTP2);
    assert!(
        at_once.starts_with(in_pieces) || is_http2,
        "{at_once:?}, {in_pieces:?} in pieces"
    );
}

fn statuses(answers: &[Answered]) -> Vec<u16> {
    answers.iter().map(|(status, _)| *status).collect()
}

/// The certificate in an answer is that of a redemption, and our redeemer reads the answer.
fn assert_was_counted(body: &[u8], redemptions: &[(Grant, Vec<Redemption>)]) {
    let pem = entry(body, "tls.crt").unwrap();
    let der = CertificateDer::from_pem_slice(&pem).unwrap();
    let leaf = Certificate::from_der(&der).unwrap();
    let leaf = leaf.tbs_certificate();
    let spki = leaf.subject_public_key_info().to_der().unwrap();
    let key = KeyDigest::of_spki(&spki);
    let of_key = |redemption: &&Redemption| redemption.key == key;
    let redemptions = redemptions.iter();
    let mut candidates = redemptions.filter_map(|(_, redemptions)| redemptions.iter().find(of_key));
    let serial = leaf.serial_number().as_bytes();
    let redemption = candidates.find(|redemption| {
        let (zeros, number) = redemption.serial.as_bytes().split_at(16 - serial.len());
        number == serial && zeros.iter().all(|byte| *byte == 0)
    });
    let redemption = redemption.expect("a counted redemption");
    let end = leaf.validity().not_after.to_unix_duration().as_secs();
    assert_eq!(
        i64::try_from(end),
        Ok(redemption.certificate_end.timestamp())
    );

    let has_key = entry(body, "tls.key").is_some();
    let own_key = if has_key { &[][..] } else { &spki };
    let name = text_after(body, "\n  name: \"").unwrap();
    let answer = Answer::read(body, &name, own_key, clock::now());
    let answer = answer.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(answer.credential.key_made_by, redemption.origin);
    assert_eq!(redemption.origin == KeyOrigin::Service, has_key);
}

/// An entry of the Secret.
fn entry(body: &[u8], name: &str) -> Option<Vec<u8>> {
    let base64 = text_after(body, &format!("\n  {name}: "))?;
    Some(STANDARD.decode(base64.trim_end()).unwrap())
}

/// The text up to the next quote or line end.
fn text_after(body: &[u8], start: &str) -> Option<String> {
    let body = std::str::from_utf8(body).unwrap();
    let (_, rest) = body.split_once(start)?;
    Some(rest.split(['"', '\n']).next()?.to_owned())
}

/// The answers in a stream.
fn answers(mut stream: &[u8]) -> Vec<Answered> {
    let mut answers = Vec::new();
    while !stream.is_empty() {
        let end = stream.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(stream)));
        let head = std::str::from_utf8(&stream[..end]).unwrap();
        let status = head.strip_prefix("HTTP/1.").unwrap();
        let status: u16 = status.get(2..5).unwrap().parse().unwrap();
        stream = &stream[end + 4..];
        if status == 100 {
            continue;
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("the length of a body").parse().unwrap();
        // The answer to HEAD announces a body that does not follow.
        let is_head = status == 405 && !stream.starts_with(b"Only");
        let (body, rest) = stream.split_at(if is_head { 0 } else { length });
        answers.push((status, if is_head { b"\n" } else { body }.to_vec()));
        stream = rest;
    }
    answers
}

fn log_lines(log: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(log).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Whether the code stands where it may be shown: in a header, and not in a body, where it stands
/// at the beginning of a line. Who has the right code may write it into the subject.
fn has_code_in_head(asked: &[u8]) -> bool {
    let mut places = asked.windows(CODE.len() + 1);
    asked.starts_with(CODE) || places.any(|part| part[0] != b'\n' && part[1..] == *CODE)
}

/// Stands in headers of the corpus.
const HEADER: &str = "header-7c1f0e9d";

/// A status and a body.
type Answered = (u16, Vec<u8>);

/// The statuses of the protocol's table.
const PROTOCOL: [u16; 10] = [200, 400, 401, 403, 404, 405, 408, 413, 429, 503];

/// What HTTP itself refuses, without a body.
const HTTP: [u16; 3] = [400, 414, 431];

/// How a connection in HTTP/2 begins.
const HTTP2: &[u8] = b"PRI * HTTP/2.0";
