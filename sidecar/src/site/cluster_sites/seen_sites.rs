//! The Sites as their watch saw them last, by namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::kubernetes::News;

/// The Sites, by namespace.
#[derive(Default)]
pub(super) struct SeenSites {
    namespaces: BTreeMap<String, SitesByUid>,
    /// The Sites that were listed while a list is read.
    listed: BTreeMap<String, SitesByUid>,
    is_listed: bool,
}

/// With their age.
type SitesByUid = BTreeMap<String, (Option<i64>, Value)>;

impl SeenSites {
    /// True when a whole list of Sites was read.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// The namespaces that have a Site.
    pub(super) fn namespaces(&self) -> BTreeSet<String> {
        self.namespaces.keys().cloned().collect()
    }

    /// The Sites of a namespace, the oldest first.
    pub(super) fn sites(&self, namespace: &str) -> Vec<Value> {
        let sites = self.namespaces.get(namespace).into_iter().flatten();
        let mut sites: Vec<_> = sites.map(|(_, site)| site).collect();
        sites.sort_by_key(|(created, _)| *created);
        sites.into_iter().map(|(_, site)| site.clone()).collect()
    }

    pub(super) fn note(&mut self, event: News<DynamicObject>) {
        match event {
            News::ListBegins => self.listed.clear(),
            News::Listed(site) => insert(&mut self.listed, &site),
            News::ListEnds => {
                self.namespaces = take(&mut self.listed);
                self.is_listed = true;
            }
            News::Changed(site) => insert(&mut self.namespaces, &site),
            News::Gone(site) => {
                let (namespace, uid, _) = read(&site);
                if let Some(sites) = self.namespaces.get_mut(&namespace) {
                    sites.remove(&uid);
                    if sites.is_empty() {
                        self.namespaces.remove(&namespace);
                    }
                }
            }
        }
    }
}

fn insert(namespaces: &mut BTreeMap<String, SitesByUid>, site: &DynamicObject) {
    let (namespace, uid, site) = read(site);
    namespaces.entry(namespace).or_default().insert(uid, site);
}

/// Reads namespace, uid, age and the used fields of a Site: its status may tell of a whole network.
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

    fn names(seen: &SeenSites, namespace: &str) -> Vec<String> {
        let sites = seen.sites(namespace);
        let names = sites.iter().map(|site| site["metadata"]["name"].as_str());
        names.map(|name| name.unwrap().to_owned()).collect()
    }

    #[test]
    fn sites_come_and_go_with_their_namespaces() {
        let mut seen = SeenSites::default();
        seen.note(News::ListBegins);
        for listed in [
            site("b", "new", 9, "x"),
            site("b", "old", 1, "x"),
            site("a", "one", 1, "x"),
        ] {
            seen.note(News::Listed(listed));
        }
        assert!(
            !seen.is_listed() && seen.namespaces().is_empty(),
            "not at its end"
        );
        seen.note(News::ListEnds);
        assert!(seen.is_listed());
        assert_eq!(seen.namespaces(), ["a", "b"].map(str::to_owned).into());
        assert_eq!(names(&seen, "b"), ["old", "new"]);

        let before = (seen.sites("a"), seen.sites("b"));
        seen.note(News::Changed(site("a", "one", 1, "x")));
        assert_eq!(
            (seen.sites("a"), seen.sites("b")),
            before,
            "nothing that is used has changed"
        );
        seen.note(News::Changed(site("a", "one", 1, "y")));
        assert_ne!(seen.sites("a"), before.0);
        assert_eq!(seen.sites("b"), before.1);
        seen.note(News::Gone(site("a", "one", 1, "y")));
        assert!(seen.sites("a").is_empty());
        assert_eq!(seen.namespaces(), ["b".to_owned()].into());

        // A list that breaks off says nothing; one that ends says what is there.
        seen.note(News::ListBegins);
        seen.note(News::Listed(site("c", "two", 1, "x")));
        seen.note(News::ListBegins);
        seen.note(News::Listed(site("b", "old", 1, "x")));
        seen.note(News::ListEnds);
        assert_eq!(
            (seen.namespaces(), names(&seen, "b")),
            (["b".to_owned()].into(), vec!["old".to_owned()])
        );
    }
}
