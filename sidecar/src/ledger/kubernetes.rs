//! The ledger of a cluster: the AccessGrants themselves.
//!
//! ```text
//! watch -> grants -> look                                 what is known
//!             ^----- queues -> admit -> PUT ../status     what is counted
//!                              object, keys, outcome
//! ```
//!
//! There is no store of its own: `status.redemptions` is the count, and a condition notes the keys.
//! Any number of services count beside each other, and beside Skupper's controller: every write names
//! the version that it was decided about.

pub mod admit;
pub mod completion;
pub mod events;
pub mod keys;
pub mod known;
pub mod object;
pub mod queues;

mod advice;
mod condition;
mod grants;
mod lease;
mod links;
mod own_status;
mod register;
mod revocations;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::task::JoinHandle;

use self::events::Events;
use self::known::KnownGrants;
use self::object::GrantObject;
use self::own_status::OwnStatus;
use self::queues::Queues;
use self::register::Leases;
use self::store::ClusterStore;
use super::{Entry, Ledger, LedgerFault, Published};
use crate::kubernetes::{
    AccessGrant, Course, FailedRequest, FailureKind, News, Scope, Selection, answered, follow,
};
use crate::redemption::fault::Fault;
use crate::redemption::{Claim, Decision, Grant, GrantState, GrantUid, Redemption, Refusal};
use crate::site::Sites;

pub use self::grants::KubernetesGrants;
pub use self::links::KubernetesLinks;

/// The AccessGrants of a namespace or of a cluster, watched until this is dropped.
pub struct KubernetesLedger {
    grants: Arc<KnownGrants>,
    queues: Arc<Queues<ClusterStore>>,
    course: Arc<Course>,
    grants_of_scope: Api<AccessGrant>,
    /// True when the API server did not answer when it was asked last.
    is_cut_off: AtomicBool,
    own_status: Option<Arc<OwnStatus>>,
    events: Events,
    leases: Leases,
    task: JoinHandle<()>,
}

impl KubernetesLedger {
    /// Starts to watch. Until the first list is read, every look is [`Refusal::NotReady`]. With
    /// `has_own_status` it completes the grants, too, when it knows where the service is reached. `home` is
    /// the namespace of the service, in which it keeps the watch of revocations awake.
    #[must_use]
    pub fn start(client: Client, scope: &Scope, home: &str, has_own_status: bool) -> Self {
        let grants = Arc::new(KnownGrants::default());
        let store = ClusterStore::new(client.clone());
        let own_status = || Arc::new(OwnStatus::new(client.clone(), scope.clone()));
        let own_status = has_own_status.then(own_status);
        let completing = own_status.clone();
        let course = Arc::new(Course::of("the AccessGrants"));
        let events = Events::start(client.clone());
        let leases = Leases::start(client.clone(), scope, home);
        let grants_of_scope = scope.api(client);
        let (api, known, of_task) = (
            grants_of_scope.clone(),
            Arc::clone(&grants),
            Arc::clone(&course),
        );
        let task = tokio::spawn(async move {
            follow(api, Selection::default(), &of_task, |event| {
                if let (Some(own_status), News::Listed(object) | News::Changed(object)) =
                    (&completing, &event)
                {
                    own_status.consider(object);
                }
                take(&known, event);
            })
            .await;
        });
        Self {
            queues: Arc::new(Queues::new(store, Arc::clone(&grants))),
            grants,
            course,
            grants_of_scope,
            is_cut_off: AtomicBool::new(false),
            own_status,
            events,
            leases,
            task,
        }
    }

    async fn find(
        &self,
        find: impl Fn(&KnownGrants) -> Option<Arc<GrantObject>>,
    ) -> Result<Arc<GrantObject>, Refusal> {
        if let Some(object) = find(&self.grants) {
            return Ok(object);
        }
        if !self.grants.is_complete() {
            return Err(Refusal::NotReady);
        }
        if let Some(object) = self.grants.wait_for(find, PATIENCE).await {
            return Ok(object);
        }
        // While changes are not heard of, nobody knows what there is.
        if self.course.problem().is_some() || self.is_cut_off.load(Ordering::Relaxed) {
            return Err(Refusal::NotReady);
        }
        Err(Refusal::UnknownGrant)
    }
}

impl Drop for KubernetesLedger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ledger for KubernetesLedger {
    async fn look(
        &self,
        uid: &GrantUid,
        claim: Option<&Claim>,
    ) -> Result<Result<Entry, Refusal>, LedgerFault> {
        let found = self.find(|grants| grants.find(uid)).await;
        let entry = found.and_then(|object| {
            let grant = object.grant.clone().ok_or(Refusal::NotReady)?;
            let redemption = claim.and_then(|claim| {
                let keys = object.keys();
                keys.find(&claim.key).map(|key| key.redemption(claim))
            });
            Ok(Entry { grant, redemption })
        });
        Ok(entry)
    }

    async fn look_by_name(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Result<Grant, Refusal>, LedgerFault> {
        let found = self.find(|grants| grants.find_by_name(namespace, name));
        let grant = found.await.map(|object| object.grant.clone());
        Ok(grant.and_then(|grant| grant.ok_or(Refusal::UnknownGrant)))
    }

    async fn confirm(
        &self,
        grant: &Grant,
        deadline: Instant,
    ) -> Result<Result<Grant, Refusal>, LedgerFault> {
        self.queues.confirm(grant.uid, deadline).await
    }

    fn is_behind(&self, now: Instant) -> bool {
        self.course.is_silent(now, SILENCE)
    }

    async fn count(
        &self,
        uid: &GrantUid,
        candidate: Redemption,
        now: DateTime<Utc>,
        deadline: Instant,
    ) -> Result<Result<Decision, Refusal>, LedgerFault> {
        self.queues.count(*uid, candidate, now, deadline).await
    }

    fn report(&self, grant: &Grant, fault: &Fault) {
        self.events.offer(grant, fault, Instant::now());
    }

    async fn tally(&self, now: DateTime<Utc>) -> Result<Vec<(GrantState, u64)>, LedgerFault> {
        if !self.grants.is_complete() {
            return Err(LedgerFault::unavailable("the grants are not read yet"));
        }
        let mut states: BTreeMap<_, _> = GrantState::ALL.map(|state| (state, 0)).into();
        for object in self.grants.all() {
            if let Some(grant) = &object.grant {
                *states.entry(grant.state(now)).or_default() += 1;
            }
        }
        Ok(states.into_iter().collect())
    }

    /// Asks whether changes are heard of and the API server answers: a line that went silent shows in
    /// nothing else.
    async fn prove(&self, _: DateTime<Utc>) -> Result<(), LedgerFault> {
        if let Some(problem) = self.course.problem() {
            return Err(LedgerFault::unavailable(problem));
        }
        let one = ListParams::default().limit(1);
        let proof = answered(PROOF, self.grants_of_scope.list(&one)).await;
        self.is_cut_off.store(proof.is_err(), Ordering::Relaxed);
        Ok(proof.map(drop)?)
    }

    /// It is told of in the grants that it completes.
    async fn publish(&self, published: &Published) -> Result<(), LedgerFault> {
        if let Some(own_status) = &self.own_status {
            own_status.publish(published);
        }
        Ok(())
    }

    async fn follow_sites(&self, sites: &Sites) {
        if let Some(own_status) = &self.own_status {
            own_status.set_sites(sites);
        }
    }
}

impl From<FailedRequest> for LedgerFault {
    fn from(failed: FailedRequest) -> Self {
        let kind = failed.kind;
        let cause = Arc::new(failed);
        match kind {
            FailureKind::Conflict | FailureKind::Busy(_) | FailureKind::Unknown => {
                Self::Unavailable(cause)
            }
            FailureKind::Denied => Self::Forbidden(cause),
            FailureKind::Gone | FailureKind::Refused => Self::Refused(cause),
        }
    }
}

fn take(grants: &KnownGrants, event: News<AccessGrant>) {
    match event {
        News::ListBegins => grants.list_begins(),
        News::Listed(object) | News::Changed(object) => {
            if is_known(grants, &object) {
                // An own write, mostly: its answer was read.
                return;
            }
            if let Some(object) = GrantObject::read(&object) {
                grants.keep(object);
            }
        }
        News::Gone(object) => {
            if let Some(object) = GrantObject::read(&object) {
                grants.forget(&object.id.uid);
            }
        }
        News::ListEnds => grants.list_ends(),
    }
}

fn is_known(grants: &KnownGrants, object: &AccessGrant) -> bool {
    let metadata = &object.metadata;
    let uid = metadata.uid.as_deref().and_then(GrantUid::parse);
    let version = metadata.resource_version.as_deref();
    uid.is_some_and(|uid| version.is_some_and(|version| grants.knows(&uid, version)))
}

/// Longest time until the watch tells of a grant that was just made.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest silence of the watch before a key that was counted is answered only when the grant is
/// confirmed. It is how long a grant that was revoked may be answered at the longest.
const SILENCE: Duration = Duration::from_secs(10);

/// Longest time until the API server has proven that it is there.
const PROOF: Duration = Duration::from_secs(2);
