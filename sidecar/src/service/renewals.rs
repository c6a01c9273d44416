//! The renewal of a link's certificate: recognize, ask the register, certify, answer.
//!
//! Nothing is counted, and nothing is written before the answer.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, SubsecRound as _, Utc};

use super::Service;
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
        let now = clock::now();
        let shown = match connection.certificate() {
            None => Err(Refusal::NoCertificate),
            Some(der) => {
                ClientCertificate::read(der).ok_or(Refusal::NotOfSite(CertificateFlaw::OtherIssuer))
            }
        };
        let peer = connection.address();
        let shown = match shown {
            Ok(shown) => shown,
            Err(refusal) => {
                let outcome = RenewalOutcome::from(&refusal);
                tracing::debug!(outcome = outcome.as_str(), %peer, "renewal refused");
                return refused(&refusal);
            }
        };
        if clock::plausible(now).is_err() {
            // Nobody can tell which certificates are in date. The upkeep of the service says so, once.
            return refused(&Refusal::Unavailable);
        }
        let result = match asked {
            Asked::Renewal => self.renew(&shown, request, now).await.map(Some),
            Asked::Told => self.told(&shown, now).await.map(|()| None),
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
                match &refusal {
                    // Anybody can make a certificate.
                    Refusal::NotOfSite(CertificateFlaw::OtherIssuer) => {
                        tracing::debug!(%peer, "renewal refused: the certificate is not of this site");
                    }
                    refusal => log::renewal(shown.link(), Err(refusal), peer),
                }
                refused(&refusal)
            }
        }
    }

    async fn renew(
        &self,
        shown: &ClientCertificate,
        request: &Received,
        now: DateTime<Utc>,
    ) -> Result<Renewed, Refusal> {
        let sites = self.service.sites.load();
        let Recognized {
            namespace,
            site,
            issuer,
        } = self.recognize(&sites, shown, now).await?;
        let certificate = shown.link();
        let wanted = WantedRenewal::read(&request.headers, certificate)?;
        let moment = Instant::now();
        let allowed = self.of_link.check(&certificate.link, moment);
        allowed.map_err(Refusal::TooManyRenewals)?;

        let links = site.links(&wanted.name);
        if links.is_empty() {
            tracing::error!(
                site = site.name,
                "cannot renew: the site has no endpoint to link to"
            );
            return Err(Refusal::Unavailable);
        }
        let at = now.trunc_subsecs(0);
        let serial = Serial::renewed(certificate.link, wanted.key.spki());
        let leaf = LeafRequest {
            spki: wanted.key.spki(),
            subject: &certificate.subject,
            serial,
            at,
            duration: Some(self.service.renewed_certificate_duration),
            grant: certificate.grant,
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
                grant: certificate.grant,
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
    async fn told(&self, shown: &ClientCertificate, now: DateTime<Utc>) -> Result<(), Refusal> {
        let sites = self.service.sites.load();
        let recognized = self.recognize(&sites, shown, now).await?;
        let LinkCertificate { link, serial, .. } = shown.link();
        let namespace = recognized.namespace.map(AsRef::as_ref);
        self.service.ledger.note_told(namespace, *link, *serial);
        Ok(())
    }

    /// The place of a certificate whose link was not taken back.
    async fn recognize<'s>(
        &self,
        sites: &'s Sites,
        shown: &ClientCertificate,
        now: DateTime<Utc>,
    ) -> Result<Recognized<'s>, Refusal> {
        if matches!(sites, Sites::Unread) {
            return Err(Refusal::NotReady);
        }
        let recognized = sites.recognize(shown, now).map_err(Refusal::NotOfSite)?;
        let namespace = recognized.namespace.map(AsRef::as_ref);
        let standing = self.service.ledger.standing(namespace, shown.link()).await;
        let standing = standing.map_err(|fault| {
            if self.outage.begins(&fault, Instant::now()) {
                tracing::error!(%fault, "the register of links cannot be used");
            }
            Refusal::Unavailable
        })?;
        self.outage.ends();
        decide(standing)?;
        Ok(recognized)
    }
}

fn refused(refusal: &Refusal) -> Answer {
    Answer {
        answered: Answered::Renewal(RenewalOutcome::from(refusal)),
        response: renewal::refusal(refusal),
    }
}
