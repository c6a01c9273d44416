//! What `--own-status` writes into a grant in place of Skupper's controller. Pure.
//!
//! | field | value |
//! |---|---|
//! | `code` | that of the spec, else a random one |
//! | `expirationTime` | the time now and the window of the spec, 15 minutes when absent |
//! | `url`, `ca` | those of this service |
//! | conditions `Processed`, `Resolved`, `Ready` | True; Processed and Ready False when the window cannot be read |
//!
//! Each is written once, so that the first service of several decides; `url` and `ca` also when they are
//! those that this service had before. `status.status` and `status.message` are left to Skupper's
//! controller, which rewrites them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use skupper_access_policy::value::duration::GoDuration;

use crate::advertised::AdvertisedUrl;
use crate::kubernetes::AccessGrant;
use crate::redemption::GrantUid;

/// Where this service is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// In front of the uid of a grant.
    pub url: AdvertisedUrl,
    /// The CA of the service, in PEM.
    pub ca: String,
}

/// The status that makes a grant complete. `None` when nothing is missing.
#[must_use]
pub fn complete(
    object: &AccessGrant,
    facts: &Facts,
    before: Option<&Facts>,
    now: DateTime<Utc>,
    new_code: impl FnOnce() -> SecretString,
) -> Option<Map<String, Value>> {
    let uid = GrantUid::parse(object.metadata.uid.as_deref()?)?;
    if object.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let mut status = object.status.as_object().cloned().unwrap_or_default();
    if text(&object.status, "code").is_none() {
        let code = text(&object.spec, "code").map(str::to_owned);
        let code = code.unwrap_or_else(|| new_code().expose_secret().to_owned());
        status.insert("code".to_owned(), code.into());
    }
    let window = match object.spec.get("expirationWindow") {
        None | Some(Value::Null) => Ok(DEFAULT_WINDOW),
        Some(Value::String(text)) if text.is_empty() => Ok(DEFAULT_WINDOW),
        Some(Value::String(text)) => GoDuration::parse(text)
            .map(|window| TimeDelta::nanoseconds(window.nanoseconds()))
            .map_err(drop),
        Some(_) => Err(()),
    };
    let end = window.map(|window| {
        now.checked_add_signed(window)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    });
    let mut is_ready = text(&object.status, "expirationTime").is_some();
    if let (false, Ok(end)) = (is_ready, end) {
        let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
        status.insert("expirationTime".to_owned(), end.into());
        is_ready = true;
    }
    let url = |facts: &Facts| facts.url.of_grant(&uid);
    for (field, own, of_before) in [
        ("url", url(facts), before.map(url)),
        ("ca", facts.ca.clone(), before.map(|facts| facts.ca.clone())),
    ] {
        let stored = text(&object.status, field);
        if stored.is_none() || stored == of_before.as_deref() {
            status.insert(field.to_owned(), own.into());
        }
    }
    for (kind, is_true) in [
        ("Processed", is_ready),
        ("Resolved", true),
        ("Ready", is_ready),
    ] {
        let generation = object.metadata.generation.unwrap_or_default();
        set_condition(&mut status, kind, is_true, generation, now);
    }
    let is_changed = object.status.as_object() != Some(&status);
    is_changed.then_some(status)
}

fn set_condition(
    status: &mut Map<String, Value>,
    kind: &str,
    is_true: bool,
    generation: i64,
    now: DateTime<Utc>,
) {
    let conditions = status
        .entry("conditions")
        .or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(conditions) = conditions else {
        return;
    };
    let value = if is_true { "True" } else { "False" };
    let mut known = conditions.iter().filter(|condition| {
        text(condition, "type") == Some(kind) && text(condition, "status") == Some(value)
    });
    if known.next().is_some() {
        return;
    }
    conditions.retain(|condition| text(condition, "type") != Some(kind));
    let (reason, message) = if is_true {
        ("Ready", "OK")
    } else {
        (
            "Error",
            "spec.expirationWindow must be a Go duration such as '15m'",
        )
    };
    conditions.push(json!({
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": now.to_rfc3339_opts(SecondsFormat::Secs, true),
    }));
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    let text = value.get(field)?.as_str();
    text.filter(|text| !text.is_empty())
}

/// Source: Skupper's AccessGrant reference.
const DEFAULT_WINDOW: TimeDelta = TimeDelta::minutes(15);

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "JSON is written in place")]
mod tests {
    use super::*;
    use crate::ledger::kubernetes::object::GrantObject;

    const UID: &str = "6f1f0d3c-6a43-4f5e-9d2b-6a1f6f9f3f10";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_secs(1_785_000_000).unwrap()
    }

    fn facts(host: &str) -> Facts {
        Facts {
            url: format!("https://{host}:9090").parse().unwrap(),
            ca: format!("CA of {host}"),
        }
    }

    fn object(spec: Value, status: Value) -> AccessGrant {
        let object = json!({"metadata": {"name": "west", "namespace": "site", "uid": UID,
            "resourceVersion": "1", "generation": 2}, "spec": spec, "status": status});
        serde_json::from_value(object).unwrap()
    }

    fn completed(object: &AccessGrant, before: Option<&Facts>) -> Option<AccessGrant> {
        let code = || SecretString::from("a random code");
        let status = complete(object, &facts("west"), before, now(), code)?;
        Some(AccessGrant {
            status: Value::Object(status),
            ..object.clone()
        })
    }

    #[test]
    fn an_empty_status_is_filled_and_then_stays() {
        let after = completed(&object(json!({}), Value::Null), None).unwrap();
        let status = &after.status;
        assert_eq!(status["code"], "a random code");
        assert_eq!(status["url"], format!("https://west:9090/{UID}"));
        assert_eq!(status["ca"], "CA of west");
        assert_eq!(status["expirationTime"], "2026-07-25T17:35:00Z");
        let conditions = status["conditions"].as_array().unwrap();
        let kinds: Vec<_> = conditions
            .iter()
            .map(|one| text(one, "type").unwrap())
            .collect();
        assert_eq!(kinds, ["Processed", "Resolved", "Ready"]);
        assert!(conditions.iter().all(|one| one["status"] == "True"));
        assert!(GrantObject::read(&after).unwrap().grant.is_some());
        assert!(completed(&after, None).is_none());
    }

    #[test]
    fn what_is_there_stays() {
        let keys = json!({"type": "redemption-sidecar/keys", "message": "x"});
        let status = json!({"code": "first", "url": "u", "ca": "c", "redemptions": 3,
            "expirationTime": "2026-07-25T19:35:00Z", "message": "Pending",
            "conditions": [keys, {"type": "Ready", "status": "False"}]});
        let spec = json!({"code": "of the spec", "expirationWindow": "1h"});
        let after = completed(&object(spec, status.clone()), None)
            .unwrap()
            .status;
        for field in [
            "code",
            "url",
            "ca",
            "redemptions",
            "expirationTime",
            "message",
        ] {
            assert_eq!(after[field], status[field], "{field}");
        }
        assert_eq!(after["conditions"][0], keys);
        let ready = after["conditions"].as_array().unwrap().iter();
        let ready: Vec<_> = ready.filter(|one| one["type"] == "Ready").collect();
        assert_eq!((ready.len(), &ready[0]["status"]), (1, &json!("True")));
    }

    #[test]
    fn code_and_end_are_those_of_the_spec() {
        let end = |window: Value| {
            let spec = json!({"code": "of the spec", "expirationWindow": window});
            let after = completed(&object(spec, json!({})), None).unwrap().status;
            assert_eq!(after["code"], "of the spec");
            let ready = after["conditions"][2]["status"]
                .as_str()
                .unwrap()
                .to_owned();
            (text(&after, "expirationTime").map(str::to_owned), ready)
        };
        let good = |text: &str| (Some(text.to_owned()), "True".to_owned());
        let bad = (None, "False".to_owned());
        for (window, expected) in [
            (json!("1h"), good("2026-07-25T18:20:00Z")),
            (json!(""), good("2026-07-25T17:35:00Z")),
            (Value::Null, good("2026-07-25T17:35:00Z")),
            (json!("1 day"), bad.clone()),
            (json!(["15m"]), bad.clone()),
            (json!(15), bad),
        ] {
            assert_eq!(end(window.clone()), expected, "{window}");
        }
    }

    #[test]
    fn url_and_ca_change_with_those_of_this_service_only() {
        let first = completed(&object(json!({}), Value::Null), None).unwrap();
        let mut other = first.clone();
        let old = facts("old");
        other.status["url"] = old.url.of_grant(&GrantUid::parse(UID).unwrap()).into();
        other.status["ca"] = old.ca.clone().into();
        assert!(completed(&other, None).is_none(), "another service's");
        assert_eq!(completed(&other, Some(&old)).unwrap().status, first.status);
    }

    #[test]
    fn a_grant_that_is_being_deleted_is_left_alone() {
        let mut object = object(json!({}), Value::Null);
        let time = serde_json::from_value(json!("2026-07-25T17:20:00Z"));
        object.metadata.deletion_timestamp = Some(time.unwrap());
        assert!(completed(&object, None).is_none());
    }
}
