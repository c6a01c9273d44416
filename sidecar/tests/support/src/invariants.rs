//! What holds for every input of the sidecar, one function for each place where untrusted bytes come
//! in. The fuzz targets call them with what the fuzzer makes up, `fuzz_corpus.rs` with what it found.

mod answer;
mod certificate_request;
mod client_certificate;
mod http;
mod ledger;
mod namespace;
mod redemption_yaml;
mod token;

pub use answer::answer;
pub use certificate_request::certificate_request;
pub use client_certificate::client_certificate;
pub use http::http;
pub use ledger::ledger;
pub use namespace::namespace;
pub use redemption_yaml::redemption_yaml;
pub use token::token;

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use redemption_sidecar::wire::objects::Link;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use skupper_access_policy::printable::is_hidden;
use test_support::now;

/// A deadline that no decision of a test misses.
fn soon() -> std::time::Instant {
    std::time::Instant::now() + std::time::Duration::from_mins(1)
}

/// The key of the redeemer, in PEM: made for these tests and used nowhere else.
const OWN_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5GCXi9voc/JvRoWM
5CfQhg9nA8L1Gh9H2d3iEjbztP2hRANCAAQmXrAiK4nU9I1eOt73He5BaxbCBICC
IRIvLEiPwl+gFaBxk4Q1i5iOEVPfU4/cBKu0WsYD2Y7rxZyw59ijlr11
-----END PRIVATE KEY-----
";

fn own_key() -> EcdsaKeyPair {
    let der = PrivatePkcs8KeyDer::from_pem_slice(OWN_KEY.as_bytes()).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.secret_pkcs8_der()).unwrap()
}

/// The SubjectPublicKeyInfo of [`OWN_KEY`].
fn own_spki() -> &'static [u8] {
    static SPKI: OnceLock<Vec<u8>> = OnceLock::new();
    SPKI.get_or_init(|| {
        let key = own_key();
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        spki.as_ref().to_vec()
    })
}

/// A line for people: no character in it acts on a terminal, begins another line or hides its
/// neighbours, and it has at most so many bytes.
fn assert_is_a_line(text: &str, most: usize) {
    let hidden = text.chars().find(|character| is_hidden(*character));
    assert_eq!(hidden, None, "in {text:?}");
    assert!(text.len() <= most, "{} bytes: {text}", text.len());
}

/// What is written of a Link is YAML that says the same.
fn assert_reads_back(link: &Link) {
    let yaml: serde_json::Value = serde_saphyr::from_str(&link.to_yaml()).unwrap();
    let text = |pointer: &str| yaml.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    assert_eq!(text("/kind"), "Link");
    assert_eq!(text("/metadata/name"), link.name);
    assert_eq!(text("/spec/tlsCredentials"), link.tls_credentials);
    let endpoints = yaml.pointer("/spec/endpoints").unwrap().as_array().unwrap();
    assert_eq!(endpoints.len(), link.endpoints.len());
    for (number, endpoint) in link.endpoints.iter().enumerate() {
        let field = |name: &str| text(&format!("/spec/endpoints/{number}/{name}"));
        assert_eq!(field("group"), endpoint.group);
        assert_eq!(field("name"), endpoint.role.as_str());
        assert_eq!(field("port"), endpoint.port.to_string());
    }
}

/// DER as a PEM block.
fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

/// The elements of DER that stand one behind the other; what is no element stays in one piece.
fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while !der.is_empty() {
        let (element, rest) = der.split_at(element_length(der).min(der.len()));
        elements.push(element);
        der = rest;
    }
    elements
}

fn element_length(der: &[u8]) -> usize {
    match der {
        [_, length @ 0..=0x7f, ..] => 2 + usize::from(*length),
        [_, 0x81, length, ..] => 3 + usize::from(*length),
        [_, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => der.len(),
    }
}

/// The first byte of a SEQUENCE in DER, which no YAML of these inputs begins with.
const SEQUENCE: u8 = 0x30;
