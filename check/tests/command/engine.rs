//! `-o json` gives the answers of the policy's own crate, value for value.

use serde_json::{Value, json};
use skupper_access_policy::answer::of_verdict;
use skupper_access_policy::review_object;
use skupper_access_policy::settings::Settings;

use crate::examples::{NOW, examples, now};
use crate::folder::Folder;

/// The answer of the crate, but for what it says about templates that were not rendered: the checker
/// notes them instead.
fn without_templates(mut answer: Value) -> Value {
    let is_template = |text: &Value| {
        let text = text.pointer("/text").and_then(Value::as_str);
        text.is_some_and(|text| text.contains("this is a template that was not rendered"))
    };
    let Some(findings) = answer
        .pointer_mut("/findings")
        .and_then(Value::as_array_mut)
    else {
        return answer;
    };
    let before = findings.len();
    findings.retain(|finding| !is_template(finding));
    let is_refused = findings
        .iter()
        .any(|finding| finding.pointer("/severity") == Some(&json!("deny")));
    if let (true, Value::Object(fields)) = (findings.len() < before && !is_refused, &mut answer) {
        fields.insert("allowed".to_owned(), true.into());
        fields.insert("warnings".to_owned(), json!([]));
        fields.remove("code");
        fields.remove("message");
    }
    answer
}

/// The answer of the crate; the YAML is read by another reader.
fn of_crate(object: Value, settings: &Settings) -> Value {
    of_verdict(review_object(object, None, None, settings, now()))
}

fn parsed(output: &str) -> Value {
    serde_json::from_str(output).unwrap_or_else(|why| panic!("{why}: {output}"))
}

#[test]
fn every_rule_page_has_the_same_answers() {
    let examples = examples();
    assert!(examples.len() > 200, "{} examples", examples.len());
    let names: Vec<String> = (0..examples.len())
        .map(|number| format!("{number:03}.yml"))
        .collect();
    let plain = names
        .iter()
        .zip(&examples)
        .filter(|(_, example)| example.settings.is_none());
    let (names, plain): (Vec<&String>, Vec<_>) = plain.unzip();
    let files: Vec<(&str, &str)> = names
        .iter()
        .zip(&plain)
        .map(|(name, example)| (name.as_str(), example.object.text.as_str()))
        .collect();
    let folder = Folder::with(&files);
    let said = folder.run(&["-o=json", "--show-secrets", NOW, "."]);
    let said = parsed(&said.output);
    let objects = said["objects"].as_array().unwrap();
    assert_eq!(objects.len(), plain.len());
    for (example, object) in plain.iter().zip(objects) {
        let expected = of_crate(
            serde_saphyr::from_str(&example.object.text).unwrap(),
            &Settings::default(),
        );
        assert_eq!(
            object["answer"],
            without_templates(expected),
            "{}",
            example.name
        );
        let findings = object["answer"]["findings"].as_array().unwrap();
        assert_eq!(object["places"].as_array().unwrap().len(), findings.len());
    }
}

#[test]
fn every_rule_page_with_settings_has_the_same_answers() {
    for example in examples() {
        let Some(settings) = &example.settings else {
            continue;
        };
        let folder = Folder::with(&[
            ("object.yml", &example.object.text),
            ("settings.yml", &settings.text),
        ]);
        let settings: Value = serde_saphyr::from_str(&settings.text).unwrap();
        let settings = Settings::read(&settings).unwrap();
        let said = folder.run(&[
            "-o=json",
            "--show-secrets",
            NOW,
            "-s=settings.yml",
            "object.yml",
        ]);
        let expected = of_crate(
            serde_saphyr::from_str(&example.object.text).unwrap(),
            &settings,
        );
        let said = parsed(&said.output);
        let expected = without_templates(expected);
        assert_eq!(said["objects"][0]["answer"], expected, "{}", example.name);
    }
}

#[test]
fn every_recorded_object_has_the_same_answer() {
    let reviews = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reviews");
    let mut judged = 0;
    for entry in std::fs::read_dir(reviews).unwrap() {
        let path = entry.unwrap().path();
        let review: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let request = review.get("request").unwrap_or(&review);
        let object = &request["object"];
        if !object.is_object() {
            continue;
        }
        let folder = Folder::with(&[("object.json", &object.to_string())]);
        let said = folder.run(&["-o=json", "--show-secrets", NOW, "object.json"]);
        let said = parsed(&said.output);
        let expected = of_crate(object.clone(), &Settings::default());
        if expected["auditAnnotations"].get("not-covered").is_some() {
            assert_eq!(said["objects"], json!([]), "{}", path.display());
            continue;
        }
        judged += 1;
        assert_eq!(said["objects"][0]["answer"], expected, "{}", path.display());
    }
    assert!(judged > 20, "{judged} objects");
}

#[test]
fn every_row_of_the_tables_of_durations_has_the_same_answer() {
    let rewriting = r#"{"accessGrant": {"rewriteWindows": true}}"#;
    let seen = include_str!("../../../tests/durations/expiration-window-seen.json");
    let go = include_str!("../../../tests/durations/go-durations.json");
    for (name, table, key, settings) in [
        ("seen", seen, "value", "{}"),
        ("seen and rewritten", seen, "value", rewriting),
        ("Go's", go, "in", "{}"),
    ] {
        let rows: Value = serde_json::from_str(table).unwrap();
        let grants: Vec<Value> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| grant(&row[key]))
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": grants});
        let folder = Folder::with(&[
            ("list.json", &list.to_string()),
            ("settings.json", settings),
        ]);
        let said = folder.run(&[
            "-o=json",
            "--show-secrets",
            NOW,
            "-s=settings.json",
            "list.json",
        ]);
        let said = parsed(&said.output);
        let objects = said["objects"].as_array().unwrap();
        assert_eq!(objects.len(), grants.len());
        let settings = Settings::read(&serde_json::from_str(settings).unwrap()).unwrap();
        for (object, grant) in objects.iter().zip(grants) {
            let window = grant["spec"]["expirationWindow"].to_string();
            assert_eq!(
                object["answer"],
                of_crate(grant, &settings),
                "{name}: {window}"
            );
        }
    }
}

fn grant(window: &Value) -> Value {
    json!({
        "apiVersion": "skupper.io/v2alpha1",
        "kind": "AccessGrant",
        "metadata": {"name": "west"},
        "spec": {"expirationWindow": window},
    })
}
