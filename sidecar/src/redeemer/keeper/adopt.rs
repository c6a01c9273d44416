//! Adoption: a link that Skupper's own client redeemed becomes one that is kept.
//!
//! Its certificate shows its link already. The next one has a key that never travelled, and lives shorter.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;

use super::folder::FolderPlace;
use super::judge::Accept;
use super::kept::Kept;
use super::namespace::NamespacePlace;
use super::place::Place;
use super::problem::KeepProblem;
use super::{Done, RenewalOrder, Router, renew_now, tell};
use crate::pki::client_certificate::ClientCertificate;
use crate::redeemer::clock::Clock;
use crate::redeemer::renewal_server::RenewalServer;
use crate::redeemer::{ClusterTarget, FolderTarget, files};

/// Makes a link in a folder one that a renewal server keeps: its certificate is renewed at once, and its
/// router is told. Nothing is written unless the server renews it.
///
/// # Errors
/// As [`renew_in_folder`](super::renew_in_folder).
pub async fn adopt_in_folder(
    order: RenewalOrder<'_>,
    target: FolderTarget<'_>,
    router: &Router,
    server: RenewalServer,
) -> Result<Done, KeepProblem> {
    files::check_name(order.name).map_err(|_| KeepProblem::NotThere(order.name.to_owned()))?;
    let clock = Clock::starting_at(order.now);
    let mut place = FolderPlace::new(target, router, order.timeout);
    let kept = place.link(order.name, Some(server), order.now)?;
    adopt(order, &mut place, &kept, clock).await
}

/// Makes a link that Skupper's controller redeemed one that is kept, as [`adopt_in_folder`], and waits for the
/// controller as [`renew_in_cluster`](super::renew_in_cluster).
///
/// # Errors
/// As [`renew_in_folder`](super::renew_in_folder).
pub async fn adopt_in_cluster(
    order: RenewalOrder<'_>,
    target: &ClusterTarget<'_>,
    patience: Duration,
    server: RenewalServer,
) -> Result<Done, KeepProblem> {
    let clock = Clock::starting_at(order.now);
    let mut place = NamespacePlace::new(target, patience).adopting(server);
    let kept = place.read(order.name, order.now).await?;
    adopt(order, &mut place, &kept, clock).await
}

async fn adopt<P: Place>(
    order: RenewalOrder<'_>,
    place: &mut P,
    kept: &Kept,
    clock: Clock,
) -> Result<Done, KeepProblem> {
    check(kept).map_err(|flaw| KeepProblem::NotAdoptable {
        name: order.name.to_owned(),
        flaw,
    })?;
    let accept = order.accept(Accept::EarlierEnd);
    let renewal = renew_now(order, place, kept, clock, accept).await?;
    let told = tell(order, place, clock).await;
    Ok(Done { renewal, told })
}

/// Checks all of a certificate that a renewal server looks at first.
fn check(kept: &Kept) -> Result<(), AdoptionFlaw> {
    let der = CertificateDer::from_pem_slice(kept.secret.object.tls_crt.as_bytes()).ok();
    let certificate = der.and_then(|der| ClientCertificate::read(&der));
    let certificate = certificate.ok_or(AdoptionFlaw::OtherServer)?;
    if !certificate.is_for_clients_alone() {
        return Err(AdoptionFlaw::NotForClients);
    }
    certificate.signer().map(drop).ok_or(AdoptionFlaw::NoSigner)
}

/// Reason a link cannot be adopted. Holds nothing of its certificate.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum AdoptionFlaw {
    /// The serial number or the common name is not of our making.
    #[error("its certificate has no serial number of a redemption sidecar")]
    OtherServer,
    /// It is for servers, too, as those of Skupper's own controller are.
    #[error("its certificate is not for clients alone, as those of Skupper's own grant server")]
    NotForClients,
    /// It does not name the key of its CA.
    #[error("its certificate has no AuthorityKeyIdentifier")]
    NoSigner,
}
