//! A namespace of a cluster, for the Secret and the Links of one name.
//!
//! Key and answer wait in Secret `NAME-pending`. It is made before the first byte of a request is
//! sent, the answer is added before Secret and Links are made, and it goes when they are in place. So
//! a redeemer that is stopped at any point repeats the same redemption. Nothing is locked: of several
//! redeemers of one token the first one's key and the first one's answer are those of all.

pub(super) mod object;
mod pending;
pub(super) mod problem;
mod rehearsal;
pub(super) mod requests;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kube::Client;
use kube::api::DynamicObject;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use tokio::time::sleep;

pub use object::{ObjectKind, ObjectName};

use self::object::{ANSWER, Draft, KeyOf};
use self::problem::ClusterProblem;
use self::requests::{Requests, Run};
use super::answer::{Answer, AnswerProblem, MAX_LINKS, link_names};
use super::destination::{Destination, PendingKey, Replace};
use super::document::Document;
use super::existing::Existing;
use super::flaw::Flaw;
use super::origin;
use super::problem::RedeemProblem;
use super::progress::Progress;
use super::token::Token;

/// The objects of a token's name in a namespace.
pub(super) struct Namespace<'a> {
    requests: Requests<'a>,
    url: &'a RedemptionUrl,
    name: &'a str,
    /// The Secret that has the name of the one in which the key waits, as it was read last.
    pending: Option<DynamicObject>,
}

impl<'a> Namespace<'a> {
    pub(super) fn of(client: &'a Client, namespace: &'a str, token: &'a Token) -> Self {
        Self {
            requests: Requests { client, namespace },
            url: &token.url,
            name: &token.name,
            pending: None,
        }
    }

    /// The Links that an answer may have made.
    async fn find_links(&self) -> Result<Vec<DynamicObject>, ClusterProblem> {
        if let Some(link) = self.requests.get(&ObjectName::link(self.name)).await? {
            return Ok(vec![link]);
        }
        let mut links = Vec::new();
        for name in link_names(self.name, MAX_LINKS) {
            match self.requests.get(&ObjectName::link(&name)).await? {
                Some(link) => links.push(link),
                None => break,
            }
        }
        Ok(links)
    }

    /// Makes an object in place of one that was found.
    async fn make(
        &self,
        draft: &Draft,
        found: Option<&DynamicObject>,
        replace: Replace,
    ) -> Result<(), ClusterProblem> {
        // The type of a Secret cannot be changed, so nothing is changed.
        if let Some(found) = found {
            self.requests.delete(&draft.name, found, Run::Real).await?;
        }
        let start = Instant::now();
        loop {
            if self.requests.create(draft, Run::Real).await?.is_some() {
                return Ok(());
            }
            match self.requests.get(&draft.name).await? {
                Some(there) if draft.is_in(&there) => return Ok(()),
                Some(_) if found.is_none() && replace != Replace::Everything => {
                    return Err(ClusterProblem::ExistsNow(draft.name.clone()));
                }
                Some(_) if start.elapsed() > GOING => {
                    return Err(ClusterProblem::Contended(draft.name.clone()));
                }
                _ => sleep(LOOK).await,
            }
        }
    }
}

impl Destination for Namespace<'_> {
    async fn kept(&mut self, now: DateTime<Utc>) -> Result<Option<Answer>, RedeemProblem> {
        self.read_pending().await?;
        Ok(self.pending_answer(now)?)
    }

    async fn find(&mut self, now: DateTime<Utc>) -> Result<Existing, RedeemProblem> {
        // In the other order than they are made in: where a Link is, its Secret was before.
        let links = self.find_links().await?;
        let name = ObjectName::secret(self.name);
        let Some(secret) = self.requests.get(&name).await? else {
            let first = links.first().and_then(|link| link.metadata.name.as_deref());
            let in_the_way = first.map(|link| in_the_way(ObjectName::link(link), None));
            return Ok(in_the_way.unwrap_or(Existing::Nothing));
        };
        let secret = object::read(&secret).and_then(Document::into_secret);
        let secret = secret.ok_or(AnswerProblem::Secrets);
        let links = links.iter().map(|link| object::read(link)?.into_link());
        let existing = Existing::judge(secret, links.collect(), self.name, self.url, now);
        Ok(existing.unwrap_or_else(|flaw| in_the_way(name, flaw)))
    }

    async fn key(&mut self, force: bool) -> Result<PendingKey, RedeemProblem> {
        let key = loop {
            if let Some(key) = self.pending_key() {
                break key?;
            }
            if let Some(other) = &self.pending {
                let name = self.pending_name();
                if !matches!(KeyOf::read(other), Some(KeyOf::Grant(_))) {
                    return Err(ClusterProblem::NotAKey(name).into());
                }
                if !force {
                    return Err(ClusterProblem::OtherToken(name).into());
                }
                self.requests.delete(&name, other, Run::Real).await?;
            }
            if let Some(key) = self.make_key().await? {
                break key;
            }
            self.read_pending().await?;
        };
        match self.rehearse(force).await {
            Ok(()) => Ok(key),
            Err(problem) => {
                if key.made_before.is_none() {
                    self.discard_key().await;
                }
                Err(problem.into())
            }
        }
    }

    async fn discard_key(&mut self) {
        let _ = self.clear().await;
    }

    async fn keep(&mut self, answer: Answer, now: DateTime<Utc>) -> Result<Answer, RedeemProblem> {
        let name = self.pending_name();
        let text = answer.to_yaml(&origin::note(self.url, None));
        while let Some(pending) = self.own_pending() {
            if let Some(kept) = self.pending_answer(now)? {
                return Ok(kept);
            }
            let mut pending = pending.clone();
            object::set_entry(&mut pending, ANSWER, &text);
            let written = self.requests.update(&name, &pending, Run::Real).await?;
            if written.is_some() {
                self.pending = written;
                return Ok(answer);
            }
            self.read_pending().await?;
        }
        // Another redeemer has cleared: it is done.
        match self.find(now).await? {
            Existing::Complete(answer) => Ok(*answer),
            _ => Ok(answer),
        }
    }

    async fn put(
        &mut self,
        answer: &Answer,
        replace: Replace,
        progress: &mut impl Progress,
    ) -> Result<(), RedeemProblem> {
        let mut missing = Vec::new();
        let owner = self.requests.site().await?.as_ref().and_then(object::owner);
        let drafts = Draft::of_answer(answer, self.url, owner.as_ref());
        for draft in drafts.ok_or(AnswerProblem::OtherObjects)? {
            let found = self.requests.get(&draft.name).await?;
            if let Some(found) = &found {
                let is_secret = draft.name.kind == ObjectKind::Secret;
                match replace {
                    _ if draft.is_in(found) => continue,
                    // It is one of the same redemption, as good as the new one.
                    Replace::Secret if is_secret => continue,
                    Replace::Secret => return Err(exists(draft.name, None)),
                    Replace::Nothing => {
                        return Err(ClusterProblem::ExistsNow(draft.name).into());
                    }
                    Replace::Everything => {}
                }
            }
            missing.push((draft, found));
        }
        if owner.is_none() && !missing.is_empty() {
            progress.remark(
                &"there is no Site in the namespace yet, so that Secret and Link have no owner and \
                 stay when a Site is deleted",
            );
        }
        for (draft, found) in &missing {
            self.make(draft, found.as_ref(), replace).await?;
        }
        Ok(())
    }

    async fn clear(&mut self) -> Result<(), RedeemProblem> {
        if let Some(pending) = self.own_pending() {
            let name = self.pending_name();
            self.requests.delete(&name, pending, Run::Real).await?;
            self.pending = None;
        }
        Ok(())
    }

    fn secret(&self, name: &str) -> String {
        format!("secret/{name}")
    }

    fn link(&self, name: &str) -> String {
        format!("link.skupper.io/{name}")
    }
}

/// The objects may have this name, with their suffixes: `-pending` is the longest.
pub(super) fn check_name(name: &str) -> Result<(), RedeemProblem> {
    // The policy has seen to it that it is a subdomain.
    if name.len() > MAX_SUBDOMAIN_BYTES - PENDING.len() {
        return Err(RedeemProblem::ClusterName(name.to_owned()));
    }
    Ok(())
}

fn in_the_way(object: ObjectName, flaw: Option<Flaw>) -> Existing {
    Existing::InTheWay(Box::new(exists(object, flaw)))
}

fn exists(object: ObjectName, flaw: Option<Flaw>) -> RedeemProblem {
    ClusterProblem::Exists { object, flaw }.into()
}

/// Suffix of the name of the Secret in which key and answer wait.
pub(super) const PENDING: &str = "-pending";

/// Source: Kubernetes, Object Names and IDs.
const MAX_SUBDOMAIN_BYTES: usize = 253;

/// Longest time that an object may take to go when it is deleted.
pub(super) const GOING: Duration = Duration::from_secs(10);

/// Pause between two looks at an object that is being deleted.
pub(super) const LOOK: Duration = Duration::from_millis(100);
