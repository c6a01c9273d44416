//! PEM of private keys, in buffers that are overwritten.
//!
//! Source: RFC 7468.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use x509_cert::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use super::KeyProblem;

/// Form of the key in a block, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Pkcs1,
    Pkcs8,
    Sec1,
}

/// A private key in DER.
pub(super) struct Block {
    pub(super) label: Label,
    pub(super) der: Zeroizing<Vec<u8>>,
}

impl Label {
    const ALL: [Self; 3] = [Self::Pkcs1, Self::Pkcs8, Self::Sec1];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs1 => "RSA PRIVATE KEY",
            Self::Pkcs8 => "PRIVATE KEY",
            Self::Sec1 => "EC PRIVATE KEY",
        }
    }

    fn of_begin_line(line: &str) -> Option<Self> {
        let label = boundary(line, "BEGIN")?;
        Self::ALL.into_iter().find(|known| known.as_str() == label)
    }
}

/// Reads the first private key of a text.
pub(super) fn first_key(text: &str) -> Result<Block, KeyProblem> {
    let mut lines = text.lines().map(str::trim);
    let label = loop {
        let line = lines.next().ok_or(KeyProblem::Missing)?;
        if boundary(line, "BEGIN") == Some("ENCRYPTED PRIVATE KEY") {
            return Err(KeyProblem::Encrypted);
        }
        if let Some(label) = Label::of_begin_line(line) {
            break label;
        }
    };
    let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
    for line in lines {
        if boundary(line, "END") == Some(label.as_str()) {
            let mut der = Zeroizing::new(vec![0; base64.len()]);
            let length = STANDARD.decode_slice(base64.as_str(), &mut der);
            der.truncate(length.map_err(|_| KeyProblem::Damaged)?);
            return Ok(Block { label, der });
        }
        if line.contains("ENCRYPTED") {
            return Err(KeyProblem::Encrypted);
        }
        base64.push_str(line);
    }
    Err(KeyProblem::Damaged)
}

/// Writes a key with lines of 64 characters.
pub(super) fn write(label: Label, der: &[u8]) -> SecretString {
    // Fails only for lengths beyond any address space.
    let text = encode_string(label.as_str(), LineEnding::LF, der).unwrap_or_default();
    SecretString::from(text)
}

/// The label of a line `-----BEGIN LABEL-----`.
fn boundary<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let line = line.strip_prefix("-----")?.strip_suffix("-----")?;
    line.strip_prefix(kind)?.strip_prefix(' ')
}
