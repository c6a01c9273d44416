//! Answers the requests of the redemption port: find the grant, check the code, redeem, answer. Renewals
//! are answered beside it.

use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};

use crate::ledger::{Ledger, LedgerFault, Register};
use crate::redemption::fault::Fault;
use crate::redemption::{Grant, GrantUid, Refusal};
use crate::server::{Allowance, Answer, Attempts, Connection, Handler, Peer, Received, limits};
use crate::service::renewals::Renewals;
use crate::service::{Granted, Service, is_code};
use crate::system::clock;
use crate::telemetry::log;
use crate::telemetry::metrics::{Answered, Outcome};
use crate::telemetry::outage::Outage;
use crate::wire::protocol::{self, Wanted};
use crate::wire::renewal::Asked;

/// The handler of the redemption port.
pub struct Redemptions<L> {
    service: Arc<Service<L>>,
    renewals: Renewals<L>,
    attempts: Attempts<(GrantUid, Peer)>,
    attempts_of_all: Attempts<GrantUid>,
    /// Present when grants can be redeemed by their names.
    attempts_by_name: Option<Attempts<GrantUid>>,
    /// Of the ledger, as strangers find it.
    outage: Outage,
}

impl<L: Ledger + Register> Redemptions<L> {
    /// Redemptions of a service, with a fresh memory of wrong codes.
    #[must_use]
    pub fn new(service: Service<L>) -> Self {
        let service = Arc::new(service);
        Self {
            renewals: Renewals::new(Arc::clone(&service)),
            service,
            attempts: Attempts::new(Allowance::PER_PEER),
            attempts_of_all: Attempts::new(Allowance::PER_SHORT_CODE),
            attempts_by_name: None,
            outage: Outage::default(),
        }
    }

    /// The same, where grants with long codes can be redeemed by their names, too.
    #[must_use]
    pub fn by_name(self) -> Self {
        Self {
            attempts_by_name: Some(Attempts::new(Allowance::PER_NAME)),
            ..self
        }
    }

    /// The grant of a request whose code is right.
    async fn grant(&self, request: &Received, connection: &Connection) -> Result<Grant, Refusal> {
        let (grant, attempts_of_all) = self.named(&request.path).await?;
        let uid = grant.uid;
        let peer = connection.peer();
        let now = Instant::now();
        let mut checked = self.attempts.check(&(uid, peer), now);
        if let Some((attempts, _)) = &attempts_of_all {
            checked = checked.and(attempts.check(&uid, now));
        }
        checked.map_err(Refusal::TooManyAttempts)?;
        if !is_code(&grant, &request.body) {
            tracing::warn!(
                grant = %uid,
                name = grant.name,
                namespace = grant.namespace.as_deref(),
                peer = %connection.address(),
                "wrong code"
            );
            if self.attempts.record((uid, peer), now) {
                self.service.report(&grant, &Fault::WrongCodes);
            }
            if let Some((attempts, fault)) = attempts_of_all
                && attempts.record(uid, now)
            {
                self.service.report(&grant, &fault);
            }
            return Err(Refusal::WrongCode);
        }
        Ok(grant)
    }

    /// The grant that a path names; and where the wrong codes of all peers are counted together, and
    /// what it means when there are too many.
    async fn named(&self, path: &str) -> Result<(Grant, Option<AttemptsOfAll<'_>>), Refusal> {
        if let Some(uid) = protocol::grant_uid(path) {
            let grant = self.found(self.service.grant(&uid).await)?;
            let of_all = (&self.attempts_of_all, Fault::ShortCode);
            let of_all = grant.has_short_code.then_some(of_all);
            return Ok((grant, of_all));
        }
        let attempts = self.attempts_by_name.as_ref();
        let attempts = attempts.ok_or(Refusal::UnknownGrant)?;
        let (namespace, name) = protocol::grant_name(path).ok_or(Refusal::UnknownGrant)?;
        let grant = self.found(self.service.grant_by_name(namespace, name).await)?;
        Ok((grant, Some((attempts, Fault::WrongCodesByName))))
    }

    /// Redeems a grant whose code was right, for what the headers ask for.
    async fn redeem(
        &self,
        grant: &Grant,
        headers: &HeaderMap,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Granted, Refusal> {
        let current = self.service.current(grant, now, deadline).await?;
        let wanted = Wanted::read(headers, &grant.name)?;
        self.service.redeem(current, wanted, now, deadline).await
    }

    /// The answer of the ledger about a grant that anybody may have asked for.
    fn found(&self, found: Result<Result<Grant, Refusal>, LedgerFault>) -> Result<Grant, Refusal> {
        match found {
            Ok(found) => {
                if self.outage.ends() {
                    tracing::info!("the ledger can be used again");
                }
                found
            }
            Err(fault) => {
                if self.outage.begins(&fault, Instant::now()) {
                    tracing::error!(%fault, "the ledger cannot be used");
                }
                Err(Refusal::Unavailable)
            }
        }
    }
}

type AttemptsOfAll<'a> = (&'a Attempts<GrantUid>, Fault);

impl<L: Ledger + Register> Handler for Redemptions<L> {
    async fn answer(&self, request: Received, connection: &Connection) -> Answer {
        if let Some(asked) = Asked::of(&request.path) {
            return self.renewals.answer(asked, &request, connection).await;
        }
        self.answer_redemption(request, connection).await
    }
}

impl<L: Ledger + Register> Redemptions<L> {
    async fn answer_redemption(&self, request: Received, connection: &Connection) -> Answer {
        let grant = match self.grant(&request, connection).await {
            Ok(grant) => grant,
            Err(refusal) => {
                // Of an unknown client nothing is written but its address.
                let (outcome, peer) = (Outcome::from(&refusal), connection.address());
                tracing::debug!(%outcome, %peer, "refused");
                return refused(&refusal);
            }
        };
        let now = clock::now();
        if clock::plausible(now).is_err() {
            // Nobody can tell which grants have ended. The upkeep of the service says so, once.
            return refused(&Refusal::Unavailable);
        }
        if !grant.state(now).is_ended() && !connection.answering() {
            // The client is gone, and this is being ended: nothing may be counted.
            return refused(&Refusal::Unavailable);
        }
        let deadline = request.at + limits::COUNT;
        let redeemed = self.redeem(&grant, &request.headers, now, deadline).await;
        if let Ok(granted) = &redeemed
            && !granted.is_again
        {
            let (uid, name) = (grant.uid, grant.name.clone());
            let redemption = granted.redemption.clone();
            connection.on_lost_answer(move || log::lost_answer(&uid, &name, &redemption));
        }
        if let Ok(granted) = &redeemed {
            self.service.ledger.note(granted.issued.clone());
        }
        let (outcome, redemption) = match &redeemed {
            Ok(granted) if granted.is_again => (Outcome::Again, Some(&granted.redemption)),
            Ok(granted) => (Outcome::Counted, Some(&granted.redemption)),
            Err(refusal) => (Outcome::from(refusal), None),
        };
        log::redemption(&grant, outcome, redemption, connection.address());
        match &redeemed {
            Ok(granted) => Answer {
                answered: Answered::Redemption(outcome),
                response: protocol::granted(
                    &granted.secret,
                    &granted.links,
                    granted.offer.as_deref(),
                ),
            },
            Err(refusal) => refused(refusal),
        }
    }
}

fn refused(refusal: &Refusal) -> Answer {
    Answer {
        answered: Answered::Redemption(Outcome::from(refusal)),
        response: protocol::refusal(refusal),
    }
}
