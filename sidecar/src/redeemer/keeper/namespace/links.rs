//! The Links of a Secret. One is written only where its endpoints differ: Skupper makes the connections of a
//! Link anew when it changes, and begins to count the versions of its certificate again.

use std::time::Instant;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::redeemer::answer::{MAX_LINKS, link_names};
use crate::redeemer::cluster::object::{self, Draft, ObjectName};
use crate::redeemer::cluster::problem::ClusterProblem;
use crate::redeemer::cluster::requests::{Requests, Run};
use crate::redeemer::document::Document;
use crate::redeemer::keeper::kept::Kept;
use crate::redeemer::keeper::problem::KeepProblem;
use crate::redeemer::origin::Stored;
use crate::wire::objects::{Endpoint, Link};

/// The Links that use a Secret, by the names that answers give them.
pub(super) async fn find(
    requests: &Requests<'_>,
    name: &str,
) -> Result<Vec<Stored<Link>>, ClusterProblem> {
    let mut links = Vec::new();
    for link in find_objects(requests, name, 0).await? {
        let read = object::read(&link).and_then(Document::into_link);
        links.extend(read.filter(|link| link.object.tls_credentials == name));
    }
    Ok(links)
}

/// Makes the Links of an answer those of a Secret: changes those that differ, makes those that are missing,
/// then removes those of groups that are gone. Links that use another Secret are somebody else's.
pub(super) async fn put(
    requests: &Requests<'_>,
    kept: &Kept,
    links: &[Link],
) -> Result<(), KeepProblem> {
    let name = kept.name();
    let start = Instant::now();
    while start.elapsed() < super::CONTENTION {
        let there = find_objects(requests, name, links.len()).await?;
        let mut is_written = true;
        for link in links {
            let found = there.iter().find(|found| is_named(found, &link.name));
            is_written &= put_one(requests, kept, link, found).await?;
        }
        if !is_written {
            continue;
        }
        let is_gone =
            |found: &&DynamicObject| links.iter().all(|link| !is_named(found, &link.name));
        for found in there
            .iter()
            .filter(is_gone)
            .filter(|found| uses(found, name))
        {
            let link = found.metadata.name.as_deref().unwrap_or_default();
            let link = ObjectName::link(link);
            requests.delete(&link, found, Run::Real).await?;
        }
        return Ok(());
    }
    Err(ClusterProblem::Contended(ObjectName::link(name)).into())
}

/// False where somebody else has changed it since it was read.
async fn put_one(
    requests: &Requests<'_>,
    kept: &Kept,
    link: &Link,
    found: Option<&DynamicObject>,
) -> Result<bool, KeepProblem> {
    let name = ObjectName::link(&link.name);
    let metadata = kept.secret.metadata.of_link();
    // It is always there: what is written can be read.
    let Some(mut draft) = Draft::of_yaml(name.clone(), &link.to_yaml_with(&metadata)) else {
        return Ok(true);
    };
    let Some(found) = found else {
        draft.object.metadata.owner_references = owner(requests).await?.map(|owner| vec![owner]);
        let made = requests.create(&draft, Run::Real).await?;
        return Ok(made.is_some());
    };
    if !uses(found, kept.name()) || has_endpoints(found, &link.endpoints) {
        return Ok(true);
    }
    let patch = json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "spec": {"endpoints": draft.object.data.pointer("/spec/endpoints")},
    });
    let written = requests.patch(&name, &patch).await?;
    Ok(written.is_some())
}

async fn owner(requests: &Requests<'_>) -> Result<Option<OwnerReference>, ClusterProblem> {
    let site = requests.site().await?;
    Ok(site.as_ref().and_then(object::owner))
}

/// The Links of the names that answers of any number of Links have, up to the first gap behind `at_least`.
async fn find_objects(
    requests: &Requests<'_>,
    name: &str,
    at_least: usize,
) -> Result<Vec<DynamicObject>, ClusterProblem> {
    let single = requests.get(&ObjectName::link(name)).await?;
    let mut links: Vec<_> = single.into_iter().collect();
    if at_least == 0 && !links.is_empty() {
        return Ok(links);
    }
    for (number, link) in link_names(name, MAX_LINKS).iter().enumerate() {
        match requests.get(&ObjectName::link(link)).await? {
            Some(link) => links.push(link),
            None if number >= at_least => break,
            None => {}
        }
    }
    Ok(links)
}

fn is_named(found: &DynamicObject, name: &str) -> bool {
    found.metadata.name.as_deref() == Some(name)
}

fn uses(found: &DynamicObject, secret: &str) -> bool {
    let credentials = found.data.pointer("/spec/tlsCredentials");
    credentials.and_then(Value::as_str) == Some(secret)
}

/// True where a Link has these endpoints, in any order.
fn has_endpoints(found: &DynamicObject, wanted: &[Endpoint]) -> bool {
    let read = object::read(found).and_then(Document::into_link);
    read.is_some_and(|link| {
        let there = &link.object.endpoints;
        there.iter().all(|endpoint| wanted.contains(endpoint))
            && wanted.iter().all(|endpoint| there.contains(endpoint))
    })
}
