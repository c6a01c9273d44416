//! Follows the Sites of a namespace or of all namespaces, and the Secrets of their issuers.
//!
//! ```text
//! one watch of Sites -> SeenSites -> a NamespaceSite for each namespace -> Sites
//!                                    a watch for each Secret, by its name
//! ```

mod certificate_secret;
mod namespace_site;
mod seen_sites;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::api::DynamicObject;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use self::namespace_site::NamespaceSite;
use self::seen_sites::SeenSites;
use crate::kubernetes::{Course, Scope, Selection, follow, sites};
use crate::site::Sites;
use crate::site::reload::Notice;

/// The sites of a namespace or of all namespaces, which change with their objects.
pub struct ClusterSites {
    watching: Watching,
    scope: Scope,
    /// By namespace. In the scope of one namespace it is there whether it has a Site or not.
    namespaces: BTreeMap<String, NamespaceSite>,
    _site_watch: ObjectWatch,
}

/// Means of every namespace to follow its objects.
struct Watching {
    client: Client,
    /// The issuers that grants may name, beside the default one.
    named: Vec<String>,
    /// The issuers that the default one has followed.
    previous: Vec<String>,
    seen: watch::Receiver<SeenSites>,
}

/// A watch that ends when it is dropped.
struct ObjectWatch {
    course: Arc<Course>,
    task: JoinHandle<()>,
}

/// A notice, and the namespace it is about where there are several.
pub type SiteNotice = (Option<String>, Notice);

impl ClusterSites {
    /// Starts to follow the sites, and waits a moment for them. Returns notices, as later.
    pub async fn start(
        client: Client,
        scope: Scope,
        named: Vec<String>,
        previous: Vec<String>,
        now: DateTime<Utc>,
    ) -> (Self, Vec<SiteNotice>) {
        let (site_watch, seen) = watch_sites(&client, &scope);
        let mut sites = Self {
            _site_watch: site_watch,
            watching: Watching {
                client,
                named,
                previous,
                seen,
            },
            namespaces: BTreeMap::new(),
            scope,
        };
        let end = Instant::now() + FIRST_LOOK;
        while !sites.is_read() && Instant::now() < end {
            sleep(Duration::from_millis(10)).await;
        }
        let mut notices = Vec::new();
        if let Scope::Namespace(name) = sites.scope.clone()
            && let Some(namespace) = sites.namespaces.get_mut(&name)
        {
            // One that could not be looked at is a site that cannot answer yet.
            let first = namespace.reload(&sites.watching, now).into_iter();
            let problems = first.filter(Notice::is_problem);
            notices.extend(problems.map(|notice| (None, notice)));
        } else {
            notices = sites.poll(now);
        }
        (sites, notices)
    }

    /// The sites to use.
    #[must_use]
    pub fn current(&self) -> Sites {
        let mut current = self.namespaces.iter().filter_map(|(name, namespace)| {
            let site = Arc::clone(&namespace.current()?.site);
            Some((name.as_str().into(), site))
        });
        let seen = self.watching.seen.borrow();
        match &self.scope {
            Scope::Namespace(name) if seen.is_listed() && seen.sites(name).is_empty() => {
                Sites::Missing
            }
            Scope::Namespace(_) => current
                .next()
                .map_or(Sites::Unread, |(_, site)| Sites::One(site)),
            Scope::Cluster if !seen.is_listed() => Sites::Unread,
            Scope::Cluster => Sites::OfNamespaces(current.collect()),
        }
    }

    /// Loads the sites whose objects have changed or of which an issuer has ended. Returns the new
    /// notices.
    pub fn poll(&mut self, now: DateTime<Utc>) -> Vec<SiteNotice> {
        self.load(|namespace, watching| namespace.poll(watching, now))
    }

    /// Loads the sites at once. Returns the new notices.
    pub fn reload(&mut self, now: DateTime<Utc>) -> Vec<SiteNotice> {
        self.load(|namespace, watching| namespace.reload(watching, now))
    }

    fn load(
        &mut self,
        mut load_one: impl FnMut(&mut NamespaceSite, &Watching) -> Vec<Notice>,
    ) -> Vec<SiteNotice> {
        let mut notices = Vec::new();
        let has_one = matches!(self.scope, Scope::Namespace(_));
        for name in self.follow_namespaces() {
            let notice = Notice::Remark(format!(
                "there is no Site in namespace '{name}' any more: its grants cannot be redeemed"
            ));
            notices.push((Some(name), notice));
        }
        for (name, namespace) in &mut self.namespaces {
            let about = (!has_one).then(|| name.clone());
            let new = load_one(namespace, &self.watching).into_iter();
            notices.extend(new.map(|notice| (about.clone(), notice)));
        }
        notices
    }

    /// True when Sites and Secrets were looked at, whatever was found.
    fn is_read(&mut self) -> bool {
        self.follow_namespaces();
        let is_listed = self.watching.seen.borrow().is_listed();
        let mut namespaces = self.namespaces.values_mut();
        is_listed && namespaces.all(|namespace| namespace.is_read(&self.watching))
    }

    /// Begins with the namespaces that have a Site now, and returns those that have none any more.
    fn follow_namespaces(&mut self) -> Vec<String> {
        let wanted = match &self.scope {
            Scope::Namespace(name) => [name.clone()].into(),
            Scope::Cluster => self.watching.seen.borrow().namespaces(),
        };
        let has_no_site = |name: &String, _: &mut NamespaceSite| !wanted.contains(name);
        let gone = self.namespaces.extract_if(.., has_no_site);
        let gone = gone.map(|(name, _)| name).collect();
        for name in wanted {
            let namespace = self.namespaces.entry(name);
            namespace.or_insert_with_key(|name| NamespaceSite::new(name));
        }
        gone
    }
}

impl Drop for ObjectWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn watch_sites(client: &Client, scope: &Scope) -> (ObjectWatch, watch::Receiver<SeenSites>) {
    let resource = sites();
    let client = client.clone();
    let (api, what) = match scope {
        Scope::Namespace(namespace) => (
            Api::<DynamicObject>::namespaced_with(client, namespace, &resource),
            "the Site",
        ),
        Scope::Cluster => (Api::all_with(client, &resource), "the Sites"),
    };
    let course = Arc::new(Course::of(what));
    let of_task = Arc::clone(&course);
    let (sender, seen) = watch::channel(SeenSites::default());
    let task = tokio::spawn(async move {
        let note = |event| sender.send_modify(|seen| seen.note(event));
        follow(api, Selection::default(), &of_task, note).await;
    });
    (ObjectWatch { course, task }, seen)
}

/// Time that the start waits for what the API server holds. Without it the service is not ready, and
/// goes on waiting.
const FIRST_LOOK: Duration = Duration::from_secs(3);
