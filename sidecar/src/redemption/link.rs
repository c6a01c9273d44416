//! The identity of a link, which every certificate of it carries.

use std::fmt;

use sha2::{Digest, Sha256};

use super::Serial;

/// The first 10 bytes of the serial number of a link's first certificate, and of every renewed one: 79
/// bits, because the top bit of a serial number is clear. Nobody finds a key that has another link's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId([u8; 10]);

impl LinkId {
    /// Reads 20 lower-case hexadecimal digits. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 20 || !text.bytes().all(is_digit) {
            return None;
        }
        let number = u128::from_str_radix(text, 16).ok()?.to_be_bytes();
        number.last_chunk().copied().map(Self)
    }

    /// A stored one.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 10]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }
}

impl Serial {
    /// The link whose certificate has this serial number.
    #[must_use]
    pub fn link(&self) -> LinkId {
        LinkId(self.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// The serial number of a renewed certificate: the id of the link, and the first 6 bytes of SHA-256
    /// over a label, the id and the SubjectPublicKeyInfo.
    #[must_use]
    pub fn renewed(link: LinkId, spki: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [b"redemption-sidecar renewal\0", &link.0[..], spki] {
            hash.update(part);
        }
        let tail: [u8; 6] = hash.finalize().first_chunk().copied().unwrap_or_default();
        let mut serial = [0; 16];
        let (head, end) = serial.split_at_mut(10);
        head.copy_from_slice(&link.0);
        end.copy_from_slice(&tail);
        // 0 is no serial number, and as unlikely as any other one.
        Self::from_bytes(u128::from_be_bytes(serial).max(1).to_be_bytes())
    }
}

/// Prints 20 lower-case hexadecimal digits.
impl fmt::Display for LinkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redemption::GrantUid;

    proptest! {
        #[test]
        fn every_certificate_of_a_link_has_its_id(
            uid in any::<[u8; 16]>(),
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..91), 1..5),
        ) {
            let uid = GrantUid::from_bytes(uid);
            let first = Serial::derive(&uid, keys.first().unwrap());
            for key in &keys {
                let renewed = Serial::renewed(first.link(), key);
                prop_assert_eq!(renewed.link(), first.link());
                prop_assert_ne!(renewed, Serial::renewed(first.link(), &[key, &b"x"[..]].concat()));
            }
        }

        #[test]
        fn an_id_is_read_as_it_is_printed(bytes in any::<[u8; 10]>()) {
            let id = LinkId::from_bytes(bytes);
            prop_assert_eq!(LinkId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn anything_but_an_id_is_none() {
        for text in [
            "",
            "0",
            "+0000000000000000000",
            "0000000000000000000G",
            "00000000000000000000 ",
        ] {
            assert_eq!(LinkId::parse(text), None, "{text}");
        }
        assert!(LinkId::parse("0123456789abcdef0123").is_some());
        assert_eq!(LinkId::parse("0123456789ABCDEF0123"), None);
    }
}
