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
mod flaw;
mod folder;
mod key_file;
mod mend;
mod origin;
mod place;
mod problem;
mod proxy;
mod refused;
mod retry;
mod task;
pub mod token;
mod unapplied;
mod verifier;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::Client;

pub use answer::{Answer, AnswerProblem};
pub use cluster::{ClusterProblem, ObjectKind, ObjectName};
pub use credential::{Credential, CredentialProblem, Validity};
pub use exchange::Cause;
pub use flaw::Flaw;
pub use folder::FolderProblem;
pub use key_file::KeyFileProblem;
pub use place::Location;
pub use problem::RedeemProblem;
pub use proxy::{Proxies, Proxy, ProxyProblem, Route};
pub use refused::{Foreign, Refused};
pub use unapplied::Unapplied;

pub(crate) use verifier::Verifier;

use crate::redemption::KeyOrigin;
use clock::Clock;
use cluster::Namespace;
use files::Files;
use task::Task;
use token::Token;

/// What to redeem into a folder.
pub struct Order<'a> {
    /// The token, with the name that Secret and Link get.
    pub token: &'a Token,
    /// The common name of the certificate; absent for what the server takes, the name.
    pub subject: Option<&'a str>,
    /// The folder for the files. It is made when it is missing.
    pub folder: &'a Path,
    /// The Skupper namespace that reads the folder. The files name it, as Skupper's loader wants it;
    /// absent for a folder that no namespace reads.
    pub namespace: Option<&'a str>,
    /// Redeem and replace although the files are there.
    pub force: bool,
    /// No further attempt begins after this time, and none goes on for more than 1 s after it.
    pub timeout: Duration,
    /// The proxies on the way to the server.
    pub proxies: &'a Proxies,
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
    /// The proxies on the way to the server.
    pub proxies: &'a Proxies,
    /// The time when [`redeem_in_cluster`] is called.
    pub now: DateTime<Utc>,
}

/// What is in the folder now, or in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed<L = PathBuf> {
    /// The name of the Secret.
    pub name: String,
    /// Where the Secret is.
    pub secret: L,
    /// Where the Links are.
    pub links: Vec<L>,
    /// When the certificate ends.
    pub not_after: DateTime<Utc>,
    /// Who made the private key; absent when everything was there already and nothing was asked.
    pub key_made_by: Option<KeyOrigin>,
    /// What was asked for and is not there.
    pub unapplied: Vec<Unapplied<L>>,
}

/// Is told what the redeemer waits for, and what it does beside.
pub trait Progress {
    /// An attempt failed, for this reason, and another one follows after a pause.
    fn waiting(&mut self, reason: &dyn fmt::Display, pause: Duration);

    /// Something was done that nobody asked for in so many words.
    fn remark(&mut self, what: &dyn fmt::Display);
}

/// Tells nobody.
impl Progress for () {
    fn waiting(&mut self, _reason: &dyn fmt::Display, _pause: Duration) {}

    fn remark(&mut self, _what: &dyn fmt::Display) {}
}

/// Redeems a token into a folder, or finds that this is done already.
///
/// # Errors
/// Says what to do; [`RedeemProblem::exit_code`] tells whether the same call may go well later.
pub async fn redeem(
    order: &Order<'_>,
    progress: &mut impl Progress,
) -> Result<Redeemed, RedeemProblem> {
    let task = Task {
        token: order.token,
        subject: order.subject,
        force: order.force,
        timeout: order.timeout,
        proxies: order.proxies,
        clock: Clock::starting_at(order.now),
    };
    files::check_name(&order.token.name)?;
    task.check_subject()?;
    let folder = task.open(order.folder, progress).await?;
    let mut place = Files::of(folder, order.namespace, order.token);
    place.mend(progress)?;
    task.carry_out(&mut place, progress).await
}

/// Redeems a token into a namespace of a cluster, or finds that this is done already.
///
/// # Errors
/// As [`redeem`].
pub async fn redeem_in_cluster(
    order: &ClusterOrder<'_>,
    progress: &mut impl Progress,
) -> Result<Redeemed<ObjectName>, RedeemProblem> {
    let task = Task {
        token: order.token,
        subject: order.subject,
        force: order.force,
        timeout: order.timeout,
        proxies: order.proxies,
        clock: Clock::starting_at(order.now),
    };
    cluster::check_name(&order.token.name)?;
    task.check_subject()?;
    let mut place = Namespace::of(&order.client, order.namespace, order.token);
    task.carry_out(&mut place, progress).await
}
