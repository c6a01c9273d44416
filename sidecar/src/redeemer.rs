//! The client side: a token becomes a Secret and a Link, in a folder or in a cluster.
//!
//! ```text
//! token -> place -> kept answer? there already? -> key kept
//!       -> request, again until answered -> answer, checked -> kept -> Secret, Links -> key removed
//! ```
//!
//! Stopped at any point and run again, it goes on where it was: the key, and later the answer, are
//! kept in the place. Nothing is written unless all of the answer is right.

mod answer;
mod clock;
mod cluster;
mod credential;
mod document;
mod exchange;
mod files;
mod folder;
mod key_file;
mod place;
mod problem;
mod retry;
pub mod token;
mod unapplied;
mod verifier;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::Client;
use skupper_access_policy::printable::is_hidden;

pub use answer::{Answer, AnswerProblem};
pub use cluster::{ClusterProblem, ObjectKind, ObjectName};
pub use credential::{Credential, CredentialProblem};
pub use exchange::Cause;
pub use folder::FolderProblem;
pub use key_file::KeyFileProblem;
pub use place::Spot;
pub use problem::{RedeemProblem, Refused};
pub use unapplied::Unapplied;

pub(crate) use verifier::Verifier;

use crate::certificate_request;
use crate::key::PrivateKey;
use crate::protocol::MAX_SUBJECT_CHARACTERS;
use crate::random;
use crate::redemption::KeyOrigin;
use clock::Clock;
use cluster::Namespace;
use exchange::{Fault, Question, Reply};
use files::Files;
use folder::Folder;
use place::{Found, PendingKey, Place, Replace};
use retry::{Attempts, Outcome, Step};
use token::Token;

/// What to redeem into a folder.
pub struct Order<'a> {
    /// The token, with the name that Secret and Link get.
    pub token: &'a Token,
    /// The common name of the certificate; absent for what the server takes, the name.
    pub subject: Option<&'a str>,
    /// The folder for the files. It is made when it is missing.
    pub folder: &'a Path,
    /// Redeem and replace although the files are there.
    pub force: bool,
    /// No further attempt begins after this time, and none goes on for more than 1 s after it.
    pub timeout: Duration,
    /// The time when [`redeem`] is called.
    pub now: DateTime<Utc>,
}

/// What to redeem into a cluster.
pub struct ClusterOrder<'a> {
    /// The token, with the name that Secret and Link get.
    pub token: &'a Token,
    /// The common name of the certificate; absent for what the server takes, the name.
    pub subject: Option<&'a str>,
    /// Who asks the API server. It must not repeat requests by itself.
    pub client: Client,
    /// The namespace of the objects. It must be there.
    pub namespace: &'a str,
    /// Redeem and replace although the objects are there.
    pub force: bool,
    /// No further attempt begins after this time, and none goes on for more than 1 s after it.
    pub timeout: Duration,
    /// The time when [`redeem_in_cluster`] is called.
    pub now: DateTime<Utc>,
}

/// What is in the folder now, or in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed<S = PathBuf> {
    /// The name of the Secret.
    pub name: String,
    /// Where the Secret is.
    pub secret: S,
    /// Where the Links are.
    pub links: Vec<S>,
    /// When the certificate ends.
    pub not_after: DateTime<Utc>,
    /// Who made the private key; absent when everything was there already and nothing was asked.
    pub key_made_by: Option<KeyOrigin>,
    /// What was asked for and is not there.
    pub unapplied: Vec<Unapplied<S>>,
}

/// Is told what the redeemer waits for.
pub trait Progress {
    /// An attempt failed, for this reason, and another one follows after a pause.
    fn waiting(&mut self, reason: &dyn fmt::Display, pause: Duration);
}

/// Tells nobody.
impl Progress for () {
    fn waiting(&mut self, _reason: &dyn fmt::Display, _pause: Duration) {}
}

/// Redeems a token into a folder, or finds that this is done already.
///
/// # Errors
/// Says what to do; [`RedeemProblem::exit_code`] tells whether the same call may go well later.
pub async fn redeem(
    order: &Order<'_>,
    progress: &mut impl Progress,
) -> Result<Redeemed, RedeemProblem> {
    let wish = Wish {
        token: order.token,
        subject: order.subject,
        force: order.force,
        timeout: order.timeout,
        clock: Clock::starting_at(order.now),
    };
    files::check_name(&order.token.name)?;
    wish.check_subject()?;
    let folder = wish.open(order.folder, progress).await?;
    let mut place = Files::of(folder, order.token);
    wish.fulfil(&mut place, progress).await
}

/// Redeems a token into a namespace of a cluster, or finds that this is done already.
///
/// # Errors
/// As [`redeem`].
pub async fn redeem_in_cluster(
    order: &ClusterOrder<'_>,
    progress: &mut impl Progress,
) -> Result<Redeemed<ObjectName>, RedeemProblem> {
    let wish = Wish {
        token: order.token,
        subject: order.subject,
        force: order.force,
        timeout: order.timeout,
        clock: Clock::starting_at(order.now),
    };
    cluster::check_name(&order.token.name)?;
    wish.check_subject()?;
    let mut place = Namespace::of(order.client.clone(), order.namespace, order.token);
    wish.fulfil(&mut place, progress).await
}

/// What is wanted, wherever it goes.
struct Wish<'a> {
    token: &'a Token,
    subject: Option<&'a str>,
    force: bool,
    timeout: Duration,
    clock: Clock,
}

impl Wish<'_> {
    async fn fulfil<P: Place>(
        &self,
        place: &mut P,
        progress: &mut impl Progress,
    ) -> Result<Redeemed<P::Spot>, RedeemProblem> {
        // Before a look at the place: a redeemer that was stopped may have put some of it there.
        let answer = match place.kept(self.clock.now()).await? {
            Some(answer) => answer,
            None => {
                if !self.force {
                    match place.find(self.clock.now()).await? {
                        Found::Nothing => {}
                        Found::All(answer) => return self.already(place, &answer).await,
                        Found::Secret(key) => return self.complete(place, key, progress).await,
                        Found::Other(problem) => return Err(*problem),
                    }
                }
                let key = place.key(self.force).await?;
                // Where nothing is locked, another redeemer may have been done in between.
                if !self.force
                    && key.made_before.is_none()
                    && let Found::All(answer) = place.find(self.clock.now()).await?
                {
                    return self.already(place, &answer).await;
                }
                self.ask(place, &key, progress).await?
            }
        };
        let replace = if self.force {
            Replace::Everything
        } else {
            Replace::Nothing
        };
        place.put(&answer, replace).await?;
        place.clear().await?;
        Ok(self.redeemed(place, &answer))
    }

    async fn already<P: Place>(
        &self,
        place: &mut P,
        answer: &Answer,
    ) -> Result<Redeemed<P::Spot>, RedeemProblem> {
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
    ) -> Result<Redeemed<P::Spot>, RedeemProblem> {
        let key = PendingKey {
            key,
            made_before: None,
        };
        let mut attempts = Attempts::new(self.timeout, key.made_before);
        let answer = self.attempt(&key, &mut attempts, progress).await?;
        place.put(&answer, Replace::Secret).await?;
        place.clear().await?;
        Ok(self.redeemed(place, &answer))
    }

    /// Opens the folder, and waits while another redeemer is at work in it.
    async fn open(
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

    fn check_subject(&self) -> Result<(), RedeemProblem> {
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
        match self.attempt(key, &mut attempts, progress).await {
            Ok(answer) => place.keep(answer, self.clock.now()).await,
            Err(problem) => {
                if !attempts.may_be_counted() {
                    place.discard_key().await;
                }
                Err(problem)
            }
        }
    }

    async fn attempt(
        &self,
        key: &PendingKey,
        attempts: &mut Attempts,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let (token, clock) = (self.token, self.clock);
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
            let result = exchange::exchange(&question, &tls, time).await;
            let chance = u32::from_ne_bytes(random::bytes());
            let pause = match attempts.next(outcome(&result), at, clock.elapsed(), chance) {
                Step::Wait(pause) => pause,
                Step::Take => match &result {
                    Ok(reply) => return self.read(key, reply),
                    Err(_) => continue,
                },
                step => return Err(problem::of(step, result, token, attempts)),
            };
            progress.waiting(&problem::Reason::of(&result), pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the answer and completes it with what the server does not know: our key and the cost.
    fn read(&self, key: &PendingKey, reply: &Reply) -> Result<Answer, RedeemProblem> {
        let (token, now) = (self.token, self.clock.now());
        let mut answer = Answer::read(&reply.body, &token.name, key.key.spki(), now)?;
        if answer.credential.key_made_by == KeyOrigin::Redeemer {
            answer.secret.tls_key = Some(key.key.to_pem());
        }
        for link in &mut answer.links {
            link.cost = token.link_cost;
        }
        Ok(answer)
    }

    fn redeemed<P: Place>(&self, place: &P, answer: &Answer) -> Redeemed<P::Spot> {
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
            retry_after: reply.retry_after,
        },
        Err(fault) => Outcome::Fault {
            is_after_request: fault.is_after_request,
            is_retry_safe: fault.is_retry_safe,
            is_final: matches!(fault.cause, Cause::Untrusted(_) | Cause::TooLong),
        },
    }
}

/// Between two looks whether another redeemer is done.
const LOCK_PAUSE: Duration = Duration::from_millis(100);
