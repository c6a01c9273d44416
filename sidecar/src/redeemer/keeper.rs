//! Keeps links: renews the certificate of each long before its end, and sees that its router uses it.
//!
//! ```text
//! Secret, Links -> due? -> key kept -> request -> answer, judged -> Secret as a whole, Links that moved
//!       -> key removed -> router told -> granting site told of that
//! ```
//!
//! Stopped at any point and begun again, it goes on: nothing is counted for a renewal, so that a lost answer
//! is asked for again with the same key. Nothing is written unless all of the answer is right.

mod adopt;
mod agenda;
mod ask;
mod cluster_home;
mod folder;
mod folder_links;
mod home;
mod judge;
mod kept;
mod look;
mod namespace;
pub mod pace;
mod place;
mod problem;
mod router;
pub mod schedule;
mod text;
pub mod watch;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use adopt::{AdoptionFlaw, adopt_in_cluster, adopt_in_folder};
pub use agenda::{KeptTally, LinkState};
pub use cluster_home::ClusterHome;
pub use home::{FolderHome, Home, namespaces};
pub use judge::RenewalFlaw;
pub use look::{Care, LinkName, Noted, Seen, SeenCertificate};
pub use problem::{KeepProblem, REASONS};
pub use router::{CommandProblem, Router, RouterProblem};

use super::clock::Clock;
use super::credential::Validity;
use super::files;
use super::proxy::Proxies;
use super::{ClusterTarget, FolderTarget};
use crate::redemption::Serial;
use folder::FolderPlace;
use judge::Accept;
use kept::Kept;
use namespace::NamespacePlace;
use pace::Pace;
use place::{Place, Telling};

/// A renewal that is asked for.
#[derive(Clone, Copy)]
pub struct RenewalOrder<'a> {
    /// The name of Secret and Links.
    pub name: &'a str,
    /// Renew although it is not due, and take what would be refused: an earlier end, another CA.
    pub force: bool,
    /// Longest time for one attempt.
    pub timeout: Duration,
    /// The proxies on the way to the server.
    pub proxies: &'a Proxies,
    /// The pace of the requests, where there are more renewals than this one.
    pub pace: Option<&'a Pace>,
    /// The time of the call.
    pub now: DateTime<Utc>,
}

impl RenewalOrder<'_> {
    /// Certificates that are taken: these, but any by force.
    fn accept(&self, accept: Accept) -> Accept {
        if self.force { Accept::Anything } else { accept }
    }
}

/// Result of a call: the certificate, and what its router knows of it.
#[derive(Debug)]
pub struct Done {
    /// The certificate that is in place now.
    pub renewal: Renewal,
    /// The last steps. The link is renewed when its router was told.
    pub told: Told,
}

/// Certificate that is in place after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It is young enough.
    NotDue {
        /// Time from which it is due.
        due: DateTime<Utc>,
        /// The end of it.
        not_after: DateTime<Utc>,
    },
    /// It is another one now.
    Renewed {
        /// The serial number of the certificate before.
        from: Option<Serial>,
        /// The serial number of the new one.
        to: Option<Serial>,
        /// The end of the new one.
        not_after: DateTime<Utc>,
        /// Endpoints of the link are other ones now. On Kubernetes they are in use soon; other sites take
        /// them when they are reloaded.
        has_moved: bool,
        /// The server that renews the link from now on, host and port, where it is another one: whoever
        /// holds the key of the granting site's server can move its links.
        new_server: Option<String>,
    },
}

/// Knowledge that others have of the certificate in place.
#[derive(Debug)]
pub enum Told {
    /// The router uses it, and the granting site has heard of that.
    All,
    /// No router reads the place.
    NoRouter,
    /// The router was not told.
    NoTelling(KeepProblem),
    /// The router was told, but the granting site has not heard of that.
    NoReport(KeepProblem),
}

impl Told {
    /// The problem, where somebody was not told.
    #[must_use]
    pub fn problem(&self) -> Option<&KeepProblem> {
        match self {
            Self::All | Self::NoRouter => None,
            Self::NoTelling(problem) | Self::NoReport(problem) => Some(problem),
        }
    }
}

/// Renews the certificate of a link in a folder, if it is due, and tells its router.
///
/// # Errors
/// Says what to do; [`KeepProblem::exit_code`] tells whether the same call may go well later.
pub async fn renew_in_folder(
    order: RenewalOrder<'_>,
    target: FolderTarget<'_>,
    router: &Router,
) -> Result<Done, KeepProblem> {
    files::check_name(order.name).map_err(|_| KeepProblem::NotThere(order.name.to_owned()))?;
    renew(order, &mut FolderPlace::new(target, router, order.timeout)).await
}

/// Renews the certificate of a link in a namespace of a cluster, if it is due, and waits until Skupper's
/// controller has noticed it: for so long, and once more after a further change.
///
/// # Errors
/// As [`renew_in_folder`].
pub async fn renew_in_cluster(
    order: RenewalOrder<'_>,
    target: &ClusterTarget<'_>,
    patience: Duration,
) -> Result<Done, KeepProblem> {
    renew(order, &mut NamespacePlace::new(target, patience)).await
}

/// Renews the certificate of a link in its place, if it is due, and tells its router.
async fn renew<P: Place>(order: RenewalOrder<'_>, place: &mut P) -> Result<Done, KeepProblem> {
    let clock = Clock::starting_at(order.now);
    let mut turns = 1;
    let renewal = loop {
        let kept = place.read(order.name, clock.now()).await?;
        let is_due = order.force || kept.is_due(clock.now());
        let is_unfinished = place.is_unfinished(&kept).await?;
        if !is_due && !is_unfinished {
            break Renewal::NotDue {
                due: kept.due(),
                not_after: kept.credential.not_after,
            };
        }
        let accept = order.accept(Accept::Next);
        match renew_now(order, place, &kept, clock, accept).await {
            Ok(renewal) => break renewal,
            // Another keeper may have been faster.
            Err(KeepProblem::Changed(_)) if turns < MOST_TURNS => turns += 1,
            Err(problem) => {
                if !is_due {
                    // The certificate of the renewal that was stopped is in place.
                    tell(order, place, clock).await;
                }
                return Err(problem);
            }
        }
    };
    let told = tell(order, place, clock).await;
    Ok(Done { renewal, told })
}

async fn renew_now<P: Place>(
    order: RenewalOrder<'_>,
    place: &mut P,
    kept: &Kept,
    clock: Clock,
    accept: Accept,
) -> Result<Renewal, KeepProblem> {
    if let Validity::Ended(end) = kept.credential.validity {
        return Err(KeepProblem::Ended {
            name: order.name.to_owned(),
            end,
            now: clock.now(),
        });
    }
    let key = place.key(kept).await?;
    let answer = ask::ask(order, kept, &key, clock).await?;
    let renewed = judge::judge(kept, answer, accept)?;
    let put = place.put(kept, &renewed).await;
    if matches!(put, Ok(()) | Err(KeepProblem::Changed(_))) {
        place.discard_key(kept).await?;
    }
    put?;
    Ok(Renewal::Renewed {
        from: kept.credential.serial,
        to: renewed.credential.serial,
        not_after: renewed.credential.not_after,
        has_moved: kept.has_moved(&renewed.links),
        new_server: kept.new_server(&renewed),
    })
}

/// Tells the router of the certificate in place, unless it was told, and the granting site of that. A
/// certificate that was never renewed came into use with its link.
async fn tell<P: Place>(order: RenewalOrder<'_>, place: &mut P, clock: Clock) -> Told {
    match tell_router(order, place, clock).await {
        Err(problem) => Told::NoTelling(problem),
        Ok(Telling::NoRouter) => Told::NoRouter,
        Ok(Telling::Told) => match report(order, place, clock).await {
            Err(problem) => Told::NoReport(problem),
            Ok(()) => Told::All,
        },
    }
}

async fn tell_router<P: Place>(
    order: RenewalOrder<'_>,
    place: &mut P,
    clock: Clock,
) -> Result<Telling, KeepProblem> {
    let mut turns = 1;
    loop {
        let kept = place.read(order.name, clock.now()).await?;
        if kept.noted() != Noted::Untold {
            return Ok(Telling::Told);
        }
        match place.tell(&kept).await {
            Ok(Telling::Told) => {
                place.note_told(&kept).await?;
                return Ok(Telling::Told);
            }
            // Another keeper has renewed it again.
            Err(KeepProblem::Changed(_)) if turns < MOST_TURNS => turns += 1,
            other => return other,
        }
    }
}

/// The granting site shows in its list who uses which certificate.
async fn report<P: Place>(
    order: RenewalOrder<'_>,
    place: &mut P,
    clock: Clock,
) -> Result<(), KeepProblem> {
    let kept = place.read(order.name, clock.now()).await?;
    if kept.noted() != Noted::Unreported {
        return Ok(());
    }
    ask::report(order, &kept, clock).await?;
    place.note_reported(&kept).await
}

/// Most certificates that are asked for in one call, where others change the Secret meanwhile.
const MOST_TURNS: u32 = 3;
