//! The site of one namespace, and the watches of the Secrets it needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{ObjectWatch, Watching};
use crate::kubernetes::{Course, News, follow};
use crate::site::reload::{CurrentSite, Notice};
use crate::site::site_object::{IssuerPem, Objects, load, wanted_issuers};
use crate::site::source::{Loaded, SecretProblem};

/// The site of a namespace, which changes with its objects.
pub(super) struct NamespaceSite {
    name: String,
    /// The Sites that it was loaded from.
    sites: Vec<Value>,
    /// By the names of Secrets.
    secret_watches: BTreeMap<String, SecretWatch>,
    /// Absent until the objects were looked at once.
    current: Option<CurrentSite>,
    /// Looks in a row that found a Secret which was not looked at yet.
    waits: u32,
}

/// A Secret that is followed.
struct SecretWatch {
    watch: ObjectWatch,
    /// Absent until it was looked at.
    secret: watch::Receiver<Option<Result<IssuerPem, SecretProblem>>>,
}

impl NamespaceSite {
    /// The site of a namespace of which nothing is known yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sites: Vec::new(),
            secret_watches: BTreeMap::new(),
            current: None,
            waits: 0,
        }
    }

    /// The site to use.
    pub(super) fn current(&self) -> Option<&Loaded> {
        self.current.as_ref().map(CurrentSite::loaded)
    }

    /// Loads the site if its objects have changed or an issuer has ended. Returns the new notices.
    pub(super) fn poll(&mut self, watching: &Watching, now: DateTime<Utc>) -> Vec<Notice> {
        let is_read = self.is_read(watching);
        if !is_read && self.waits < MOST_WAITS {
            // A site that needs another Secret stays as it was until that is read.
            self.waits += 1;
            return Vec::new();
        }
        self.waits = 0;
        let mut secrets = self.secret_watches.values();
        let is_changed = secrets.any(|watch| watch.secret.has_changed().unwrap_or_default())
            || watching.seen.borrow().sites(&self.name) != self.sites;
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
        let mut watches = self.secret_watches.values();
        watches.all(|SecretWatch { watch, secret }| {
            watch.course.problem().is_some() || secret.borrow().is_some()
        })
    }

    fn load(&mut self, watching: &Watching, now: DateTime<Utc>) -> Loaded {
        self.sites = self.watch_secrets(watching);
        let mut secrets = BTreeMap::new();
        for (name, SecretWatch { watch, secret }) in &mut self.secret_watches {
            let secret = secret.borrow_and_update().clone();
            let secret = match (secret, watch.course.problem()) {
                (None | Some(Err(_)), Some(cause)) => {
                    let name = name.clone();
                    Some(Err(SecretProblem::Unreadable { name, cause }))
                }
                (secret, _) => secret,
            };
            secrets.extend(secret.map(|secret| (name.clone(), secret)));
        }
        let objects = Objects {
            sites: self.sites.clone(),
            secrets,
        };
        load(&objects, &self.name, &watching.named, now)
    }

    /// Follows the Secrets that the Sites need now, and no others. Returns these Sites.
    fn watch_secrets(&mut self, watching: &Watching) -> Vec<Value> {
        let sites = watching.seen.borrow().sites(&self.name);
        let wanted = wanted_issuers(&sites, &watching.named);
        self.secret_watches.retain(|name, _| wanted.contains(name));
        for name in wanted {
            self.secret_watches
                .entry(name)
                .or_insert_with_key(|name| watch_secret(&watching.client, &self.name, name));
        }
        sites
    }
}

fn watch_secret(client: &Client, namespace: &str, name: &str) -> SecretWatch {
    let api = Api::<Secret>::namespaced(client.clone(), namespace);
    let what = format!("Secret '{name}' of namespace '{namespace}'");
    let course = Arc::new(Course::of(what));
    let of_task = Arc::clone(&course);
    let (sender, secret) = watch::channel(None);
    let name = name.to_owned();
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
            sender.send_replace(Some(pem));
        })
        .await;
    });
    SecretWatch {
        watch: ObjectWatch { course, task },
        secret,
    }
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
