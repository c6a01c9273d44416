//! The redemption of a grant: check, certify, count, answer.
//!
//! Everything that can fail comes before the count; the count is durable before the answer leaves.

pub mod handler;
mod key_generator;
pub mod operations;
mod renewals;

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use secrecy::SecretString;

use skupper_access_policy::value::name::MAX_NAME_BYTES;

use crate::ledger::{Ledger, LedgerFault, Register};
use crate::pki::issuer::LeafRequest;
use crate::pki::key::PrivateKey;
use crate::redemption::fault::Fault;
use crate::redemption::{
    Claim, CodeDigest, Decision, Grant, GrantState, GrantUid, KeyDigest, KeyOrigin, Redemption,
    Refusal, Serial, decide,
};
use crate::renewal::{Issued, LinkCertificate, Standing};
use crate::site::{Site, Sites};
use crate::wire::certificate_request::{self, PublicKey};
use crate::wire::header::HeaderFlaw;
use crate::wire::objects::{Link, TlsSecret};
use crate::wire::protocol::{CERTIFICATE_REQUEST, NAME, RenewalOffer, Wanted};

pub use key_generator::KeyGenerator;

/// Everything that redemptions need, for as long as the service runs.
pub struct Service<L> {
    /// The grants.
    pub ledger: Arc<L>,
    /// The sites; a reload replaces them.
    pub sites: Arc<ArcSwap<Sites>>,
    /// Makes the keys of clients that bring none.
    pub keys: KeyGenerator,
    /// Life of a certificate that nobody renews; absent for as long as its issuer.
    pub certificate_duration: Option<TimeDelta>,
    /// Life of a certificate that its holder renews.
    pub renewed_certificate_duration: TimeDelta,
    /// Things that redeemers must know to renew; they change with the address and the CA of the server.
    pub offer: Arc<ArcSwapOption<RenewalOffer>>,
}

/// A redemption that is counted and can be answered. No `Debug`: it may hold a private key.
pub struct Granted {
    /// The Secret of the answer.
    pub secret: TlsSecret,
    /// The Links of the answer.
    pub links: Vec<Link>,
    /// The record of it in the ledger.
    pub redemption: Redemption,
    /// True when an earlier request counted it.
    pub is_again: bool,
    /// Present for a key of the redeemer's own.
    pub offer: Option<Arc<RenewalOffer>>,
    /// The certificate, for the register.
    pub issued: Issued,
}

/// A grant that has not ended, as far as is known without another look at the store.
#[derive(Clone, Debug)]
pub struct Current {
    grant: Grant,
    /// True when the store was asked after the code was checked.
    is_confirmed: bool,
}

impl<L: Ledger + Register> Service<L> {
    /// The grant of a uid. The inner refusals are those of [`Ledger::look`].
    ///
    /// # Errors
    /// The ledger cannot be read. It is not logged: anybody may ask.
    pub async fn grant(&self, uid: &GrantUid) -> Result<Result<Grant, Refusal>, LedgerFault> {
        let entry = self.ledger.look(uid, None).await?;
        Ok(entry.map(|entry| entry.grant))
    }

    /// The grant that is redeemed by its name in a namespace.
    ///
    /// # Errors
    /// As [`Service::grant`].
    pub async fn grant_by_name(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Result<Grant, Refusal>, LedgerFault> {
        self.ledger.look_by_name(namespace, name).await
    }

    /// Tells the operator, and those who look at the grant, what keeps redeemers from it.
    pub fn report(&self, grant: &Grant, fault: &Fault) {
        let (name, namespace) = (&grant.name, grant.namespace.as_deref());
        match fault {
            Fault::WrongCodes | Fault::ShortCode | Fault::WrongCodesByName => {
                tracing::warn!(grant = %grant.uid, name, namespace, "{fault}");
            }
            _ => tracing::error!(grant = %grant.uid, name, namespace, "{fault}"),
        }
        self.ledger.report(grant, fault);
    }

    /// A grant whose code was right, ready to be redeemed: one that looks ended or spent may have been
    /// looked at too early, and is asked for again.
    ///
    /// # Errors
    /// It has ended, or the store cannot answer.
    pub async fn current(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Current, Refusal> {
        if grant.state(now) != GrantState::Live {
            return self.confirm(grant, now, deadline).await;
        }
        Ok(Current {
            grant: grant.clone(),
            is_confirmed: false,
        })
    }

    /// Redeems a grant. After the deadline nothing is counted any more; `now` judges every expiry,
    /// because the decision follows before that deadline.
    ///
    /// # Errors
    /// Every refusal that comes after the check of the code.
    pub async fn redeem(
        &self,
        mut current: Current,
        wanted: Wanted,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Granted, Refusal> {
        let (key, known) = self.key(&current.grant, &wanted, now, deadline).await?;
        if known.is_some() && !current.is_confirmed && self.ledger.is_behind(Instant::now()) {
            // A write would notice a revocation, and nothing is written for a key that was counted.
            current = self.confirm(&current.grant, now, deadline).await?;
        }
        let grant = &current.grant;
        let decision = decide(grant, known.as_ref(), &wanted.subject, now)?;
        if let Decision::Again(earlier) = &decision {
            self.check_link(grant, earlier, key.spki()).await?;
        }

        let site = self.site(grant)?;
        let authority = site.authority(&grant.name, grant.issuer.as_deref());
        let issuer = authority.map_err(|fault| self.unavailable(grant, &fault))?;
        let links = site.links(&wanted.name);
        are_named(&links)?;
        let serial = Serial::derive(&grant.uid, key.spki());
        let certify = |at, duration| {
            let request = LeafRequest {
                spki: key.spki(),
                subject: &wanted.subject,
                serial,
                at,
                duration,
                grant: Some(grant.uid),
            };
            issuer.certify(&request, now).map_err(|problem| {
                tracing::error!(grant = %grant.uid, name = grant.name, %problem, "cannot certify");
                let issuer = grant.issuer.as_ref().unwrap_or(&site.default_issuer);
                self.unavailable(grant, &Fault::IssuerUnusable(issuer.clone()))
            })
        };

        // The same redemption is the same certificate: it ends when the first one does.
        let again = |earlier: Redemption| {
            let leaf = certify(earlier.at, Some(earlier.certificate_end - earlier.at))?;
            Ok::<_, Refusal>((leaf, earlier, true))
        };

        let (leaf, redemption, is_again) = match decision {
            Decision::Again(earlier) => again(earlier)?,
            Decision::Count => {
                let at = now.trunc_subsecs(0);
                let leaf = certify(at, self.duration(wanted.renews))?;
                let candidate = Redemption {
                    key: KeyDigest::of_spki(key.spki()),
                    origin: key.origin(),
                    subject: wanted.subject.clone(),
                    serial,
                    at,
                    certificate_end: leaf.not_after,
                    authority: Some(issuer.id()),
                };
                let counted = self
                    .ledger
                    .count(&grant.uid, candidate.clone(), now, deadline)
                    .await;
                match counted.map_err(|fault| self.store_down(grant, &fault))?? {
                    Decision::Count => (leaf, candidate, false),
                    // Another request with this key was counted meanwhile.
                    Decision::Again(earlier) => again(earlier)?,
                }
            }
        };
        let offer = match key.origin() {
            KeyOrigin::Redeemer => self.offer.load_full(),
            KeyOrigin::Service => None,
        };
        Ok(Granted {
            offer,
            issued: Issued {
                link: serial.link(),
                grant: Some(grant.uid),
                grant_name: Some(grant.name.clone()),
                namespace: grant.namespace.clone(),
                subject: redemption.subject.clone(),
                serial,
                authority: issuer.id(),
                at: redemption.at,
                certificate_end: redemption.certificate_end,
                shown: None,
            },
            secret: TlsSecret {
                name: wanted.name,
                ca_crt: issuer.certificates_pem().to_owned(),
                tls_crt: leaf.pem,
                tls_key: key.to_pem(),
            },
            links,
            redemption,
            is_again,
        })
    }

    /// Refuses a redemption whose link was taken back meanwhile: nobody certifies it any more. A register
    /// that cannot tell keeps nobody from what was redeemed already.
    async fn check_link(
        &self,
        grant: &Grant,
        earlier: &Redemption,
        spki: &[u8],
    ) -> Result<(), Refusal> {
        let certificate = LinkCertificate {
            link: earlier.serial.link(),
            grant: Some(grant.uid),
            subject: earlier.subject.clone(),
            serial: earlier.serial,
            spki: spki.to_vec(),
            not_after: earlier.certificate_end,
        };
        let namespace = grant.namespace.as_deref();
        match self.ledger.standing(namespace, &certificate).await {
            Ok(Standing::Revoked) => Err(Refusal::Ended),
            Ok(Standing::Good | Standing::Unknown) | Err(_) => Ok(()),
        }
    }

    /// Life of a certificate.
    fn duration(&self, renews: bool) -> Option<TimeDelta> {
        if renews {
            Some(self.renewed_certificate_duration)
        } else {
            self.certificate_duration
        }
    }

    /// The grant as the store holds it now, unless it has ended.
    async fn confirm(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Current, Refusal> {
        let found = self.ledger.confirm(grant, deadline).await;
        let found = found.map_err(|fault| self.store_down(grant, &fault))??;
        if found.state(now).is_ended() {
            return Err(Refusal::Ended);
        }
        Ok(Current {
            grant: found,
            is_confirmed: true,
        })
    }

    /// The key to certify, and the redemption that was counted for it.
    async fn key(
        &self,
        grant: &Grant,
        wanted: &Wanted,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<(Key, Option<Redemption>), Refusal> {
        let Some(request) = &wanted.certificate_request else {
            // A new key is never known; no key is made for a grant that is spent.
            if grant.state(now) == GrantState::Spent {
                return Err(Refusal::Spent);
            }
            return Ok((Key::Service(self.keys.generate(deadline).await?), None));
        };
        let key = certificate_request::read(request)
            .map_err(|problem| HeaderFlaw::new(&CERTIFICATE_REQUEST, problem))?;
        let claim = Claim {
            key: KeyDigest::of_spki(key.spki()),
            subject: wanted.subject.clone(),
            serial: Serial::derive(&grant.uid, key.spki()),
        };
        let entry = self.ledger.look(&grant.uid, Some(&claim)).await;
        let entry = entry.map_err(|fault| self.store_down(grant, &fault))??;
        Ok((Key::Redeemer(key), entry.redemption))
    }

    /// The site of a grant.
    fn site(&self, grant: &Grant) -> Result<Arc<Site>, Refusal> {
        let sites = self.sites.load();
        match sites.of(grant.namespace.as_deref()) {
            Some(site) => Ok(Arc::clone(site)),
            None if matches!(**sites, Sites::Unread) => Err(Refusal::NotReady),
            None => Err(self.unavailable(grant, &Fault::NoSite)),
        }
    }

    fn unavailable(&self, grant: &Grant, fault: &Fault) -> Refusal {
        self.report(grant, fault);
        Refusal::Unavailable
    }

    fn store_down(&self, grant: &Grant, fault: &LedgerFault) -> Refusal {
        if matches!(fault, LedgerFault::Forbidden(_)) {
            self.ledger.report(grant, &Fault::Forbidden);
        }
        tracing::error!(%fault, "the ledger cannot be used");
        Refusal::Unavailable
    }
}

/// True when these bytes are the code of the grant. An empty code never is.
#[must_use]
pub fn is_code(grant: &Grant, code: &[u8]) -> bool {
    !code.is_empty() && CodeDigest::of_code(&grant.uid, code) == grant.code
}

/// Checks the names of the Links of an answer, which are longer than the one that was asked for.
fn are_named(links: &[Link]) -> Result<(), HeaderFlaw> {
    if links.iter().all(|link| link.name.len() <= MAX_NAME_BYTES) {
        return Ok(());
    }
    let flaw = "is too long for the numbers behind the names of several Links";
    Err(HeaderFlaw::new(&NAME, flaw))
}

enum Key {
    Redeemer(PublicKey),
    Service(PrivateKey),
}

impl Key {
    fn spki(&self) -> &[u8] {
        match self {
            Self::Redeemer(key) => key.spki(),
            Self::Service(key) => key.spki(),
        }
    }

    fn origin(&self) -> KeyOrigin {
        match self {
            Self::Redeemer(_) => KeyOrigin::Redeemer,
            Self::Service(_) => KeyOrigin::Service,
        }
    }

    /// The key that travels: one that the service made.
    fn to_pem(&self) -> Option<SecretString> {
        match self {
            Self::Redeemer(_) => None,
            Self::Service(key) => Some(key.to_pem()),
        }
    }
}
