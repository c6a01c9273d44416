//! Texts that people paste where the PEM text of certificates belongs, and the certificates in them.

use base64::Engine as _;

use super::pem::{self, BASE64, BEGIN_CERTIFICATE, END_CERTIFICATE};
use super::x509::Validity;
use super::{BundleProblem, CertificateBundle};
use crate::value::name::SubdomainName;
use crate::value::redemption_url::unwrapped;

/// A closer look at text that is no bundle: the usual slip, if it is one.
#[cold]
pub(super) fn slip(text: &str) -> Option<BundleProblem> {
    let text = trim(text);
    if decoded_pem(text).is_some() {
        return Some(BundleProblem::Base64);
    }
    if let Some(der) = body(text) {
        return if Validity::of_certificate(&der).is_some() {
            Some(BundleProblem::NoBoundaries)
        } else {
            is_private_key(&der).then_some(BundleProblem::PrivateKey)
        };
    }
    if is_path(text) {
        return Some(BundleProblem::Path);
    }
    let is_name = !text.is_empty() && SubdomainName::parse(text).is_ok();
    is_name.then_some(BundleProblem::Name)
}

/// The certificates that stand in the text, as PEM: decoded from base64, with the lines that begin
/// and end them, or with the line ends that were lost. `None` where anything else stands there.
pub(super) fn mended(text: &str) -> Option<String> {
    let decoded = decoded_pem(trim(text));
    let text = decoded.as_deref().unwrap_or(text);
    let ders = match blocks(text) {
        Some(ders) => ders,
        None => vec![body(trim(text)).filter(|der| Validity::of_certificate(der).is_some())?],
    };
    let mut mended = String::new();
    for der in ders {
        mended.push_str(BEGIN_CERTIFICATE);
        mended.push('\n');
        for (position, letter) in BASE64.encode(der).chars().enumerate() {
            if position > 0 && position % LINE == 0 {
                mended.push('\n');
            }
            mended.push(letter);
        }
        mended.push('\n');
        mended.push_str(END_CERTIFICATE);
        mended.push('\n');
    }
    CertificateBundle::read(&mended).is_ok().then_some(mended)
}

/// True where a private key stands in the text, as PEM or as base64 of PEM.
pub(super) fn holds_private_key(text: &str) -> bool {
    pem::announces_private_key(text)
        || decoded_pem(text).is_some_and(|pem| pem::announces_private_key(&pem))
}

/// PEM that is encoded in base64 once or twice, as `data` of a Secret holds it, possibly behind its
/// key.
fn decoded_pem(text: &str) -> Option<String> {
    let once = PEM_IN_BASE64.iter().find_map(|start| text.find(start))?;
    let mut pem = decoded(text.get(once..)?)?;
    if pem.starts_with(PEM_IN_BASE64[0]) {
        pem = decoded(&pem)?;
    }
    pem.contains("-----BEGIN ").then_some(pem)
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(der(text)?).ok()
}

/// The certificates between BEGIN and END, whatever became of their lines. `None` where something
/// else begins, too.
fn blocks(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut ders = Vec::new();
    let mut rest = text;
    while let Some((before, begun)) = rest.split_once(BEGIN_CERTIFICATE) {
        let (body, behind) = begun.split_once(END_CERTIFICATE)?;
        if before.contains("-----BEGIN") {
            return None;
        }
        ders.push(der(body).filter(|der| Validity::of_certificate(der).is_some())?);
        rest = behind;
    }
    (!ders.is_empty() && !rest.contains("-----BEGIN")).then_some(ders)
}

/// The base64 of a text that holds nothing else, possibly with one of the lines around it.
fn body(text: &str) -> Option<Vec<u8>> {
    let text = match (
        text.strip_prefix(BEGIN_CERTIFICATE),
        text.strip_suffix(END_CERTIFICATE),
    ) {
        (Some(_), Some(_)) => return None,
        (Some(begun), None) => begun,
        (None, Some(ended)) => ended,
        (None, None) => text,
    };
    der(text).filter(|der| der.len() >= SHORTEST_DER && der.first() == Some(&SEQUENCE))
}

/// Decodes base64 with whatever white space, quotes and escaped line ends are in it.
fn der(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut encoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' => {}
            other => encoded.push(other),
        }
    }
    pem::decode(&encoded)
}

/// True for what begins as PKCS#1, PKCS#8, SEC 1 and PKCS#12 do: with a version.
fn is_private_key(der: &[u8]) -> bool {
    let length = der.get(1).copied().unwrap_or_default();
    let content = 2 + usize::from(length.saturating_sub(0x80));
    der.get(content) == Some(&INTEGER)
}

fn is_path(text: &str) -> bool {
    let is_line = text.len() <= 1024 && !text.contains('\n');
    is_line
        && (PATH_STARTS.iter().any(|start| text.starts_with(start))
            || FILE_ENDINGS.iter().any(|ending| text.ends_with(ending)))
}

fn trim(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    unwrapped(text, b"\"'")
}

/// Base64 of `-----BEGIN `, and base64 of that.
const PEM_IN_BASE64: [&str; 2] = ["LS0tLS1CRUdJTi", "TFMwdExTMUNSVWRKVG"];

const PATH_STARTS: [&str; 6] = ["/", "./", "../", "~/", "@", "file:"];
const FILE_ENDINGS: [&str; 6] = [".crt", ".pem", ".cer", ".der", ".p7b", ".key"];

/// Columns of PEM. Source: RFC 7468 section 2.
const LINE: usize = 64;

/// In bytes. Shorter text is a word that happens to be base64.
const SHORTEST_DER: usize = 32;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
