//! How an object compares with what is stored of it.
//!
//! Values are compared, not their spelling: `24h` is `1440m`, and what is left out is its default.
//! What did not change is not judged, so UPDATE needs no rules of its own. It is stored as it is
//! written all the same: a repository and the cluster must come to say the same.

use serde_json::Value;

use crate::kind::{Edit, Kind, Object, Old, is_field};
use crate::request::is_read;
use crate::settings::Settings;

/// How an object compares with what is stored of it.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Fields of `spec` whose value did not change: nothing in them is judged.
    pub(crate) unchanged: Vec<&'static str>,
    /// Fields to be written back, because they were left out of an object that Skupper has processed.
    pub(crate) restored: Vec<Edit>,
    /// True when some value in `spec` changed.
    pub(crate) is_changed: bool,
    /// True when a field of the credential changed, and Skupper may still use it.
    pub(crate) is_credential_changed: bool,
    /// True when Skupper has acted on the stored object.
    pub(crate) is_processed: bool,
}

impl Comparison {
    /// Compares every field. There is nothing to compare with on a CREATE.
    pub(crate) fn new<K: Kind>(
        object: &Value,
        new: &Object<'_, K>,
        old: Option<&Old<'_, K>>,
        settings: &Settings,
    ) -> Self {
        let mut comparison = Self::default();
        let Some(old) = old else {
            return comparison;
        };
        let is_processed = old.with_status(K::is_processed);
        comparison.is_processed = is_processed;
        for field in K::FIELDS {
            // What the kind reads as absent is: `""` where text is expected, and not elsewhere.
            let is =
                written(object.get("spec"), field.name).filter(|_| !(field.is_absent)(&new.spec));
            let was = written(old.json.get("spec"), field.name)
                .filter(|_| !(field.is_absent)(&old.object.spec));
            let left_out = was.filter(|_| is.is_none());
            // What may not be written back is lost, and so it is a change. A value of the wrong type
            // never comes back: it breaks listing for the whole cluster. What was not read whole can
            // neither be compared nor written.
            let kept = left_out.filter(|_| {
                is_processed
                    && settings.defaulting
                    && !field.is_removable
                    && !old.object.mismatches.is_within(field.name)
                    && was.is_some_and(is_read)
            });
            let is_removed = left_out.is_some() && field.is_removable;
            let is_unchanged = is.is_none_or(is_read)
                && (is == was
                    || is_removed
                    || kept.is_some()
                    || (field.is_same)(&new.spec, &old.object.spec, settings)
                    || K::is_own_change(field.name, &new.spec, &old.object.spec));
            comparison.restored.extend(kept.map(|value| Edit {
                field: field.name,
                value: value.clone(),
            }));
            if is_unchanged {
                comparison.unchanged.push(field.name);
            } else {
                comparison.is_changed = true;
                comparison.is_credential_changed |= field.is_credential && !is_processed;
            }
        }
        if comparison.is_credential_changed {
            let is_credential = |name: &&str| {
                let mut fields = K::FIELDS.iter();
                fields.any(|field| field.name == *name && field.is_credential)
            };
            comparison.unchanged.retain(|name| !is_credential(name));
        }
        let mut unknown = unknown_fields(object, old.json.get("spec"), is_field::<K>);
        comparison.is_changed |= unknown.next().is_some();
        comparison
    }
}

/// The names of the fields under `spec` that the kind does not have, unless they are stored like
/// this already.
pub(crate) fn unknown_fields<'a>(
    object: &'a Value,
    old: Option<&'a Value>,
    is_known: fn(&str) -> bool,
) -> impl Iterator<Item = &'a str> {
    object
        .get("spec")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(move |(name, value)| !value.is_null() && !is_known(name))
        .filter(move |(name, value)| written(old, name) != Some(value))
        .map(|(name, _)| name.as_str())
}

/// What stands in the field `name` of a spec, `null` being nothing.
pub(crate) fn written<'a>(spec: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    spec.and_then(|spec| spec.get(name))
        .filter(|value| !value.is_null())
}
