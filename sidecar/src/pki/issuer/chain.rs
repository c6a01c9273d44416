//! The way from an intermediate CA up to its root.

use chrono::{DateTime, Utc};
use rustls_pki_types::{CertificateDer, TrustAnchor};

use super::authority::verify_chain;
use super::problem::IssuerProblem;
use super::purpose::Purpose;

/// The certificates from the one above a leaf's issuer to the root.
pub(super) fn authorities_above(
    leaf: &CertificateDer<'_>,
    certificates: &[CertificateDer<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<CertificateDer<'static>>, IssuerProblem> {
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

/// The certificate as a trust anchor, when its issuer has its own name.
fn as_root<'a>(certificate: &'a CertificateDer<'a>) -> Option<TrustAnchor<'a>> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    (parsed.issuer() == parsed.subject())
        .then(|| webpki::anchor_from_trusted_cert(certificate).ok())
        .flatten()
}
