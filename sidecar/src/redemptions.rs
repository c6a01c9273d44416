//! What the redemption port does with a request: find the grant, check the code, redeem, answer.

use std::time::Instant;

use crate::clock;
use crate::ledger::Ledger;
use crate::log::{self, RedemptionLine};
use crate::metrics::Outcome;
use crate::protocol;
use crate::redemption::{Grant, GrantUid, Refusal};
use crate::server::{Allowance, Answer, Attempts, Connection, Handler, Peer, Received};
use crate::service::{Granted, Service, is_code};

/// The handler of the redemption port.
pub struct Redemptions<L> {
    service: Service<L>,
    attempts: Attempts<(GrantUid, Peer)>,
}

impl<L: Ledger> Redemptions<L> {
    /// Redemptions of a service, with a fresh memory of wrong codes.
    #[must_use]
    pub fn new(service: Service<L>) -> Self {
        Self {
            service,
            attempts: Attempts::new(Allowance::PER_PEER),
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
        self.attempts
            .check(&(uid, peer), now)
            .map_err(Refusal::TooManyAttempts)?;
        if !is_code(&grant, &request.body) {
            self.attempts.record_wrong((uid, peer), now);
            tracing::warn!(grant = %uid, name = grant.name, peer = %connection.address(), "wrong code");
            return Err(Refusal::WrongCode);
        }
        Ok(grant)
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
        let redeemed = self.service.redeem(&grant, &request.headers, now).await;
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
