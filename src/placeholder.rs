//! The rule for texts that nobody filled in.

use serde_json::Value;

use crate::field::Cursor;
use crate::finding::{Cause, Severity};
use crate::kind::{Kind, Row, field_names};
use crate::report::Report;
use crate::review::Review;
use crate::value::placeholder::Placeholder;

/// The last row of a kind: a rule that refuses a placeholder names it already.
pub(crate) const fn placeholder<K: Kind>() -> Row<K> {
    Row::new(
        "placeholder",
        "",
        Severity::Warn,
        "a text that is a placeholder: `<no value>`, `<secret-code>`, `${CODE}`, `{{ .code }}`, `ENC[...]`, `ref+...`, `***`",
        "Go's text/template prints `<no value>` where a grant has no status yet",
        check,
    )
}

fn check<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    let spec_fields = field_names::<K>();
    let file = review.request.file.as_ref();
    report_fields(review.object, "spec", &spec_fields, report);
    report_fields(review.object, "metadata", &["generateName"], report);
    if !review.is_name_stored() {
        report_fields(review.object, "metadata", &["name"], report);
    }
    if let Some(file) = file {
        report_fields(file, "metadata", &["namespace"], report);
    }
}

#[inline(never)]
fn report_fields(object: &Value, parent: &'static str, names: &[&str], report: &mut Report<'_>) {
    let object = Cursor::root(object);
    let parent = object.field(parent);
    for name in names {
        report_texts(&parent.field(name), report);
    }
}

fn report_texts(place: &Cursor<'_, '_>, report: &mut Report<'_>) {
    place.for_each_text(&mut |place, text| {
        let Some(placeholder) = Placeholder::of(text) else {
            return;
        };
        if report.wants_text() {
            report.find_unless_named(place.path(), Cause::Invalid, placeholder.to_string());
        } else {
            report.count(1);
        }
    });
}
