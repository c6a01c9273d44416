//! The redemption of a token into its place, the same for a folder and for a cluster.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use skupper_access_policy::printable::is_hidden;

use super::answer::Answer;
use super::clock::Clock;
use super::credential::Validity;
use super::exchange::{self, Cause, Fault, Question, Reply};
use super::folder::{Folder, FolderProblem};
use super::place::{Found, PendingKey, Place, Replace};
use super::problem::{self, RedeemProblem};
use super::proxy::{Proxies, Route};
use super::refused::Foreign;
use super::retry::{Attempts, Outcome, Step};
use super::token::Token;
use super::unapplied::Unapplied;
use super::{Progress, Redeemed};
use crate::pki::key::PrivateKey;
use crate::redemption::KeyOrigin;
use crate::system::random;
use crate::wire::certificate_request;
use crate::wire::protocol::MAX_SUBJECT_CHARACTERS;

/// A redemption that is asked for, wherever its result goes.
pub(super) struct Task<'a> {
    pub(super) token: &'a Token,
    pub(super) subject: Option<&'a str>,
    pub(super) force: bool,
    pub(super) timeout: Duration,
    pub(super) proxies: &'a Proxies,
    pub(super) clock: Clock,
}

impl Task<'_> {
    /// Redeems the token into a place, or finds that this is done already.
    pub(super) async fn carry_out<P: Place>(
        &self,
        place: &mut P,
        progress: &mut impl Progress,
    ) -> Result<Redeemed<P::Location>, RedeemProblem> {
        // Before a look at the place: a redeemer that was stopped may have put some of it there.
        if let Some(answer) = self.kept(place).await? {
            return self.finish(place, &answer, progress).await;
        }
        if !self.force {
            match place.find(self.clock.now()).await? {
                Found::Nothing => {}
                Found::All(answer) => return self.already(place, &answer).await,
                Found::Secret(key) => return self.complete(place, key, progress).await,
                Found::Other(problem) => {
                    return self.unless_another_is_done(place, *problem, progress).await;
                }
            }
        }
        let key = place.key(self.force).await?;
        // Where nothing is locked, another redeemer may have been at work in between.
        if key.made_before.is_some() {
            if let Some(answer) = self.kept(place).await? {
                return self.finish(place, &answer, progress).await;
            }
        } else if !self.force
            && let Found::All(answer) = place.find(self.clock.now()).await?
        {
            return self.already(place, &answer).await;
        }
        let answer = self.ask(place, &key, progress).await?;
        self.finish(place, &answer, progress).await
    }

    /// The answer that an earlier run kept. One that has ended is given up by force only: it may be
    /// the clock of this machine that is wrong.
    async fn kept<P: Place>(&self, place: &mut P) -> Result<Option<Answer>, RedeemProblem> {
        let kept = place.kept(self.clock.now()).await?;
        let is_of_use = |answer: &Answer| {
            !(self.force && matches!(answer.credential.validity, Validity::Ended(_)))
        };
        Ok(kept.filter(is_of_use))
    }

    /// Looks again at what is in the way: where nothing is locked, another redeemer may just be
    /// putting it there.
    async fn unless_another_is_done<P: Place>(
        &self,
        place: &mut P,
        problem: RedeemProblem,
        progress: &mut impl Progress,
    ) -> Result<Redeemed<P::Location>, RedeemProblem> {
        if let Some(answer) = self.kept(place).await? {
            return self.finish(place, &answer, progress).await;
        }
        match place.find(self.clock.now()).await? {
            Found::All(answer) => self.already(place, &answer).await,
            _ => Err(problem),
        }
    }

    /// Puts an answer that is kept in place.
    async fn finish<P: Place>(
        &self,
        place: &mut P,
        answer: &Answer,
        progress: &mut impl Progress,
    ) -> Result<Redeemed<P::Location>, RedeemProblem> {
        self.check_time(answer)?;
        let replace = if self.force {
            Replace::Everything
        } else {
            Replace::Nothing
        };
        place.put(answer, replace, progress).await?;
        place.clear().await?;
        Ok(self.redeemed(place, answer))
    }

    /// Everything is there.
    async fn already<P: Place>(
        &self,
        place: &mut P,
        answer: &Answer,
    ) -> Result<Redeemed<P::Location>, RedeemProblem> {
        self.check_time(answer)?;
        place.clear().await?;
        Ok(Redeemed {
            key_made_by: None,
            ..self.redeemed(place, answer)
        })
    }

    /// Redeems again with the key of the Secret that is there, because a Link is not. The key is
    /// kept in it and the redemption is counted already, so nothing else is kept on the way.
    async fn complete<P: Place>(
        &self,
        place: &mut P,
        key: PrivateKey,
        progress: &mut impl Progress,
    ) -> Result<Redeemed<P::Location>, RedeemProblem> {
        let key = PendingKey {
            key,
            made_before: None,
        };
        let mut attempts = Attempts::new(self.timeout, key.made_before);
        let answer = self.attempt(&key, &mut attempts, progress).await?;
        self.check_time(&answer)?;
        place.put(&answer, Replace::Secret, progress).await?;
        place.clear().await?;
        Ok(self.redeemed(place, &answer))
    }

    /// A router can use the certificate now, as far as the clock of this machine tells.
    fn check_time(&self, answer: &Answer) -> Result<(), RedeemProblem> {
        match answer.credential.validity {
            Validity::Valid => Ok(()),
            validity => Err(RedeemProblem::Clock {
                validity,
                now: self.clock.now(),
            }),
        }
    }

    /// Opens the folder, and waits while another redeemer is at work in it.
    pub(super) async fn open(
        &self,
        path: &Path,
        progress: &mut impl Progress,
    ) -> Result<Folder, FolderProblem> {
        let mut is_told = false;
        loop {
            match Folder::open(path) {
                Err(problem @ FolderProblem::InUse(_)) if self.clock.elapsed() < self.timeout => {
                    if !is_told {
                        progress.waiting(&problem, LOCK_PAUSE);
                    }
                    is_told = true;
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    /// The subject can be a common name.
    pub(super) fn check_subject(&self) -> Result<(), RedeemProblem> {
        let is_plain = |subject: &str| {
            let length = subject.chars().count();
            (1..=MAX_SUBJECT_CHARACTERS).contains(&length) && !subject.chars().any(is_hidden)
        };
        match self.subject {
            Some(subject) if !is_plain(subject) => Err(RedeemProblem::Subject),
            _ => Ok(()),
        }
    }

    /// Asks until there is an answer with all that is needed, and keeps it, or until nothing more
    /// can be done.
    async fn ask(
        &self,
        place: &mut impl Place,
        key: &PendingKey,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let mut attempts = Attempts::new(self.timeout, key.made_before);
        let problem = match self.attempt(key, &mut attempts, progress).await {
            Ok(answer) => return place.keep(answer, self.clock.now()).await,
            Err(problem) => problem,
        };
        if !attempts.may_be_counted() {
            place.discard_key().await;
        } else if attempts.is_retry_safe() && problem.is_end_of_grant() {
            // The server knows every key that it counted, and this one gets no answer any more.
            place.discard_key().await;
            progress
                .remark(&"removed the key of the earlier attempts: it redeems nothing any more");
        }
        Err(problem)
    }

    async fn attempt(
        &self,
        key: &PendingKey,
        attempts: &mut Attempts,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let (token, clock) = (self.token, self.clock);
        let route = self.proxies.route(&token.url)?;
        let tls = exchange::tls(&token.ca, clock).map_err(RedeemProblem::Tls)?;
        let certificate_request = certificate_request::create(&key.key);
        let question = Question {
            url: &token.url,
            code: &token.code,
            name: &token.name,
            subject: self.subject,
            certificate_request: &certificate_request,
        };
        loop {
            let at = clock.now();
            let time = exchange::exchange_time(self.timeout.saturating_sub(clock.elapsed()));
            let result = exchange::exchange(&question, &tls, &route, time).await;
            let chance = u32::from_ne_bytes(random::bytes());
            let pause = match attempts.next(outcome(&result), at, clock.elapsed(), chance) {
                Step::Wait(pause) => pause,
                Step::Take => match &result {
                    Ok(reply) => return self.read(key, reply, &route, progress),
                    Err(_) => continue,
                },
                step => return Err(problem::of(step, result, token, attempts, &route)),
            };
            progress.waiting(&problem::Reason::of(&result, &route), pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the answer and completes it with what the server does not know: our key and the cost.
    fn read(
        &self,
        key: &PendingKey,
        reply: &Reply,
        route: &Route,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let (token, now) = (self.token, self.clock.now());
        let read = Answer::read(&reply.body, &token.name, key.key.spki(), now);
        let mut answer = read.map_err(|problem| {
            if reply.is_of_a_redemption_server() {
                RedeemProblem::Answer(problem)
            } else {
                RedeemProblem::Foreign(Box::new(Foreign::of(reply, route)))
            }
        })?;
        if answer.credential.key_made_by == KeyOrigin::Redeemer {
            answer.secret.tls_key = Some(key.key.to_pem());
        }
        for link in &mut answer.links {
            link.cost = token.link_cost;
        }
        // A server may repeat the code anywhere.
        let code = token.code.expose_secret();
        let left_out: Vec<_> = answer.left_out.iter().map(String::as_str).collect();
        let left_out = left_out.join(", ");
        if !left_out.is_empty() && !left_out.contains(code) {
            progress.remark(&format_args!("left out of the server's answer: {left_out}"));
        }
        Ok(answer)
    }

    fn redeemed<P: Place>(&self, place: &P, answer: &Answer) -> Redeemed<P::Location> {
        let links = answer.links.iter();
        Redeemed {
            name: answer.secret.name.clone(),
            secret: place.secret(&answer.secret.name),
            links: links.map(|link| place.link(&link.name)).collect(),
            not_after: answer.credential.not_after,
            key_made_by: Some(answer.credential.key_made_by),
            unapplied: Unapplied::of(self, place, answer),
        }
    }
}

fn outcome(result: &Result<Reply, Fault>) -> Outcome {
    match result {
        Ok(reply) => Outcome::Reply {
            status: reply.status,
            is_retry_safe: reply.is_retry_safe,
            is_own: reply.is_of_a_redemption_server(),
            retry_after: reply.retry_after,
        },
        Err(fault) => Outcome::Fault {
            is_after_request: fault.is_after_request,
            is_retry_safe: fault.is_retry_safe,
            is_final: match fault.cause {
                Cause::Untrusted { .. } | Cause::TooLong | Cause::Proxy(None) => true,
                Cause::Proxy(Some(408 | 429)) => false,
                Cause::Proxy(Some(status)) => (400..500).contains(&status),
                _ => false,
            },
        },
    }
}

/// Between two looks whether another redeemer is done.
const LOCK_PAUSE: Duration = Duration::from_millis(100);
