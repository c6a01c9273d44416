//! The renewal of a link's certificate: recognize, ask the register, certify, answer.
//!
//! Nothing is counted, and nothing is written before the answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, SubsecRound as _, Utc};

use super::{Service, are_named};
use crate::ledger::{Ledger, Register};
use crate::pki::client_certificate::ClientCertificate;
use crate::pki::issuer::LeafRequest;
use crate::redemption::{KeyDigest, LinkId, Serial};
use crate::renewal::{CertificateFlaw, Issued, LinkCertificate, Refusal, Shown, decide};
use crate::server::{Allowance, Answer, Attempts, Connection, Received};
use crate::site::{Recognized, Sites};
use crate::system::clock;
use crate::telemetry::log;
use crate::telemetry::metrics::{Answered, RenewalOutcome};
use crate::telemetry::outage::Outage;
use crate::wire::objects::{Link, TlsSecret};
use crate::wire::protocol;
use crate::wire::renewal::{self, Asked, WantedRenewal};

/// The renewals of a service.
pub(super) struct Renewals<L> {
    service: Arc<Service<L>>,
    of_link: Attempts<LinkId>,
    /// Of the register.
    outage: Outage,
}

/// A certificate that is renewed. No `Debug`.
struct Renewed {
    secret: TlsSecret,
    links: Vec<Link>,
    issued: Issued,
}

impl<L: Ledger + Register> Renewals<L> {
    pub(super) fn new(service: Arc<Service<L>>) -> Self {
        Self {
            service,
            of_link: Attempts::new(Allowance::PER_LINK),
            outage: Outage::default(),
        }
    }

    /// Answers a renewal, or the word that a router was told.
    pub(super) async fn answer(
        &self,
        asked: Asked,
        request: &Received,
        connection: &Connection,
    ) -> Answer {
        let (now, peer) = (clock::now(), connection.address());
        let sites = self.service.sites.load_full();
        let shown = match shown(connection) {
            Ok(shown) => shown,
            Err(refusal) => return refused_stranger(&refusal, peer),
        };
        let result = match place(&sites, &shown, now) {
            Ok(place) => match self.stands(&place, shown.link(), connection).await {
                Ok(()) => match asked {
                    Asked::Renewal => self.renew(&place, shown.link(), request, now).map(Some),
                    Asked::Told => {
                        self.note_told(&place, shown.link());
                        Ok(None)
                    }
                },
                Err(refusal) => Err(refusal),
            },
            Err(refusal @ Refusal::NotOfSite(flaw)) if flaw != CertificateFlaw::OtherIssuer => {
                Err(refusal)
            }
            Err(refusal) => return refused_stranger(&refusal, peer),
        };
        match result {
            Ok(Some(renewed)) => {
                log::renewal(shown.link(), Ok(&renewed.issued), peer);
                self.service.ledger.note(renewed.issued);
                let offer = self.service.offer.load();
                Answer {
                    answered: Answered::Renewal(RenewalOutcome::Renewed),
                    response: protocol::granted(&renewed.secret, &renewed.links, offer.as_deref()),
                }
            }
            Ok(None) => Answer {
                answered: Answered::Renewal(RenewalOutcome::Told),
                response: renewal::noted(),
            },
            Err(refusal) => {
                log::renewal(shown.link(), Err(&refusal), peer);
                refused(&refusal)
            }
        }
    }

    /// Asks the register whether a link may go on. From then on its connection is not closed to make
    /// room for others.
    async fn stands(
        &self,
        place: &Recognized<'_>,
        certificate: &LinkCertificate,
        connection: &Connection,
    ) -> Result<(), Refusal> {
        let namespace = place.namespace.map(AsRef::as_ref);
        match self.service.ledger.standing(namespace, certificate).await {
            Ok(standing) => {
                if self.outage.ends() {
                    tracing::info!("the register of links can be used again");
                }
                decide(standing)?;
            }
            Err(fault) => {
                if self.outage.begins(&fault, Instant::now()) {
                    tracing::error!(%fault, "the register of links cannot be used");
                }
                return Err(Refusal::Unavailable);
            }
        }
        if connection.answering() {
            Ok(())
        } else {
            // The client is gone.
            Err(Refusal::Unavailable)
        }
    }

    /// Certifies the next key of a link that may go on.
    fn renew(
        &self,
        place: &Recognized<'_>,
        certificate: &LinkCertificate,
        request: &Received,
        now: DateTime<Utc>,
    ) -> Result<Renewed, Refusal> {
        let Recognized {
            namespace,
            site,
            issuer,
        } = place;
        let wanted = WantedRenewal::read(&request.headers, certificate)?;
        let links = site.links(&wanted.name);
        are_named(&links)?;
        let moment = Instant::now();
        let allowed = self.of_link.check(&certificate.link, moment);
        allowed.map_err(Refusal::TooManyRenewals)?;

        if links.is_empty() {
            tracing::error!(
                site = site.name,
                "cannot renew: the site has no endpoint to link to"
            );
            return Err(Refusal::Unavailable);
        }
        let ledger = &self.service.ledger;
        let grant = certificate.grant.or_else(|| ledger.grant_of(certificate));
        let at = now.trunc_subsecs(0);
        let serial = Serial::renewed(certificate.link, wanted.key.spki());
        let leaf = LeafRequest {
            spki: wanted.key.spki(),
            subject: &certificate.subject,
            serial,
            at,
            duration: Some(self.service.renewed_certificate_duration),
            grant,
        };
        let leaf = issuer.certify(&leaf, now).map_err(|problem| {
            tracing::error!(site = site.name, %problem, "cannot renew");
            Refusal::Unavailable
        })?;
        // A refusal above costs the link nothing.
        self.of_link.record(certificate.link, moment);
        Ok(Renewed {
            issued: Issued {
                link: certificate.link,
                grant,
                grant_name: None,
                namespace: namespace.cloned(),
                subject: certificate.subject.clone(),
                serial,
                authority: issuer.id(),
                at,
                certificate_end: leaf.not_after,
                shown: Some(Shown {
                    key: KeyDigest::of_spki(&certificate.spki),
                    end: certificate.not_after,
                }),
            },
            secret: TlsSecret {
                name: wanted.name,
                ca_crt: issuer.certificates_pem().to_owned(),
                tls_crt: leaf.pem,
                tls_key: None,
            },
            links,
        })
    }

    /// Notes that the router of a link uses the certificate that is shown.
    fn note_told(&self, place: &Recognized<'_>, certificate: &LinkCertificate) {
        let namespace = place.namespace.map(AsRef::as_ref);
        let ledger = &self.service.ledger;
        ledger.note_told(namespace, certificate.link, certificate.serial);
    }
}

/// The certificate that a client showed.
fn shown(connection: &Connection) -> Result<ClientCertificate, Refusal> {
    let der = connection.certificate().ok_or(Refusal::NoCertificate)?;
    ClientCertificate::read(der).ok_or(Refusal::NotOfSite(CertificateFlaw::OtherIssuer))
}

/// The place of a certificate.
fn place<'s>(
    sites: &'s Sites,
    shown: &ClientCertificate,
    now: DateTime<Utc>,
) -> Result<Recognized<'s>, Refusal> {
    if matches!(sites, Sites::Unread) {
        return Err(Refusal::NotReady);
    }
    if clock::plausible(now).is_err() {
        // Nobody can tell which certificates are in date. The upkeep of the service says so, once.
        return Err(Refusal::Unavailable);
    }
    sites.recognize(shown, now).map_err(|flaw| match flaw {
        CertificateFlaw::OtherIssuer if sites.lack_an_issuer() => Refusal::Unavailable,
        flaw => Refusal::NotOfSite(flaw),
    })
}

/// Refuses somebody of whom nothing is known: anybody can make a certificate.
fn refused_stranger(refusal: &Refusal, peer: IpAddr) -> Answer {
    let outcome = RenewalOutcome::from(refusal).as_str();
    tracing::debug!(outcome, %peer, "renewal refused");
    refused(refusal)
}

fn refused(refusal: &Refusal) -> Answer {
    Answer {
        answered: Answered::Renewal(RenewalOutcome::from(refusal)),
        response: renewal::refusal(refusal),
    }
}
