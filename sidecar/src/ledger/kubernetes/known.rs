//! The grants of a cluster as the watch and the own requests saw them last, in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::object::{GrantObject, ObjectId};
use crate::redemption::GrantUid;

/// The grants by uid. Objects only become newer.
#[derive(Default)]
pub struct KnownGrants {
    state: RwLock<State>,
    /// Told when another object is known.
    news: Notify,
}

#[derive(Default)]
struct State {
    objects: HashMap<GrantUid, Arc<GrantObject>>,
    /// Those whose code is long, by namespace and name.
    names: HashMap<String, GrantUid>,
    /// Those that were listed so far, while a list is read.
    listed: Option<HashSet<GrantUid>>,
    /// True when a whole list was read once.
    is_complete: bool,
    /// The CA of the object that was kept last.
    ca: Option<Arc<str>>,
}

impl KnownGrants {
    /// The object of a uid, as it was seen last.
    #[must_use]
    pub fn find(&self, uid: &GrantUid) -> Option<Arc<GrantObject>> {
        self.read().objects.get(uid).cloned()
    }

    /// The object of a name, if its code is long.
    #[must_use]
    pub fn find_by_name(&self, namespace: &str, name: &str) -> Option<Arc<GrantObject>> {
        let state = self.read();
        let uid = state.names.get(&place(namespace, name))?;
        let object = state.objects.get(uid);
        object.filter(|object| object.has_long_code()).cloned()
    }

    /// The object that `find` finds, which may become known for a while: whoever made it may be faster than the
    /// watch.
    pub async fn wait_for(
        &self,
        find: impl Fn(&Self) -> Option<Arc<GrantObject>>,
        patience: Duration,
    ) -> Option<Arc<GrantObject>> {
        let end = Instant::now() + patience;
        loop {
            // What becomes known after the look must not be missed.
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            if let Some(object) = find(self) {
                return Some(object);
            }
            if timeout_at(end, news).await.is_err() {
                return None;
            }
        }
    }

    /// True when a whole list was read: what is not known then is not there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.read().is_complete
    }

    /// Every object, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<GrantObject>> {
        self.read().objects.values().cloned().collect()
    }

    /// Keeps an object, unless a newer version of it is known.
    pub fn keep(&self, mut object: GrantObject) -> Arc<GrantObject> {
        let uid = object.id.uid;
        let mut state = self.write();
        if let Some(listed) = &mut state.listed {
            listed.insert(uid);
        }
        if let Some(known) = state.objects.get(&uid)
            && !object.is_as_new_as(known)
        {
            return Arc::clone(known);
        }
        object.share_ca(&mut state.ca);
        let object = Arc::new(object);
        note_name(&mut state.names, &object);
        let before = state.objects.insert(uid, Arc::clone(&object));
        drop(state);
        if before.is_none_or(|before| before.grant.is_none()) {
            self.news.notify_waiters();
        }
        object
    }

    /// True when this version of an object, which is there, is known already.
    #[must_use]
    pub fn knows(&self, uid: &GrantUid, resource_version: &str) -> bool {
        let mut state = self.write();
        if let Some(listed) = &mut state.listed {
            listed.insert(*uid);
        }
        let known = state.objects.get(uid);
        known.is_some_and(|known| known.resource_version == resource_version)
    }

    /// Keeps a newer version of an object that is known. One that was deleted meanwhile stays
    /// unknown: an answer about it may come later than the news that it is gone.
    pub fn renew(&self, mut object: GrantObject) -> Arc<GrantObject> {
        let mut state = self.write();
        let State {
            objects, names, ca, ..
        } = &mut *state;
        let Some(known) = objects.get_mut(&object.id.uid) else {
            return Arc::new(object);
        };
        if object.is_as_new_as(known) {
            object.share_ca(ca);
            note_name(names, &object);
            *known = Arc::new(object);
        }
        Arc::clone(known)
    }

    /// Forgets an object that was deleted.
    pub fn forget(&self, uid: &GrantUid) {
        let mut state = self.write();
        if state
            .objects
            .remove(uid)
            .is_some_and(|object| object.has_long_code())
        {
            state.names.retain(|_, of_name| of_name != uid);
        }
    }

    /// A list begins: every object that is there is kept anew. Until it ends, what was known stays.
    pub fn list_begins(&self) {
        self.write().listed = Some(HashSet::new());
    }

    /// The list is read: what was not in it is not there any more.
    pub fn list_ends(&self) {
        let mut state = self.write();
        if let Some(listed) = state.listed.take() {
            state.objects.retain(|uid, _| listed.contains(uid));
            let State { objects, names, .. } = &mut *state;
            names.retain(|_, uid| objects.contains_key(uid));
        }
        state.is_complete = true;
        drop(state);
        self.news.notify_waiters();
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note_name(names: &mut HashMap<String, GrantUid>, object: &GrantObject) {
    if object.has_long_code() {
        let ObjectId {
            namespace,
            name,
            uid,
        } = &object.id;
        names.insert(place(namespace, name), *uid);
    }
}

fn place(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

#[cfg(test)]
mod tests;
