//! Digests that the ledger stores instead of codes and keys.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::GrantUid;

/// SHA-256 over a label, the uid of the grant and its code. Codes are long and random, so no slow
/// hash is needed. Compared in constant time, by the digest alone.
#[derive(Clone)]
pub struct CodeDigest {
    bytes: [u8; 32],
    is_long: bool,
}

/// Fewest bytes of a code of one's own: the code alone keeps strangers out.
pub const MIN_CODE_BYTES: usize = 16;

/// Fewest bytes of a code that keeps strangers out although they may know where the grant is redeemed.
pub const LONG_CODE_BYTES: usize = 32;

impl CodeDigest {
    /// The digest of a code, or of what a client sent as one.
    #[must_use]
    pub fn of_code(uid: &GrantUid, code: &[u8]) -> Self {
        Self {
            bytes: digest(&[b"redemption-sidecar code\0", uid.as_bytes(), code]),
            is_long: code.len() >= LONG_CODE_BYTES,
        }
    }

    /// A stored digest, and whether that of a long code.
    #[must_use]
    pub fn from_stored(bytes: [u8; 32], is_long: bool) -> Self {
        Self { bytes, is_long }
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// True when the code has at least [`LONG_CODE_BYTES`]: its grant may be redeemed by its name.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.is_long
    }
}

impl PartialEq for CodeDigest {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&other.bytes).into()
    }
}

impl Eq for CodeDigest {}

/// Prints nothing of the digest: a short code could be guessed from it.
impl fmt::Debug for CodeDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodeDigest")
    }
}

/// SHA-256 of a SubjectPublicKeyInfo in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of a public key.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(digest(&[spki]))
    }

    /// A stored digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The serial number of a leaf: 127 bits, positive, big-endian. It follows from grant and key, so
/// a redemption that is repeated gets the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial([u8; 16]);

impl Serial {
    /// The first 16 bytes of SHA-256 over a label, the uid and the SubjectPublicKeyInfo, with the
    /// top bit cleared; 1 in place of 0.
    #[must_use]
    pub fn derive(uid: &GrantUid, spki: &[u8]) -> Self {
        let digest = digest(&[b"redemption-sidecar serial\0", uid.as_bytes(), spki]);
        let (first, _) = digest.split_at(16);
        let number = u128::from_be_bytes(first.try_into().unwrap_or([0; 16])) & (u128::MAX >> 1);
        Self(number.max(1).to_be_bytes())
    }

    /// A stored serial.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The serial number of a certificate, whose DER has no leading zeros but the one that makes it
    /// positive. `None` for one that is longer than ours, or negative.
    #[must_use]
    pub fn of_der(bytes: &[u8]) -> Option<Self> {
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return None;
        }
        let mut whole = [0; 16];
        let rest = whole.len().checked_sub(bytes.len())?;
        whole.get_mut(rest..)?.copy_from_slice(bytes);
        Some(Self(whole))
    }

    /// Reads the 32 digits that it prints. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let is_serial = text.len() == 32 && text.bytes().all(is_digit);
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_serial)?;
        Some(Self(number.to_be_bytes()))
    }

    /// The 16 bytes, big-endian; leading zeros included.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Shows a digest in lower-case hexadecimal digits, as `openssl x509 -serial` does but for the case.
macro_rules! show_in_hexadecimal {
    ($($digest:ty),*) => {$(
        impl fmt::Display for $digest {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $digest {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    )*};
}

show_in_hexadecimal!(KeyDigest, Serial);

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
