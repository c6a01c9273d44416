//! Follows the Site object and the Secrets of a namespace.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::Event;
use kube::{Api, Client};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::{Objects, Pair, load, wanted_issuers};
use crate::kubernetes::{AccessGrant, Course, follow};
use crate::site::reload::{self, Notice};
use crate::site::source::Loaded;

/// The site of a namespace, which changes with its objects.
pub struct ClusterSite {
    client: Client,
    namespace: String,
    /// The issuers that grants may name, beside the default one.
    named: Vec<String>,
    seen: Arc<Mutex<Seen>>,
    site_watch: Watch,
    /// By the names of Secrets.
    secret_watches: BTreeMap<String, Watch>,
    course: reload::Course,
    /// The changes up to which the site was loaded.
    loaded: u64,
}

/// The objects, and how often they have changed.
#[derive(Default)]
struct Seen {
    objects: Objects,
    /// The Sites by uid, with their age.
    sites: BTreeMap<String, (Option<i64>, Value)>,
    /// Those that were listed while a list is read.
    listed: BTreeMap<String, (Option<i64>, Value)>,
    has_listed_sites: bool,
    changes: u64,
}

/// A watch that ends when it is dropped.
struct Watch {
    course: Arc<Course>,
    task: JoinHandle<()>,
}

impl ClusterSite {
    /// Starts to follow the site of a namespace, and waits a moment for it. What it says is in
    /// [`Notice`]s, as later.
    pub async fn start(
        client: Client,
        namespace: String,
        named: Vec<String>,
        now: DateTime<Utc>,
    ) -> (Self, Vec<Notice>) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (course, _) = reload::Course::begin(load(&Objects::default(), &namespace, &named, now));
        let mut site = Self {
            site_watch: watch_sites(&client, &namespace, &seen),
            secret_watches: BTreeMap::new(),
            client,
            namespace,
            named,
            seen,
            course,
            loaded: 0,
        };
        let end = Instant::now() + FIRST_LOOK;
        while !site.is_read() && Instant::now() < end {
            sleep(Duration::from_millis(10)).await;
        }
        let (course, notices) = reload::Course::begin(site.load(now));
        site.course = course;
        (site, notices)
    }

    /// The site to use.
    #[must_use]
    pub fn current(&self) -> &Loaded {
        self.course.current()
    }

    /// Why the site is not known as it is now, if it is not.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let mut watches = self.secret_watches.values().chain([&self.site_watch]);
        watches.find_map(|watch| watch.course.problem())
    }

    /// Loads the site if its objects have changed or an issuer has ended. Returns what was not said
    /// before.
    pub fn poll(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let is_changed = self.seen().changes != self.loaded;
        if !is_changed && self.course.is_whole() && self.course.is_in_date(now) {
            return Vec::new();
        }
        self.reload(now)
    }

    /// Loads the site at once. Returns what was not said before.
    pub fn reload(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let loaded = self.load(now);
        self.course.go_on(Ok(loaded), now)
    }

    /// Whether Site and Secrets were looked at, whatever was found.
    fn is_read(&mut self) -> bool {
        if !self.seen().has_listed_sites {
            return false;
        }
        let wanted = self.watch_secrets();
        let seen = self.seen();
        wanted
            .iter()
            .all(|name| seen.objects.secrets.contains_key(name))
    }

    fn load(&mut self, now: DateTime<Utc>) -> Loaded {
        self.watch_secrets();
        let (mut objects, changes) = {
            let seen = self.seen();
            (seen.objects.clone(), seen.changes)
        };
        self.loaded = changes;
        for (name, watch) in &self.secret_watches {
            if let Some(problem) = watch.course.problem()
                && !objects.secrets.get(name).is_some_and(Result::is_ok)
            {
                let cause = format!("cannot read Secret '{name}': {problem}");
                objects.secrets.insert(name.clone(), Err(cause));
            }
        }
        load(&objects, &self.namespace, &self.named, now)
    }

    /// Follows the Secrets that are wanted now, and no others.
    fn watch_secrets(&mut self) -> Vec<String> {
        let wanted = wanted_issuers(&self.seen().objects.sites, &self.named);
        let mut dropped = Vec::new();
        self.secret_watches.retain(|name, _| {
            let is_wanted = wanted.contains(name);
            if !is_wanted {
                dropped.push(name.clone());
            }
            is_wanted
        });
        for name in &dropped {
            self.seen().objects.secrets.remove(name);
        }
        for name in &wanted {
            if !self.secret_watches.contains_key(name) {
                let watch = watch_secret(&self.client, &self.namespace, name, &self.seen);
                self.secret_watches.insert(name.clone(), watch);
            }
        }
        wanted
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn watch_sites(client: &Client, namespace: &str, seen: &Arc<Mutex<Seen>>) -> Watch {
    let resource = ApiResource {
        group: AccessGrant::GROUP.to_owned(),
        version: AccessGrant::VERSION.to_owned(),
        api_version: format!("{}/{}", AccessGrant::GROUP, AccessGrant::VERSION),
        kind: "Site".to_owned(),
        plural: "sites".to_owned(),
    };
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    let course = Arc::new(Course::of("the Site"));
    let (seen, of_task) = (Arc::clone(seen), Arc::clone(&course));
    let task = tokio::spawn(async move {
        follow(api, None, &of_task, |event| lock(&seen).heed_site(event)).await;
    });
    Watch { course, task }
}

fn watch_secret(client: &Client, namespace: &str, name: &str, seen: &Arc<Mutex<Seen>>) -> Watch {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let course = Arc::new(Course::of(format!("Secret '{name}'")));
    let (seen, of_task, name) = (Arc::clone(seen), Arc::clone(&course), name.to_owned());
    let task = tokio::spawn(async move {
        // Who may read this Secret only may list it by its name.
        let field = format!("metadata.name={name}");
        let mut found = None;
        follow(api, Some(&field), &of_task, |event| {
            let pair = match event {
                Event::Init => {
                    found = None;
                    return;
                }
                Event::InitApply(secret) => {
                    found = Some(pair(secret));
                    return;
                }
                Event::InitDone => found.take().unwrap_or_else(|| Err(gone(&name))),
                Event::Apply(secret) => pair(secret),
                Event::Delete(_) => Err(gone(&name)),
            };
            lock(&seen).heed_secret(&name, pair);
        })
        .await;
    });
    Watch { course, task }
}

impl Seen {
    fn heed_site(&mut self, event: Event<DynamicObject>) {
        let entry = |object: DynamicObject| {
            let created = object.metadata.creation_timestamp.as_ref();
            let created = created.map(|time| time.0.as_second());
            let uid = object.metadata.uid.clone().unwrap_or_default();
            let name = object.metadata.name.clone().unwrap_or_default();
            let mut value = object.data;
            if let Some(fields) = value.as_object_mut() {
                fields.insert("metadata".to_owned(), serde_json::json!({"name": name}));
            }
            (uid, (created, value))
        };
        match event {
            Event::Init => {
                self.listed.clear();
                return;
            }
            Event::InitApply(object) => {
                self.listed.extend([entry(object)]);
                return;
            }
            Event::InitDone => {
                self.sites = std::mem::take(&mut self.listed);
                self.has_listed_sites = true;
            }
            Event::Apply(object) => self.sites.extend([entry(object)]),
            Event::Delete(object) => drop(self.sites.remove(&entry(object).0)),
        }
        let mut sites: Vec<_> = self.sites.values().collect();
        sites.sort_by_key(|(created, _)| *created);
        let sites = sites.into_iter().map(|(_, site)| site.clone()).collect();
        self.objects.sites = sites;
        self.changes += 1;
    }

    fn heed_secret(&mut self, name: &str, pair: Result<Pair, String>) {
        self.objects.secrets.insert(name.to_owned(), pair);
        self.changes += 1;
    }
}

fn pair(secret: Secret) -> Result<Pair, String> {
    let mut data = secret.data.unwrap_or_default();
    let mut take = |key: &str| data.remove(key).map(|ByteString(bytes)| bytes);
    match (take("tls.crt"), take("tls.key")) {
        (Some(certificate), Some(key)) => Ok(Pair {
            certificate,
            key: Zeroizing::new(key),
        }),
        _ => Err("its Secret must hold 'tls.crt' and 'tls.key'".to_owned()),
    }
}

fn gone(name: &str) -> String {
    format!("there is no Secret '{name}'")
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the start waits for what the API server holds. Without it the service is not ready, and
/// goes on waiting.
const FIRST_LOOK: Duration = Duration::from_secs(3);
