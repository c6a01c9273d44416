//! The site of one namespace, and the watches of the Secrets it needs.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use k8s_openapi::ByteString;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::certificate_secret::CertificateSecret;
use super::{ObjectWatch, Watching};
use crate::kubernetes::{Course, News, Selection, follow};
use crate::site::reload::{CurrentSite, Notice};
use crate::site::site_object::{CertificatePem, IssuerPem, Objects, load, wanted_issuers};
use crate::site::source::{Loaded, SecretProblem};

/// The site of a namespace, which changes with its objects.
pub(super) struct NamespaceSite {
    name: String,
    /// The Sites that it was loaded from.
    sites: Vec<Value>,
    /// By the names of Secrets.
    secret_watches: BTreeMap<String, SecretWatch<IssuerPem>>,
    /// Of the issuers that the default one has followed, by the names of Secrets.
    previous_watches: BTreeMap<String, SecretWatch<CertificatePem>>,
    /// Absent until the objects were looked at once.
    current: Option<CurrentSite>,
    /// Looks in a row that found a Secret which was not looked at yet.
    waits: u32,
}

/// A Secret that is followed.
struct SecretWatch<T> {
    watch: ObjectWatch,
    /// Absent until it was looked at.
    secret: watch::Receiver<Option<Result<T, SecretProblem>>>,
}

impl<T: Clone> SecretWatch<T> {
    fn is_changed(&self) -> bool {
        self.secret.has_changed().unwrap_or_default()
    }

    /// True when it was looked at, whatever was found.
    fn is_read(&self) -> bool {
        self.watch.course.problem().is_some() || self.secret.borrow().is_some()
    }

    /// The find, if any, for the Secret of this name.
    fn read(&mut self, name: &str) -> Option<Result<T, SecretProblem>> {
        let secret = self.secret.borrow_and_update().clone();
        match (secret, self.watch.course.problem()) {
            (None | Some(Err(_)), Some(cause)) => {
                let name = name.to_owned();
                Some(Err(SecretProblem::Unreadable { name, cause }))
            }
            (secret, _) => secret,
        }
    }
}

impl NamespaceSite {
    /// The site of a namespace of which nothing is known yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            sites: Vec::new(),
            secret_watches: BTreeMap::new(),
            previous_watches: BTreeMap::new(),
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
        let is_changed = self.secret_watches.values().any(SecretWatch::is_changed)
            || self.previous_watches.values().any(SecretWatch::is_changed)
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
        self.secret_watches.values().all(SecretWatch::is_read)
            && self.previous_watches.values().all(SecretWatch::is_read)
    }

    fn load(&mut self, watching: &Watching, now: DateTime<Utc>) -> Loaded {
        self.sites = self.watch_secrets(watching);
        let objects = Objects {
            sites: self.sites.clone(),
            secrets: read_all(&mut self.secret_watches),
            previous: read_all(&mut self.previous_watches),
        };
        load(&objects, &self.name, &watching.named, now)
    }

    /// Follows the Secrets that the Sites need now, and no others. Returns these Sites.
    fn watch_secrets(&mut self, watching: &Watching) -> Vec<Value> {
        let sites = watching.seen.borrow().sites(&self.name);
        let wanted = wanted_issuers(&sites, &watching.named);
        self.secret_watches.retain(|name, _| wanted.contains(name));
        for name in wanted {
            let watch = self.secret_watches.entry(name);
            watch.or_insert_with_key(|name| {
                watch_secret(&watching.client, &self.name, name, issuer_pem)
            });
        }
        for name in &watching.previous {
            let watch = self.previous_watches.entry(name.clone());
            watch.or_insert_with_key(|name| {
                watch_secret(&watching.client, &self.name, name, certificate_pem)
            });
        }
        sites
    }
}

fn read_all<T: Clone>(
    watches: &mut BTreeMap<String, SecretWatch<T>>,
) -> BTreeMap<String, Result<T, SecretProblem>> {
    let secrets = watches.iter_mut();
    let secrets = secrets.filter_map(|(name, watch)| Some((name.clone(), watch.read(name)?)));
    secrets.collect()
}

fn watch_secret<K, T>(
    client: &Client,
    namespace: &str,
    name: &str,
    read: fn(K) -> Result<T, SecretProblem>,
) -> SecretWatch<T>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned + Send + 'static,
    T: Send + Sync + 'static,
{
    let api = Api::<K>::namespaced(client.clone(), namespace);
    let what = format!("Secret '{name}' of namespace '{namespace}'");
    let course = Arc::new(Course::of(what));
    let of_task = Arc::clone(&course);
    let (sender, secret) = watch::channel(None);
    let name = name.to_owned();
    let task = tokio::spawn(async move {
        // Who may read this Secret only may list it by its name.
        let of_name = Selection {
            field: Some(format!("metadata.name={name}")),
            ..Selection::default()
        };
        let missing = || Err(SecretProblem::Missing(name.clone()));
        let mut found = None;
        follow(api, of_name, &of_task, |event| {
            let pem = match event {
                News::ListBegins => {
                    found = None;
                    return;
                }
                News::Listed(secret) => {
                    found = Some(read(secret));
                    return;
                }
                News::ListEnds => found.take().unwrap_or_else(missing),
                News::Changed(secret) => read(secret),
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

fn certificate_pem(secret: CertificateSecret) -> Result<CertificatePem, SecretProblem> {
    let CertificateSecret { metadata, data } = secret;
    let missing = || SecretProblem::NoCertificate(metadata.name.unwrap_or_default());
    let ByteString(certificate) = data.certificate.ok_or_else(missing)?;
    let above = data.above.map(|ByteString(bytes)| bytes);
    Ok(CertificatePem {
        certificate,
        above: above.unwrap_or_default(),
    })
}

/// Looks that a Secret is waited for: the API server usually answers before the first.
const MOST_WAITS: u32 = 2;
