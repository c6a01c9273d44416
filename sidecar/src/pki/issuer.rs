//! The CA that certifies links, and the only door to it.
//!
//! ```text
//! certificate, key -> Issuer::load -> certify: compose -> sign -> verify -> Leaf
//! ```
//!
//! ```
//! use chrono::TimeDelta;
//! use redemption_sidecar::pki::issuer::{Issuer, LeafRequest, new_site_ca};
//! use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
//! use redemption_sidecar::redemption::Serial;
//! use secrecy::ExposeSecret;
//! # let now = chrono::DateTime::from_timestamp_secs(1_785_000_000).unwrap_or_default();
//!
//! let (certificate, key) = new_site_ca("skupper-site-ca", now)?;
//! let issuer = Issuer::load(certificate.as_bytes(), key.expose_secret().as_bytes(), now)?;
//! let key = PrivateKey::generate(KeyKind::P256);
//! let request = LeafRequest {
//!     spki: key.spki(),
//!     subject: "west",
//!     serial: Serial::from_bytes([1; 16]),
//!     at: now,
//!     duration: Some(TimeDelta::days(7)),
//!     grant: None,
//! };
//! assert_eq!(issuer.certify(&request, now)?.not_after, now + TimeDelta::days(7));
//! # Ok::<(), redemption_sidecar::pki::issuer::IssuerProblem>(())
//! ```
//!
//! [`Issuer::load`] accepts only what OpenSSL and webpki will accept under it, and every leaf is
//! verified before it leaves. A leaf is for TLS clients alone and names no host: whoever holds a
//! token must not be able to pose as the site.
//!
//! Source: RFC 5280 sections 4.1 and 4.2.

mod authority;
mod chain;
pub(crate) mod encode;
mod found;
mod leaf;
mod previous;
mod problem;
mod purpose;
mod recognize;
mod root;

use std::fmt;
use std::iter;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::pki::key::{KeyKind, KeyProblem, PrivateKey};
use crate::redemption::Serial;

pub use authority::{Authority, verify_client_leaf};
pub use found::found;
pub use leaf::{LONGEST_LIFE, Leaf, LeafRequest};
pub use previous::PreviousIssuer;
pub use problem::IssuerProblem;
pub use purpose::Purpose;
pub use root::new_site_ca;

pub(crate) use leaf::leaf_extensions;
pub(crate) use root::{ca_validity, new_serial, self_signed};

use chain::{Chain, authorities_above};
use encode::{Draft, extensions, grant_comment, link_name, pem};

/// A CA with its key, proven to make certificates that verify.
#[derive(Clone)]
pub struct Issuer {
    chain: Chain,
    key: Arc<PrivateKey>,
    /// Of these, and of the issuers before it.
    certificates_pem: String,
    /// The extensions of every leaf: they do not depend on the redeemer.
    leaf_extensions: Vec<u8>,
    /// The issuers before it whose certificates may be renewed.
    previous: Vec<Arc<PreviousIssuer>>,
}

impl Issuer {
    /// Reads a CA and its key from PEM. The first certificate is the CA; when it is an intermediate
    /// one, the certificates above it follow in any order. Others are passed over.
    ///
    /// # Errors
    /// Whatever would make a leaf that OpenSSL or webpki refuses; the key belongs to another
    /// certificate; a file that is not written to its end.
    pub fn load(
        certificate_pem: &[u8],
        key_pem: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Self, IssuerProblem> {
        Self::load_below(certificate_pem, key_pem, &[], now)
    }

    /// The same, when CAs above an intermediate one may stand in another text in PEM, too: the
    /// `ca.crt` that cert-manager writes beside `tls.crt`.
    ///
    /// # Errors
    /// As [`Issuer::load`]; the text with the CAs above is not written to its end, and needed.
    pub fn load_below(
        certificate_pem: &[u8],
        key_pem: &[u8],
        above_pem: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Self, IssuerProblem> {
        let all = certificates(certificate_pem)?;
        let chain = Chain::begin(&all, now)?;
        let key = std::str::from_utf8(key_pem).map_err(|_| KeyProblem::Missing)?;
        let key = PrivateKey::from_pem(key)?;
        let leaf_extensions = leaf_extensions(chain.authority(), Purpose::Client)
            .and_then(|all| extensions(&all))
            .map_err(|_| IssuerProblem::Unreadable)?;
        let issuer = Self {
            certificates_pem: String::new(),
            chain,
            key: Arc::new(key),
            leaf_extensions,
            previous: Vec::new(),
        };
        let probe = issuer.probe(now)?;
        let find = |all: &[_]| authorities_above(&probe, all, now);
        let chain = issuer.chain.clone().up_to_root(all, above_pem, now, find)?;
        Ok(Self { chain, ..issuer }.alone())
    }

    /// Certifies a key, and verifies the certificate.
    ///
    /// # Errors
    /// `now` is outside the validity of the CA or of the certificate; the public key is not one
    /// element of DER.
    pub fn certify(
        &self,
        request: &LeafRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<Leaf, IssuerProblem> {
        let (der, not_after) = self.verified_leaf(request, now)?;
        let pem = pem(&der);
        Ok(Leaf { pem, not_after })
    }

    /// The CA and, above an intermediate one, the CAs up to its root, in PEM: what a TLS library
    /// needs to verify a leaf. OpenSSL accepts no chain that ends below a root, and webpki and Go
    /// take each of them as an anchor. Nothing else of the file is in it: it would be trusted, too.
    #[must_use]
    pub fn certificates_pem(&self) -> &str {
        &self.certificates_pem
    }

    /// Makes it the follower of another issuer, too: it renews the certificates of that, and the
    /// certificates of that join its own in [`Issuer::certificates_pem`]. An issuer that is the same CA
    /// adds nothing.
    ///
    /// # Errors
    /// [`IssuerProblem::Indistinguishable`].
    pub fn follow(&mut self, previous: &Arc<PreviousIssuer>) -> Result<(), IssuerProblem> {
        let other = previous.authority();
        if self
            .chains()
            .any(|known| known.authority().is_same_as(other))
        {
            return Ok(());
        }
        let chain = previous.chain();
        if self.chains().any(|known| known.is_mistaken_for(chain)) {
            return Err(IssuerProblem::Indistinguishable);
        }
        for certificate in chain.certificates() {
            if !self.certificates_pem.contains(certificate) {
                self.certificates_pem.push_str(certificate);
            }
        }
        self.previous.push(Arc::clone(previous));
        Ok(())
    }

    /// The same issuer, following none.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self {
            certificates_pem: self.chain.certificates().collect(),
            previous: Vec::new(),
            ..self.clone()
        }
    }

    /// The last second at which a leaf can be valid.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        self.chain.validity().1
    }

    /// Tells whether a time lies in its validity.
    #[must_use]
    pub fn is_in_date(&self, now: DateTime<Utc>) -> bool {
        self.chain.is_in_date(now)
    }

    /// Tells whether a time lies in its validity, and in that of every issuer before it.
    #[must_use]
    pub fn are_all_in_date(&self, now: DateTime<Utc>) -> bool {
        self.chains().all(|chain| chain.is_in_date(now))
    }

    /// That of the issuer, and those of the issuers before it.
    fn chains(&self) -> impl Iterator<Item = &Chain> {
        let previous = self.previous.iter().map(|issuer| issuer.chain());
        iter::once(&self.chain).chain(previous)
    }

    /// Certifies a key that nobody has, to see that this issuer works.
    fn probe(&self, now: DateTime<Utc>) -> Result<CertificateDer<'static>, IssuerProblem> {
        let key = PrivateKey::generate(KeyKind::P256);
        let request = LeafRequest {
            spki: key.spki(),
            subject: "probe",
            serial: Serial::from_bytes(1_u128.to_be_bytes()),
            at: now,
            duration: None,
            grant: None,
        };
        match self.verified_leaf(&request, now) {
            Ok((probe, _)) => Ok(probe),
            Err(IssuerProblem::Leaf(cause)) if is_of_another_key(&cause) => {
                Err(IssuerProblem::OtherKey)
            }
            Err(problem) => Err(problem),
        }
    }

    fn verified_leaf(
        &self,
        request: &LeafRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(CertificateDer<'static>, DateTime<Utc>), IssuerProblem> {
        let at = request.at.trunc_subsecs(0);
        let end = at.checked_add_signed(request.duration.unwrap_or(LONGEST_LIFE));
        let not_after = end.map_or(self.not_after(), |end| end.min(self.not_after()));
        if end.is_some_and(|end| end.timestamp() < now.timestamp()) {
            return Err(IssuerProblem::LeafExpired { at: not_after });
        }
        let comment = request.grant.as_ref().map(grant_comment);
        let extensions = [&self.leaf_extensions, &comment.unwrap_or_default()[..]].concat();
        // Not moved to the beginning of the CA: verifiers look at both, and a redemption that is
        // repeated under a renewed CA keeps its own.
        let not_before = at.checked_sub_signed(BACKDATED);
        let draft = Draft {
            serial: request.serial.as_bytes(),
            validity: (not_before.unwrap_or(at), not_after),
            subject: &link_name(request.subject, request.serial.link()),
            spki: request.spki,
            extensions: &extensions,
        };
        let der = self.chain.authority().certify(&draft, &self.key, now)?;
        Ok((der, not_after))
    }
}

/// Two are equal when they have the same certificates.
impl PartialEq for Issuer {
    fn eq(&self, other: &Self) -> bool {
        self.certificates_pem == other.certificates_pem
    }
}

impl Eq for Issuer {}

/// Prints neither the key nor the subject.
impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, IssuerProblem> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>();
    certificates.map_err(|_| IssuerProblem::Damaged)
}

/// As [`Authority::judge`]. Redeemers choose the subjects, so that no constraint of names is met by all.
fn judge_issuer(der: &[u8], now: DateTime<Utc>) -> Result<Authority, IssuerProblem> {
    let authority = Authority::judge(der, Purpose::Client, now)?;
    if authority.has_name_constraints() {
        return Err(IssuerProblem::NameConstraints);
    }
    Ok(authority)
}

fn is_of_another_key(cause: &webpki::Error) -> bool {
    matches!(
        cause,
        webpki::Error::InvalidSignatureForPublicKey
            | webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
    )
}

/// Time that a certificate is valid before its redemption, for clocks that are late.
const BACKDATED: TimeDelta = TimeDelta::hours(1);
