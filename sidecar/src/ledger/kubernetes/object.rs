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
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<GrantObject> {
        GrantObject::read(&serde_json::from_str(text).unwrap())
    }

    /// A complete grant, with some of its text replaced.
    fn edited(from: &str, to: &str) -> GrantObject {
        assert!(OBJECT.contains(from), "{from}");
        read(&OBJECT.replace(from, to)).unwrap()
    }

    const OBJECT: &str = r#"{
        "apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant",
        "metadata": {"name": "west", "namespace": "site", "generation": 1,
            "uid": "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10", "resourceVersion": "41",
            "creationTimestamp": "2026-07-25T17:20:00Z"},
        "spec": {"redemptionsAllowed": 3, "expirationWindow": "15m", "issuer": "partners"},
        "status": {"code": "a code of sixteen", "expirationTime": "2026-07-25T19:35:00+02:00",
            "redemptions": 2, "conditions": [{"type": "redemption-sidecar/keys",
                "message": "AQEBAQEBAQEBAQEBAQEBAQ 1785000000 1942680000 AAAAAA"}]}}"#;

    #[test]
    fn a_grant_is_what_spec_and_status_say() {
        let object = read(OBJECT).unwrap();
        let uid = GrantUid::parse("6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10").unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(
            object.grant,
            Some(Grant {
                uid,
                name: "west".to_owned(),
                code: CodeDigest::of_code(&uid, b"a code of sixteen"),
                redemptions_allowed: 3,
                redemptions: 2,
                created: time("2026-07-25T17:20:00Z"),
                expiration_time: time("2026-07-25T17:35:00Z"),
                revoked: None,
                issuer: Some("partners".to_owned()),
                namespace: Some("site".into()),
                has_short_code: false,
            })
        );
        assert_eq!(object.keys().len(), 1);
        let deleted = edited(
            "\"generation\": 1",
            "\"deletionTimestamp\": \"2026-07-25T17:21:00Z\"",
        );
        assert_eq!(
            deleted.grant.unwrap().revoked,
            Some(time("2026-07-25T17:21:00Z"))
        );
        let issuer = edited("\"partners\"", "\"\"").grant.unwrap().issuer;
        assert_eq!(issuer, None, "an empty issuer is none");
        for (code, expected) in [("exactly sixteen.", false), ("fifteen letters", true)] {
            let grant = edited("a code of sixteen", code).grant.unwrap();
            assert_eq!(grant.has_short_code, expected, "{code}");
        }
    }

    #[test]
    fn numbers_of_redemptions_are_read_so_that_a_doubt_redeems_nothing() {
        let (allowed, counted) = ("\"redemptionsAllowed\": 3", "\"redemptions\": 2");
        let table = [
            ("absent", allowed, "\"x\": 3", (1, 2)),
            ("null", allowed, "\"redemptionsAllowed\": null", (1, 2)),
            ("none", allowed, "\"redemptionsAllowed\": 0", (0, 2)),
            ("negative", allowed, "\"redemptionsAllowed\": -1", (0, 2)),
            ("text", allowed, "\"redemptionsAllowed\": \"9\"", (0, 2)),
            (
                "large",
                allowed,
                "\"redemptionsAllowed\": 4294967296",
                (u32::MAX, 2),
            ),
            ("absent, one noted", counted, "\"x\": 2", (3, 1)),
            ("null, one noted", counted, "\"redemptions\": null", (3, 1)),
            (
                "negative, one noted",
                counted,
                "\"redemptions\": -5",
                (3, 1),
            ),
            ("text", counted, "\"redemptions\": \"0\"", (3, u32::MAX)),
            ("a fraction", counted, "\"redemptions\": 0.5", (3, u32::MAX)),
            (
                "large",
                counted,
                "\"redemptions\": 4294967296",
                (3, u32::MAX),
            ),
        ];
        for (name, from, to, expected) in table {
            let grant = edited(from, to).grant.unwrap();
            assert_eq!(
                (grant.redemptions_allowed, grant.redemptions),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_grant_without_a_code_or_an_end_is_not_complete() {
        let (code, end) = ("\"a code of sixteen\"", "\"2026-07-25T19:35:00+02:00\"");
        for (name, from, to) in [
            ("no code", "\"code\"", "\"other\""),
            ("an empty code", code, "\"\""),
            ("a list of codes", code, "[\"a code of sixteen\"]"),
            ("no end", "\"expirationTime\"", "\"other\""),
            ("an end that is no time", end, "\"soon\""),
            ("a list of ends", end, "[\"2026-07-25T19:35:00+02:00\"]"),
            (
                "a status that is a list",
                "\"status\": {",
                "\"status\": [{}], \"other\": {",
            ),
            ("no status", "\"status\"", "\"other\""),
        ] {
            assert!(edited(from, to).grant.is_none(), "{name}");
        }
    }

    #[test]
    fn an_object_without_an_identity_is_none() {
        for (name, from) in [
            ("uid", "\"6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10\""),
            ("name", "\"west\""),
            ("namespace", "\"site\""),
            ("version", "\"41\""),
        ] {
            assert!(read(&OBJECT.replace(from, "null")).is_none(), "{name}");
        }
        assert!(
            read(&OBJECT.replace("6f1f0d3c-", "")).is_none(),
            "a uid that is none"
        );
    }

    #[test]
    fn a_write_names_the_object_and_its_version_and_no_spec() {
        let object = read(OBJECT).unwrap();
        let mut written = serde_json::to_value(object.with_status(object.status())).unwrap();
        let status = written["status"].take();
        assert_eq!(
            status,
            serde_json::from_str::<Value>(OBJECT).unwrap()["status"]
        );
        assert_eq!(
            written,
            json!({
                "apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "status": null,
                "metadata": {"name": "west", "namespace": "site", "resourceVersion": "41",
                    "uid": "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10"},
            })
        );
    }

    #[test]
    fn a_ca_is_kept_once_and_is_part_of_every_status() {
        let with = |ca: &str| {
            edited(
                "\"redemptions\": 2",
                &format!("\"redemptions\": 2, \"ca\": {ca}"),
            )
        };
        let mut shared = None;
        let mut first = with("\"pem\"");
        let mut second = with("\"pem\"");
        let mut other = with("\"other\"");
        for object in [&mut first, &mut second, &mut other] {
            object.share_ca(&mut shared);
        }
        let (one, two) = (first.ca.as_ref().unwrap(), second.ca.as_ref().unwrap());
        assert!(Arc::ptr_eq(one, two));
        for (object, ca) in [
            (first, json!("pem")),
            (second, json!("pem")),
            (other, json!("other")),
            (with("[7]"), json!([7])),
            (with("null"), Value::Null),
        ] {
            let mut status = serde_json::from_str::<Value>(OBJECT).unwrap()["status"].take();
            status["ca"] = ca;
            assert_eq!(Value::Object(object.status()), status);
        }
    }

    #[test]
    fn versions_are_compared_as_numbers_where_they_are_some() {
        let of = |version: &str| edited("\"41\"", &format!("\"{version}\""));
        for (own, other, expected) in [
            ("41", "41", true),
            ("100", "99", true),
            ("99", "100", false),
            ("opaque", "100", true),
            ("99", "opaque", true),
        ] {
            assert_eq!(of(own).is_as_new_as(&of(other)), expected, "{own}, {other}");
        }
    }

    #[test]
    fn conditions_of_any_shape_take_the_note() {
        let now = DateTime::UNIX_EPOCH;
        for (name, conditions) in [
            ("none", Value::Null),
            ("no list", json!("x")),
            ("others", json!([{"type": "Ready"}, 7])),
            ("one that is no object", json!(["redemption-sidecar/keys"])),
        ] {
            let mut status = Map::from_iter([("conditions".to_owned(), conditions)]);
            let object = read(OBJECT).unwrap();
            note(&mut status, 2, &object.keys(), now);
            assert_eq!(keys(Some(&status)), object.keys(), "{name}");
        }
    }

    #[test]
    fn nothing_prints_the_code() {
        let object: AccessGrant = serde_json::from_str(OBJECT).unwrap();
        assert!(!format!("{object:?}").contains("sixteen"));
    }
}
