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
mod tests {
    use serde_json::json;

    use super::*;

    fn object(number: u8, version: &str) -> GrantObject {
        let uid = GrantUid::from_bytes([number; 16]);
        let object = serde_json::from_value(json!({
            "metadata": {"name": "west", "namespace": "site", "uid": uid.to_string(),
                "resourceVersion": version},
        }));
        GrantObject::read(&object.unwrap()).unwrap()
    }

    fn versions(grants: &KnownGrants) -> Vec<(GrantUid, String)> {
        let all = grants.all();
        let all = all.iter();
        let mut all: Vec<_> = all
            .map(|object| (object.id.uid, object.resource_version.clone()))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn an_object_becomes_newer_and_never_older() {
        let grants = KnownGrants::default();
        let uid = object(1, "9").id.uid;
        for (version, expected) in [("9", "9"), ("10", "10"), ("9", "10"), ("10", "10")] {
            assert_eq!(grants.keep(object(1, version)).resource_version, expected);
            assert_eq!(grants.find(&uid).unwrap().resource_version, expected);
        }
        assert!(grants.knows(&uid, "10") && !grants.knows(&uid, "9"));
        for (version, expected) in [("11", "11"), ("10", "11")] {
            assert_eq!(grants.renew(object(1, version)).resource_version, expected);
            assert_eq!(grants.find(&uid).unwrap().resource_version, expected);
        }
        grants.forget(&uid);
        assert!(grants.find(&uid).is_none());
        assert_eq!(grants.renew(object(1, "12")).resource_version, "12");
        assert!(grants.find(&uid).is_none(), "deleted before the answer");
        assert_eq!(grants.keep(object(1, "3")).resource_version, "3");
    }

    #[test]
    fn a_list_takes_away_what_it_does_not_hold_when_it_ends() {
        let grants = KnownGrants::default();
        assert!(!grants.is_complete());
        for number in 1..=3 {
            grants.keep(object(number, "5"));
        }
        grants.list_begins();
        grants.keep(object(1, "4"));
        assert_eq!(versions(&grants).len(), 3, "known until the end");
        // A list that breaks off says nothing.
        grants.list_begins();
        grants.keep(object(2, "6"));
        grants.keep(object(3, "4"));
        grants.list_ends();
        let uid = |number| object(number, "").id.uid;
        assert_eq!(
            versions(&grants),
            [(uid(2), "6".to_owned()), (uid(3), "5".to_owned())]
        );
        assert!(grants.is_complete());
    }

    fn with_code(number: u8, version: &str, bytes: usize) -> GrantObject {
        let status = json!({"code": "x".repeat(bytes), "expirationTime": "2999-01-01T00:00:00Z"});
        let uid = GrantUid::from_bytes([number; 16]);
        let object = serde_json::from_value(json!({
            "metadata": {"name": "west", "namespace": "site", "uid": uid.to_string(),
                "resourceVersion": version},
            "status": status,
        }));
        GrantObject::read(&object.unwrap()).unwrap()
    }

    #[test]
    fn a_grant_with_a_long_code_has_a_name_until_it_is_gone() {
        let grants = KnownGrants::default();
        let uid = |number| GrantUid::from_bytes([number; 16]);
        let named = || {
            let found = grants.find_by_name("site", "west");
            found.map(|object| object.id.uid)
        };
        grants.keep(object(1, "1"));
        assert_eq!(named(), None, "no code yet");
        grants.keep(with_code(1, "2", 31));
        assert_eq!(named(), None, "a short code");
        grants.renew(with_code(1, "3", 32));
        assert_eq!(named(), Some(uid(1)));
        assert!(grants.find_by_name("other", "west").is_none());
        grants.keep(with_code(2, "9", 32));
        assert_eq!(named(), Some(uid(2)), "made again");
        grants.forget(&uid(1));
        grants.renew(with_code(1, "10", 32));
        assert_eq!(named(), Some(uid(2)), "an answer that comes late");
        grants.keep(with_code(2, "11", 16));
        assert_eq!(named(), None, "the code is another one");
        grants.keep(with_code(2, "12", 32));
        grants.list_begins();
        grants.list_ends();
        assert_eq!(named(), None, "gone");
        assert!(grants.read().names.is_empty());
    }

    #[tokio::test]
    async fn a_name_is_known_as_soon_as_the_code_is() {
        let grants = Arc::new(KnownGrants::default());
        let watch = Arc::clone(&grants);
        tokio::spawn(async move {
            watch.keep(object(1, "1"));
            tokio::time::sleep(Duration::from_millis(20)).await;
            watch.keep(with_code(1, "2", 32));
        });
        let find = |grants: &KnownGrants| grants.find_by_name("site", "west");
        assert!(
            grants
                .wait_for(find, Duration::from_mins(1))
                .await
                .is_some()
        );
    }

    #[tokio::test]
    async fn who_is_early_waits_for_the_watch_but_not_for_long() {
        let grants = Arc::new(KnownGrants::default());
        let (known, unknown) = (object(1, "1").id.uid, object(2, "1").id.uid);
        let watch = Arc::clone(&grants);
        tokio::spawn(async move {
            for version in 1..=5 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                watch.keep(object(3, &version.to_string()));
            }
            watch.keep(object(1, "1"));
        });
        let minute = Duration::from_mins(1);
        let begin = Instant::now();
        let find = |uid: GrantUid| move |grants: &KnownGrants| grants.find(&uid);
        assert!(grants.wait_for(find(known), minute).await.is_some());
        let patience = Duration::from_millis(100);
        assert!(grants.wait_for(find(unknown), patience).await.is_none());
        assert!((patience..minute).contains(&begin.elapsed()));
    }
}
