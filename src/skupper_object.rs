//! The rules that AccessGrant and AccessToken share, and the one for every kind.

use serde_json::{Map, Value};

use crate::field::{Field, Mismatches};
use crate::finding::{Cause, Severity};
use crate::kind::{Kind, Row};
use crate::path::FieldPath;
use crate::report::Report;
use crate::request::MAX_ENTRIES;
use crate::review::Review;
use crate::settings::MAX_INT32;
use crate::value::code::{Code, CodeProblem};
use crate::value::name::{NamePrefix, SubdomainName};
use crate::value::placeholder::named_or;

pub(crate) const fn settings_too_many<K: Kind>() -> Row<K> {
    Row::fixed(
        "settings-too-many",
        "/spec/settings",
        "more than 64 entries in `settings`",
        "each review needs memory of its own; 70,000 entries fit into a request, and eight of them ended a policy server",
        too_many,
    )
}

/// Finds more entries at the rule's field than are read. Nothing else is said about them.
pub(crate) fn too_many<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    report_too_many(review.object, report);
}

fn report_too_many(object: &Value, report: &mut Report<'_>) {
    let entries = match report.path().of(object) {
        Some(Value::Array(elements)) => elements.len(),
        Some(Value::Object(fields)) => fields.len(),
        _ => 0,
    };
    if entries > MAX_ENTRIES {
        report.find(
            Cause::TooMany,
            format!("must have at most {MAX_ENTRIES} entries"),
        );
        report.settle(report.path());
    }
}

/// The rule for values of the wrong JSON type, in every kind.
pub(crate) const fn wrong_type<K: Kind>() -> Row<K> {
    Row::fixed(
        "wrong-type",
        "",
        "any field with the wrong JSON type",
        "kubernetes apiextensions: one array in `expirationWindow` is stored, and breaks typed lists for the whole cluster",
        check_types,
    )
}

pub(crate) const fn name_missing<K: Kind>() -> Row<K> {
    Row::new(
        "name-missing",
        "/metadata/name",
        Severity::Deny,
        "neither `metadata.name` nor `metadata.generateName`",
        "kubernetes apimachinery pkg/api/validation, ValidateObjectMeta",
        check_name_missing,
    )
}

pub(crate) const fn name_format<K: Kind>() -> Row<K> {
    Row::new(
        "name-format",
        "/metadata/name",
        Severity::Deny,
        "a name that is not a DNS-1123 subdomain; a `generateName` that does not begin one",
        "kubernetes apimachinery pkg/util/validation, IsDNS1123Subdomain",
        check_name_format,
    )
}

/// Reports what is wrong with a code.
pub(crate) fn code_format(code: &Field<Code<'_>, CodeProblem>, report: &mut Report<'_>) {
    match code.problem() {
        Some(problem @ CodeProblem::TooLong) => report.find(Cause::TooLong, problem.to_string()),
        Some(problem) => report.find_malformed(problem, |_| None),
        None if is_pasted(code) => {
            report.find_malformed(
                &"must be the code alone, without 'Bearer' and quotes",
                |code| Some(bare(code).to_owned()),
            );
        }
        None => {}
    }
}

/// True for a code that came along with what stood around it elsewhere: a header, or quotes. Whoever
/// chooses one that only looks so chooses letters and digits alone within them very rarely.
pub(crate) fn is_pasted(code: &Field<Code<'_>, CodeProblem>) -> bool {
    let Field::Set(code) = code else {
        return false;
    };
    let inner = bare(code.reveal());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    inner.len() < code.len() && !inner.is_empty() && inner.bytes().all(is_plain)
}

fn bare(code: &str) -> &str {
    let code = code.strip_prefix("Bearer ").unwrap_or(code);
    let inner = |quote: char| code.strip_prefix(quote)?.strip_suffix(quote);
    ['"', '\'', '`'].into_iter().find_map(inner).unwrap_or(code)
}

/// True when both maps have the same entries; an empty one and none are the same.
pub(crate) fn is_same_map(
    new: &Field<&Map<String, Value>>,
    old: &Field<&Map<String, Value>>,
) -> bool {
    match (new, old) {
        (Field::Set(new), Field::Set(old)) => new == old,
        (Field::Set(map), Field::Absent) | (Field::Absent, Field::Set(map)) => map.is_empty(),
        (new, old) => new.is_absent() && old.is_absent(),
    }
}

/// Problem with a number that must lie between 1 and the maximum that is set at `key`, if any.
pub(crate) fn range_problem(number: i64, max: Option<i64>, key: &str) -> Option<String> {
    match max {
        Some(max) if !(1..=max).contains(&number) => {
            Some(format!("must be from 1 to {max} ({key})"))
        }
        None if !(1..=MAX_INT32).contains(&number) => {
            Some(format!("must be from 1 to {MAX_INT32}"))
        }
        _ => None,
    }
}

fn check_types<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    report_mismatches(&review.new.mismatches, report);
}

fn report_mismatches(mismatches: &Mismatches, report: &mut Report<'_>) {
    report.find_mismatches(mismatches);
    for mismatch in &mismatches.kept {
        report.settle(mismatch.path.truncated(FIELD_DEPTH));
    }
}

fn check_name_missing<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    if review.new.name.is_absent() && review.new.generate_name.is_absent() {
        report.find(Cause::Required, "name or generateName is required");
    }
}

fn check_name_format<K: Kind>(review: &Review<'_, K>, report: &mut Report<'_>) {
    let object = &review.new;
    report_names(
        &object.name,
        &object.generate_name,
        review.is_name_stored(),
        report,
    );
}

fn report_names(
    name: &Field<&str>,
    generate_name: &Field<&str>,
    is_stored: bool,
    report: &mut Report<'_>,
) {
    if let Field::Set(name) = name {
        if let (false, Err(problem)) = (is_stored, SubdomainName::parse(name)) {
            report.find_malformed(&problem, |_| None);
        }
        return;
    }
    if let Field::Set(prefix) = generate_name
        && let Err(problem) = NamePrefix::parse(prefix)
    {
        let path = FieldPath::from_pointer("/metadata/generateName");
        report.find_at(path, Cause::Invalid, named_or(prefix, &problem));
    }
}

/// A wrong type ends the judging of the field it is in: `spec.settings`, not one of its entries.
const FIELD_DEPTH: usize = 2;
