//! A grant of the ledger, read from an AccessGrant.
//!
//! | of the grant | from |
//! |---|---|
//! | code | `status.code`, which Skupper's controller, or `--own-status`, copies or makes |
//! | redemptions allowed | `spec.redemptionsAllowed`, 1 when absent; below 1 there are none |
//! | redemptions | `status.redemptions`, and not fewer than are noted in [`Keys`] |
//! | end | `status.expirationTime` |
//! | revoked | `metadata.deletionTimestamp`: who deletes a grant ends it, whatever holds it back |
//! | issuer | `spec.issuer` |
//!
//! A grant without a code or without a readable end is not complete and is served to nobody.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Serializer as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::condition;
use super::keys::Keys;
use crate::kubernetes::AccessGrant;
use crate::redemption::{CodeDigest, Grant, GrantUid, MIN_CODE_BYTES};

/// The type of the condition whose message notes the redemptions.
pub const KEYS_CONDITION: &str = "redemption-sidecar/keys";

/// An AccessGrant as it was read. No `Debug`: its status holds the code.
#[derive(Clone)]
pub struct GrantObject {
    /// Which object.
    pub id: ObjectId,
    /// Which version of it was read.
    pub resource_version: String,
    /// The grant that it is; absent while it is not complete.
    pub grant: Option<Grant>,
    /// The status as JSON text, but for its `ca`. A write must hold all of it, the code included.
    status: Zeroizing<Box<[u8]>>,
    /// The `ca` of the status. It is the longest field, and the same in most grants.
    ca: Option<Arc<str>>,
}

/// Which object, for as long as the cluster lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectId {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name, which another object may have later.
    pub name: String,
    /// Its uid, which no other object has.
    pub uid: GrantUid,
}

impl GrantObject {
    /// Reads an object. `None` for one that has no uid or no version, which no API server sends.
    #[must_use]
    pub fn read(object: &AccessGrant) -> Option<Self> {
        let AccessGrant {
            metadata,
            spec,
            status,
        } = object;
        let id = ObjectId {
            namespace: metadata.namespace.as_deref()?.into(),
            name: metadata.name.clone()?,
            uid: GrantUid::parse(metadata.uid.as_deref()?)?,
        };
        let ca = status.get(CA).and_then(Value::as_str);
        let mut text = Zeroizing::new(Vec::with_capacity(STATUS_BYTES));
        let fields = status.as_object().into_iter().flatten();
        let but_ca = fields.filter(|(name, _)| ca.is_none() || *name != CA);
        let mut serializer = serde_json::Serializer::new(&mut *text);
        (&mut serializer).collect_map(but_ca).ok()?;
        Some(Self {
            resource_version: metadata.resource_version.clone()?,
            grant: grant(&id, metadata, spec, status),
            id,
            status: Zeroizing::new(text.as_slice().into()),
            ca: ca.map(Arc::from),
        })
    }

    /// The status as JSON: an object, empty when there is none.
    #[must_use]
    pub fn status(&self) -> Map<String, Value> {
        let mut status = self.but_ca();
        if let Some(ca) = &self.ca {
            status.insert(CA.to_owned(), ca.as_ref().into());
        }
        status
    }

    /// True when it can be redeemed by its name.
    #[must_use]
    pub fn has_long_code(&self) -> bool {
        let grant = self.grant.as_ref();
        grant.is_some_and(|grant| grant.code.is_long())
    }

    /// Keeps the `ca` in one place with another object that has the same one. `shared` is that of the
    /// object before, and then of this one.
    pub(super) fn share_ca(&mut self, shared: &mut Option<Arc<str>>) {
        if self.ca == *shared {
            self.ca.clone_from(shared);
        } else {
            shared.clone_from(&self.ca);
        }
    }

    fn but_ca(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.status).unwrap_or_default()
    }

    /// The redemptions that are noted in it.
    #[must_use]
    pub fn keys(&self) -> Keys {
        keys(Some(&self.but_ca()))
    }

    /// The object to send in place of this one, if nobody has written meanwhile.
    #[must_use]
    pub fn with_status(&self, status: Map<String, Value>) -> AccessGrant {
        AccessGrant {
            metadata: ObjectMeta {
                namespace: Some(self.id.namespace.to_string()),
                name: Some(self.id.name.clone()),
                uid: Some(self.id.uid.to_string()),
                resource_version: Some(self.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Value::Null,
            status: Value::Object(status),
        }
    }

    /// True when it is the same object in a version that is not older than the other one. Versions
    /// are numbers that grow with every write.
    ///
    /// Source: Kubernetes API concepts, "Resource versions"; comparable since 1.35, and numbers in
    /// every release before.
    #[must_use]
    pub fn is_as_new_as(&self, other: &Self) -> bool {
        let number = |object: &Self| object.resource_version.parse::<u64>();
        match (number(self), number(other)) {
            (Ok(own), Ok(other)) => own >= other,
            _ => true,
        }
    }
}

/// Notes redemptions in a status: their number and their keys. `now` is when the first was noted.
pub(super) fn note(
    status: &mut Map<String, Value>,
    redemptions: u32,
    keys: &Keys,
    now: DateTime<Utc>,
) {
    status.insert("redemptions".to_owned(), redemptions.into());
    let fields = [
        ("status", "True".into()),
        ("reason", "Counted".into()),
        ("message", keys.to_message().into()),
    ];
    condition::set(status, KEYS_CONDITION, fields, now);
}

fn grant(id: &ObjectId, metadata: &ObjectMeta, spec: &Value, status: &Value) -> Option<Grant> {
    let text = |value: &Value, field: &str| {
        let text = value.get(field)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let code = Zeroizing::new(text(status, "code")?);
    let end = DateTime::parse_from_rfc3339(&text(status, "expirationTime")?).ok()?;
    let noted = u32::try_from(keys(status.as_object()).len()).unwrap_or(u32::MAX);
    Some(Grant {
        uid: id.uid,
        name: id.name.clone(),
        code: CodeDigest::of_code(&id.uid, code.as_bytes()),
        redemptions_allowed: count(spec.get("redemptionsAllowed"), 1, 0),
        redemptions: count(status.get("redemptions"), 0, u32::MAX).max(noted),
        created: time(metadata.creation_timestamp.as_ref()).unwrap_or_default(),
        expiration_time: end.to_utc(),
        revoked: time(metadata.deletion_timestamp.as_ref()),
        issuer: text(spec, "issuer"),
        namespace: Some(Arc::clone(&id.namespace)),
        has_short_code: code.len() < MIN_CODE_BYTES,
    })
}

/// A number of redemptions, or the nearest there can be. What can be none is refused by the API
/// server; `unreadable` is what redeems nothing.
fn count(value: Option<&Value>, absent: u32, unreadable: u32) -> u32 {
    match value {
        None | Some(Value::Null) => absent,
        Some(value) => value.as_i64().map_or(unreadable, |number| {
            u32::try_from(number.max(0)).unwrap_or(u32::MAX)
        }),
    }
}

fn keys(status: Option<&Map<String, Value>>) -> Keys {
    let condition = status.and_then(|status| condition::find(status, KEYS_CONDITION));
    let message = condition.and_then(|condition| condition.get("message")?.as_str());
    message.map(Keys::parse).unwrap_or_default()
}

fn time(time: Option<&Time>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_secs(time?.0.as_second())
}

/// The field of a status that has the CA of the service, in PEM.
const CA: &str = "ca";

/// Room for a usual status, so that it is not copied while it grows.
const STATUS_BYTES: usize = 8192;

#[cfg(test)]
mod tests;
