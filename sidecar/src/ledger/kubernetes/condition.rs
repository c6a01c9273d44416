//! Conditions in the status of an object. Whoever else writes there may have left anything.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The condition of a type.
pub(super) fn find<'s>(status: &'s Map<String, Value>, kind: &str) -> Option<&'s Value> {
    let mut conditions = status.get("conditions")?.as_array()?.iter();
    conditions.find(|condition| is_of(condition, kind))
}

/// Sets fields of the condition of a type, `status` among them. Its other fields stay as they are, and
/// `lastTransitionTime` is when its `status` became what it is.
pub(super) fn set(
    status: &mut Map<String, Value>,
    kind: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
    now: DateTime<Utc>,
) {
    let conditions = status.entry("conditions").or_insert(Value::Null);
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Value::Array(conditions) = conditions else {
        return;
    };
    let known = conditions.iter().position(|one| is_of(one, kind));
    let mut condition = match known.and_then(|index| conditions.get_mut(index)) {
        Some(Value::Object(known)) => std::mem::take(known),
        _ => Map::from_iter([("type".to_owned(), kind.into())]),
    };
    let before = condition.get("status").cloned();
    let fields = fields.into_iter();
    condition.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    if condition.get("status") != before.as_ref() || !condition.contains_key(SINCE) {
        condition.insert(SINCE.to_owned(), time(now).into());
    }
    match known.and_then(|index| conditions.get_mut(index)) {
        Some(known) => *known = condition.into(),
        None => conditions.push(condition.into()),
    }
}

/// A time, as Kubernetes writes it.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn is_of(condition: &Value, kind: &str) -> bool {
    condition.get("type").and_then(Value::as_str) == Some(kind)
}

const SINCE: &str = "lastTransitionTime";
