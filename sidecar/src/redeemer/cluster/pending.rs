//! The Secret in which key and answer wait.

use chrono::{DateTime, Utc};
use kube::api::DynamicObject;

use super::object::{self, ANSWER, Draft, KeyOf, ObjectName};
use super::problem::ClusterProblem;
use super::requests::Run;
use super::{Namespace, PENDING};
use crate::redeemer::answer::Answer;
use crate::redeemer::destination::PendingKey;
use crate::redeemer::origin::{self, Origin};

impl Namespace<'_> {
    /// Its name.
    pub(super) fn pending_name(&self) -> ObjectName {
        ObjectName::secret(&format!("{}{PENDING}", self.name))
    }

    /// Reads it anew.
    pub(super) async fn read_pending(&mut self) -> Result<(), ClusterProblem> {
        self.pending = self.requests.get(&self.pending_name()).await?;
        Ok(())
    }

    /// The Secret in which the key of this token waits.
    pub(super) fn own_pending(&self) -> Option<&DynamicObject> {
        let pending = self.pending.as_ref();
        pending.filter(|secret| object::is_of_grant(secret, self.url))
    }

    /// The key that waits in it, and since when.
    pub(super) fn pending_key(&self) -> Option<Result<PendingKey, ClusterProblem>> {
        let pending = self.own_pending()?;
        let key = object::key(pending);
        Some(key.ok_or_else(|| ClusterProblem::Damaged(self.pending_name())))
    }

    /// The answer that waits in it, if it is of use.
    ///
    /// # Errors
    /// It is one to another token with the same grant in its URL.
    pub(super) fn pending_answer(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<Answer>, ClusterProblem> {
        let Some(text) = self
            .own_pending()
            .and_then(|own| object::entry(own, ANSWER))
        else {
            return Ok(None);
        };
        let key = self.pending_key().and_then(Result::ok);
        let own_key = key.as_ref().map(|pending| pending.key.spki());
        match Answer::read_back(text.as_bytes(), self.name, own_key, self.url, now) {
            // The label stands for the grant, where an earlier version noted no URL.
            Ok(answer) if answer.origin == Origin::AnotherGrant => {
                Err(ClusterProblem::OtherToken(self.pending_name()))
            }
            read => Ok(read.ok()),
        }
    }

    /// Makes a key and the Secret in which it waits. `None` when another redeemer was faster.
    pub(super) async fn make_key(&mut self) -> Result<Option<PendingKey>, ClusterProblem> {
        let pending = PendingKey::generate();
        let grant = origin::stem(self.url);
        let draft = Draft::of_key(
            self.pending_name(),
            KeyOf::Grant(&grant),
            &pending.key.to_pem(),
        );
        self.pending = self.requests.create(&draft, Run::Real).await?;
        Ok(self.pending.is_some().then_some(pending))
    }
}
