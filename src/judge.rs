//! The runner of the rules.
//!
//! Every rule runs, in table order. A rule whose severity is `allow` is passed over.

use chrono::{DateTime, Utc};

use crate::finding::Severity;
use crate::kind::Kind;
use crate::path::FieldPath;
use crate::printable::printable;
use crate::report::{Findings, Report};
use crate::request::{Operation, Request};
use crate::review::Review;
use crate::settings::Settings;
use crate::verdict::Verdict;

/// Judges a request to create or update an object of kind `K`, and fills in the defaults.
pub(crate) fn judge<K: Kind>(
    request: &Request<'_>,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Verdict {
    let is_update = request.operation == Operation::Update;
    if is_update && K::SUBRESOURCE.is_some() {
        return Verdict::not_covered(request);
    }
    // Labels, finalizers and owners can always be changed, on any object, by any controller.
    if K::is_exempt(request, settings) || is_update && request.is_spec_stored() {
        return Verdict::unchanged();
    }
    let old = request.old_object.as_ref().filter(|_| is_update);
    verdict(&Review::<K>::read(request, old, settings, now))
}

/// Judges an object that was read.
pub(crate) fn verdict<K: Kind>(review: &Review<'_, K>) -> Verdict {
    let findings = findings(review);
    if findings.denials.is_empty() {
        return Verdict::accepted(findings, &review.edits(), review.request);
    }
    let name = review.name(&review.request.name);
    Verdict::denied(&format!("{} \"{}\"", K::GVK, printable(name)), findings)
}

/// Runs every rule of the kind.
fn findings<K: Kind>(review: &Review<'_, K>) -> Findings {
    let mut findings = Findings::default();
    for name in &review.comparison.unchanged {
        findings.settle(FieldPath::from_pointer("/spec").field(name));
    }
    for row in K::RULES {
        let severity = review.settings.severity(&row.rule);
        if severity == Severity::Allow {
            continue;
        }
        let mut report = Report {
            rule: &row.rule,
            severity,
            names_setting: review.settings.names_setting(&row.rule),
            object: review.object,
            findings: &mut findings,
        };
        (row.check)(review, &mut report);
    }
    findings
}
