//! One object under review, read as of its kind, and what is stored of it.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::field::{Cursor, Field, Mismatches};
use crate::finding::Severity;
use crate::kind::{Edit, Kind, is_field};
use crate::request::Request;
use crate::settings::Settings;
use crate::update::{Comparison, unknown_fields, written};

/// One object, read.
pub(crate) struct Object<'a, K: Kind> {
    /// `metadata.name`.
    pub(crate) name: Field<&'a str>,
    /// `metadata.generateName`.
    pub(crate) generate_name: Field<&'a str>,
    /// False when there is no `spec`, or `null`.
    pub(crate) has_spec: bool,
    /// The fields of `spec`.
    pub(crate) spec: K::Spec<'a>,
    /// Values of the wrong JSON type.
    pub(crate) mismatches: Mismatches,
}

impl<'a, K: Kind> Object<'a, K> {
    fn read(object: &'a Value) -> Self {
        let mut mismatches = Mismatches::default();
        let root = Cursor::root(object);
        let (name, generate_name) = read_names(&root, &mut mismatches);
        let spec = root.field("spec");
        spec.object(&mut mismatches);
        Self {
            name,
            generate_name,
            has_spec: spec.value().is_some(),
            spec: K::read(&spec, &mut mismatches),
            mismatches,
        }
    }
}

/// The object of a review, the stored one, and how both compare. The checks of the rules read it.
pub(crate) struct Review<'a, K: Kind> {
    /// The request: who asks, and the whole object.
    pub(crate) request: &'a Request<'a>,
    /// The object as JSON, as far as it is read for the rules; for messages.
    pub(crate) object: &'a Value,
    /// The object under review.
    pub(crate) new: Object<'a, K>,
    /// The stored object, on an update.
    pub(crate) old: Option<Old<'a, K>>,
    /// The comparison of both.
    pub(crate) comparison: Comparison,
    /// The administrator's settings.
    pub(crate) settings: &'a Settings,
    /// The time of the review.
    pub(crate) now: DateTime<Utc>,
}

/// The stored object of an update.
pub(crate) struct Old<'a, K: Kind> {
    /// The stored object as JSON.
    pub(crate) json: &'a Value,
    /// The stored object, read.
    pub(crate) object: Object<'a, K>,
}

impl<'a, K: Kind> Old<'a, K> {
    /// Looks at the stored status: Skupper's own notes, which no user writes.
    pub(crate) fn with_status<T>(&self, look: impl FnOnce(&Cursor<'_, 'a>) -> T) -> T {
        let root = Cursor::root(self.json);
        let status = root.field("status");
        look(&status)
    }

    /// The text in a field of the stored status; `None` for nothing and for any other type.
    pub(crate) fn status_text(&self, name: &'a str) -> Option<&'a str> {
        let text = |status: &Cursor<'_, 'a>| status.field(name).text(&mut Mismatches::default());
        self.with_status(text).set().copied()
    }
}

impl<'a, K: Kind> Review<'a, K> {
    /// Reads the object, and what is stored of it.
    pub(crate) fn read(
        request: &'a Request<'a>,
        old: Option<&'a Value>,
        settings: &'a Settings,
        now: DateTime<Utc>,
    ) -> Self {
        let object = &request.object;
        let new = Object::read(object);
        let old = old.map(|json| Old {
            json,
            object: Object::read(json),
        });
        let comparison = Comparison::new(object, &new, old.as_ref(), settings);
        Self {
            request,
            object,
            new,
            old,
            comparison,
            settings,
            now,
        }
    }

    /// The name for messages: the object's own, the prefix of one to be made, or the one in the
    /// request's URL.
    pub(crate) fn name<'n>(&'n self, in_request: &'n str) -> &'n str {
        let (name, prefix) = (&self.new.name, &self.new.generate_name);
        name.set().or(prefix.set()).copied().unwrap_or(in_request)
    }

    /// True when the rule `code` refuses what it finds, so that nothing else about the same value
    /// need be said.
    pub(crate) fn denies(&self, code: &str) -> bool {
        self.severity(code) == Severity::Deny
    }

    /// Severity of the rule `code`: `allow` if the kind has no such rule.
    pub(crate) fn severity(&self, code: &str) -> Severity {
        let mut rules = K::RULES.iter().map(|row| &row.rule);
        let rule = rules.find(|rule| rule.code == code);
        rule.map_or(Severity::Allow, |rule| self.settings.severity(rule))
    }

    /// True when the stored object has this name already: nobody can change it any more.
    pub(crate) fn is_name_stored(&self) -> bool {
        let old = self.old.as_ref();
        old.is_some_and(|old| old.object.name == self.new.name)
    }

    /// The names of the fields under `spec` that this kind does not have and that are not stored
    /// like this already.
    pub(crate) fn unknown_fields(&self) -> impl Iterator<Item = &'a str> {
        let old = self.old.as_ref().and_then(|old| old.json.get("spec"));
        unknown_fields(self.object, old, is_field::<K>)
    }

    /// The edits of an object that nothing denies. Nothing is filled in once Skupper has
    /// acted: what was left out then, it has settled in its own way.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        if !self.settings.defaulting {
            return Vec::new();
        }
        let mut edits = self.comparison.restored.clone();
        let fields = K::FIELDS.iter().filter(|_| !self.comparison.is_processed);
        edits.extend(fields.filter_map(|field| {
            let default = field.default?;
            let is_absent = (field.is_absent)(&self.new.spec);
            let value = is_absent.then(|| default(self.settings))??;
            let field = field.name;
            Some(Edit { field, value })
        }));
        let replacements = K::replacements(self).into_iter();
        edits.extend(replacements.filter(|edit| !self.is_as_stored(edit.field)));
        edits
    }

    /// True when the field says what is stored to the letter.
    fn is_as_stored(&self, field: &str) -> bool {
        let of = |object: &'a Value| written(object.get("spec"), field);
        let old = self.old.as_ref();
        old.is_some_and(|old| of(old.json) == of(self.object))
    }
}

fn read_names<'a>(
    root: &Cursor<'_, 'a>,
    mismatches: &mut Mismatches,
) -> (Field<&'a str>, Field<&'a str>) {
    let metadata = root.field("metadata");
    metadata.object(mismatches);
    (
        metadata.field("name").text(mismatches),
        metadata.field("generateName").text(mismatches),
    )
}
