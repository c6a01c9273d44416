//! The AccessGrants of a namespace as those see them who make, list and end them.

use std::time::Duration;

use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams, Preconditions};
use kube::{Api, Client};
use secrecy::SecretString;
use serde_json::{Map, Value};
use skupper_access_policy::value::name::SubdomainName;
use tokio::time::{Instant, sleep, timeout};

use super::completion::is_published;
use super::keys::Keys;
use super::object::GrantObject;
use crate::kubernetes::outcome::Outcome;
use crate::kubernetes::{AccessGrant, lacks_kind, lacks_verb, sites, wording};
use crate::redemption::{Grant, GrantUid};
use crate::site::site_object::is_edge;
use crate::system::random;

/// The AccessGrants of a namespace.
pub struct Administration {
    api: Api<AccessGrant>,
    sites: Api<DynamicObject>,
    namespace: String,
}

/// What is known of the Site of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFound {
    /// Its name.
    pub name: String,
    /// True when it is an edge site, which accepts no links.
    pub is_edge: bool,
}

/// A grant that can be redeemed. No `Debug`: it holds the code.
pub struct Complete {
    /// What it means.
    pub grant: Grant,
    /// Its code.
    pub code: SecretString,
    /// Where it is redeemed, as far as a service with `--own-status` has said so.
    pub published: Option<Published>,
}

/// Where a grant is redeemed, as its status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The whole URL, with the grant.
    pub url: String,
    /// The CA of the service, in PEM.
    pub ca: String,
}

/// An AccessGrant. No `Debug`: what is in it may be printed only by what is public here.
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: GrantUid,
    /// What it means; absent while it has no code or no end.
    pub grant: Option<Grant>,
    /// The redemptions that are noted in it.
    pub keys: Keys,
    resource_version: String,
}

impl Administration {
    /// The grants of a namespace.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            api: Api::namespaced(client.clone(), namespace),
            sites: Api::namespaced_with(client, namespace, &sites()),
            namespace: namespace.to_owned(),
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The oldest Site of the namespace, which is the one that counts.
    ///
    /// # Errors
    /// The API server refuses, or does not answer.
    pub async fn site(&self) -> Result<Option<SiteFound>, AdministrationProblem> {
        let found = self.sites.list(&ListParams::default()).await;
        let found = found.map_err(|error| AdministrationProblem {
            outcome: Outcome::of(&error),
            message: if lacks_verb(&error, "list") {
                format!("grant the verb 'list' on 'sites': {}", wording(&error))
            } else {
                format!("cannot list Sites: {}", wording(&error))
            },
        })?;
        let created = |site: &DynamicObject| site.metadata.creation_timestamp.clone();
        let oldest = found.items.into_iter().min_by_key(created);
        Ok(oldest.map(|site| SiteFound {
            is_edge: is_edge(&site.data),
            name: site.metadata.name.unwrap_or_default(),
        }))
    }

    /// Every grant, by name.
    ///
    /// # Errors
    /// The API server refuses, or does not answer.
    pub async fn list(&self) -> Result<Vec<Listed>, AdministrationProblem> {
        let mut listed = Vec::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let found = self.api.list(&page).await;
            let found = found.map_err(|error| AdministrationProblem::of("list", &error))?;
            listed.extend(found.items.iter().filter_map(Listed::read));
            match found.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => break,
            }
        }
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// The grant of a name.
    ///
    /// # Errors
    /// As [`Administration::list`].
    pub async fn find(&self, name: &str) -> Result<Option<Listed>, AdministrationProblem> {
        // It becomes a part of a URL.
        if SubdomainName::parse(name).is_err() {
            return Ok(None);
        }
        let found = self.api.get_opt(name).await;
        let found = found.map_err(|error| AdministrationProblem::of("get", &error))?;
        Ok(found.as_ref().and_then(Listed::read))
    }

    /// Makes a grant. `Ok(Err(_))` holds the one that has the name already.
    ///
    /// # Errors
    /// As [`Administration::list`]. When the API server did not answer, it may be made.
    pub async fn create(
        &self,
        name: &str,
        spec: Map<String, Value>,
    ) -> Result<Result<Listed, Option<Listed>>, AdministrationProblem> {
        let mut object = AccessGrant {
            spec: Value::Object(spec),
            ..AccessGrant::default()
        };
        object.metadata.name = Some(name.to_owned());
        object.metadata.namespace = Some(self.namespace.clone());
        match self.api.create(&PostParams::default(), &object).await {
            Ok(made) => match Listed::read(&made) {
                Some(made) => Ok(Ok(made)),
                None => Ok(Err(None)),
            },
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                Ok(Err(self.find(name).await?))
            }
            Err(error) => Err(AdministrationProblem::of("create", &error)),
        }
    }

    /// Waits until a grant has its code and its end, and, with `needs_published`, a moment longer for
    /// where it is redeemed. `None` when that takes too long, or the grant is gone.
    ///
    /// # Errors
    /// As [`Administration::list`].
    pub async fn wait_for_code(
        &self,
        made: &Listed,
        needs_published: bool,
        patience: Duration,
    ) -> Result<Option<Complete>, AdministrationProblem> {
        let end = Instant::now() + patience;
        let mut complete_since = None;
        loop {
            let found = self.api.get_opt(&made.name).await;
            let found = found.map_err(|error| AdministrationProblem::of("get", &error))?;
            let Some(found) = found else { return Ok(None) };
            let read = Listed::read(&found).filter(|listed| listed.uid == made.uid);
            let text = |field| found.status.get(field).and_then(Value::as_str);
            let now = Instant::now();
            match (read.map(|listed| listed.grant), text("code")) {
                (None, _) => return Ok(None),
                (Some(Some(grant)), Some(code)) => {
                    let published = || {
                        let is_published = is_published(&found.status);
                        let (url, ca) = (text("url")?.to_owned(), text("ca")?.to_owned());
                        is_published.then_some(Published { url, ca })
                    };
                    let published = published();
                    let since = *complete_since.get_or_insert(now);
                    if published.is_some() || !needs_published || now >= since + PUBLISHING {
                        let code = SecretString::from(code);
                        return Ok(Some(Complete {
                            grant,
                            code,
                            published,
                        }));
                    }
                }
                _ if now >= end => return Ok(None),
                _ => {}
            }
            sleep(LOOK).await;
        }
    }

    /// Deletes the grant of a name, and says what it was at that moment: every redemption is in it.
    /// `None` when there is no such grant.
    ///
    /// # Errors
    /// As [`Administration::list`], and when others write the grant all the time.
    pub async fn revoke(&self, name: &str) -> Result<Option<Listed>, AdministrationProblem> {
        let problem = |outcome, cause| AdministrationProblem {
            outcome,
            message: format!("cannot delete AccessGrant '{name}': {cause}"),
        };
        let trying = async {
            let end = Instant::now() + CONTENTION;
            while let Some(listed) = self.find(name).await? {
                if self.delete(&listed).await? {
                    return Ok(Some(listed));
                }
                if Instant::now() >= end {
                    let cause = "somebody changes it all the time: run the same command again";
                    return Err(problem(Outcome::Conflict, cause));
                }
                let [byte] = random::bytes::<1>();
                sleep(LOOK * u32::from(byte) / 255).await;
            }
            Ok(None)
        };
        let silent = "the API server did not answer in time, and it may be deleted: run the same \
            command again";
        match timeout(REVOCATION, trying).await {
            Ok(revoked) => revoked,
            Err(_) => Err(problem(Outcome::Unknown, silent)),
        }
    }

    /// Deletes a grant, as it was read and no other one that has its name. Says whether it was there.
    ///
    /// # Errors
    /// As [`Administration::list`]. When the API server did not answer, it may be deleted.
    pub async fn delete(&self, grant: &Listed) -> Result<bool, AdministrationProblem> {
        let options = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(grant.uid.to_string()),
                resource_version: Some(grant.resource_version.clone()),
            }),
            ..DeleteParams::default()
        };
        match self.api.delete(&grant.name, &options).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                Ok(false)
            }
            Err(error) => Err(AdministrationProblem::of("delete", &error)),
        }
    }
}

impl Listed {
    fn read(object: &AccessGrant) -> Option<Self> {
        let object = GrantObject::read(object)?;
        Some(Self {
            keys: object.keys(),
            name: object.place.name,
            uid: object.place.uid,
            grant: object.grant,
            resource_version: object.resource_version,
        })
    }
}

/// Why something could not be done with a grant. One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministrationProblem {
    /// What became of the request.
    pub outcome: Outcome,
    message: String,
}

impl AdministrationProblem {
    fn of(verb: &str, error: &kube::Error) -> Self {
        let said = wording(error);
        let message = if lacks_kind(error) {
            "the cluster knows no AccessGrants: install Skupper's custom resources first".to_owned()
        } else if lacks_verb(error, verb) {
            format!(
                "grant the verb '{verb}' on 'accessgrants' and run the same command again: {said}"
            )
        } else {
            format!("cannot {verb} AccessGrants: {said}")
        };
        Self {
            outcome: Outcome::of(error),
            message,
        }
    }
}

impl std::fmt::Display for AdministrationProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for AdministrationProblem {}

/// How many grants are read at once.
const PAGE: u32 = 500;

/// How long a service with `--own-status` may take to replace what another server has published.
const PUBLISHING: Duration = Duration::from_secs(5);

/// How long a grant that others write may stay.
const CONTENTION: Duration = Duration::from_secs(10);

/// How long a revocation may take at all.
const REVOCATION: Duration = Duration::from_secs(30);

/// How often it is looked whether a code is there.
const LOOK: Duration = Duration::from_millis(200);
