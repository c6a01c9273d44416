//! The rule for files with a live credential in them.
//!
//! In a cluster credentials stand where they belong, and the status of an object under review is not
//! read there: the API server drops it.

use serde_json::Value;

use crate::finding::{Cause, Severity};
use crate::kind::{Kind, Review};
use crate::path::FieldPath;
use crate::rules::{Report, Row, Rule};
use crate::value::certificate::holds_private_key;
use crate::value::placeholder::Placeholder;

pub(crate) const fn live_credential<K: Kind>() -> Row<K> {
    Row {
        rule: Rule::new(
            "live-credential",
            "",
            Severity::Warn,
            "a live credential in a file: `status.token`, `status.code` with `status.url`, a private key anywhere",
            "`kubectl create token -o yaml` and `kubectl get -o yaml` print them",
        ),
        check,
    }
}

fn check<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    let Some(object) = &review.request.file else {
        return;
    };
    let is_written = |pointer: &str| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.is_some_and(|text| !text.is_empty() && Placeholder::of(text).is_none())
    };
    if is_written("/status/token") {
        report.find_at(
            FieldPath::from_pointer("/status/token"),
            Cause::Forbidden,
            "a live credential in a file: whoever reads it acts as the ServiceAccount, take out 'status'",
        );
    }
    if is_written("/status/code") && is_written("/status/url") {
        report.find_at(
            FieldPath::from_pointer("/status/code"),
            Cause::Forbidden,
            "a live credential in a file: whoever reads it can redeem the grant, take out 'status' and create a new grant",
        );
    }
    let is_found = report.is_at_most(review.severity("token-ca-private-key"));
    report_keys(object, &FieldPath::root(), is_found, report);
}

/// Looks at every text. A private key in `spec.ca` may have been found already.
fn report_keys(value: &Value, path: &FieldPath, is_found: bool, report: &mut Report<'_>) {
    match value {
        Value::String(text) if holds_private_key(text) => {
            if is_found && path.names().eq(["spec", "ca"]) {
                return;
            }
            report.find_at(
                path.clone(),
                Cause::Forbidden,
                "a private key in a file: take it out and replace it, because others may have read it",
            );
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                report_keys(element, &path.clone().index(index), is_found, report);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                report_keys(field, &path.clone().field(name), is_found, report);
            }
        }
        _ => {}
    }
}
