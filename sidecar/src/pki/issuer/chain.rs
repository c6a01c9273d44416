//! A CA with those above it, up to the root.

use std::iter;

use chrono::{DateTime, Utc};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};

use super::authority::{Authority, verify_chain};
use super::encode::pem;
use super::problem::IssuerProblem;
use super::purpose::Purpose;
use super::{certificates as read, judge_issuer};

/// The certificates above a CA, the nearest first.
type Certificates = Vec<CertificateDer<'static>>;

/// A CA that certifies clients, and the CAs above it up to the root.
#[derive(Clone)]
pub(super) struct Chain {
    authority: Authority,
    pem: String,
    /// The nearest first, each with its certificate in PEM.
    above: Vec<(Authority, String)>,
}

impl Chain {
    /// The first of some certificates, without those above it.
    pub(super) fn begin(
        certificates: &[CertificateDer<'_>],
        now: DateTime<Utc>,
    ) -> Result<Self, IssuerProblem> {
        let first = certificates.first().ok_or(IssuerProblem::NoCertificate)?;
        Ok(Self {
            authority: judge_issuer(first, now)?,
            pem: pem(first),
            above: Vec::new(),
        })
    }

    /// With those above an intermediate CA, which `find` picks among the certificates, or also among those
    /// of the other text in PEM. Certificates of others are passed over.
    pub(super) fn up_to_root(
        mut self,
        mut certificates: Vec<CertificateDer<'static>>,
        above_pem: &[u8],
        now: DateTime<Utc>,
        find: impl Fn(&[CertificateDer<'static>]) -> Result<Certificates, IssuerProblem>,
    ) -> Result<Self, IssuerProblem> {
        if self.authority.is_self_issued() {
            return Ok(self);
        }
        let mut above = find(&certificates);
        if above.is_err() && !above_pem.is_empty() {
            let more = read(above_pem);
            certificates.extend(more.map_err(|_| IssuerProblem::AboveDamaged)?);
            above = find(&certificates);
        }
        for (index, above) in above?.iter().enumerate() {
            let authority = judge_issuer(above, now)?;
            if !authority.allows_below(index + 1) {
                return Err(IssuerProblem::PathTooLong);
            }
            self.above.push((authority, pem(above)));
        }
        Ok(self)
    }

    /// The CA that certifies.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The certificates in PEM, that of the CA first.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &str> {
        let above = self.above.iter().map(|(_, pem)| pem.as_str());
        iter::once(self.pem.as_str()).chain(above)
    }

    /// The last beginning of a validity, and the first end.
    pub(super) fn validity(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let all = self.authorities().map(Authority::validity);
        all.fold(self.authority.validity(), |(begin, end), (from, to)| {
            (begin.max(from), end.min(to))
        })
    }

    /// Tells whether a time lies in the validity of all.
    pub(super) fn is_in_date(&self, now: DateTime<Utc>) -> bool {
        let (begin, end) = self.validity();
        (begin..=end).contains(&now)
    }

    /// True when TLS libraries may take a CA of one chain for a CA of the other one.
    pub(super) fn is_mistaken_for(&self, other: &Self) -> bool {
        self.authorities()
            .any(|one| other.authorities().any(|other| one.is_mistaken_for(other)))
    }

    fn authorities(&self) -> impl Iterator<Item = &Authority> {
        let above = self.above.iter().map(|(authority, _)| authority);
        iter::once(&self.authority).chain(above)
    }
}

/// The certificates from the one above a leaf's issuer to the root.
pub(super) fn authorities_above(
    leaf: &CertificateDer<'_>,
    certificates: &[CertificateDer<'_>],
    now: DateTime<Utc>,
) -> Result<Certificates, IssuerProblem> {
    let leaf = webpki::EndEntityCert::try_from(leaf).map_err(IssuerProblem::Leaf)?;
    let roots: Vec<_> = certificates.iter().filter_map(as_root).collect();
    let path = verify_chain(&leaf, &roots, certificates, Purpose::Client, now)
        .map_err(IssuerProblem::NoRoot)?;
    let root = certificates
        .iter()
        .find(|certificate| as_root(certificate).as_ref() == Some(path.anchor()));
    let between = path.intermediate_certificates().skip(1);
    let between = between.map(|above| above.der().into_owned());
    Ok(between
        .chain(root.map(|root| root.clone().into_owned()))
        .collect())
}

/// The same for the first of the certificates, of which nobody has the key, so that no leaf of it can be
/// made: by the names and the signatures. Of several, a root goes first.
pub(super) fn signers(
    certificates: &[CertificateDer<'static>],
) -> Result<Certificates, IssuerProblem> {
    let no_root = || IssuerProblem::NoRoot(webpki::Error::UnknownIssuer);
    let mut below = certificates.first().ok_or(IssuerProblem::NoCertificate)?;
    let mut above = Vec::new();
    while as_root(below).is_none() {
        let signs = |certificate: &&CertificateDer<'static>| {
            !above.contains(*certificate) && is_signed_by(below, certificate)
        };
        let others = || certificates.iter().skip(1).filter(signs);
        let signer = others().find(|signer| as_root(signer).is_some());
        below = signer.or_else(|| others().next()).ok_or_else(no_root)?;
        if above.len() == MOST_ABOVE {
            return Err(no_root());
        }
        above.push(below.clone());
    }
    Ok(above)
}

/// The certificate as a trust anchor, when its issuer has its own name.
fn as_root<'a>(certificate: &'a CertificateDer<'a>) -> Option<TrustAnchor<'a>> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    (parsed.issuer() == parsed.subject())
        .then(|| webpki::anchor_from_trusted_cert(certificate).ok())
        .flatten()
}

fn is_signed_by(below: &CertificateDer<'_>, above: &CertificateDer<'_>) -> bool {
    let signer = webpki::EndEntityCert::try_from(above);
    let issued = webpki::EndEntityCert::try_from(below);
    let (Ok(signer), Ok(issued), Some(parts)) = (signer, issued, Parts::read(below)) else {
        return false;
    };
    let mut algorithms = webpki::ALL_VERIFICATION_ALGS.iter();
    issued.issuer() == signer.subject()
        && algorithms.any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == parts.algorithm
                && signer
                    .verify_signature(*algorithm, parts.content, parts.signature)
                    .is_ok()
        })
}

/// The parts of a certificate. Source: RFC 5280 section 4.1.
struct Parts<'a> {
    content: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut parts = SliceReader::new(AnyRef::from_der(certificate).ok()?.value()).ok()?;
        Some(Self {
            content: parts.tlv_bytes().ok()?,
            algorithm: AnyRef::decode(&mut parts).ok()?.value(),
            signature: BitStringRef::decode(&mut parts).ok()?.as_bytes()?,
        })
    }
}

/// Most CAs above another one: as many as webpki follows.
const MOST_ABOVE: usize = 6;
