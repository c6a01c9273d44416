//! The rule for texts that nobody filled in.

use serde_json::Value;

use crate::field::Field;
use crate::finding::{Cause, Severity};
use crate::kind::{Kind, Review, field_names};
use crate::path::FieldPath;
use crate::rules::{Report, Row, Rule};
use crate::value::placeholder::Placeholder;

/// The last row of a kind: a rule that refuses a placeholder names it already.
pub(crate) const fn placeholder<K: Kind>() -> Row<K> {
    Row {
        rule: Rule::new(
            "placeholder",
            "",
            Severity::Warn,
            "a text that is a placeholder: `<no value>`, `<secret-code>`, `${CODE}`, `{{ .code }}`, `ENC[...]`, `ref+...`, `***`",
            "Go's text/template prints `<no value>` where a grant has no status yet",
        ),
        check,
    }
}

fn check<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    let is_named = !review.is_name_stored() && matches!(review.new.name, Field::Set(_));
    if is_named {
        report_fields(review.object, "metadata", &["name"], report);
    }
    report_fields(review.object, "metadata", &["generateName"], report);
    if let Some(file) = &review.request.file {
        report_fields(file, "metadata", &["namespace"], report);
    }
    report_fields(review.object, "spec", &field_names::<K>(), report);
}

/// Looks at the texts in the fields `names` of the object in the field `parent`.
fn report_fields(object: &Value, parent: &str, names: &[&str], report: &mut Report<'_>) {
    let Some(fields) = object.get(parent) else {
        return;
    };
    for name in names {
        let path = || FieldPath::root().field(parent).field(name);
        match fields.get(*name) {
            Some(Value::String(text)) => report_text(text, &path, report),
            Some(Value::Array(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    if let Value::String(text) = element {
                        report_text(text, &|| path().index(index), report);
                    }
                }
            }
            Some(Value::Object(entries)) => {
                for (key, entry) in entries {
                    if let Value::String(text) = entry {
                        let path = || match *name {
                            "settings" => path().key(key),
                            _ => path().field(key),
                        };
                        report_text(text, &path, report);
                    }
                }
            }
            _ => {}
        }
    }
}

fn report_text(text: &str, path: &dyn Fn() -> FieldPath, report: &mut Report<'_>) {
    let Some(placeholder) = Placeholder::of(text) else {
        return;
    };
    if report.wants_text() {
        report.find_unless_named(path(), Cause::Invalid, placeholder.to_string());
    } else {
        report.count(1);
    }
}
