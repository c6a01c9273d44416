//! The rule for files with a live credential in them.
//!
//! In a cluster credentials stand where they belong, and the status of an object under review is not
//! read there: the API server drops it.

use serde_json::Value;

use crate::field::Cursor;
use crate::finding::{Cause, Severity};
use crate::kind::{Kind, Row};
use crate::report::Report;
use crate::review::Review;
use crate::value::certificate::holds_private_key;
use crate::value::placeholder::Placeholder;

pub(crate) const fn live_credential<K: Kind>() -> Row<K> {
    Row::new(
        "live-credential",
        "",
        Severity::Warn,
        "a live credential in a file: `status.token`, `status.code` with `status.url`, a private key anywhere",
        "`kubectl create token -o yaml` and `kubectl get -o yaml` print them",
        check,
    )
}

fn check<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    if let Some(file) = &review.request.file {
        let is_found = report.is_at_most(review.severity("token-ca-private-key"));
        let file = Cursor::root(file);
        report_status(&file.field("status"), report);
        report_keys(&file, is_found, report);
    }
}

fn report_status(status: &Cursor<'_, '_>, report: &mut Report<'_>) {
    let is_written = |name: &str| match status.value().and_then(|status| status.get(name)) {
        Some(Value::String(text)) => !text.is_empty() && Placeholder::of(text).is_none(),
        _ => false,
    };
    let name = if is_written("token") {
        "token"
    } else if is_written("code") && is_written("url") {
        "code"
    } else {
        return;
    };
    report.find_at(
        status.field(name).path(),
        Cause::Forbidden,
        "a live credential in a file, for everybody who can read it: take out 'status', and let the token end or create a new grant",
    );
}

/// Looks at every text. A private key in `spec.ca` may have been found already.
fn report_keys(file: &Cursor<'_, '_>, is_found: bool, report: &mut Report<'_>) {
    file.for_each_text(&mut |place, text| {
        if !holds_private_key(text) {
            return;
        }
        let path = place.path();
        if !(is_found && path.names().eq(["spec", "ca"])) {
            report.find_at(
                path,
                Cause::Forbidden,
                "a private key in a file: take it out and replace it, because others may have read it",
            );
        }
    });
}
