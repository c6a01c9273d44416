//! Manifests are read as kubectl reads them: every row of the recorded tables.

use serde_json::{Value, json};
use skupper_access_check::manifest::read;

fn table(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_row_is_read_as_kubectl_reads_it() {
    let rows = table(include_str!("../../tests/yaml/kubectl.json"));
    let mut wrong = Vec::new();
    for row in &rows {
        let name = row["name"].as_str().unwrap();
        let text = row["yaml"].as_str().unwrap_or_default();
        let objects: Result<Vec<Value>, String> = read(text)
            .into_iter()
            .map(|document| {
                let document = document.map_err(|unreadable| unreadable.problem)?;
                document.value().map_err(|(_, problem)| problem.to_owned())
            })
            .collect();
        let is_error = row["error"] == true;
        let found = match objects {
            Ok(objects) => json!(objects.iter().map(same).collect::<Vec<_>>()),
            Err(problem) => {
                if !is_error {
                    eprintln!("{problem}");
                }
                json!("error")
            }
        };
        let expected = if is_error {
            json!("error")
        } else {
            json!(
                row.get("documents")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .map(same)
                    .collect::<Vec<_>>()
            )
        };
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

fn same(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), same(value)))
            .collect(),
        Value::Array(elements) => elements.iter().map(same).collect(),
        Value::Number(number) if number.as_i64().is_none() => number.as_f64().into(),
        other => other.clone(),
    }
}
