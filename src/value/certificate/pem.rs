//! The CERTIFICATE blocks of a text, read as Go's `pem.Decode` reads them.
//!
//! Lines may have any length, end in LF or CRLF and hold blanks and tabs; text outside blocks is
//! ignored. Our own scanner, because the readers at hand do not fit: the one of rustls-pki-types
//! passes over blocks whose label it does not know and takes base64 without padding, the one of
//! x509-cert refuses lines of 76 characters.
//!
//! Source: RFC 7468; Go `src/encoding/pem/pem.go`, Decode.

use std::str::SplitInclusive;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::{BundleProblem, OtherKind};

/// True when any line opens a block with a private key, anywhere in the line and whether or not the
/// block is complete.
pub(super) fn announces_private_key(text: &str) -> bool {
    text.split(BEGIN).skip(1).any(|opened| {
        let line = opened.split('\n').next().unwrap_or_default();
        line.contains("PRIVATE KEY")
    })
}

/// Yields the DER of each block, or what is wrong with it; of no use after a problem.
pub(super) struct Blocks<'a> {
    lines: SplitInclusive<'a, char>,
    /// Number of blocks that were begun.
    begun: usize,
    /// The base64 text of the current block, kept so that it is allocated once.
    encoded: Vec<u8>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            lines: text.split_inclusive('\n'),
            begun: 0,
            encoded: Vec::with_capacity(text.len()),
        }
    }

    /// Reads on to the end of the block whose first line goes on with `label` after its BEGIN.
    fn rest_of_block(&mut self, label: &str) -> Result<Vec<u8>, BundleProblem> {
        let block = self.begun;
        let unbounded = BundleProblem::Unbounded { block };
        let label = trim_end(label);
        let kind = label
            .strip_suffix(DASHES)
            .filter(|kind| !kind.contains(DASHES));
        let kind = kind.ok_or(unbounded)?;
        self.encoded.clear();
        loop {
            let line = self.lines.next().ok_or(unbounded)?;
            if !line.starts_with(DASHES) {
                self.encoded.extend_from_slice(trim_end(line).as_bytes());
                continue;
            }
            match line.strip_prefix(END) {
                Some(end) if trim_end(end) == label => break,
                _ => return Err(unbounded),
            }
        }
        if kind != "CERTIFICATE" {
            let kind = OtherKind::of(kind);
            return Err(BundleProblem::OtherKind { block, kind });
        }
        if self.encoded.contains(&b':') {
            return Err(BundleProblem::Headers { block });
        }
        let der = decode(&self.encoded).or_else(|| {
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            self.encoded.retain(|byte| !is_blank(byte));
            decode(&self.encoded)
        });
        der.ok_or(BundleProblem::NotBase64 { block })
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Vec<u8>, BundleProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        let label = self.lines.find_map(|line| line.strip_prefix(BEGIN))?;
        self.begun += 1;
        Some(self.rest_of_block(label))
    }
}

/// Decodes base64 without anything between.
#[inline(never)]
pub(super) fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(encoded).ok()
}

/// Cuts off a line end and the blanks before it. A lone CR at the end of the text is no line end.
fn trim_end(line: &str) -> &str {
    let ended = line.strip_suffix('\n');
    let line = ended.map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    line.trim_end_matches([' ', '\t'])
}

pub(super) const BEGIN_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
pub(super) const END_CERTIFICATE: &str = "-----END CERTIFICATE-----";
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Padding is required and the bits left over may be anything, as in Go's `base64.StdEncoding`.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);
