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
    for (position, row) in K::RULES.iter().enumerate() {
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
        check(position, review, &mut report);
    }
    findings
}

/// Calls the check of a row. A host looks up each function that is called through a table, once in every
/// instance, and every request has an instance of its own. The compiler knows these calls.
fn check<K: Kind>(position: usize, review: &Review<'_, K>, report: &mut Report<'_>) {
    macro_rules! rows {
        ($($row:literal)*) => {
            match position {
                $($row => check_row::<K, $row>(review, report),)*
                _ => {}
            }
        };
    }
    const { assert!(K::RULES.len() <= 32, "a row for each number below") };
    rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

fn check_row<K: Kind, const ROW: usize>(review: &Review<'_, K>, report: &mut Report<'_>) {
    let row = const {
        match K::RULES.split_at_checked(ROW) {
            Some((_, [row, ..])) => Some(row.check),
            _ => None,
        }
    };
    if let Some(check) = row {
        check(review, report);
    }
}
