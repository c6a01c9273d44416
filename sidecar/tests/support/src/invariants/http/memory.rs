//! A ledger in memory, with a grant for each row of the protocol's table.

use std::sync::Mutex;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use redemption_sidecar::ledger::{Entry, Ledger, LedgerFault, LinkTally, Published, Register};
use redemption_sidecar::redemption::{
    Claim, CodeDigest, Decision, Grant, GrantState, GrantUid, KeyDigest, KeyOrigin, LinkId,
    Redemption, Refusal, Serial, decide,
};
use redemption_sidecar::renewal::{Issued, LinkCertificate, Standing};
use redemption_sidecar::site::Sites;

use super::room::{end, started};
use crate::invariants::own_spki;

/// The code of every grant.
pub(crate) const CODE: &[u8] = b"Canary-c0de-7c1f0e9d-of-a-grant";

/// How many redemptions there are before the first request.
pub(crate) const COUNTED_BEFORE: usize = 1;

/// The grants and what was redeemed of them.
pub(crate) struct Memory(Mutex<Vec<(Grant, Vec<Redemption>)>>);

/// The last digit of a grant's uid says what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Live = 1,
    Revoked,
    Expired,
    Spent,
    OtherIssuer,
    CannotBeCounted,
    CannotBeRead,
}

impl Memory {
    /// As it is before the first request.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(grants()))
    }

    /// Makes it as it was before the first request.
    pub(crate) fn reset(&self) {
        *self.0.lock().unwrap() = grants();
    }

    pub(crate) fn grants(&self) -> Vec<(Grant, Vec<Redemption>)> {
        self.0.lock().unwrap().clone()
    }
}

impl Ledger for Memory {
    async fn look(
        &self,
        uid: &GrantUid,
        claim: Option<&Claim>,
    ) -> Result<Result<Entry, Refusal>, LedgerFault> {
        if *uid == self::uid(Kind::CannotBeRead) {
            return Err(LedgerFault::unavailable("not to be read"));
        }
        let grants = self.0.lock().unwrap();
        let found = grants.iter().find(|(grant, _)| grant.uid == *uid);
        let entry = found.map(|(grant, redemptions)| Entry {
            grant: grant.clone(),
            redemption: claim.and_then(|claim| of_key(redemptions, &claim.key)),
        });
        Ok(entry.ok_or(Refusal::UnknownGrant))
    }

    async fn look_by_name(
        &self,
        _: &str,
        name: &str,
    ) -> Result<Result<Grant, Refusal>, LedgerFault> {
        let grants = self.0.lock().unwrap();
        let found = grants.iter().map(|(grant, _)| grant);
        let found = found
            .clone()
            .find(|grant| grant.name == name && grant.code.is_long());
        Ok(found.cloned().ok_or(Refusal::UnknownGrant))
    }

    async fn count(
        &self,
        uid: &GrantUid,
        candidate: Redemption,
        now: DateTime<Utc>,
        _: Instant,
    ) -> Result<Result<Decision, Refusal>, LedgerFault> {
        if *uid == self::uid(Kind::CannotBeCounted) {
            return Err(LedgerFault::unavailable("not to be counted"));
        }
        let mut grants = self.0.lock().unwrap();
        let found = grants.iter_mut().find(|(grant, _)| grant.uid == *uid);
        let Some((grant, redemptions)) = found else {
            return Ok(Err(Refusal::UnknownGrant));
        };
        let known = of_key(redemptions, &candidate.key);
        let decision = decide(grant, known.as_ref(), &candidate.subject, now);
        if decision == Ok(Decision::Count) {
            grant.redemptions += 1;
            redemptions.push(candidate);
        }
        Ok(decision)
    }

    async fn tally(&self, _: DateTime<Utc>) -> Result<Vec<(GrantState, u64)>, LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn prove(&self, _: DateTime<Utc>) -> Result<(), LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn publish(&self, _: &Published) -> Result<(), LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn follow_sites(&self, _: &Sites) {}
}

impl Register for Memory {
    async fn standing(
        &self,
        _: Option<&str>,
        _: &LinkCertificate,
    ) -> Result<Standing, LedgerFault> {
        Ok(Standing::Good)
    }

    fn note(&self, _: Issued) {}

    fn note_told(&self, _: Option<&str>, _: LinkId, _: Serial) {}

    async fn tally_links(&self, _: DateTime<Utc>) -> Result<LinkTally, LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }

    async fn prune_links(&self, _: TimeDelta, _: DateTime<Utc>) -> Result<usize, LedgerFault> {
        Err(LedgerFault::unavailable("not for requests"))
    }
}

fn of_key(redemptions: &[Redemption], key: &KeyDigest) -> Option<Redemption> {
    let mut redemptions = redemptions.iter();
    redemptions
        .find(|redemption| redemption.key == *key)
        .cloned()
}

fn uid(kind: Kind) -> GrantUid {
    let digit = kind as u8;
    GrantUid::parse(&format!("00000000-0000-4000-8000-00000000000{digit}")).unwrap()
}

fn grants() -> Vec<(Grant, Vec<Redemption>)> {
    let grant = |kind: Kind| {
        let uid = uid(kind);
        let grant = Grant {
            uid,
            name: "west".to_owned(),
            code: CodeDigest::of_code(&uid, CODE),
            redemptions_allowed: 2,
            redemptions: 0,
            created: DateTime::UNIX_EPOCH,
            expiration_time: LATE,
            revoked: None,
            issuer: None,
            namespace: None,
            has_short_code: false,
        };
        (grant, Vec::new())
    };
    let mut grants = [
        Kind::Live,
        Kind::Revoked,
        Kind::Expired,
        Kind::Spent,
        Kind::OtherIssuer,
        Kind::CannotBeCounted,
    ]
    .map(grant);
    grants[1].0.revoked = Some(DateTime::UNIX_EPOCH);
    grants[2].0.expiration_time = DateTime::UNIX_EPOCH;
    grants[3] = spent(grants[3].0.clone());
    grants[4].0.issuer = Some("other".to_owned());
    grants.to_vec()
}

/// One redemption, which can be had again with the redeemer's own key.
fn spent(grant: Grant) -> (Grant, Vec<Redemption>) {
    let spki = own_spki();
    let redemption = Redemption {
        key: KeyDigest::of_spki(spki),
        origin: KeyOrigin::Redeemer,
        subject: "west".to_owned(),
        serial: Serial::derive(&grant.uid, spki),
        at: started(),
        certificate_end: end(),
        authority: None,
    };
    let grant = Grant {
        redemptions_allowed: 1,
        redemptions: 1,
        ..grant
    };
    (grant, vec![redemption])
}

/// In the year 2200.
const LATE: DateTime<Utc> = DateTime::from_timestamp(7_258_118_400, 0).unwrap();
