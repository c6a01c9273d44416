//! Secrets and Links as the API server stores them.

use std::{fmt, iter};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, TypeMeta};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use skupper_access_manifest::whole;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use zeroize::Zeroizing;

use crate::kubernetes::AccessGrant;
use crate::redeemer::answer::Answer;
use crate::redeemer::destination::PendingKey;
use crate::redeemer::document::{self, Author, Document};
use crate::redeemer::origin;

/// The kinds that a redeemer reads, or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// `v1` Secret.
    Secret,
    /// `skupper.io` Link.
    Link,
    /// `skupper.io` Site. It is only read.
    Site,
}

impl ObjectKind {
    /// The resource, as a Role names it.
    #[must_use]
    pub fn resource(self) -> String {
        self.api_resource().plural
    }

    pub(in crate::redeemer) fn api_resource(self) -> ApiResource {
        let (group, version) = match self {
            Self::Secret => ("", "v1"),
            Self::Link | Self::Site => (AccessGrant::GROUP, AccessGrant::VERSION),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &self.to_string()))
    }

    pub(in crate::redeemer) fn type_meta(self) -> TypeMeta {
        let resource = self.api_resource();
        TypeMeta {
            api_version: resource.api_version,
            kind: resource.kind,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// Kind and name of an object. Prints as `Link 'west'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
}

impl ObjectName {
    pub(in crate::redeemer) fn secret(name: &str) -> Self {
        Self::new(ObjectKind::Secret, name)
    }

    pub(in crate::redeemer) fn link(name: &str) -> Self {
        Self::new(ObjectKind::Link, name)
    }

    pub(in crate::redeemer) fn new(kind: ObjectKind, name: &str) -> Self {
        let name = name.to_owned();
        Self { kind, name }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} '{}'", self.kind, self.name)
    }
}

/// An object that is to be in the namespace. No `Debug`: it may hold a key.
pub(in crate::redeemer) struct Draft {
    pub(in crate::redeemer) name: ObjectName,
    pub(in crate::redeemer) object: DynamicObject,
}

impl Draft {
    /// The objects of an answer as files would hold them, the Secret first, as redeemed from a URL and
    /// owned by a Site. `None` never happens: what is written can be read.
    pub(in crate::redeemer) fn of_answer(
        answer: &Answer,
        url: &RedemptionUrl,
        owner: Option<&OwnerReference>,
    ) -> Option<Vec<Self>> {
        let metadata = origin::note(url, None);
        let links = answer.links.iter().map(|link| ObjectName::link(&link.name));
        let names = iter::once(ObjectName::secret(&answer.secret.name)).chain(links);
        let drafts = names.zip(answer.documents(&metadata)).map(|(name, yaml)| {
            let mut draft = Self::of_yaml(name, &yaml)?;
            draft.object.metadata.owner_references = owner.map(|owner| vec![owner.clone()]);
            Some(draft)
        });
        drafts.collect()
    }

    /// The Secret in which a key waits.
    pub(in crate::redeemer) fn of_key(name: ObjectName, of: KeyOf<'_>, key: &SecretString) -> Self {
        let data = json!({KEY: STANDARD.encode(key.expose_secret())});
        let content = json!({"type": OPAQUE, "data": data});
        let mut draft = Self::new(name, content);
        let labels = draft.object.metadata.labels.get_or_insert_default();
        let (label, value) = of.label();
        labels.insert(label.to_owned(), value.to_owned());
        draft
    }

    /// An object that was written as YAML. `None` never happens: what is written can be read.
    pub(in crate::redeemer) fn of_yaml(name: ObjectName, yaml: &str) -> Option<Self> {
        let object = whole::objects(yaml).ok()?.pop()?;
        let mut object: DynamicObject = serde_json::from_value(object).ok()?;
        object.metadata.labels = Some([(MANAGED_BY.to_owned(), REDEEMER.to_owned())].into());
        Some(Self { name, object })
    }

    pub(in crate::redeemer) fn new(name: ObjectName, content: Value) -> Self {
        let labels = [(MANAGED_BY.to_owned(), REDEEMER.to_owned())];
        let object = DynamicObject {
            types: Some(name.kind.type_meta()),
            metadata: ObjectMeta {
                name: Some(name.name.clone()),
                labels: Some(labels.into()),
                ..ObjectMeta::default()
            },
            data: content,
        };
        Self { name, object }
    }

    /// True for an object with all of this content. Others may have added to it.
    pub(in crate::redeemer) fn is_in(&self, found: &DynamicObject) -> bool {
        is_in(&self.object.data, &found.data)
    }
}

/// The use of a key that waits. A label of its Secret tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::redeemer) enum KeyOf<'a> {
    /// A redemption of the grant of this uid, or a digest in its place.
    Grant(&'a str),
    /// A renewal of the link of this id.
    Link(&'a str),
}

impl<'a> KeyOf<'a> {
    fn label(self) -> (&'static str, &'a str) {
        match self {
            Self::Grant(grant) => (GRANT, grant),
            Self::Link(link) => (LINK, link),
        }
    }

    /// Recognizes the use of a Secret in which a key waits, by all that is written there. `None` for any
    /// other Secret.
    pub(in crate::redeemer) fn read(secret: &'a DynamicObject) -> Option<Self> {
        let label = |name| secret.metadata.labels.as_ref()?.get(name);
        let entries = secret.data.get("data").and_then(Value::as_object);
        let has = |is_known: fn(&str) -> bool| {
            entries.is_some_and(|entries| {
                entries.contains_key(KEY) && entries.keys().all(|name| is_known(name))
            })
        };
        let is_ours = label(MANAGED_BY).is_some_and(|by| by == REDEEMER)
            && secret.data.get("type").and_then(Value::as_str) == Some(OPAQUE);
        match (label(GRANT), label(LINK)) {
            (Some(grant), None) if is_ours && has(|name| name == KEY || name == ANSWER) => {
                Some(Self::Grant(grant))
            }
            (None, Some(link)) if is_ours && has(|name| name == KEY) => Some(Self::Link(link)),
            _ => None,
        }
    }
}

/// Recognizes the Secret in which a redeemer keeps the key of this token's grant.
pub(in crate::redeemer) fn is_of_grant(secret: &DynamicObject, url: &RedemptionUrl) -> bool {
    KeyOf::read(secret) == Some(KeyOf::Grant(&origin::stem(url)))
}

/// A Secret of type `kubernetes.io/tls`, or a Link; `None` for any other, and for one that no router
/// can use.
pub(in crate::redeemer) fn read(found: &DynamicObject) -> Option<Document> {
    Document::of(serde_json::to_value(found).ok()?, Author::Cluster)
}

/// A Site as the owner of the objects that a redeemer makes, as Skupper's controller writes it.
///
/// Source: Skupper `internal/kube/grants/redeem.go`.
pub(in crate::redeemer) fn owner(site: &DynamicObject) -> Option<OwnerReference> {
    let resource = ObjectKind::Site.api_resource();
    Some(OwnerReference {
        api_version: resource.api_version,
        kind: resource.kind,
        name: site.metadata.name.clone()?,
        uid: site.metadata.uid.clone()?,
        ..OwnerReference::default()
    })
}

/// The key that waits in a Secret, and since when.
pub(in crate::redeemer) fn key(pending: &DynamicObject) -> Option<PendingKey> {
    let created = pending.metadata.creation_timestamp.as_ref();
    let created = created.map_or(0, |time| time.0.as_second());
    PendingKey::read(&entry(pending, KEY)?, created)
}

/// An entry of a Secret, as text.
pub(in crate::redeemer) fn entry(secret: &DynamicObject, name: &str) -> Option<Zeroizing<String>> {
    document::text(secret.data.get("data")?.get(name)?.as_str()?)
}

/// Writes an entry of a Secret.
pub(in crate::redeemer) fn set_entry(secret: &mut DynamicObject, name: &str, text: &str) {
    if let Some(data) = secret.data.get_mut("data").and_then(Value::as_object_mut) {
        data.insert(name.to_owned(), STANDARD.encode(text).into());
    }
}

fn is_in(wanted: &Value, found: &Value) -> bool {
    match wanted.as_object() {
        None => wanted == found,
        Some(fields) => fields
            .iter()
            .all(|(name, wanted)| found.get(name).is_some_and(|found| is_in(wanted, found))),
    }
}

/// The entry of the Secret in which key and answer wait that holds the key.
pub(in crate::redeemer) const KEY: &str = "tls.key";

/// The entry that holds the answer, as the stream of YAML documents that files keep.
pub(in crate::redeemer) const ANSWER: &str = "answer";

const OPAQUE: &str = "Opaque";

/// The label that tells for which grant a key was made: its uid, or a digest in its place.
const GRANT: &str = "redemption-sidecar/grant";

/// The label that tells for which link a key was made: its id.
const LINK: &str = "redemption-sidecar/link";

/// Source: Kubernetes, Recommended Labels.
pub(in crate::redeemer) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub(in crate::redeemer) const REDEEMER: &str = "redemption-sidecar";

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::wire::objects::{Endpoint, Link, Role, read_endpoint_host};

    fn link_of(data: Value) -> Option<Link> {
        let mut draft = Draft::new(ObjectName::link("west"), data);
        draft.object.metadata.namespace = Some("east".to_owned());
        Some(read(&draft.object)?.into_link()?.object)
    }

    #[test]
    fn a_link_is_read_as_it_is_written_and_what_others_add_is_no_difference() {
        let group = |group: &str, host: &str| Endpoint {
            role: Role::InterRouter,
            host: read_endpoint_host(host).unwrap(),
            port: NonZeroU16::new(55671).unwrap(),
            group: group.to_owned(),
        };
        for cost in [None, Some(7)] {
            let link = Link {
                name: "west".to_owned(),
                tls_credentials: "west".to_owned(),
                endpoints: vec![group("a", "2001:db8::1"), group("", "a.example")],
                cost,
            };
            let draft = Draft::of_yaml(ObjectName::link("west"), &link.to_yaml()).unwrap();
            let mut stored = draft.object.clone();
            assert_eq!(link_of(stored.data.clone()), Some(link));
            stored.data["spec"]["settings"] = json!({"a": "b"});
            stored.data["status"] = json!({"status": "Ready"});
            assert!(draft.is_in(&stored));
            stored.data["spec"]["endpoints"][0]["host"] = json!("192.0.2.1");
            assert!(!draft.is_in(&stored));
        }
    }

    #[test]
    fn what_a_router_could_not_use_is_no_link_and_no_secret() {
        let endpoint = json!({"name": "edge", "host": "a.example", "port": "45671"});
        let link =
            |endpoints: Value| json!({"spec": {"tlsCredentials": "west", "endpoints": endpoints}});
        let with = |field: &str, value: Value| {
            let mut endpoint = endpoint.clone();
            endpoint[field] = value;
            link(json!([endpoint]))
        };
        assert!(link_of(link(json!([endpoint]))).is_some());
        for data in [
            json!({}),
            json!({"spec": {}}),
            json!({"spec": {"endpoints": [endpoint]}}),
            link(json!([])),
            link(json!("edge")),
            with("name", json!("management")),
            with("host", json!("a b")),
            with("port", json!("0")),
            with("port", json!(true)),
        ] {
            assert!(link_of(data.clone()).is_none(), "{data}");
        }
        let is_secret = |data: Value| {
            let draft = Draft::new(ObjectName::secret("west"), data);
            read(&draft.object).is_some_and(|document| document.into_secret().is_some())
        };
        let entries =
            json!({"ca.crt": "YQ==", "tls.crt": "YQ==", "tls.key": "YQ==", "other": "YQ=="});
        let secret = json!({"type": "kubernetes.io/tls", "data": entries});
        assert!(is_secret(secret.clone()));
        for (place, value) in [
            ("/type", json!("Opaque")),
            ("/data", Value::Null),
            ("/data/ca.crt", json!("%")),
            ("/data/tls.key", json!("/w==")),
        ] {
            let mut spoilt = secret.clone();
            *spoilt.pointer_mut(place).unwrap() = value;
            assert!(!is_secret(spoilt), "{place}");
        }
    }
}
