//! What the redemption port does with a request: find the grant, check the code, redeem, answer.

use std::time::Instant;

use crate::clock;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::log::{self, RedemptionLine};
use crate::metrics::Outcome;
use crate::protocol;
use crate::redemption::{Grant, GrantUid, Refusal};
use crate::server::{Allowance, Answer, Attempts, Connection, Handler, Peer, Received, limits};
use crate::service::{Granted, Service, is_code};

/// The handler of the redemption port.
pub struct Redemptions<L> {
    service: Service<L>,
    attempts: Attempts<(GrantUid, Peer)>,
    attempts_of_all: Attempts<GrantUid>,
}

impl<L: Ledger> Redemptions<L> {
    /// Redemptions of a service, with a fresh memory of wrong codes.
    #[must_use]
    pub fn new(service: Service<L>) -> Self {
        Self {
            service,
            attempts: Attempts::new(Allowance::PER_PEER),
            attempts_of_all: Attempts::new(Allowance::PER_SHORT_CODE),
        }
    }

    /// What is behind the port.
    #[must_use]
    pub fn service(&self) -> &Service<L> {
        &self.service
    }

    /// The grant of a request whose code is right.
    async fn grant(&self, request: &Received, connection: &Connection) -> Result<Grant, Refusal> {
        let uid = protocol::grant_uid(&request.path).ok_or(Refusal::UnknownGrant)?;
        let grant = self.service.grant(&uid).await?;
        let peer = connection.peer();
        let now = Instant::now();
        let mut checked = self.attempts.check(&(uid, peer), now);
        if grant.has_short_code {
            checked = checked.and(self.attempts_of_all.check(&uid, now));
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
            self.record_wrong(&grant, peer, now);
            return Err(Refusal::WrongCode);
        }
        Ok(grant)
    }

    fn record_wrong(&self, grant: &Grant, peer: Peer, now: Instant) {
        let uid = grant.uid;
        if self.attempts.record_wrong((uid, peer), now) {
            self.service.report(grant, &Fault::WrongCodes);
        }
        if grant.has_short_code && self.attempts_of_all.record_wrong(uid, now) {
            self.service.report(grant, &Fault::ShortCode);
        }
    }
}

impl<L: Ledger> Handler for Redemptions<L> {
    async fn answer(&self, request: Received, connection: &Connection) -> Answer {
        let grant = match self.grant(&request, connection).await {
            Ok(grant) => grant,
            Err(refusal) => {
                let answer = refused(&refusal);
                // Of an unknown client nothing is written but its address.
                let (outcome, peer) = (answer.outcome, connection.address());
                tracing::debug!(%outcome, %peer, "refused");
                return answer;
            }
        };
        let now = clock::now();
        if !grant.state(now).is_ended() && !connection.answering() {
            // The client is gone, and this is being ended: nothing may be counted.
            return refused(&Refusal::Unavailable);
        }
        let deadline = request.at + limits::COUNT;
        let redeemed = self
            .service
            .redeem(&grant, &request.headers, now, deadline)
            .await;
        if let Ok(granted) = &redeemed
            && !granted.is_again
        {
            let (uid, name) = (grant.uid, grant.name.clone());
            let redemption = granted.redemption.clone();
            connection.owes(move || log::lost_answer(&uid, &name, &redemption));
        }
        let (answer, subject, serial) = match &redeemed {
            Ok(granted) => (
                answered(granted),
                granted.redemption.subject.as_str(),
                Some(&granted.redemption.serial),
            ),
            Err(refusal) => (refused(refusal), "", None),
        };
        log::redemption(&RedemptionLine {
            grant: &grant.uid,
            name: &grant.name,
            namespace: grant.namespace.as_deref(),
            outcome: answer.outcome,
            subject,
            serial,
            peer: connection.address(),
        });
        answer
    }
}

fn answered(granted: &Granted) -> Answer {
    Answer {
        outcome: if granted.is_again {
            Outcome::Again
        } else {
            Outcome::Counted
        },
        response: protocol::granted(&granted.secret, &granted.links),
    }
}

fn refused(refusal: &Refusal) -> Answer {
    Answer {
        outcome: Outcome::from(refusal),
        response: protocol::refusal(refusal),
    }
}
