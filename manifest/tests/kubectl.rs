//! Manifests are read as kubectl reads them: every row of the recorded tables.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use skupper_access_manifest::decode;
use skupper_access_manifest::reader::objects::of_document;
use skupper_access_manifest::reader::read;

/// Rows that kubectl reads and the checker refuses. Nothing is read as something else.
const REFUSED: &[&str] = &[
    "value: {a:}",
    "value: \"a\"#c",
    "value: \"a\nb\"",
    "value: 'a\nb'",
    "value: \"a\n\tb\"",
    "value: \"\\'\"",
    "value: |# comment\n    a",
    "alias as a key without a blank",
    "next line as a line end",
    "line separator as a line end",
    "line separator in quotes",
    "paragraph separator in a block",
    "next line in a block",
];

/// Rows that kubectl refuses and the checker judges all the same.
const JUDGED: &[&str] = &["List in a List"];

/// Result of a row, by kubectl or by the checker: the objects, or an error.
fn outcome(objects: Option<Vec<Value>>) -> Value {
    objects.map_or("an error".into(), |objects| {
        objects.iter().map(same).collect()
    })
}

fn checker(text: &str) -> Option<Vec<Value>> {
    let mut objects = Vec::new();
    for document in read(text) {
        objects.extend(of_document(&document.ok()?.value().ok()?));
    }
    let objects: Vec<Value> = objects.into_iter().map(|object| object.value).collect();
    // What is no object and what has no kind are skipped, not judged.
    let is_one = |object: &Value| object["kind"].is_string() && object.get("items").is_none();
    objects.iter().all(is_one).then_some(objects)
}

#[test]
fn every_row_is_read_as_kubectl_reads_it() {
    let rows: Value = serde_json::from_str(include_str!("../../tests/yaml/kubectl.json")).unwrap();
    let rows = rows.as_array().unwrap();
    let mut wrong = Vec::new();
    for row in rows {
        let name = row["name"].as_str().unwrap();
        if JUDGED.contains(&name) {
            continue;
        }
        let recorded = (row.get("error").is_none()).then(|| match row.get("documents") {
            Some(documents) => documents.as_array().unwrap().clone(),
            None => Vec::new(),
        });
        let is_refused = REFUSED.contains(&name);
        let expected = outcome(recorded.filter(|_| !is_refused));
        let found = outcome(checker(row["yaml"].as_str().unwrap_or_default()));
        if found != expected {
            wrong.push(format!("{name}\n   {found}\n   {expected}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

#[test]
fn bytes_become_the_text_that_kubectl_sees() {
    let rows = include_str!("../../tests/yaml/kubectl-bytes.json");
    let rows: Value = serde_json::from_str(rows).unwrap();
    for row in rows.as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let bytes = STANDARD.decode(row["base64"].as_str().unwrap()).unwrap();
        let recorded = row
            .get("documents")
            .map(|rows| rows.as_array().unwrap().clone());
        let found = outcome(checker(&decode(&bytes)));
        assert_eq!(found, outcome(recorded), "{name}");
    }
}

#[test]
fn only_known_rows_differ() {
    let rows = include_str!("../../tests/yaml/kubectl.json");
    for name in REFUSED.iter().chain(JUDGED) {
        let name = json!({ "name": name }).to_string();
        assert!(rows.contains(name.trim_matches(['{', '}'])), "{name}");
    }
}

/// Kubernetes knows integers of 63 bits and doubles, and tells `1.0` from `1` in none of its fields.
fn same(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), same(value)))
                .collect()
        }
        Value::Array(elements) => elements.iter().map(same).collect(),
        Value::Number(number) if number.as_i64().is_none() => {
            let float = number.as_f64().unwrap_or_default();
            skupper_access_manifest::float_value(float)
        }
        other => other.clone(),
    }
}
