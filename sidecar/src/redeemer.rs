//! The client side: a token becomes a Secret and a Link in a folder.
//!
//! ```text
//! token -> folder, locked -> there already? kept answer? -> key on disk
//!       -> request, again until answered -> answer, checked -> kept -> Secret, Links -> key removed
//! ```
//!
//! Stopped at any point and run again, it goes on where it was: the key, and later the answer, are
//! on the disk. Nothing is written unless all of the answer is right.

mod answer;
mod clock;
mod credential;
mod document;
mod exchange;
mod files;
mod folder;
mod key_file;
mod problem;
mod retry;
pub mod token;
mod unapplied;
mod verifier;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use skupper_access_policy::printable::is_hidden;

pub use answer::{Answer, AnswerProblem};
pub use credential::{Credential, CredentialProblem};
pub use exchange::Cause;
pub use folder::FolderProblem;
pub use key_file::KeyFileProblem;
pub use problem::{RedeemProblem, Refused};
pub use unapplied::Unapplied;

pub(crate) use verifier::Verifier;

use crate::certificate_request;
use crate::key::PrivateKey;
use crate::protocol::MAX_SUBJECT_CHARACTERS;
use crate::random;
use crate::redemption::KeyOrigin;
use clock::Clock;
use exchange::{Fault, Question, Reply};
use folder::Folder;
use key_file::KeyFile;
use retry::{Attempts, Outcome, Step};
use token::Token;

/// What to redeem, and where to put it.
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

/// What is in the folder now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// The name of the Secret.
    pub name: String,
    /// The file of the Secret.
    pub secret: PathBuf,
    /// The files of the Links.
    pub links: Vec<PathBuf>,
    /// When the certificate ends.
    pub not_after: DateTime<Utc>,
    /// Who made the private key; absent when everything was there already and nothing was asked.
    pub key_made_by: Option<KeyOrigin>,
    /// What was asked for and is not in the files.
    pub unapplied: Vec<Unapplied>,
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
    let clock = Clock::starting_at(order.now);
    let name = checked_name(order)?;
    let url = &order.token.url;
    let folder = open(order, clock, progress).await?;
    // Before a look at the files: a redeemer that was stopped may have written some of them.
    let kept = kept(order, &folder, clock)?;
    if kept.is_none() && !order.force {
        if let Some(answer) = files::look(&folder, name, clock.now())? {
            files::clear(&folder, url)?;
            return Ok(Redeemed {
                key_made_by: None,
                ..redeemed(order, &folder, &answer)
            });
        }
        if let Some(key) = files::redeemed_key(&folder, url, name, clock.now())? {
            return complete(order, &folder, key, clock, progress).await;
        }
        if let Some(problem) = files::obstacle(&folder, name, clock.now())? {
            return Err(problem);
        }
    }
    let answer = match kept {
        Some(answer) => answer,
        None => ask(order, &folder, clock, progress).await?,
    };
    if let Err(path) = files::place(&folder, &answer, |_| order.force)? {
        return Err(RedeemProblem::ExistsNow(path));
    }
    files::clear(&folder, url)?;
    Ok(redeemed(order, &folder, &answer))
}

/// Redeems again with the key of the Secret that is there, because a Link is not. The key is on the
/// disk and the redemption is counted already, so nothing is kept on the way.
async fn complete(
    order: &Order<'_>,
    folder: &Folder,
    key: PrivateKey,
    clock: Clock,
    progress: &mut impl Progress,
) -> Result<Redeemed, RedeemProblem> {
    let key = KeyFile {
        key,
        made_before: None,
    };
    let mut attempts = Attempts::new(order.timeout, key.made_before);
    let answer = attempt(order, &key, clock, &mut attempts, progress).await?;
    let secret = files::secret_file(&order.token.name);
    if let Err(path) = files::place(folder, &answer, |file| file == secret)? {
        return Err(RedeemProblem::Exists { path, flaw: None });
    }
    files::clear(folder, &order.token.url)?;
    Ok(redeemed(order, folder, &answer))
}

/// The answer that an earlier run kept. One that is of no use any more is as good as none.
fn kept(order: &Order<'_>, folder: &Folder, clock: Clock) -> Result<Option<Answer>, RedeemProblem> {
    let url = &order.token.url;
    match files::kept(folder, url, &order.token.name, clock.now())? {
        Some(Err(AnswerProblem::OtherName)) => {
            let path = folder.path_of(&files::kept_file(url));
            Err(RedeemProblem::OtherName(path))
        }
        found => Ok(found.and_then(Result::ok)),
    }
}

/// Opens the folder, and waits while another redeemer is at work in it.
async fn open(
    order: &Order<'_>,
    clock: Clock,
    progress: &mut impl Progress,
) -> Result<Folder, FolderProblem> {
    let mut is_told = false;
    loop {
        match Folder::open(order.folder) {
            Err(problem @ FolderProblem::InUse(_)) if clock.elapsed() < order.timeout => {
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

/// The name, if files may be named after it. Skupper takes DNS-1123 labels only where it is not on
/// Kubernetes, and one Link with another name fails the whole site.
fn checked_name<'a>(order: &Order<'a>) -> Result<&'a str, RedeemProblem> {
    let name = order.token.name.as_str();
    // The policy has seen to it that it is a subdomain.
    if name.len() > MAX_NAME_BYTES || name.contains('.') {
        return Err(RedeemProblem::Name(name.to_owned()));
    }
    let is_plain = |subject: &str| {
        let length = subject.chars().count();
        (1..=MAX_SUBJECT_CHARACTERS).contains(&length) && !subject.chars().any(is_hidden)
    };
    match order.subject {
        Some(subject) if !is_plain(subject) => Err(RedeemProblem::Subject),
        _ => Ok(name),
    }
}

/// Asks until there is an answer with all that is needed, and keeps it, or until nothing more can
/// be done.
async fn ask(
    order: &Order<'_>,
    folder: &Folder,
    clock: Clock,
    progress: &mut impl Progress,
) -> Result<Answer, RedeemProblem> {
    let url = &order.token.url;
    let key = KeyFile::open(folder, url)?;
    let mut attempts = Attempts::new(order.timeout, key.made_before);
    let outcome = attempt(order, &key, clock, &mut attempts, progress).await;
    match &outcome {
        Ok(answer) => files::keep(folder, url, answer)?,
        Err(_) if attempts.may_be_counted() => {}
        Err(_) => {
            // No server can know the key: nothing is lost with it, and it does no harm if it stays.
            let _ = folder.remove(&key_file::name(url));
        }
    }
    outcome
}

async fn attempt(
    order: &Order<'_>,
    key: &KeyFile,
    clock: Clock,
    attempts: &mut Attempts,
    progress: &mut impl Progress,
) -> Result<Answer, RedeemProblem> {
    let token = order.token;
    let tls = exchange::tls(&token.ca, clock).map_err(RedeemProblem::Tls)?;
    let certificate_request = certificate_request::create(&key.key);
    let question = Question {
        url: &token.url,
        code: &token.code,
        name: &token.name,
        subject: order.subject,
        certificate_request: &certificate_request,
    };
    loop {
        let at = clock.now();
        let time = exchange::exchange_time(order.timeout.saturating_sub(clock.elapsed()));
        let result = exchange::exchange(&question, &tls, time).await;
        let chance = u32::from_ne_bytes(random::bytes());
        let pause = match attempts.next(outcome(&result), at, clock.elapsed(), chance) {
            Step::Wait(pause) => pause,
            Step::Take => match &result {
                Ok(reply) => return read(order, key, reply, clock.now()),
                Err(_) => continue,
            },
            step => return Err(problem::of(step, result, token, attempts)),
        };
        progress.waiting(&problem::Reason::of(&result), pause);
        tokio::time::sleep(pause).await;
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

/// Reads the answer and completes it with what the server does not know: our key and the cost.
fn read(
    order: &Order<'_>,
    key: &KeyFile,
    reply: &Reply,
    now: DateTime<Utc>,
) -> Result<Answer, RedeemProblem> {
    let name = &order.token.name;
    let mut answer = Answer::read(&reply.body, name, key.key.spki(), now)?;
    if answer.credential.key_made_by == KeyOrigin::Redeemer {
        answer.secret.tls_key = Some(key.key.to_pem());
    }
    for link in &mut answer.links {
        link.cost = order.token.link_cost;
    }
    Ok(answer)
}

fn redeemed(order: &Order<'_>, folder: &Folder, answer: &Answer) -> Redeemed {
    let name = &answer.secret.name;
    let links = answer.links.iter();
    Redeemed {
        name: name.clone(),
        secret: folder.path_of(&files::secret_file(name)),
        links: links
            .map(|link| folder.path_of(&files::link_file(&link.name)))
            .collect(),
        not_after: answer.credential.not_after,
        key_made_by: Some(answer.credential.key_made_by),
        unapplied: Unapplied::of(order, folder, answer),
    }
}

/// Between two looks whether another redeemer is done.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A DNS-1123 label has at most 63 characters; `-99` is the longest suffix of a Link's name.
const MAX_NAME_BYTES: usize = 60;
