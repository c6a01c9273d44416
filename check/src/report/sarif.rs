//! SARIF 2.1.0, for code scanning.
//!
//! Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.

use std::fmt::Write as _;
use std::path::{Component, Path};

use serde_json::{Value, json};
use skupper_access_policy::catalogue;
use skupper_access_policy::finding::Severity;

use super::{Judged, Pieces, visible};
use crate::judge::Placed;
use crate::manifest::node::Span;
use crate::pages;
use crate::place::Lines;

pub(super) fn head() -> String {
    let rules: Vec<Value> = catalogue::rules()
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
        "informationUri": pages::source(),
        "rules": rules,
    });
    format!(
        "{{\"version\": \"2.1.0\", \"$schema\": \"{SCHEMA}\", \"runs\": [{{\n\
         \"tool\": {{\"driver\": {driver}}},\n\"columnKind\": \"unicodeCodePoints\",\n\
         \"results\": [\n"
    )
}

/// Where the standard publishes its schema.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn file(file: &Judged<'_>, lines: &Lines<'_>) -> Pieces {
    let documents = file.contents.documents.iter();
    let findings = documents
        .flat_map(|document| &document.objects)
        .flat_map(|judged| &judged.findings);
    let unreadable = file.contents.unreadable.iter().map(|unreadable| {
        json!({
            "level": "error",
            "message": {"text": format!("cannot be read: {}", unreadable.problem)},
            "locations": [location(file.name, lines, &unreadable.span)],
        })
    });
    Pieces {
        main: findings
            .map(|placed| visible(&result(file, lines, placed)))
            .collect(),
        unreadable: unreadable
            .map(|notification| visible(&notification))
            .collect(),
    }
}

pub(super) fn problem(problem: &str) -> String {
    visible(&json!({"level": "error", "message": {"text": problem}}))
}

pub(super) fn tail(unreadable: &[String]) -> String {
    let is_successful = unreadable.is_empty();
    let unreadable = unreadable.join(",\n");
    format!(
        "\n],\n\"invocations\": [{{\"executionSuccessful\": {is_successful}, \
         \"toolExecutionNotifications\": [{unreadable}]}}]\n}}]}}\n"
    )
}

fn result(file: &Judged<'_>, lines: &Lines<'_>, placed: &Placed) -> Value {
    let finding = &placed.finding;
    let mut location = location(file.name, lines, &placed.span);
    if let Value::Object(fields) = &mut location {
        let path = finding.error.path.to_string();
        let name = json!([{"fullyQualifiedName": path, "kind": "member"}]);
        fields.insert("logicalLocations".to_owned(), name);
    }
    json!({
        "ruleId": finding.code,
        "ruleIndex": catalogue::rules().position(|rule| rule.code == finding.code),
        "level": if placed.denies() { "error" } else { "warning" },
        "message": {"text": finding.to_string()},
        "locations": [location],
    })
}

fn location(name: &str, lines: &Lines<'_>, span: &Span) -> Value {
    let (start, end) = (lines.place(span.start), lines.place(span.end));
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(name)},
        "region": {
            "startLine": start.line, "startColumn": start.column,
            "endLine": end.line, "endColumn": end.column,
        },
    }})
}

/// A path as a URI, relative where the path is.
fn uri(name: &str) -> String {
    let mut uri = String::new();
    for component in Path::new(name).components() {
        match component {
            Component::RootDir => uri.push_str("file://"),
            Component::CurDir => continue,
            _ => {}
        }
        if !uri.is_empty() && !uri.ends_with('/') {
            uri.push('/');
        }
        if let Component::RootDir = component {
            uri.push('/');
            continue;
        }
        for byte in component.as_os_str().as_encoded_bytes() {
            match byte {
                byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => {
                    uri.push(char::from(*byte));
                }
                byte => {
                    let _ = write!(uri, "%{byte:02X}");
                }
            }
        }
    }
    uri
}
