//! SARIF 2.1.0, for code scanning.
//!
//! Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.

use std::path::Path;

use serde_json::{Map, Value, json};
use skupper_access_policy::finding::Severity;

use super::{Judged, Pieces, visible};
use crate::pages;
use crate::root::{Root, uri};
use skupper_access_manifest::judge::{Document, Placed};
use skupper_access_manifest::place::Lines;
use skupper_access_manifest::reader::node::Span;

pub(super) fn head(root: &Root) -> String {
    let rules: Vec<Value> = pages::rules()
        .map(|rule| {
            json!({
                "id": rule.code,
                "shortDescription": {"text": rule.summary},
                "helpUri": pages::address(rule.code),
                "help": {"text": rule.summary, "markdown": pages::page(rule.code).unwrap_or_default()},
                "defaultConfiguration": match rule.severity {
                    Severity::Deny => json!({"level": "error"}),
                    Severity::Warn => json!({"level": "warning"}),
                    Severity::Allow => json!({"enabled": false, "level": "warning"}),
                },
            })
        })
        .collect();
    let driver = json!({
        "name": "skupper-access-check",
        "version": env!("CARGO_PKG_VERSION"),
        "informationUri": rule_pages::REPOSITORY,
        "rules": rules,
    });
    let bases = json!({BASE: {"uri": root.uri()}});
    format!(
        "{{\"version\": \"2.1.0\", \"$schema\": \"{SCHEMA}\", \"runs\": [{{\n\
         \"tool\": {{\"driver\": {driver}}},\n\"columnKind\": \"unicodeCodePoints\",\n\
         \"originalUriBaseIds\": {bases},\n\"results\": [\n"
    )
}

/// The root of the repository, by the name that code scanning knows.
const BASE: &str = "%SRCROOT%";

/// Address of the schema that the standard publishes.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>) -> Pieces {
    let findings = file.contents.documents.iter();
    let findings = findings.flat_map(Document::findings);
    let notification = |level: &str, text: String, span: &Span| {
        let notification = json!({
            "level": level,
            "message": {"text": text},
            "locations": locations(file, lines, span, None),
        });
        visible(&notification)
    };
    let unreadable = file.contents.unreadable.iter().map(|unreadable| {
        let text = format!("cannot be read: {}", unreadable.problem);
        notification("error", text, &unreadable.span)
    });
    let notes = file.contents.notes.iter();
    let notes = notes.map(|note| notification("note", note.reason.to_string(), &note.span));
    Pieces {
        main: findings
            .map(|placed| visible(&result(file, lines, placed)))
            .collect(),
        checks: Vec::new(),
        unreadable: unreadable.collect(),
        notes: notes.collect(),
    }
}

pub(super) fn problem(problem: &str) -> String {
    visible(&json!({"level": "error", "message": {"text": problem}}))
}

pub(super) fn tail(rest: &Pieces) -> String {
    let is_successful = rest.unreadable.is_empty();
    let notifications = [rest.unreadable.as_slice(), &rest.notes]
        .concat()
        .join(",\n");
    format!(
        "\n],\n\"invocations\": [{{\"executionSuccessful\": {is_successful}, \
         \"toolExecutionNotifications\": [{notifications}]}}]\n}}]}}\n"
    )
}

fn result(file: &Judged<'_>, lines: &Lines<'_>, placed: &Placed) -> Value {
    let finding = &placed.finding;
    let path = finding.error.path.to_string();
    json!({
        "ruleId": finding.code,
        "ruleIndex": pages::rules().position(|rule| rule.code == finding.code),
        "level": if placed.denies() { "error" } else { "warning" },
        "message": {"text": finding.to_string()},
        "locations": locations(file, lines, &placed.span, Some(&path)),
    })
}

/// One location: in a file, which standard input is not, and in an object.
fn locations(file: &Judged<'_>, lines: &Lines<'_>, span: &Span, field: Option<&str>) -> Value {
    let mut location = Map::new();
    if let Some(path) = file.path {
        let (start, end) = (lines.place(span.start), lines.place(span.end));
        let physical = json!({
            "artifactLocation": artifact(path),
            "region": {
                "startLine": start.line, "startColumn": start.column,
                "endLine": end.line, "endColumn": end.column,
            },
        });
        location.insert("physicalLocation".to_owned(), physical);
    }
    if let Some(field) = field {
        let logical = json!([{"fullyQualifiedName": field, "kind": "member"}]);
        location.insert("logicalLocations".to_owned(), logical);
    }
    if location.is_empty() {
        return json!([]);
    }
    json!([location])
}

/// A file from the root of the repository, or, where it lies elsewhere, by its whole path.
fn artifact(path: &str) -> Value {
    let path = Path::new(path);
    if path.is_absolute() {
        return json!({"uri": uri(path)});
    }
    json!({"uri": uri(path), "uriBaseId": BASE})
}
