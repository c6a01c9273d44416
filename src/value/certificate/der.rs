//! A cursor over DER: one element after the other, borrowed, nothing allocated.
//!
//! Every method answers `None` for what is not DER; the cursor is of no use after that.
//!
//! Source: ITU-T X.690; Go `golang.org/x/crypto/cryptobyte/asn1.go`: tags below 31, lengths of at
//! most four bytes and in their shortest form.

pub(super) const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The elements that are left to read.
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(super) fn of(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    /// The next element, whatever it is: its tag and its value.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.rest.split_first_chunk()?;
        if tag & HIGH_TAG == HIGH_TAG {
            return None;
        }
        let (length, rest) = match first.checked_sub(LONG_LENGTH) {
            None => (usize::from(first), rest),
            Some(bytes) => long_length(rest, bytes)?,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((tag, value))
    }

    /// The value of the next element, which must have this tag.
    pub(super) fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, value) = self.any()?;
        (found == tag).then_some(value)
    }

    /// The elements inside the next element, which must have this tag.
    pub(super) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.value(tag).map(Self::of)
    }

    /// The value of an INTEGER: two's complement, big-endian, in its shortest form.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        match self.value(INTEGER)? {
            [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => None,
            integer => Some(integer),
        }
    }

    /// Reads a BIT STRING whose unused bits are zero.
    pub(super) fn bit_string(&mut self) -> Option<()> {
        let (&unused, bits) = self.value(BIT_STRING)?.split_first()?;
        let zeros = bits.last().map_or(0, |last| last.trailing_zeros());
        (unused < 8 && u32::from(unused) <= zeros || unused == 0).then_some(())
    }

    /// Reads an OBJECT IDENTIFIER: numbers whose last byte has its high bit clear.
    pub(super) fn object_identifier(&mut self) -> Option<()> {
        (*self.value(OBJECT_IDENTIFIER)?.last()? < 0x80).then_some(())
    }

    pub(super) fn next_is(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// There is nothing left.
    pub(super) fn end(&self) -> Option<()> {
        self.is_empty().then_some(())
    }
}

/// A length that takes `bytes` bytes of its own, and what follows them.
fn long_length(rest: &[u8], bytes: u8) -> Option<(usize, &[u8])> {
    if bytes > MAX_LENGTH_BYTES {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(usize::from(bytes))?;
    if *digits.first()? == 0 {
        return None;
    }
    let length = digits
        .iter()
        .fold(0, |length, &digit| length << 8 | u32::from(digit));
    let length = usize::try_from(length).ok()?;
    (length >= usize::from(LONG_LENGTH)).then_some((length, rest))
}

/// In the first byte: the tag goes on in the next ones.
const HIGH_TAG: u8 = 0x1f;

/// In the second byte: the other bits say how many bytes the length takes.
const LONG_LENGTH: u8 = 0x80;

const MAX_LENGTH_BYTES: u8 = 4;
