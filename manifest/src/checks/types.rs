//! `apiVersion` and `kind`.

use serde_json::Value;
use skupper_access_policy::finding::{Cause, FieldError, Finding, Target};
use skupper_access_policy::path::FieldPath;

use super::{TYPE_MISSING, UNKNOWN_KIND, UNKNOWN_VERSION, finding};
use crate::kinds::{Mistake, Type};

pub(super) fn check(object: &Value) -> Option<Finding> {
    let written = Type::of(object);
    let mistake = written.mistake()?;
    let (rule, target, field, cause, detail) = match mistake {
        Mistake::NoKind => (
            TYPE_MISSING,
            Target::Key,
            "kind",
            Cause::Required,
            "kubectl refuses an object without a kind".to_owned(),
        ),
        Mistake::NoVersion(gvk) => (
            TYPE_MISSING,
            Target::Key,
            "apiVersion",
            Cause::Required,
            format!(
                "kubectl refuses an object without one: write '{}'",
                gvk.api_version()
            ),
        ),
        Mistake::Version(gvk) => (
            UNKNOWN_VERSION,
            Target::Value,
            "apiVersion",
            Cause::Unsupported,
            format!(
                "{} is not served there: write '{}'",
                gvk.kind,
                gvk.api_version()
            ),
        ),
        Mistake::Kind(Some(meant)) => (
            UNKNOWN_KIND,
            Target::Value,
            "kind",
            Cause::Unsupported,
            format!("not judged, there is no such kind: did you mean '{meant}'?"),
        ),
        Mistake::Kind(None) => (
            UNKNOWN_KIND,
            Target::Value,
            "kind",
            Cause::Unsupported,
            "not judged, Skupper does not have such a kind".to_owned(),
        ),
    };
    let error = FieldError::new(FieldPath::root().field(field), cause, detail);
    let value = object.get(field).filter(|_| target == Target::Value);
    Some(finding(&rule, target, error, value))
}
