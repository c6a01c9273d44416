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
            authority: None,
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
mod tests;
