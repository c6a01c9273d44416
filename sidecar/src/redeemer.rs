//! The client side: a token becomes a Secret and a Link, in a folder or in a cluster.
//!
//! ```text
//! token -> destination -> kept answer? there already? -> key kept
//!       -> request, again until answered -> answer, checked -> kept -> Secret, Links -> key removed
//! ```
//!
//! Stopped at any point and run again, it goes on where it was: the key, and later the answer, are
//! kept at the destination. Nothing is written unless all of the answer is right.

mod answer;
mod clock;
mod cluster;
mod credential;
mod destination;
mod document;
mod exchange;
mod existing;
mod files;
mod flaw;
mod folder;
pub mod keeper;
mod key_file;
mod origin;
mod problem;
mod progress;
mod proxy;
mod refused;
mod renewal_server;
mod retry;
mod task;
pub mod token;
mod verifier;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::Client;

pub use answer::{Answer, AnswerProblem};
pub use cluster::problem::ClusterProblem;
pub use cluster::{ObjectKind, ObjectName};
pub use credential::{Credential, CredentialProblem, Validity};
pub use exchange::Cause;
pub use flaw::Flaw;
pub use folder::FolderProblem;
pub use problem::RedeemProblem;
pub use progress::Progress;
pub use proxy::{Proxies, Proxy, ProxyProblem, Route};
pub use refused::Refused;
pub use renewal_server::{RenewalServer, RenewalServerProblem};

pub(crate) use verifier::Verifier;

use crate::redemption::KeyOrigin;
use cluster::Namespace;
use files::Files;
use task::Task;
use token::Token;

/// A redemption that is asked for, into a [`FolderTarget`] or a [`ClusterTarget`].
pub struct Order<'a, T> {
    /// The token, with the name that Secret and Link get.
    pub token: &'a Token,
    /// The common name of the certificate; absent for the one that the server takes, the name.
    pub subject: Option<&'a str>,
    /// Destination of the objects.
    pub target: T,
    /// Ask for a certificate that is renewed, and keep what its renewal needs.
    pub renews: bool,
    /// Redeem and replace although the objects are there.
    pub force: bool,
    /// No further attempt begins after this time, and none goes on for more than 1 s after it.
    pub timeout: Duration,
    /// The proxies on the way to the server.
    pub proxies: &'a Proxies,
    /// The time of the call of [`redeem`] or [`redeem_in_cluster`].
    pub now: DateTime<Utc>,
}

/// A folder for the files.
#[derive(Clone, Copy)]
pub struct FolderTarget<'a> {
    /// The folder. It is made when it is missing.
    pub path: &'a Path,
    /// The Skupper namespace that reads the folder. The files name it, as Skupper's loader wants it;
    /// absent for a folder that no namespace reads.
    pub namespace: Option<&'a str>,
}

/// A namespace of a cluster for the objects.
pub struct ClusterTarget<'a> {
    /// The client that asks the API server. It must not repeat requests by itself.
    pub client: Client,
    /// The namespace. It must be there.
    pub namespace: &'a str,
}

/// Objects that are in the folder now, or in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// The name of the Secret.
    pub name: String,
    /// Location of the Secret: a path, or what `kubectl get -o name` prints.
    pub secret: String,
    /// Locations of the Links.
    pub links: Vec<String>,
    /// End of the certificate.
    pub not_after: DateTime<Utc>,
    /// Maker of the private key; absent when everything was there already and nothing was asked.
    pub key_made_by: Option<KeyOrigin>,
    /// Differences from the order, each in one line that says what to do.
    pub unapplied: Vec<String>,
}

/// Redeems a token into a folder, or finds that this is done already.
///
/// # Errors
/// Says what to do; [`RedeemProblem::exit_code`] tells whether the same call may go well later.
pub async fn redeem(
    order: &Order<'_, FolderTarget<'_>>,
    progress: &mut impl Progress,
) -> Result<Redeemed, RedeemProblem> {
    files::check_name(&order.token.name)?;
    let task = Task::of(order)?;
    let folder = task.open(order.target.path, progress).await?;
    let mut files = Files::of(folder, order.target.namespace, order.token);
    task.carry_out(&mut files, progress).await
}

/// Redeems a token into a namespace of a cluster, or finds that this is done already.
///
/// # Errors
/// As [`redeem`].
pub async fn redeem_in_cluster(
    order: &Order<'_, ClusterTarget<'_>>,
    progress: &mut impl Progress,
) -> Result<Redeemed, RedeemProblem> {
    cluster::check_name(&order.token.name)?;
    let task = Task::of(order)?;
    let target = &order.target;
    let mut namespace = Namespace::of(&target.client, target.namespace, order.token);
    task.carry_out(&mut namespace, progress).await
}
