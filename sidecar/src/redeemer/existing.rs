//! Secret and Links that are at the destination already.

use chrono::{DateTime, Utc};
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use super::answer::{Answer, AnswerProblem, Objects};
use super::credential::{Credential, Validity};
use super::flaw::Flaw;
use super::origin::{Origin, Stored, grant_uid};
use super::problem::RedeemProblem;
use crate::pki::key::PrivateKey;
use crate::wire::objects::{Link, TlsSecret};

/// State of a destination.
pub(super) enum Existing {
    /// Nothing that would be in the way.
    Nothing,
    /// Secret and Links that a router can use now.
    Complete(Box<Answer>),
    /// The Secret of a redemption of this token's grant, but not its Links. Holds its key, with which
    /// it costs nothing to ask again.
    Secret(PrivateKey),
    /// Something else.
    InTheWay(Box<RedeemProblem>),
}

impl Existing {
    /// Judges a Secret and the Links beside it; `None` for Links that cannot be read.
    ///
    /// # Errors
    /// The flaw of the Secret; none where nothing is wrong but that it is in the way.
    pub(super) fn judge(
        secret: Result<Stored<TlsSecret>, AnswerProblem>,
        links: Option<Vec<Stored<Link>>>,
        name: &str,
        url: &RedemptionUrl,
        now: DateTime<Utc>,
    ) -> Result<Self, Option<Flaw>> {
        let unusable = |problem| Some(Flaw::Unusable(problem));
        let secret = secret.map_err(unusable)?;
        let credential = Credential::judge_kept(&secret.object, None, now);
        let credential = credential.map_err(|problem| unusable(problem.into()))?;
        match Origin::of(&secret, &[], &credential, url) {
            Origin::ThisGrant => {}
            Origin::AnotherGrant => return Err(Some(Flaw::AnotherGrant)),
            Origin::Unknown => return Err(Some(Flaw::UnknownGrant)),
        }
        if let Validity::Ended(end) = credential.validity {
            return Err(Some(Flaw::Ended { end, now }));
        }
        let uid = grant_uid(url);
        let key = uid.and_then(|uid| credential.key_of_grant(&secret.object, &uid));
        if let Some(links) = links.filter(|links| !links.is_empty()) {
            let objects = Objects {
                secret,
                links,
                left_out: Vec::new(),
            };
            let answer = Answer::of_objects(objects, name, None, url, now).ok();
            if let Some(answer) = answer.filter(|answer| answer.origin == Origin::ThisGrant) {
                return Ok(Self::Complete(Box::new(answer)));
            }
        }
        key.map(Self::Secret).ok_or(None)
    }
}
