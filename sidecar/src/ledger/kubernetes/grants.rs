//! The AccessGrants of a namespace, for those who make, list and end them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use secrecy::SecretString;
use serde_json::Value;
use skupper_access_policy::value::name::SubdomainName;
use tokio::time::{Instant, sleep, timeout};

use super::completion::published;
use super::keys::Key;
use super::object::GrantObject;
use crate::kubernetes::{
    AccessGrant, FailedRequest, FailureKind, lacks_kind, lacks_verb, sites, wording,
};
use crate::ledger::{
    Answer, GrantOrder, GrantRecord, Grants, Issued, LedgerFault, Prospect, Published, Redeemed,
    Taken,
};
use crate::site::site_object::is_edge;
use crate::system::random;
use crate::telemetry::log::tell;

/// The AccessGrants of a namespace.
pub struct KubernetesGrants {
    api: Api<AccessGrant>,
    sites: Api<DynamicObject>,
    namespace: String,
}

impl Grants for KubernetesGrants {
    fn prospect(&self) -> Answer<'_, Prospect> {
        Box::pin(async {
            let warning = match self.site().await {
                Ok(Some(site)) if is_edge(&site.data) => {
                    let name = site.metadata.name.unwrap_or_default();
                    return Err(LedgerFault::edge_site(&name));
                }
                Ok(Some(_)) => None,
                Ok(None) => Some(format!(
                    "there is no Site in namespace '{}': the token cannot be redeemed before there \
                     is one",
                    self.namespace
                )),
                Err(failed) => Some(format!(
                    "it is not known whether the site accepts links: {failed}"
                )),
            };
            Ok(Prospect {
                published: None,
                warning,
            })
        })
    }

    fn create(
        &self,
        order: GrantOrder,
        published: Option<Published>,
        _now: DateTime<Utc>,
    ) -> Answer<'_, Result<Issued, Taken>> {
        let mut object = AccessGrant {
            spec: Value::Object(order.spec),
            ..AccessGrant::default()
        };
        object.metadata.name = Some(order.name);
        object.metadata.namespace = Some(self.namespace.clone());
        Box::pin(async move {
            let made = match self.api.create(&PostParams::default(), &object).await {
                Ok(made) => made,
                Err(kube::Error::Api(status)) if status.is_already_exists() => {
                    return Ok(Err(Taken { until: None }));
                }
                Err(error) => return Err(failed("create", &error).into()),
            };
            let name = made.metadata.name.clone().unwrap_or_default();
            tell(format_args!("waiting for the code of AccessGrant '{name}'"));
            let issued = self.completed(&made, &name, published).await;
            if issued.is_err() {
                // Nobody has the token. Whether this succeeds changes nothing about the fault.
                let _ = self.end(&name).await;
            }
            issued.map(Ok)
        })
    }

    fn list(&self) -> Answer<'_, Vec<GrantRecord>> {
        Box::pin(async {
            let mut records = Vec::new();
            let mut page = ListParams::default().limit(PAGE);
            loop {
                let found = self.api.list(&page).await;
                let found = found.map_err(|error| failed("list", &error))?;
                let objects = found.items.iter().filter_map(GrantObject::read);
                records.extend(objects.map(GrantRecord::from));
                match found.metadata.continue_.filter(|next| !next.is_empty()) {
                    Some(next) => page = page.continue_token(&next),
                    None => break,
                }
            }
            records.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(records)
        })
    }

    fn find<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<GrantRecord>> {
        Box::pin(async {
            let found = self.get(name).await?;
            Ok(found.map(GrantRecord::from).into_iter().collect())
        })
    }

    /// Deletes the AccessGrant: what is not there is redeemed by nobody, Skupper's controller included.
    fn revoke<'a>(&'a self, name: &'a str, now: DateTime<Utc>) -> Answer<'a, Vec<GrantRecord>> {
        Box::pin(async move {
            let mut ended = self.end(name).await?;
            if let Some(grant) = ended.as_mut().and_then(|object| object.grant.as_mut()) {
                grant.revoked.get_or_insert(now);
            }
            Ok(ended.map(GrantRecord::from).into_iter().collect())
        })
    }
}

impl KubernetesGrants {
    /// The grants of a namespace.
    #[must_use]
    pub fn new(client: Client, namespace: String) -> Self {
        Self {
            api: Api::namespaced(client.clone(), &namespace),
            sites: Api::namespaced_with(client, &namespace, &sites()),
            namespace,
        }
    }

    /// The oldest Site of the namespace, which is the one that counts.
    async fn site(&self) -> Result<Option<DynamicObject>, FailedRequest> {
        let found = self.sites.list(&ListParams::default()).await;
        let found = found.map_err(|error| {
            FailedRequest::of(&error).with(if lacks_verb(&error, "list") {
                "grant the verb 'list' on 'sites'"
            } else {
                "cannot list Sites"
            })
        })?;
        let created = |site: &DynamicObject| site.metadata.creation_timestamp.clone();
        Ok(found.items.into_iter().min_by_key(created))
    }

    async fn get(&self, name: &str) -> Result<Option<GrantObject>, FailedRequest> {
        // It becomes a part of a URL.
        if SubdomainName::parse(name).is_err() {
            return Ok(None);
        }
        let found = self.api.get_opt(name).await;
        let found = found.map_err(|error| failed("get", &error))?;
        Ok(found.as_ref().and_then(GrantObject::read))
    }

    /// Waits until a grant has its code and its end, and, when nobody named them, a moment longer for
    /// where it is redeemed.
    async fn completed(
        &self,
        made: &AccessGrant,
        name: &str,
        named: Option<Published>,
    ) -> Result<Issued, LedgerFault> {
        let end = Instant::now() + CODE_PATIENCE;
        let mut complete_since = None;
        loop {
            let found = self.api.get_opt(name).await;
            let found = found.map_err(|error| failed("get", &error))?;
            let found = found.filter(|found| found.metadata.uid == made.metadata.uid);
            let found = found.ok_or_else(no_code)?;
            let grant = GrantObject::read(&found).and_then(|object| object.grant);
            let code = found.status.get("code").and_then(Value::as_str);
            let now = Instant::now();
            if let (Some(grant), Some(code)) = (grant, code) {
                let place = match &named {
                    Some(Published { url, ca }) => Some((url.of_grant(&grant.uid), ca.clone())),
                    None => published(&found.status).map(|(url, ca)| (url.into(), ca.into())),
                };
                if let Some((url, ca)) = place {
                    let code = SecretString::from(code);
                    return Ok(Issued {
                        grant,
                        code,
                        url,
                        ca,
                    });
                }
                if now >= *complete_since.get_or_insert(now) + PUBLISHING {
                    return Err(not_published(name));
                }
            } else if now >= end {
                return Err(no_code());
            }
            sleep(LOOK).await;
        }
    }

    /// Deletes the grant of a name, and returns it as it was at that moment.
    async fn end(&self, name: &str) -> Result<Option<GrantObject>, FailedRequest> {
        let problem = |kind, cause| FailedRequest {
            kind,
            message: format!("cannot delete AccessGrant '{name}': {cause}"),
        };
        let trying = async {
            let end = Instant::now() + CONTENTION;
            while let Some(object) = self.get(name).await? {
                if self.delete(&object).await? {
                    return Ok(Some(object));
                }
                if Instant::now() >= end {
                    let cause = "somebody changes it all the time: run the same command again";
                    return Err(problem(FailureKind::Conflict, cause));
                }
                let [byte] = random::bytes::<1>();
                sleep(LOOK * u32::from(byte) / 255).await;
            }
            Ok(None)
        };
        let silent = "the API server did not answer in time, and it may be deleted: run the same \
            command again";
        match timeout(REVOCATION, trying).await {
            Ok(ended) => ended,
            Err(_) => Err(problem(FailureKind::Unknown, silent)),
        }
    }

    /// Deletes a grant as it was read, and no other one of its name. False when it is not there.
    async fn delete(&self, object: &GrantObject) -> Result<bool, FailedRequest> {
        let options = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(object.id.uid.to_string()),
                resource_version: Some(object.resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        match self.api.delete(&object.id.name, &options).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                Ok(false)
            }
            Err(error) => Err(failed("delete", &error)),
        }
    }
}

impl From<GrantObject> for GrantRecord {
    fn from(object: GrantObject) -> Self {
        let keys = object.keys();
        Self {
            redeemed: Redeemed::Keys(keys.iter().map(Key::noted).collect()),
            name: object.id.name,
            uid: object.id.uid,
            grant: object.grant,
        }
    }
}

/// The failure of a request about AccessGrants, and what to do.
pub(super) fn failed(verb: &str, error: &kube::Error) -> FailedRequest {
    let kind = FailureKind::of(error);
    let said = wording(error);
    let message = if lacks_kind(error) {
        "the cluster knows no AccessGrants: install Skupper's custom resources first".to_owned()
    } else if lacks_verb(error, verb) {
        format!("grant the verb '{verb}' on 'accessgrants' and run the same command again: {said}")
    } else {
        format!("cannot {verb} AccessGrants: {said}")
    };
    FailedRequest { kind, message }
}

fn no_code() -> LedgerFault {
    LedgerFault::unavailable(
        "the AccessGrant got no code: see that Skupper's controller serves grants, or start 'serve \
         --kubernetes' with --own-status",
    )
}

/// Skupper's controller publishes the URL and the CA of its own server.
fn not_published(name: &str) -> LedgerFault {
    LedgerFault::unusable(format!(
        "the URL and the CA of the service are not known: name them with --url and --ca-file. Those \
         in the AccessGrant '{name}' are of Skupper's redemption server, unless serve runs with \
         --own-status"
    ))
}

/// Number of grants that are read at once.
const PAGE: u32 = 500;

/// Longest time until a grant has its code.
const CODE_PATIENCE: Duration = Duration::from_mins(1);

/// Longest time until a service with `--own-status` has replaced what another server published.
const PUBLISHING: Duration = Duration::from_secs(5);

/// Longest time that a grant is tried to be deleted while others write it.
const CONTENTION: Duration = Duration::from_secs(10);

/// Longest time of a revocation.
const REVOCATION: Duration = Duration::from_secs(30);

/// Pause between two looks for a code.
const LOOK: Duration = Duration::from_millis(200);
