//! The telling of a router by Skupper's controller, which notices changes of the Secret's data. It misses
//! those that are made while it is away: then a further change makes it notice.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::ordinal::Notice;
use super::{NamespacePlace, secret};
use crate::redeemer::cluster::object::ObjectName;
use crate::redeemer::keeper::kept::Kept;
use crate::redeemer::keeper::place::Telling;
use crate::redeemer::keeper::problem::KeepProblem;

impl NamespacePlace<'_> {
    pub(super) async fn tell_controller(&mut self, kept: &Kept) -> Result<Telling, KeepProblem> {
        let mut notice = self.notice(kept).await?;
        let mut stalled = 0;
        loop {
            let before = notice;
            notice = self.wait(kept, before).await?;
            match notice {
                Notice::Taken => return Ok(Telling::Told),
                // Where a router begins to use the Secret later, it begins with what is there.
                Notice::Nobody => return Ok(Telling::NoRouter),
                // One that counts anew catches up by each change.
                Notice::Missing(_) if notice != before => stalled = 0,
                Notice::Missing(_) => stalled += 1,
            }
            if stalled == MOST_WAITS {
                return Err(KeepProblem::Unnoticed(kept.name().to_owned()));
            }
            notice = self.revise(kept).await?;
        }
    }

    /// Waits until the controller shows something else.
    async fn wait(&mut self, kept: &Kept, before: Notice) -> Result<Notice, KeepProblem> {
        let start = Instant::now();
        let patience = match before {
            Notice::Taken => Duration::ZERO,
            // The first number comes soon after a certificate, or there is no router.
            Notice::Nobody if !self.has_put => Duration::ZERO,
            Notice::Nobody | Notice::Missing(_) => self.patience,
        };
        let mut pause = SHORTEST_PAUSE;
        let mut notice = before;
        while notice == before && start.elapsed() < patience {
            sleep(pause.min(patience)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            notice = self.notice(kept).await?;
        }
        Ok(notice)
    }

    /// Changes what nobody uses, so that it is noticed.
    async fn revise(&mut self, kept: &Kept) -> Result<Notice, KeepProblem> {
        let name = ObjectName::secret(kept.name());
        let start = Instant::now();
        while start.elapsed() < super::CONTENTION {
            let notice = self.notice(kept).await?;
            let Some(secret) = self.secret.as_ref().filter(|_| notice != Notice::Taken) else {
                return Ok(notice);
            };
            let patch = secret::revision(secret);
            if let Some(written) = self.requests.patch(&name, &patch).await? {
                return Ok(Notice::of(self.secret.insert(written)));
            }
        }
        Err(KeepProblem::Changed(kept.name().to_owned()))
    }

    /// The progress of the controller with the certificate of a link.
    async fn notice(&mut self, kept: &Kept) -> Result<Notice, KeepProblem> {
        let gone = || KeepProblem::NotThere(kept.name().to_owned());
        let name = ObjectName::secret(kept.name());
        let object = self.requests.get(&name).await?.ok_or_else(gone)?;
        if !secret::has_certificate(&object, kept) {
            return Err(KeepProblem::Changed(kept.name().to_owned()));
        }
        Ok(Notice::of(self.secret.insert(object)))
    }
}

/// Waits without any progress after which somebody is to hear of it: one for the certificate itself, one
/// for a further change.
const MOST_WAITS: u32 = 2;

/// Pause before the first look.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(4);
