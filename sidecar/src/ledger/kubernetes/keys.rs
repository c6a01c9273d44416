//! The redemptions that are noted in a grant of a cluster, so that a key is the same redemption
//! again.
//!
//! They are the message of the condition `redemption-sidecar/keys`, one line each, the oldest first:
//!
//! ```text
//! PFCfrxhvQY9zCjnRlzPzRw 1785000000 1942680000 mYp3Zw
//! key                    counted    ends       subject
//! ```
//!
//! The key is the first 16 bytes of SHA-256 of its SubjectPublicKeyInfo, the subject the first 4 bytes
//! of a digest, both in base64; times are seconds since 1970. Only the newest [`MAX_KEYS`] are kept:
//! for those of older redemptions a request is a new one.
//!
//! Whoever may write the status may write anything there: what is no such line is passed over, and
//! dropped at the next write.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::ledger::NotedKey;
use crate::redemption::{Claim, KeyDigest, KeyOrigin, Redemption};

/// Most redemptions of a grant that are noted.
pub const MAX_KEYS: usize = 256;

/// The longest message of a condition, in bytes. Source: Kubernetes `meta/v1` Condition.
pub const MAX_MESSAGE_BYTES: usize = 32_768;

/// The noted redemptions of a grant, the oldest first; at most [`MAX_KEYS`], each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

/// One noted redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The beginning of the digest of the key.
    pub key: [u8; 16],
    /// Time of the count, in seconds since 1970.
    pub at: i64,
    /// The end of the certificate, in seconds since 1970.
    pub end: i64,
    /// The beginning of a digest of the common name.
    pub subject: [u8; 4],
}

impl Keys {
    /// Reads the message of the condition.
    #[must_use]
    pub fn parse(message: &str) -> Self {
        let mut keys = Self::default();
        let bound = message.floor_char_boundary(MAX_MESSAGE_BYTES);
        let lines = message.get(..bound).unwrap_or_default().lines();
        for key in lines.filter_map(Key::parse) {
            keys.push(key);
        }
        keys
    }

    /// The message of the condition.
    #[must_use]
    pub fn to_message(&self) -> String {
        let lines = self.0.iter().map(Key::line);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Notes a redemption. The oldest one leaves when there is no room. A key that is there stays as
    /// it was.
    pub fn push(&mut self, key: Key) {
        if self.0.iter().any(|known| known.key == key.key) {
            return;
        }
        if self.0.len() >= MAX_KEYS {
            self.0.remove(0);
        }
        self.0.push(key);
    }

    /// The note of a key.
    #[must_use]
    pub fn find(&self, digest: &KeyDigest) -> Option<&Key> {
        let key = short(digest);
        self.0.iter().find(|known| known.key == key)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Key {
    /// The note of a redemption.
    #[must_use]
    pub fn of(redemption: &Redemption) -> Self {
        Self {
            key: short(&redemption.key),
            at: redemption.at.timestamp(),
            end: redemption.certificate_end.timestamp(),
            subject: subject_digest(&redemption.subject),
        }
    }

    /// The same for those who look at the grant.
    #[must_use]
    pub fn noted(&self) -> NotedKey {
        NotedKey {
            key: STANDARD_NO_PAD.encode(self.key),
            at: time(self.at),
            certificate_end: time(self.end),
        }
    }

    /// The redemption that was noted, as far as whoever asks for it knows it: with another subject
    /// its own is not known, and is empty.
    #[must_use]
    pub fn redemption(&self, claim: &Claim) -> Redemption {
        let is_same = subject_digest(&claim.subject) == self.subject;
        Redemption {
            key: claim.key,
            origin: KeyOrigin::Redeemer,
            subject: if is_same {
                claim.subject.clone()
            } else {
                String::new()
            },
            serial: claim.serial,
            at: time(self.at),
            certificate_end: time(self.end),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let mut field = || fields.next();
        let key = Self {
            key: decode(field()?)?,
            at: seconds(field()?)?,
            end: seconds(field()?)?,
            subject: decode(field()?)?,
        };
        field().is_none().then_some(key)
    }

    fn line(&self) -> String {
        let mut line = STANDARD_NO_PAD.encode(self.key);
        // Writing to a String cannot fail.
        let _ = write!(line, " {} {} ", self.at, self.end);
        STANDARD_NO_PAD.encode_string(self.subject, &mut line);
        line
    }
}

/// Every time that is read is one of the years that there are.
fn time(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_secs(seconds).unwrap_or_default()
}

fn short(digest: &KeyDigest) -> [u8; 16] {
    let [key @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *digest.as_bytes();
    key
}

fn subject_digest(subject: &str) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(b"redemption-sidecar subject\0");
    hash.update(subject);
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    bytes.try_into().ok()
}

/// Seconds since 1970 of a time that a certificate can have, in digits alone.
fn seconds(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let seconds = text.parse().ok().filter(|_| is_plain)?;
    (seconds <= LAST_SECOND).then_some(seconds)
}

/// The last second of the year 9999. Source: RFC 5280, section 4.1.2.5.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "AQEBAQEBAQEBAQEBAQEBAQ 1785000000 1942680000 AAAAAA";

    fn key(number: u8) -> Key {
        Key {
            key: [number; 16],
            at: 1_785_000_000,
            end: 1_942_680_000,
            subject: [0; 4],
        }
    }

    fn numbered(number: usize) -> Key {
        let mut key = key(0);
        key.key[..8].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn a_line_is_a_redemption_and_anything_else_is_passed_over() {
        let two = format!("{LINE}\n{}", key(2).line());
        let table: [(&str, String, Vec<Key>); 17] = [
            ("nothing", String::new(), vec![]),
            ("one", LINE.to_owned(), vec![key(1)]),
            ("two", two.clone(), vec![key(1), key(2)]),
            ("a line end at the end", format!("{LINE}\n"), vec![key(1)]),
            (
                "line ends of Windows",
                two.replace('\n', "\r\n"),
                vec![key(1), key(2)],
            ),
            (
                "rubbish between",
                format!("{LINE}\nrubbish\n\n{}", key(2).line()),
                vec![key(1), key(2)],
            ),
            (
                "a key twice: the first",
                format!("{LINE}\n{}", LINE.replace("1785", "1786")),
                vec![key(1)],
            ),
            (
                "a short key",
                LINE.replace("AQEBAQEBAQEBAQEBAQEBAQ", "AQEBAQEBAQEBAQEBAQEB"),
                vec![],
            ),
            ("another alphabet", LINE.replacen("AQ", "-_", 1), vec![]),
            ("padding", LINE.replacen(' ', "== ", 1), vec![]),
            ("a negative time", LINE.replace("1785", "-785"), vec![]),
            ("a signed time", LINE.replace("1785", "+785"), vec![]),
            ("a zero in front", LINE.replace("1785", "0785"), vec![]),
            (
                "a time after all times",
                LINE.replace("1785000000", "253402300800"),
                vec![],
            ),
            ("no subject", LINE.replace(" AAAAAA", ""), vec![]),
            ("a field too many", format!("{LINE} x"), vec![]),
            ("two blanks", LINE.replacen(' ', "  ", 1), vec![]),
        ];
        for (name, message, expected) in table {
            assert_eq!(Keys::parse(&message).0, expected, "{name}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let mut keys = Keys::default();
        for number in 0..MAX_KEYS {
            keys.push(numbered(number));
        }
        let message = keys.to_message();
        assert_eq!(Keys::parse(&message), keys);
        assert!(message.len() <= MAX_MESSAGE_BYTES / 2, "{}", message.len());
        assert_eq!(Keys::parse(LINE).to_message(), LINE);
    }

    #[test]
    fn the_oldest_leaves_first() {
        let mut keys = Keys::default();
        for number in 0..MAX_KEYS + 2 {
            keys.push(numbered(number));
        }
        assert_eq!(keys.len(), MAX_KEYS);
        assert_eq!(keys.0.first(), Some(&numbered(2)));
        assert_eq!(keys.0.last(), Some(&numbered(MAX_KEYS + 1)));
    }

    #[test]
    fn hostile_messages_are_read_in_bounded_time_and_room() {
        let lines: Vec<String> = (0..100_000).map(|number| numbered(number).line()).collect();
        for (name, message) in [
            ("many lines", lines.join("\n")),
            ("many line ends", "\n".repeat(1 << 20)),
            ("one long line", "A".repeat(1 << 20)),
            ("characters of several bytes", "ä".repeat(1 << 20)),
        ] {
            assert!(Keys::parse(&message).len() <= MAX_KEYS, "{name}");
        }
    }
}
