//! Comparison of an object with the stored one.
//!
//! Values are compared, not their spelling: `24h` is `1440m`, and what is left out is its default.
//! A field that did not change is not judged, so UPDATE needs no rules of its own. It is stored as it is
//! written all the same: a repository and the cluster must come to say the same.

use serde_json::Value;

use crate::kind::{Edit, Kind, is_field};
use crate::request::is_read;
use crate::review::{Object, Old};
use crate::settings::Settings;

/// Differences between an object and the stored one.
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
        let Some(old) = old else {
            return Self::default();
        };
        let mut comparison = Self {
            is_processed: old.with_status(K::is_processed),
            ..Self::default()
        };
        let is_kept = comparison.is_processed && settings.defaulting;
        let mut credential = Vec::new();
        for field in K::FIELDS {
            // What the kind reads as absent is: `""` where text is expected, and not elsewhere.
            let is =
                written(object.get("spec"), field.name).filter(|_| !(field.is_absent)(&new.spec));
            let was = written(old.json.get("spec"), field.name)
                .filter(|_| !(field.is_absent)(&old.object.spec));
            let pair = Pair {
                name: field.name,
                is,
                was,
                is_same: (field.is_same)(&new.spec, &old.object.spec, settings)
                    || K::is_own_change(field.name, &new.spec, &old.object.spec),
                is_removable: field.is_removable,
                is_kept: is_kept && !old.object.mismatches.is_within(field.name),
            };
            let is_unchanged = comparison.compare(&pair);
            match (is_unchanged, field.is_credential) {
                (true, true) => credential.push(field.name),
                (true, false) => comparison.unchanged.push(field.name),
                (false, is_credential) => {
                    comparison.is_changed = true;
                    comparison.is_credential_changed |= is_credential && !comparison.is_processed;
                }
            }
        }
        if !comparison.is_credential_changed {
            comparison.unchanged.append(&mut credential);
        }
        let mut unknown = unknown_fields(object, old.json.get("spec"), is_field::<K>);
        comparison.is_changed |= unknown.next().is_some();
        comparison
    }

    /// True when a field did not change. One that was left out and is kept is to be written back.
    fn compare(&mut self, field: &Pair<'_>) -> bool {
        let left_out = field.was.filter(|_| field.is.is_none());
        if left_out.is_some() && field.is_removable {
            return true;
        }
        // What may not be written back is lost, and so it is a change. What was not read whole can
        // neither be compared nor written.
        if let Some(stored) = left_out.filter(|stored| field.is_kept && is_read(stored)) {
            self.restored.push(Edit {
                field: field.name,
                value: stored.clone(),
            });
            return true;
        }
        field.is.is_none_or(is_read) && (field.is == field.was || field.is_same)
    }
}

/// A field of `spec` in both objects.
struct Pair<'a> {
    name: &'static str,
    is: Option<&'a Value>,
    was: Option<&'a Value>,
    /// True when both mean the same value.
    is_same: bool,
    /// True when leaving it out takes its value away, and nothing else.
    is_removable: bool,
    /// True when it is written back where it is left out. A value of the wrong type never comes back:
    /// it breaks listing for the whole cluster.
    is_kept: bool,
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

/// The value of the field `name` of a spec, `null` being nothing.
pub(crate) fn written<'a>(spec: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    spec.and_then(|spec| spec.get(name))
        .filter(|value| !value.is_null())
}
