//! The redemption of a token into its destination, the same for a folder and for a cluster.

mod ask;

use std::path::Path;
use std::time::Duration;

use skupper_access_policy::printable::{is_hidden, printable};

use super::answer::Answer;
use super::clock::Clock;
use super::credential::Validity;
use super::destination::{Destination, PendingKey, Replace};
use super::existing::Existing;
use super::folder::{Folder, FolderProblem};
use super::problem::RedeemProblem;
use super::progress::Progress;
use super::retry::Attempts;
use super::{Order, Redeemed};
use crate::pki::key::PrivateKey;
use crate::wire::protocol::MAX_SUBJECT_CHARACTERS;

/// A redemption that goes on. `T` is its target, which only the destination knows.
pub(super) struct Task<'a, T> {
    order: &'a Order<'a, T>,
    clock: Clock,
}

impl<'a, T> Task<'a, T> {
    /// Begins with an order whose subject can be a common name.
    pub(super) fn of(order: &'a Order<'a, T>) -> Result<Self, RedeemProblem> {
        let is_plain = |subject: &str| {
            let length = subject.chars().count();
            (1..=MAX_SUBJECT_CHARACTERS).contains(&length) && !subject.chars().any(is_hidden)
        };
        if !order.subject.is_none_or(is_plain) {
            return Err(RedeemProblem::Subject);
        }
        let clock = Clock::starting_at(order.now);
        Ok(Self { order, clock })
    }

    /// Redeems the token into a destination, or finds that this is done already.
    pub(super) async fn carry_out<D: Destination>(
        &self,
        destination: &mut D,
        progress: &mut impl Progress,
    ) -> Result<Redeemed, RedeemProblem> {
        // Before a look at the destination: a redeemer that was stopped may have put some of it there.
        if let Some(answer) = self.kept(destination).await? {
            return self.finish(destination, &answer, progress).await;
        }
        if !self.order.force {
            match destination.find(self.clock.now()).await? {
                Existing::Nothing => {}
                Existing::Complete(answer) => return self.already(destination, &answer).await,
                Existing::Secret(key) => return self.complete(destination, key, progress).await,
                Existing::InTheWay(problem) => {
                    return self
                        .unless_another_is_done(destination, *problem, progress)
                        .await;
                }
            }
        }
        let key = destination.key(self.order.force).await?;
        // Where nothing is locked, another redeemer may have been at work in between.
        if key.made_before.is_some() {
            if let Some(answer) = self.kept(destination).await? {
                return self.finish(destination, &answer, progress).await;
            }
        } else if !self.order.force
            && let Existing::Complete(answer) = destination.find(self.clock.now()).await?
        {
            return self.already(destination, &answer).await;
        }
        let answer = self.ask(destination, &key, progress).await?;
        self.finish(destination, &answer, progress).await
    }

    /// The answer that an earlier run kept. One that has ended is given up by force only: it may be
    /// the clock of this machine that is wrong.
    async fn kept<D: Destination>(
        &self,
        destination: &mut D,
    ) -> Result<Option<Answer>, RedeemProblem> {
        let kept = destination.kept(self.clock.now()).await?;
        let is_of_use = |answer: &Answer| {
            !(self.order.force && matches!(answer.credential.validity, Validity::Ended(_)))
        };
        Ok(kept.filter(is_of_use))
    }

    /// Looks again at what is in the way: where nothing is locked, another redeemer may just be
    /// putting it there.
    async fn unless_another_is_done<D: Destination>(
        &self,
        destination: &mut D,
        problem: RedeemProblem,
        progress: &mut impl Progress,
    ) -> Result<Redeemed, RedeemProblem> {
        if let Some(answer) = self.kept(destination).await? {
            return self.finish(destination, &answer, progress).await;
        }
        match destination.find(self.clock.now()).await? {
            Existing::Complete(answer) => self.already(destination, &answer).await,
            _ => Err(problem),
        }
    }

    /// Puts an answer that is kept in place.
    async fn finish<D: Destination>(
        &self,
        destination: &mut D,
        answer: &Answer,
        progress: &mut impl Progress,
    ) -> Result<Redeemed, RedeemProblem> {
        self.check_time(answer)?;
        let replace = if self.order.force {
            Replace::Everything
        } else {
            Replace::Nothing
        };
        destination.put(answer, replace, progress).await?;
        destination.clear().await?;
        Ok(self.redeemed(destination, answer))
    }

    /// Everything is there.
    async fn already<D: Destination>(
        &self,
        destination: &mut D,
        answer: &Answer,
    ) -> Result<Redeemed, RedeemProblem> {
        self.check_time(answer)?;
        destination.clear().await?;
        Ok(Redeemed {
            key_made_by: None,
            ..self.redeemed(destination, answer)
        })
    }

    /// Redeems again with the key of the Secret that is there, because a Link is not. The key is
    /// kept in it and the redemption is counted already, so nothing else is kept on the way.
    async fn complete<D: Destination>(
        &self,
        destination: &mut D,
        key: PrivateKey,
        progress: &mut impl Progress,
    ) -> Result<Redeemed, RedeemProblem> {
        let key = PendingKey {
            key,
            made_before: None,
        };
        let mut attempts = Attempts::new(self.order.timeout, key.made_before);
        let answer = self.attempt(&key, &mut attempts, progress).await?;
        self.check_time(&answer)?;
        destination.put(&answer, Replace::Secret, progress).await?;
        destination.clear().await?;
        Ok(self.redeemed(destination, &answer))
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
                Err(problem @ FolderProblem::InUse(_))
                    if self.clock.elapsed() < self.order.timeout =>
                {
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

    fn redeemed<D: Destination>(&self, destination: &D, answer: &Answer) -> Redeemed {
        let links = answer.links.iter();
        Redeemed {
            name: answer.secret.name.clone(),
            secret: destination.secret(&answer.secret.name),
            links: links.map(|link| destination.link(&link.name)).collect(),
            not_after: answer.credential.not_after,
            key_made_by: Some(answer.credential.key_made_by),
            unapplied: self.unapplied(destination, answer),
        }
    }

    /// Differences between order and output: the token was redeemed before, or the server chose
    /// otherwise.
    fn unapplied(&self, destination: &impl Destination, answer: &Answer) -> Vec<String> {
        let found = answer.credential.subject.as_deref().unwrap_or_default();
        let subject = self.order.subject.filter(|wanted| *wanted != found);
        let subject = subject.map(|wanted| {
            format!(
                "the subject '{}' was not applied: the certificate has '{}', and another one needs a \
                 new token and '--force'",
                printable(wanted),
                printable(found)
            )
        });
        let costs = answer.links.iter().filter_map(|link| {
            let found = link.cost.unwrap_or(DEFAULT_COST);
            let wanted = self
                .order
                .token
                .link_cost
                .filter(|wanted| *wanted != found)?;
            let link = destination.link(&link.name);
            Some(format!(
                "the link cost {wanted} was not applied: it is {found}, change 'cost' in {link}"
            ))
        });
        subject.into_iter().chain(costs).collect()
    }
}

/// Source: Skupper's Link reference.
const DEFAULT_COST: u32 = 1;

/// Pause between two looks whether another redeemer is done.
const LOCK_PAUSE: Duration = Duration::from_millis(100);
