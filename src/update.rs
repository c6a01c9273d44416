//! How an object compares with what is stored of it.
//!
//! Values are compared, not their spelling: `24h` is `1440m`, and what is left out is its default.
//! What did not change is not judged, so UPDATE needs no rules of its own.

use serde_json::Value;

use crate::kind::{Edit, Kind, Object, Old, is_field};
use crate::settings::Settings;

/// How an object compares with what is stored of it.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Fields of `spec` whose value did not change: nothing in them is judged.
    pub(crate) unchanged: Vec<&'static str>,
    /// Fields to be set back to the stored text.
    pub(crate) restored: Vec<Edit>,
    /// True when some value in `spec` changed.
    pub(crate) is_changed: bool,
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
        for field in K::FIELDS {
            // What the kind reads as absent is: `""` where text is expected, and not elsewhere.
            let is =
                stored(object.get("spec"), field.name).filter(|_| !(field.is_absent)(&new.spec));
            let was = stored(old.json.get("spec"), field.name)
                .filter(|_| !(field.is_absent)(&old.object.spec));
            let left_out = is.is_none() && was.is_some();
            // What may not be set back is lost, and so it is a change. A value of the wrong type
            // never comes back: it breaks listing for the whole cluster.
            let is_kept = left_out
                && is_processed
                && settings.defaulting
                && !old.object.mismatches.is_within(field.name);
            let is_removed = left_out && field.is_removable;
            if is == was || is_removed {
                comparison.keep(field.name, None);
            } else if is_kept || (field.is_same)(&new.spec, &old.object.spec, settings) {
                comparison.keep(field.name, was);
            } else if K::is_own_change(field.name, &new.spec, &old.object.spec) {
                comparison.keep(field.name, None);
            } else {
                comparison.is_changed = true;
            }
        }
        let mut unknown = unknown_fields(object, old.json.get("spec"), is_field::<K>);
        comparison.is_changed |= unknown.next().is_some();
        comparison
    }

    /// Notes that the field did not change, and the stored value to set it back to.
    fn keep(&mut self, field: &'static str, stored: Option<&Value>) {
        self.unchanged.push(field);
        self.restored.extend(stored.map(|value| Edit {
            field,
            value: value.clone(),
        }));
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
        .filter(move |(name, value)| stored(old, name) != Some(value))
        .map(|(name, _)| name.as_str())
}

fn stored<'a>(spec: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    spec.and_then(|spec| spec.get(name))
        .filter(|value| !value.is_null())
}
