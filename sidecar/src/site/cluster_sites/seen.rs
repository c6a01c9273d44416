//! Sites and Secrets as their watches saw them last, by namespace.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::kubernetes::News;
use crate::site::site_object::{IssuerPem, Objects};
use crate::site::source::SecretProblem;

/// The objects, and the number of their changes in a namespace.
#[derive(Default)]
pub(super) struct Seen {
    namespaces: BTreeMap<String, Namespace>,
    /// The Sites that were listed while a list is read, by namespace.
    listed: BTreeMap<String, SitesByUid>,
    is_listed: bool,
}

#[derive(Default)]
struct Namespace {
    sites: SitesByUid,
    secrets: BTreeMap<String, Result<IssuerPem, SecretProblem>>,
    changes: u64,
}

/// With their age.
type SitesByUid = BTreeMap<String, (Option<i64>, Value)>;

impl Seen {
    /// True when a whole list of Sites was read.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// The namespaces that have a Site, in their order.
    pub(super) fn namespaces(&self) -> Vec<String> {
        let namespaces = self.namespaces.iter();
        let with_site = namespaces.filter(|(_, namespace)| !namespace.sites.is_empty());
        with_site.map(|(name, _)| name.clone()).collect()
    }

    /// Keeps what is seen of a namespace, although it has no Site.
    pub(super) fn expect(&mut self, namespace: &str) {
        self.namespaces.entry(namespace.to_owned()).or_default();
    }

    /// Forgets a namespace, keys included.
    pub(super) fn forget(&mut self, namespace: &str) {
        self.namespaces.remove(namespace);
    }

    /// The objects of a namespace.
    pub(super) fn objects(&self, namespace: &str) -> Objects {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Objects::default();
        };
        Objects {
            sites: namespace.sites_by_age(),
            secrets: namespace.secrets.clone(),
        }
    }

    /// Its Sites, the oldest first.
    pub(super) fn sites(&self, namespace: &str) -> Vec<Value> {
        let namespace = self.namespaces.get(namespace);
        namespace.map(Namespace::sites_by_age).unwrap_or_default()
    }

    /// The number of changes of the objects of a namespace.
    pub(super) fn changes(&self, namespace: &str) -> u64 {
        let namespace = self.namespaces.get(namespace);
        namespace.map_or(0, |namespace| namespace.changes)
    }

    /// True when a Secret was looked at.
    pub(super) fn knows_secret(&self, namespace: &str, name: &str) -> bool {
        let namespace = self.namespaces.get(namespace);
        namespace.is_some_and(|namespace| namespace.secrets.contains_key(name))
    }

    pub(super) fn forget_secret(&mut self, namespace: &str, name: &str) {
        if let Some(namespace) = self.namespaces.get_mut(namespace) {
            namespace.secrets.remove(name);
        }
    }

    pub(super) fn note_secret(
        &mut self,
        namespace: &str,
        name: &str,
        pem: Result<IssuerPem, SecretProblem>,
    ) {
        // Whoever is forgotten is not followed any more.
        if let Some(namespace) = self.namespaces.get_mut(namespace) {
            namespace.secrets.insert(name.to_owned(), pem);
            namespace.changes += 1;
        }
    }

    pub(super) fn note_site(&mut self, event: News<DynamicObject>) {
        match event {
            News::ListBegins => self.listed.clear(),
            News::Listed(site) => {
                let (namespace, uid, site) = read(&site);
                let sites = self.listed.entry(namespace).or_default();
                sites.insert(uid, site);
            }
            News::ListEnds => {
                let mut listed = std::mem::take(&mut self.listed);
                for name in listed.keys() {
                    self.namespaces.entry(name.clone()).or_default();
                }
                for (name, namespace) in &mut self.namespaces {
                    let sites = listed.remove(name).unwrap_or_default();
                    if namespace.sites != sites {
                        namespace.sites = sites;
                        namespace.changes += 1;
                    }
                }
                self.is_listed = true;
            }
            News::Changed(site) => {
                let (namespace, uid, site) = read(&site);
                let namespace = self.namespaces.entry(namespace).or_default();
                if namespace.sites.get(&uid) != Some(&site) {
                    namespace.sites.insert(uid, site);
                    namespace.changes += 1;
                }
            }
            News::Gone(site) => {
                let (namespace, uid, _) = read(&site);
                if let Some(namespace) = self.namespaces.get_mut(&namespace)
                    && namespace.sites.remove(&uid).is_some()
                {
                    namespace.changes += 1;
                }
            }
        }
    }
}

impl Namespace {
    fn sites_by_age(&self) -> Vec<Value> {
        let mut sites: Vec<_> = self.sites.values().collect();
        sites.sort_by_key(|(created, _)| *created);
        sites.into_iter().map(|(_, site)| site.clone()).collect()
    }
}

pub(super) fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Namespace, uid, age and what is used of a Site: its status may tell of a whole network.
fn read(site: &DynamicObject) -> (String, String, (Option<i64>, Value)) {
    let metadata = &site.metadata;
    let created = metadata.creation_timestamp.as_ref();
    let field = |pointer: &str| site.data.pointer(pointer).cloned().unwrap_or_default();
    let used = json!({
        "metadata": {"name": metadata.name},
        "spec": {"defaultIssuer": field("/spec/defaultIssuer"), "edge": field("/spec/edge")},
        "status": {
            "defaultIssuer": field("/status/defaultIssuer"),
            "endpoints": field("/status/endpoints"),
        },
    });
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.uid.clone().unwrap_or_default(),
        (created.map(|time| time.0.as_second()), used),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(namespace: &str, uid: &str, created: u8, host: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "skupper.io/v2alpha1", "kind": "Site",
            "metadata": {"name": uid, "namespace": namespace, "uid": uid,
                "creationTimestamp": format!("2026-07-25T17:20:{created:02}Z")},
            "status": {"endpoints": [{"host": host}], "network": [{"a": "large"}]},
        }))
        .unwrap()
    }

    fn names(seen: &Seen, namespace: &str) -> Vec<String> {
        let sites = seen.sites(namespace);
        let names = sites.iter().map(|site| site["metadata"]["name"].as_str());
        names.map(|name| name.unwrap().to_owned()).collect()
    }

    #[test]
    fn sites_come_and_go_with_their_namespaces() {
        let mut seen = Seen::default();
        seen.note_site(News::ListBegins);
        for listed in [
            site("b", "new", 9, "x"),
            site("b", "old", 1, "x"),
            site("a", "one", 1, "x"),
        ] {
            seen.note_site(News::Listed(listed));
        }
        assert!(
            !seen.is_listed() && seen.namespaces().is_empty(),
            "not at its end"
        );
        seen.note_site(News::ListEnds);
        assert!(seen.is_listed());
        assert_eq!(seen.namespaces(), ["a", "b"]);
        assert_eq!(names(&seen, "b"), ["old", "new"]);

        let changes = |seen: &Seen| (seen.changes("a"), seen.changes("b"));
        let before = changes(&seen);
        seen.note_site(News::Changed(site("a", "one", 1, "x")));
        assert_eq!(changes(&seen), before, "nothing that is used has changed");
        seen.note_site(News::Changed(site("a", "one", 1, "y")));
        assert_eq!(changes(&seen), (before.0 + 1, before.1));
        seen.note_site(News::Gone(site("a", "one", 1, "y")));
        assert_eq!(changes(&seen), (before.0 + 2, before.1));
        assert_eq!(seen.namespaces(), ["b"]);

        // A list that breaks off says nothing; one that ends says what is there.
        seen.note_site(News::ListBegins);
        seen.note_site(News::Listed(site("c", "two", 1, "x")));
        seen.note_site(News::ListBegins);
        seen.note_site(News::Listed(site("b", "old", 1, "x")));
        seen.note_site(News::ListEnds);
        assert_eq!(
            (seen.namespaces(), names(&seen, "b")),
            (vec!["b".to_owned()], vec!["old".to_owned()])
        );
    }

    #[test]
    fn what_comes_late_of_a_forgotten_namespace_is_not_kept() {
        let mut seen = Seen::default();
        seen.note_site(News::Changed(site("a", "one", 1, "x")));
        seen.note_secret("a", "ca", Err(SecretProblem::Incomplete));
        assert!(seen.knows_secret("a", "ca"));
        seen.forget("a");
        seen.note_secret("a", "ca", Err(SecretProblem::Incomplete));
        assert!(!seen.knows_secret("a", "ca"));
        seen.expect("a");
        assert!(seen.namespaces().is_empty(), "it has no Site");
        seen.note_secret("a", "ca", Err(SecretProblem::Incomplete));
        assert!(seen.knows_secret("a", "ca"));
    }
}
