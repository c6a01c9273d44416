//! The JSON of a review, as JavaScript gets it.

#![expect(clippy::unwrap_used, reason = "what is missing must fail its test")]

use chrono::DateTime;
use serde_json::{Value, json};
use skupper_access_manifest::answer;

const HEAD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n";
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n";

fn grant(window: &str) -> String {
    format!("{HEAD}spec: {{expirationWindow: {window}, redemptionsAllowed: 1}}\n")
}

fn review(text: &str) -> Value {
    under(text, "", None, None)
}

fn under(text: &str, settings: &str, old: Option<&str>, user: Option<Value>) -> Value {
    let now = DateTime::from_timestamp(1_795_305_600, 0).unwrap();
    answer::review(text, settings, old, user, now)
}

/// The values of a field in a list of the answer.
fn column(answer: &Value, list: &str, field: &str) -> Value {
    let rows = answer[list].as_array().unwrap();
    rows.iter().map(|row| row[field].clone()).collect()
}

/// Pieces of the text that the rows of a list name.
fn places<'a>(text: &'a str, list: &Value) -> Vec<&'a str> {
    let offset = |row: &Value, end: &str| usize::try_from(row[end].as_u64().unwrap()).unwrap();
    let rows = list.as_array().unwrap().iter();
    rows.map(|row| text.get(offset(row, "from")..offset(row, "to")).unwrap())
        .collect()
}

/// The text with the edits of a list; its offsets are those of ASCII.
fn edited(text: &str, lists: &[&Value]) -> String {
    let edits = lists.iter().flat_map(|list| list.as_array().unwrap());
    let offset = |row: &Value, end: &str| usize::try_from(row[end].as_u64().unwrap()).unwrap();
    let edits = edits.map(|row| skupper_access_manifest::edit::Edit {
        span: offset(row, "from")..offset(row, "to"),
        text: row["insert"].as_str().unwrap().to_owned(),
    });
    skupper_access_manifest::edit::applied(text, &edits.collect::<Vec<_>>())
}

#[test]
fn every_object_has_a_result() {
    let [good, bad] = [grant("24h"), grant("1 month")];
    let list = bad.trim_end().replace('\n', "\n  ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {list}\n");
    let policy = "apiVersion: policies.kubewarden.io/v1\nkind: ClusterAdmissionPolicy\nspec: {settings: {accessGrant: {maxExpirationWindow: 1h}}}\n";
    let table = [
        ("nothing", String::new(), "", json!([])),
        ("only a comment", "# a\n---\n".to_owned(), "", json!([])),
        ("good", good.clone(), "", json!(["unchanged"])),
        ("with defaults", HEAD.to_owned(), "", json!(["changed"])),
        ("bad", bad.clone(), "", json!(["refused"])),
        ("a list", list, "", json!(["refused"])),
        ("another kind", OTHER.to_owned(), "", json!(["not covered"])),
        (
            "of several, in order",
            format!("{good}---\n{OTHER}---\n{bad}"),
            "",
            json!(["unchanged", "not covered", "refused"]),
        ),
        (
            "settings",
            good.clone(),
            "accessGrant: {maxExpirationWindow: 1h}\n",
            json!(["refused"]),
        ),
        (
            "settings in a policy",
            good.clone(),
            policy,
            json!(["refused"]),
        ),
        (
            "settings of a comment",
            good.clone(),
            "# none\n",
            json!(["unchanged"]),
        ),
        (
            "settings that are not valid",
            good.clone(),
            "rule: 1\n",
            json!([]),
        ),
        (
            "a check of the checker",
            good.replace("west", "west, labels: {a: 1}"),
            "",
            json!(["refused"]),
        ),
        (
            "nearly ours",
            "kind: AccessGrant\n".to_owned(),
            "",
            json!(["refused"]),
        ),
        (
            "a version nobody serves",
            good.replace("v2alpha1", "v9"),
            "",
            json!(["unchanged"]),
        ),
        (
            "a kind nobody has",
            good.replace("Grant", "Grand"),
            "",
            json!(["not covered"]),
        ),
    ];
    for (name, text, settings, expected) in table {
        let answer = under(&text, settings, None, None);
        assert_eq!(
            column(&answer, "objects", "result"),
            expected,
            "{name}: {answer}"
        );
    }
}

#[test]
fn a_refusal_says_what_where_and_what_to_write() {
    let text = format!("# \u{1f600}\n{}", grant("1 day"));
    let answer = review(&text);
    let start = "# \u{1f600}\n".encode_utf16().count();
    let at = text.find("1 day").unwrap() - "\u{1f600}".len() + 2;
    let path =
        "spec.expirationWindow: Invalid value: \"1 day\": must be a Go duration: write '24h'";
    assert_eq!(
        answer,
        json!({
            "objects": [{
                "kind": "AccessGrant", "name": "west", "resource": "accessgrant.skupper.io/west",
                "result": "refused", "operation": "CREATE", "isUnmatched": false, "warnings": [],
                "message": format!("AccessGrant.skupper.io \"west\" is invalid: {path}"),
                "from": start, "to": start + 31, "stored": [],
                "document": {"from": 0, "to": text.encode_utf16().count()},
            }],
            "findings": [{
                "code": "grant-window-format", "severity": "deny", "target": "value",
                "path": "spec.expirationWindow", "text": path, "from": at, "to": at + 5,
                "fix": {"from": at, "to": at + 5, "insert": "24h", "shown": "24h"},
            }],
            "unreadable": [], "notes": [], "hidden": [],
            "old": {"unreadable": []}, "settings": {"findings": []},
        })
    );
}

#[test]
fn what_is_stored_can_be_shown_without_secrets() {
    let text = format!("{HEAD}spec:\n  code: CANARY-CANARY-CANARY # CANARY\n");
    let answer = review(&text);
    let (hidden, stored) = (&answer["hidden"], &answer["objects"][0]["stored"]);
    let written = format!("{HEAD}spec:\n  code: \"***\"\n");
    assert_eq!(edited(&text, &[hidden]), written);
    let expected = format!("{written}  expirationWindow: 15m\n  redemptionsAllowed: 1\n");
    assert_eq!(edited(&text, &[hidden, stored]), expected);
    assert!(!answer.to_string().contains("CANARY"), "{answer}");
}

#[test]
fn what_an_alias_brings_along_is_stored_as_a_whole() {
    let text = format!("{HEAD}status: &s {{redemptionsAllowed: 2}}\nspec: *s\n");
    let answer = review(&text);
    let stored = edited(&text, &[&answer["objects"][0]["stored"]]);
    let spec = "spec: {expirationWindow: 15m, redemptionsAllowed: 2}\n";
    assert!(stored.ends_with(spec), "{stored}");
}

#[test]
fn an_update_is_compared_with_the_old_object_of_its_kind_and_name() {
    let frozen = "status: {expirationTime: \"2027-01-01T00:00:00Z\"}\n";
    let named = |window: &str, name: &str| grant(window).replace("west", name);
    let old = format!(
        "{}{frozen}---\n{}{frozen}---\na: [",
        named("24h", "east"),
        named("1h", "west")
    );
    let text = format!("{}---\n{}", named("24h", "west"), named("24h", "north"));
    let answer = under(&text, "", Some(&old), None);
    assert_eq!(
        column(&answer, "objects", "operation"),
        json!(["UPDATE", "CREATE"])
    );
    assert_eq!(
        column(&answer, "objects", "isUnmatched"),
        json!([false, true])
    );
    assert_eq!(
        column(&answer, "objects", "result"),
        json!(["refused", "unchanged"])
    );
    assert_eq!(
        column(&answer, "findings", "code"),
        json!(["grant-window-frozen"])
    );
    assert_eq!(answer["old"]["unreadable"].as_array().unwrap().len(), 1);
}

#[test]
fn who_asks_is_told_to_the_policy() {
    let text = "apiVersion: authentication.k8s.io/v1\nkind: TokenRequest\nmetadata: {name: a}\nspec: {audiences: [\"\"]}\n";
    let nodes = json!({"username": "system:node:a", "groups": ["system:nodes"]});
    let result = |user| under(text, "", None, user)["objects"][0]["result"].clone();
    assert_eq!(result(None), "refused");
    assert_eq!(result(Some(nodes)), "unchanged");
}

#[test]
fn what_stands_in_settings_is_marked_where_it_stands() {
    let table = [
        ("a value", "accessToken: {maxLinkCost: 0}\n", vec!["0"]),
        ("what cannot be read", "a: \"b\n", vec!["b"]),
        ("several documents", "a: 1\n---\nb: 1\n", vec!["a"]),
    ];
    for (name, settings, expected) in table {
        let answer = under(HEAD, settings, None, None);
        assert!(answer["settings"]["message"].is_string(), "{name}");
        let places = places(settings, &answer["settings"]["findings"]);
        assert_eq!(places, expected, "{name}: {answer}");
    }
}

#[test]
fn of_a_value_over_several_lines_the_key_is_marked() {
    let text = format!("{HEAD}spec:\n  issuer: |\n    a b\n    c\n");
    let answer = review(&text);
    assert!(
        places(&text, &answer["findings"]).contains(&"issuer"),
        "{answer}"
    );
}

#[test]
fn what_cannot_be_read_is_marked_by_a_character_at_least() {
    for text in [
        "a: \"b",
        "a: \"b\n",
        "a: [\n\n",
        "\t",
        "a: b: c\n",
        "---x\n",
        "]",
    ] {
        let answer = review(text);
        let places = places(text, &answer["unreadable"]);
        let is_shown = |place: &&str| !(place.is_empty() || place.contains('\n'));
        assert!(
            !places.is_empty() && places.iter().all(is_shown),
            "{text:?}: {answer}"
        );
    }
}
