//! The links of a namespace of a cluster, or of all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::Client;
use kube::api::{DynamicObject, ListParams, ObjectMeta};

use super::look::{LinkName, Seen};
use super::namespace::judge;
use super::{Done, KeepProblem, RenewalOrder, adopt_in_cluster, renew_in_cluster};
use crate::redeemer::ClusterTarget;
use crate::redeemer::RenewalServer;
use crate::redeemer::cluster::object::{MANAGED_BY, ObjectKind, ObjectName, REDEEMER};
use crate::redeemer::cluster::requests::{Requests, list, list_metadata};
use crate::wire::objects::Annotation;

/// The links of a cluster that are kept: their Secrets carry the label of those that redeem and adopt.
#[derive(Clone)]
pub struct ClusterHome {
    /// The client that asks the API server. It must not repeat requests by itself.
    pub client: Client,
    /// The namespace; absent for all of them.
    pub namespace: Option<String>,
    /// Longest time until Skupper's controller is to have noticed a renewal.
    pub patience: Duration,
}

impl ClusterHome {
    /// Every link that is there, kept or not.
    ///
    /// # Errors
    /// The API server does not say.
    pub async fn links(&self, now: DateTime<Utc>) -> Result<Vec<Seen>, KeepProblem> {
        let namespace = self.namespace.as_deref();
        let secrets = list(&self.client, namespace, ObjectKind::Secret, &chosen()).await?;
        let secrets = secrets.iter().filter(|secret| is_link(&secret.metadata));
        let mut links: Vec<_> = secrets
            .filter_map(|secret| Some(see(secret, self.name(&secret.metadata)?, now)))
            .collect();
        links.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(links)
    }

    /// The versions of the Secrets of all links: nothing else of them is read.
    ///
    /// # Errors
    /// The API server does not say.
    pub async fn versions(&self) -> Result<BTreeMap<LinkName, String>, KeepProblem> {
        let namespace = self.namespace.as_deref();
        let secrets = list_metadata(&self.client, namespace, ObjectKind::Secret, &chosen()).await?;
        let secrets = secrets.into_iter().filter(is_link);
        let versions = secrets.filter_map(|metadata| {
            let name = self.name(&metadata)?;
            Some((name, metadata.resource_version?))
        });
        Ok(versions.collect())
    }

    /// Looks at one link, and tells the version of its Secret. `None` where there is no such Secret.
    ///
    /// # Errors
    /// The API server does not say.
    pub async fn see(
        &self,
        name: &LinkName,
        now: DateTime<Utc>,
    ) -> Result<Option<(Seen, String)>, KeepProblem> {
        let requests = Requests {
            client: &self.client,
            namespace: self.namespace_of(name),
        };
        let secret = requests.get(&ObjectName::secret(&name.name)).await?;
        Ok(secret.map(|secret| {
            let version = secret.metadata.resource_version.clone();
            (see(&secret, name.clone(), now), version.unwrap_or_default())
        }))
    }

    /// Renews a link, if it is due, and tells its router.
    ///
    /// # Errors
    /// As [`renew_in_cluster`].
    pub async fn renew(
        &self,
        order: RenewalOrder<'_>,
        name: &LinkName,
    ) -> Result<Done, KeepProblem> {
        renew_in_cluster(order, &self.target(name), self.patience).await
    }

    /// Makes a link one that is kept, and renews it.
    ///
    /// # Errors
    /// As [`adopt_in_cluster`].
    pub async fn adopt(
        &self,
        order: RenewalOrder<'_>,
        name: &LinkName,
        server: RenewalServer,
    ) -> Result<Done, KeepProblem> {
        adopt_in_cluster(order, &self.target(name), self.patience, server).await
    }

    fn target<'a>(&'a self, name: &'a LinkName) -> ClusterTarget<'a> {
        ClusterTarget {
            client: self.client.clone(),
            namespace: self.namespace_of(name),
        }
    }

    fn namespace_of<'a>(&'a self, name: &'a LinkName) -> &'a str {
        let namespace = name.namespace.as_deref().or(self.namespace.as_deref());
        namespace.unwrap_or_default()
    }

    fn name(&self, metadata: &ObjectMeta) -> Option<LinkName> {
        Some(LinkName {
            namespace: metadata.namespace.clone().or(self.namespace.clone()),
            name: metadata.name.clone()?,
        })
    }
}

impl PartialEq for ClusterHome {
    /// A program knows one cluster.
    fn eq(&self, other: &Self) -> bool {
        self.namespace == other.namespace
    }
}

impl Eq for ClusterHome {}

impl fmt::Debug for ClusterHome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("ClusterHome");
        fields.field("namespace", &self.namespace);
        fields.finish_non_exhaustive()
    }
}

fn see(secret: &DynamicObject, name: LinkName, now: DateTime<Utc>) -> Seen {
    match judge(secret, &name.name, now) {
        Ok((secret, credential)) => Seen::of(name, &secret, &credential),
        Err(problem) => Seen::broken(name, problem),
    }
}

/// True where somebody has redeemed or adopted the Secret.
fn is_link(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.iter();
    let mut names = annotations.flat_map(BTreeMap::keys);
    let of_links = [Annotation::RedeemedFrom, Annotation::RenewalUrl];
    names.any(|name| {
        of_links
            .iter()
            .any(|annotation| annotation.as_str() == name)
    })
}

/// The Secrets of links; not those in which keys wait.
fn chosen() -> ListParams {
    ListParams::default()
        .labels(&format!("{MANAGED_BY}={REDEEMER}"))
        .fields("type=kubernetes.io/tls")
}
