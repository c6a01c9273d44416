//! The site of one namespace, and the watches of the Secrets it needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use zeroize::Zeroizing;

use super::seen::{Seen, lock};
use super::{ObjectWatch, Watching};
use crate::kubernetes::{Course, News, follow};
use crate::site::reload::{CurrentSite, Notice};
use crate::site::site_object::{IssuerPem, load, wanted_issuers};
use crate::site::source::{Loaded, SecretProblem};

/// The site of a namespace, which changes with its objects.
pub(super) struct NamespaceSite {
    name: String,
    /// By the names of Secrets.
    secret_watches: BTreeMap<String, ObjectWatch>,
    /// Absent until the objects were looked at once.
    current: Option<CurrentSite>,
    /// The changes up to which the site was loaded.
    loaded: u64,
    /// Looks in a row that found a Secret which was not looked at yet.
    waits: u32,
}

impl NamespaceSite {
    /// The site of a namespace of which nothing is known yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            secret_watches: BTreeMap::new(),
            current: None,
            loaded: 0,
            waits: 0,
        }
    }

    /// The site to use.
    pub(super) fn current(&self) -> Option<&Loaded> {
        self.current.as_ref().map(CurrentSite::loaded)
    }

    /// Loads the site if its objects have changed or an issuer has ended. Returns the new
    /// notices.
    pub(super) fn poll(&mut self, watching: &Watching, now: DateTime<Utc>) -> Vec<Notice> {
        if !self.is_read(watching) && self.waits < MOST_WAITS {
            // A site that needs another Secret stays as it was until that is read.
            self.waits += 1;
            return Vec::new();
        }
        self.waits = 0;
        let is_changed = lock(&watching.seen).changes(&self.name) != self.loaded;
        let is_good = |site: &CurrentSite| site.is_whole() && site.is_in_date(now);
        if !is_changed && self.current.as_ref().is_some_and(is_good) {
            return Vec::new();
        }
        self.reload(watching, now)
    }

    /// Loads the site at once. Returns the new notices.
    pub(super) fn reload(&mut self, watching: &Watching, now: DateTime<Utc>) -> Vec<Notice> {
        let loaded = self.load(watching, now);
        if let Some(current) = &mut self.current {
            return current.renew(Ok(loaded), now);
        }
        let begins = Notice::Changed(Arc::clone(&loaded.site));
        let (current, notices) = CurrentSite::begin(loaded);
        self.current = Some(current);
        [begins].into_iter().chain(notices).collect()
    }

    /// True when the Secrets were looked at, whatever was found.
    pub(super) fn is_read(&mut self, watching: &Watching) -> bool {
        self.watch_secrets(watching);
        let seen = lock(&watching.seen);
        let mut watches = self.secret_watches.iter();
        watches.all(|(name, watch)| {
            watch.course.problem().is_some() || seen.knows_secret(&self.name, name)
        })
    }

    fn load(&mut self, watching: &Watching, now: DateTime<Utc>) -> Loaded {
        self.watch_secrets(watching);
        let mut objects = {
            let seen = lock(&watching.seen);
            self.loaded = seen.changes(&self.name);
            seen.objects(&self.name)
        };
        for (name, watch) in &self.secret_watches {
            if let Some(problem) = watch.course.problem()
                && !objects.secrets.get(name).is_some_and(Result::is_ok)
            {
                let problem = SecretProblem::Unreadable {
                    name: name.clone(),
                    cause: problem,
                };
                objects.secrets.insert(name.clone(), Err(problem));
            }
        }
        load(&objects, &self.name, &watching.named, now)
    }

    /// Follows the Secrets that are wanted now, and no others.
    fn watch_secrets(&mut self, watching: &Watching) {
        let mut seen = lock(&watching.seen);
        let wanted = wanted_issuers(&seen.sites(&self.name), &watching.named);
        self.secret_watches.retain(|name, _| {
            let is_wanted = wanted.contains(name);
            if !is_wanted {
                seen.forget_secret(&self.name, name);
            }
            is_wanted
        });
        drop(seen);
        for name in wanted {
            let Watching { client, seen, .. } = watching;
            self.secret_watches
                .entry(name)
                .or_insert_with_key(|name| watch_secret(client, &self.name, name, seen));
        }
    }
}

fn watch_secret(
    client: &Client,
    namespace: &str,
    name: &str,
    seen: &Arc<Mutex<Seen>>,
) -> ObjectWatch {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let what = format!("Secret '{name}' of namespace '{namespace}'");
    let course = Arc::new(Course::of(what));
    let (seen, of_task) = (Arc::clone(seen), Arc::clone(&course));
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    let task = tokio::spawn(async move {
        // Who may read this Secret only may list it by its name.
        let field = format!("metadata.name={name}");
        let missing = || Err(SecretProblem::Missing(name.clone()));
        let mut found = None;
        follow(api, Some(&field), &of_task, |event| {
            let pem = match event {
                News::ListBegins => {
                    found = None;
                    return;
                }
                News::Listed(secret) => {
                    found = Some(issuer_pem(secret));
                    return;
                }
                News::ListEnds => found.take().unwrap_or_else(missing),
                News::Changed(secret) => issuer_pem(secret),
                News::Gone(_) => missing(),
            };
            lock(&seen).note_secret(&namespace, &name, pem);
        })
        .await;
    });
    ObjectWatch { course, task }
}

fn issuer_pem(secret: Secret) -> Result<IssuerPem, SecretProblem> {
    let mut data = secret.data.unwrap_or_default();
    let mut take = |key: &str| data.remove(key).map(|ByteString(bytes)| bytes);
    match (take("tls.crt"), take("tls.key")) {
        (Some(certificate), Some(key)) => Ok(IssuerPem {
            certificate,
            key: Zeroizing::new(key),
            above: take("ca.crt").unwrap_or_default(),
        }),
        _ => Err(SecretProblem::Incomplete),
    }
}

/// Looks that a Secret is waited for: the API server usually answers before the first.
const MOST_WAITS: u32 = 2;
