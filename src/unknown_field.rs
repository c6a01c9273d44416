//! The rule for fields that a kind does not have.
//!
//! Under `spec` they are looked for always. Beside it, and in `metadata`, they are looked for in
//! files only: the API server prunes them before a policy sees the object.

use serde_json::Value;

use crate::finding::{Cause, Severity};
use crate::kind::{Kind, METADATA_FIELDS, OBJECT_FIELDS, Row, Vocabulary, field_names};
use crate::nearest::{COMPARED, nearest};
use crate::path::FieldPath;
use crate::report::Report;
use crate::review::Review;

pub(crate) const fn unknown_field<K: Kind>() -> Row<K> {
    Row::new(
        "unknown-field",
        "/spec",
        Severity::Warn,
        "a field that does not exist, under `spec`, beside it or in `metadata`",
        "Skupper's CRDs and kubernetes apimachinery pkg/apis/meta/v1; the API server prunes such a field in silence",
        check,
    )
}

/// The object that a field stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Object,
    Metadata,
    Spec,
    /// The free entries of `spec.settings`.
    Settings,
    /// The object in `spec`.
    Below,
}

fn check<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    let mut search = Search {
        vocabulary: &K::VOCABULARY,
        spec_fields: field_names::<K>,
        seen: 0,
    };
    let file = review.request.file.as_ref();
    if let Some(file) = file {
        search.report_file(file, report);
        search.report_settings(review.object, report);
        search.report_below(review.object, report);
    }
    if file.is_some() || !K::VOCABULARY.is_open {
        search.report(Place::Spec, &mut review.unknown_fields(), report);
    }
}

/// The names of the fields that are not known.
fn others<'a>(
    object: Option<&'a Value>,
    known: &'static [&'static str],
) -> impl Iterator<Item = &'a str> {
    let fields = object.and_then(Value::as_object).into_iter().flatten();
    fields
        .filter(|(name, value)| !value.is_null() && !known.contains(&name.as_str()))
        .map(|(name, _)| name.as_str())
}

struct Search {
    vocabulary: &'static Vocabulary,
    spec_fields: fn() -> Vec<&'static str>,
    /// Number of names so far.
    seen: usize,
}

impl Search {
    fn report_file(&mut self, file: &Value, report: &mut Report<'_>) {
        let metadata = file.get("metadata");
        self.report(
            Place::Object,
            &mut others(Some(file), &OBJECT_FIELDS),
            report,
        );
        self.report(
            Place::Metadata,
            &mut others(metadata, &METADATA_FIELDS),
            report,
        );
    }

    /// An entry may have any name, but one of a field stands a level too far right.
    fn report_settings(&mut self, object: &Value, report: &mut Report<'_>) {
        let spec_fields = (self.spec_fields)();
        let entries = object.pointer("/spec/settings").and_then(Value::as_object);
        let names = entries.into_iter().flatten().map(|(name, _)| name.as_str());
        let mut fields = names.filter(|name| spec_fields.contains(name));
        self.report(Place::Settings, &mut fields, report);
    }

    fn report_below(&mut self, object: &Value, report: &mut Report<'_>) {
        if let Some((field, known)) = self.vocabulary.below {
            let below = object.get("spec").and_then(|spec| spec.get(field));
            self.report(Place::Below, &mut others(below, known), report);
        }
    }

    fn report(
        &mut self,
        place: Place,
        names: &mut dyn Iterator<Item = &str>,
        report: &mut Report<'_>,
    ) {
        let (below, _) = self.vocabulary.below.unwrap_or_default();
        for name in names {
            let is_compared = self.seen < COMPARED;
            self.seen += 1;
            if !report.wants_text() {
                report.count(1);
                continue;
            }
            let slip = if is_compared {
                self.slip(name, place)
            } else {
                None
            };
            let detail = match slip {
                Some(slip) => format!("unknown field, {slip}"),
                None if place == Place::Spec && self.vocabulary.is_open => continue,
                None => format!("unknown field, {} does not have it", self.vocabulary.owner),
            };
            let path = match place {
                Place::Object => FieldPath::root().field(name),
                Place::Metadata => FieldPath::from_pointer("/metadata").field(name),
                Place::Spec => report.path().field(name),
                Place::Settings => report.path().field("settings").key(name),
                Place::Below => report.path().field(below).field(name),
            };
            report.find_name(path, Cause::Forbidden, detail);
        }
    }

    /// Advice about a name that the object here does not have, if it can be told.
    fn slip(&self, name: &str, place: Place) -> Option<String> {
        let spec_fields = (self.spec_fields)();
        let (below, fields_below) = self.vocabulary.below.unwrap_or_default();
        if place == Place::Spec && fields_below.contains(&name) {
            return Some(format!("belongs under 'spec.{below}'"));
        }
        if place != Place::Spec && spec_fields.contains(&name) {
            return Some("belongs under 'spec'".to_owned());
        }
        if place != Place::Metadata && METADATA_FIELDS.contains(&name) {
            return Some("belongs under 'metadata'".to_owned());
        }
        if place != Place::Object && OBJECT_FIELDS.contains(&name) {
            return Some("belongs to the object itself, beside 'kind'".to_owned());
        }
        let spec = if place == Place::Spec { "" } else { "spec." };
        let mut earlier = self.vocabulary.earlier.iter();
        if let Some((_, today)) = earlier.find(|(earlier, _)| *earlier == name) {
            return Some(format!("is called '{spec}{today}' today"));
        }
        let here: &[&str] = match place {
            Place::Object => &OBJECT_FIELDS,
            Place::Metadata => &METADATA_FIELDS,
            Place::Spec | Place::Settings => &spec_fields,
            Place::Below => fields_below,
        };
        if let Some(close) = nearest(name, here) {
            return Some(format!("did you mean '{close}'?"));
        }
        let close = nearest(name, &spec_fields)?;
        Some(format!("did you mean '{spec}{close}'?"))
    }
}
