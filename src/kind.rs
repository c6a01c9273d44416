//! The parts that each kind has: fields, rules, and how both are read.
//!
//! A kind is a reader, a table of its fields, and a table of its rules.

use std::fmt;

use serde_json::Value;

use crate::field::{Cursor, Mismatches};
use crate::finding::Severity;
use crate::report::Report;
use crate::request::Request;
use crate::review::Review;
use crate::rules::{Rule, documentation};
use crate::settings::Settings;

/// A kind of object that has rules.
pub(crate) trait Kind: Sized + 'static {
    /// The fields of `spec`, read.
    type Spec<'a>;

    /// Its group, version and kind.
    const GVK: GroupVersionKind;
    /// Resource and subresource that the objects are sent to, for a kind that is never stored itself.
    const SUBRESOURCE: Option<(&'static str, &'static str)> = None;
    /// Every field of `spec`.
    const FIELDS: &'static [SpecField<Self>];
    /// Words for the fields.
    const VOCABULARY: Vocabulary;
    /// Every rule, in the order in which findings are reported.
    const RULES: &'static [Row<Self>];

    /// Reads the fields of `spec`.
    fn read<'a>(spec: &Cursor<'_, 'a>, mismatches: &mut Mismatches) -> Self::Spec<'a>;

    /// True for a request that is allowed unchanged, whatever is in it.
    fn is_exempt(_request: &Request<'_>, _settings: &Settings) -> bool {
        false
    }

    /// True when Skupper has acted on the object, so that what is left out of it now was settled
    /// then.
    fn is_processed(_status: &Cursor<'_, '_>) -> bool {
        false
    }

    /// True for a change that Skupper's own controller makes: it is neither judged nor undone.
    fn is_own_change(_field: &str, _new: &Self::Spec<'_>, _old: &Self::Spec<'_>) -> bool {
        false
    }

    /// The values that replace what the user wrote, as announced by a finding.
    fn replacements(review: &Review<'_, Self>) -> Vec<Edit>;
}

/// Group, version and kind of an object, as Kubernetes names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupVersionKind {
    /// The group of the API.
    pub group: &'static str,
    /// The version that is served.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
}

impl GroupVersionKind {
    /// Group and version as objects carry them: `skupper.io/v2alpha1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

impl fmt::Display for GroupVersionKind {
    /// Kind and group as Kubernetes' messages print them: `AccessGrant.skupper.io`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.group)
    }
}

/// A rule with its check, for objects of kind `K`.
pub(crate) struct Row<K: Kind> {
    /// The rule.
    pub(crate) rule: Rule,
    /// Judges one object.
    pub(crate) check: fn(&Review<'_, K>, &mut Report<'_>),
}

impl<K: Kind> Row<K> {
    /// A rule whose severity the settings may change.
    pub(crate) const fn new(
        code: &'static str,
        pointer: &'static str,
        severity: Severity,
        summary: &'static str,
        source: &'static str,
        check: fn(&Review<'_, K>, &mut Report<'_>),
    ) -> Self {
        let rule = Rule {
            code,
            pointer,
            severity,
            fixed: false,
            summary: documentation(summary),
            source: documentation(source),
        };
        Self { rule, check }
    }

    /// A rule that always denies.
    pub(crate) const fn fixed(
        code: &'static str,
        pointer: &'static str,
        summary: &'static str,
        source: &'static str,
        check: fn(&Review<'_, K>, &mut Report<'_>),
    ) -> Self {
        let mut row = Self::new(code, pointer, Severity::Deny, summary, source, check);
        row.rule.fixed = true;
        row
    }
}

/// A field of `spec`.
pub(crate) struct SpecField<K: Kind> {
    /// Its name.
    pub(crate) name: &'static str,
    /// True when nothing was written there.
    pub(crate) is_absent: fn(&K::Spec<'_>) -> bool,
    /// True when both objects mean the same value, defaults filled in.
    pub(crate) is_same: fn(&K::Spec<'_>, &K::Spec<'_>, &Settings) -> bool,
    /// The value that is filled in when nothing was written.
    pub(crate) default: Option<fn(&Settings) -> Option<Value>>,
    /// True when leaving the field out of an update takes its value away, and nothing else: a
    /// secret may always be taken out of a spec.
    pub(crate) is_removable: bool,
    /// True for one of the fields that make a credential together: where one of them changes, all
    /// are judged, because the others are now used with it.
    pub(crate) is_credential: bool,
}

impl<K: Kind> SpecField<K> {
    /// A field without default, whose value is the same only where its text is.
    pub(crate) const fn plain(name: &'static str, is_absent: fn(&K::Spec<'_>) -> bool) -> Self {
        Self {
            name,
            is_absent,
            is_same: |_, _, _| false,
            default: None,
            is_removable: false,
            is_credential: false,
        }
    }
}

/// The names of every field of `spec`.
pub(crate) fn field_names<K: Kind>() -> Vec<&'static str> {
    K::FIELDS.iter().map(|field| field.name).collect()
}

/// True when the kind has a field `name` in `spec`.
pub(crate) fn is_field<K: Kind>(name: &str) -> bool {
    K::FIELDS.iter().any(|field| field.name == name)
}

/// A value to be written into the object. It may be a stored secret, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Edit {
    /// The field of `spec`.
    pub(crate) field: &'static str,
    /// Its new value.
    pub(crate) value: Value,
}

/// Words for the fields of a kind.
pub(crate) struct Vocabulary {
    /// Author of the fields, for messages.
    pub(crate) owner: &'static str,
    /// Names that fields of `spec` had in earlier versions of the API, and today's.
    pub(crate) earlier: &'static [(&'static str, &'static str)],
    /// True where `spec` may have fields of later versions: only slips are reported there.
    pub(crate) is_open: bool,
    /// A field of `spec` that is an object, and every field in it.
    pub(crate) below: Option<(&'static str, &'static [&'static str])>,
}

/// Fields of an object of any kind.
/// Source: kubernetes apimachinery pkg/apis/meta/v1, `TypeMeta`.
pub(crate) const OBJECT_FIELDS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Fields of `metadata`. Source: kubernetes apimachinery pkg/apis/meta/v1, `ObjectMeta`.
pub(crate) const METADATA_FIELDS: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
