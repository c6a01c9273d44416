//! Fixes and defaults are written into a text, and nothing else changes.

use skupper_access_manifest::context::Context;
use skupper_access_manifest::fix::fix;
use skupper_access_manifest::judge::judge;
use skupper_access_policy::settings::Settings;
use test_support::{cases_of_pages, now};

const GRANT: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n";

/// The text after a fix; the same where nothing can be written.
fn fixed(text: &str, settings: &Settings) -> String {
    let context = Context::new(settings, now());
    fix(text, &judge(text, &context), &context)
        .text
        .unwrap_or_else(|| text.to_owned())
}

/// Name, what stands behind the head of a grant, and what stands there after the fix.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "a plain value",
        "spec:\n  redemptionsAllowed: 1\n  expirationWindow: 1 day # c\n",
        "spec:\n  redemptionsAllowed: 1\n  expirationWindow: 24h # c\n",
    ),
    (
        "double quotes",
        "spec:\n  redemptionsAllowed: 1\n  expirationWindow: \"1 day\"   # c\n",
        "spec:\n  redemptionsAllowed: 1\n  expirationWindow: \"24h\"   # c\n",
    ),
    (
        "single quotes",
        "spec:\n  redemptionsAllowed: 1\n  expirationWindow: '1 day'\n",
        "spec:\n  redemptionsAllowed: 1\n  expirationWindow: '24h'\n",
    ),
    (
        "a block scalar",
        "spec:\n  expirationWindow: |-\n    1 day\n  redemptionsAllowed: 1\n",
        "spec:\n  expirationWindow: 24h\n  redemptionsAllowed: 1\n",
    ),
    (
        "two lines",
        "spec:\n  expirationWindow: 1\n    day\n  redemptionsAllowed: 1\n",
        "spec:\n  expirationWindow: 24h\n  redemptionsAllowed: 1\n",
    ),
    (
        "a tag",
        "spec: {redemptionsAllowed: 1, expirationWindow: !!str 1 day}\n",
        "spec: {redemptionsAllowed: 1, expirationWindow: !!str 24h}\n",
    ),
    (
        "a default behind the last field",
        "spec:\n  # above\n  expirationWindow: 1h # right\n  # below\n",
        "spec:\n  # above\n  expirationWindow: 1h # right\n  redemptionsAllowed: 1\n  # below\n",
    ),
    (
        "flow style",
        "spec: {expirationWindow: 1 day} # c\n",
        "spec: {expirationWindow: 24h, redemptionsAllowed: 1} # c\n",
    ),
    (
        "an empty mapping",
        "spec: {}\n",
        "spec: {expirationWindow: 15m, redemptionsAllowed: 1}\n",
    ),
    (
        "flow style over lines",
        "spec: {\n    expirationWindow: 1h\n  }\n",
        "spec: {\n    expirationWindow: 1h,\n    redemptionsAllowed: 1\n  }\n",
    ),
    (
        "flow style with a comma at the end",
        "spec: {expirationWindow: 1h, }\n",
        "spec: {expirationWindow: 1h, redemptionsAllowed: 1, }\n",
    ),
    (
        "quoted keys",
        "\"spec\":\n  \"expirationWindow\": \"1h\"\n",
        "\"spec\":\n  \"expirationWindow\": \"1h\"\n  \"redemptionsAllowed\": 1\n",
    ),
    (
        "no spec",
        "",
        "spec:\n  expirationWindow: 15m\n  redemptionsAllowed: 1\n",
    ),
    (
        "an empty spec",
        "spec: # c\n",
        "spec: # c\n  expirationWindow: 15m\n  redemptionsAllowed: 1\n",
    ),
    (
        "null",
        "spec: ~\n",
        "spec: {expirationWindow: 15m, redemptionsAllowed: 1}\n",
    ),
    (
        "an empty field",
        "spec:\n  redemptionsAllowed: # how many\n  expirationWindow: \"\"\n",
        "spec:\n  redemptionsAllowed: 1 # how many\n  expirationWindow: \"15m\"\n",
    ),
    (
        "an empty field in flow style",
        "spec: {redemptionsAllowed: , expirationWindow: 1h}\n",
        "spec: {redemptionsAllowed: 1, expirationWindow: 1h}\n",
    ),
    (
        "no line end",
        "spec:\n  expirationWindow: 1h",
        "spec:\n  expirationWindow: 1h\n  redemptionsAllowed: 1",
    ),
    (
        "an alias as value",
        "x: &window 1 day\nspec:\n  redemptionsAllowed: 1\n  expirationWindow: *window\n",
        "x: &window 1 day\nspec:\n  redemptionsAllowed: 1\n  expirationWindow: 24h\n",
    ),
    (
        "a merge",
        "x: &base {expirationWindow: 1 day}\nspec:\n  <<: *base\n  redemptionsAllowed: 1\n",
        "x: &base {expirationWindow: 1 day}\nspec:\n  <<: *base\n  redemptionsAllowed: 1\n  expirationWindow: 24h\n",
    ),
    (
        "behind a block that keeps its lines",
        "spec:\n  expirationWindow: 1h\n  code: |+\n    0123456789abcdef\n\n---\n",
        "spec:\n  expirationWindow: 1h\n  code: |+\n    0123456789abcdef\n\n---\n",
    ),
    (
        "Windows line ends",
        "spec:\r\n  expirationWindow: 1 day\r\n",
        "spec:\r\n  expirationWindow: 24h\r\n  redemptionsAllowed: 1\r\n",
    ),
    (
        "other letters",
        "# ä😀\nspec: {expirationWindow: 1 day} # ä😀\n",
        "# ä😀\nspec: {expirationWindow: 24h, redemptionsAllowed: 1} # ä😀\n",
    ),
    (
        "indentation of four",
        "spec:\n    expirationWindow: 1h\n",
        "spec:\n    expirationWindow: 1h\n    redemptionsAllowed: 1\n",
    ),
    (
        "nothing to do",
        "spec:\n  redemptionsAllowed: 3\n  expirationWindow: 1h\n",
        "spec:\n  redemptionsAllowed: 3\n  expirationWindow: 1h\n",
    ),
    (
        "what has no certain fix",
        "spec:\n  expirationWindow: 1 month\n",
        "spec:\n  expirationWindow: 1 month\n",
    ),
    (
        "two documents",
        "spec: {expirationWindow: 1 day, redemptionsAllowed: 1}\n--- # two\nkind: ConfigMap\nx: 1 day\n",
        "spec: {expirationWindow: 24h, redemptionsAllowed: 1}\n--- # two\nkind: ConfigMap\nx: 1 day\n",
    ),
];

#[test]
fn everything_but_the_value_stays_as_it_was() {
    for (name, before, after) in TABLE {
        // With Windows line ends everywhere, or nowhere.
        let head = if before.contains('\r') {
            GRANT.replace('\n', "\r\n")
        } else {
            GRANT.to_owned()
        };
        let text = fixed(&(head.clone() + before), &Settings::default());
        assert_eq!(text, head + after, "{name}");
    }
}

#[test]
fn lists_and_json_are_written_in_their_own_style() {
    let grant = r#"{"apiVersion":"skupper.io/v2alpha1","kind":"AccessGrant","metadata":{"name":"west"},"spec":{"expirationWindow":"1 day"}}"#;
    let fixed_grant = r#"{"apiVersion":"skupper.io/v2alpha1","kind":"AccessGrant","metadata":{"name":"west"},"spec":{"expirationWindow":"24h", "redemptionsAllowed": 1}}"#;
    let table = [
        ("JSON", grant.to_owned(), fixed_grant.to_owned()),
        (
            "JSON over lines",
            "{\n\t\"apiVersion\": \"skupper.io/v2alpha1\",\n\t\"kind\": \"AccessGrant\",\n\t\"metadata\": {\"name\": \"west\"}\n}\n".to_owned(),
            "{\n\t\"apiVersion\": \"skupper.io/v2alpha1\",\n\t\"kind\": \"AccessGrant\",\n\t\"metadata\": {\"name\": \"west\"},\n\t\"spec\": {\"expirationWindow\": \"15m\", \"redemptionsAllowed\": 1}\n}\n".to_owned(),
        ),
        (
            "a List",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: skupper.io/v2alpha1\n  kind: AccessGrant\n  metadata: {name: west}\n- apiVersion: skupper.io/v2alpha1 # c\n  kind: AccessGrant\n  metadata: {name: east}\n  spec:\n    expirationWindow: 1 day\n".to_owned(),
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: skupper.io/v2alpha1\n  kind: AccessGrant\n  metadata: {name: west}\n  spec:\n    expirationWindow: 15m\n    redemptionsAllowed: 1\n- apiVersion: skupper.io/v2alpha1 # c\n  kind: AccessGrant\n  metadata: {name: east}\n  spec:\n    expirationWindow: 24h\n    redemptionsAllowed: 1\n".to_owned(),
        ),
        (
            "a list of the kind",
            "apiVersion: skupper.io/v2alpha1\nkind: AccessGrantList\nitems:\n- metadata: {name: west}\n  spec: {expirationWindow: 1h}\n".to_owned(),
            "apiVersion: skupper.io/v2alpha1\nkind: AccessGrantList\nitems:\n- metadata: {name: west}\n  spec: {expirationWindow: 1h, redemptionsAllowed: 1}\n".to_owned(),
        ),
    ];
    for (name, before, after) in table {
        assert_eq!(fixed(&before, &Settings::default()), after, "{name}");
    }
}

#[test]
fn every_example_of_the_pages_is_fixed_once_and_for_all() {
    let mut changed = 0;
    for example in cases_of_pages() {
        let settings = Settings::read(&example.settings()).unwrap();
        let (name, object) = (&example.name, &example.written);
        let context = Context::new(&settings, now());
        let contents = judge(object, &context);
        let outcome = fix(object, &contents, &context);
        assert!(outcome.unwritten.is_empty(), "{name}: not written");
        let Some(text) = outcome.text else {
            continue;
        };
        changed += 1;
        let again = judge(&text, &context);
        let objects = again
            .documents
            .iter()
            .flat_map(|document| &document.objects);
        for judged in objects {
            let is_fixed =
                |placed: &skupper_access_manifest::judge::Placed| placed.finding.fix.is_none();
            assert!(judged.findings.iter().all(is_fixed), "{name}: {text}");
            assert!(
                judged.answer.get("mutatedObject").is_none(),
                "{name}: {text}"
            );
        }
        let second = fix(&text, &again, &context);
        assert!(
            second.text.is_none() && second.unwritten.is_empty(),
            "{name}: {text}"
        );
        let comments = |text: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.split_once(" # "));
            lines.map(|(_, comment)| comment.to_owned()).collect()
        };
        assert_eq!(comments(&text), comments(object), "{name}");
    }
    assert!(changed > 60, "{changed} examples were changed");
}
