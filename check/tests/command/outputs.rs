//! The four forms of output, to the letter.

use serde_json::{Value, json};

use crate::examples::NOW;
use crate::folder::Folder;

const MANIFEST: &str = "\
apiVersion: skupper.io/v2alpha1
kind: AccessGrant
metadata:
  name: west
spec:
  expirationWindow: \"1 day\" # ä
---
apiVersion: skupper.io/v2alpha1
kind: AccessToken
metadata: {name: to-west}
spec:
  url: https://a.example/x
  code: an-example-and-not-a-secret
  linkCost: 0
  size: large
---
a: [
---
kind: ConfigMap
apiVersion: v1
";

const SOURCE: &str = include_str!("../../../policy-metadata.yml");

/// The published address.
fn source() -> &'static str {
    let (_, rest) = SOURCE.split_once("io.kubewarden.policy.source: ").unwrap();
    rest.lines().next().unwrap()
}

fn page(code: &str) -> String {
    format!("{}/blob/main/rules/{code}.md", source())
}

#[test]
fn text_reads_as_rustc_prints() {
    let folder = Folder::with(&[("deploy/all.yml", MANIFEST)]);
    let ended = folder.run(&[NOW, "deploy"]);
    let expected = format!(
        "\
error[grant-window-format]: spec.expirationWindow: Invalid value: \"1 day\": must be a Go duration: write '24h'
 --> deploy/all.yml:6:21
  |
6 |   expirationWindow: \"1 day\" # ***
  |                     ^^^^^^^
  |
  = help: write spec.expirationWindow: \"24h\"
  = note: {}

error[token-cost-range]: spec.linkCost: Invalid value: 0: must be from 1 to 2147483647
  --> deploy/all.yml:14:13
   |
14 |   linkCost: 0
   |             ^
   |
   = note: {}

warning[unknown-field]: spec.size: Forbidden: unknown field, Skupper does not have it
  --> deploy/all.yml:15:3
   |
15 |   size: ***
   |   ^^^^
   |
   = note: {}

warning[token-ca-missing]: spec.ca: Required value: Skupper after 2.2.1 does not redeem a token without it: copy status.ca of the AccessGrant
  --> deploy/all.yml:11:1
   |
11 | spec:
   | ^^^^
   |
   = note: {}

error: cannot be read: unclosed bracket '['
--> deploy/all.yml:17:4

2 objects in 1 file: 2 refused, 2 errors, 2 warnings, 1 not readable, 1 object of another kind skipped
",
        page("grant-window-format"),
        page("token-cost-range"),
        page("unknown-field"),
        page("token-ca-missing"),
    );
    assert_eq!(ended.output, expected);
    assert_eq!((ended.code, ended.errors.as_str()), (2, ""));
}

#[test]
fn json_holds_the_answers_and_the_places() {
    let folder = Folder::with(&[("all.yml", MANIFEST)]);
    let ended = folder.run(&[NOW, "-o", "json", "all.yml"]);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    let grant = &said["objects"][0];
    let place = |line, column, end_column| json!({"line": line, "column": column, "endLine": line, "endColumn": end_column});
    assert_eq!(grant["file"], "all.yml");
    assert_eq!(grant["document"], 0);
    assert_eq!(grant["line"], 1);
    assert_eq!(grant["kind"], "AccessGrant");
    assert_eq!(grant["name"], "west");
    assert_eq!(grant["places"], json!([place(6, 21, 28)]));
    assert_eq!(
        grant["answer"]["findings"][0]["code"],
        "grant-window-format"
    );
    let token = &said["objects"][1];
    assert_eq!((&token["document"], &token["line"]), (&json!(1), &json!(8)));
    assert_eq!(
        token["places"],
        json!([place(14, 13, 14), place(15, 3, 7), place(11, 1, 5)])
    );
    assert_eq!(said["unreadable"][0]["file"], "all.yml");
    assert_eq!(said["unreadable"][0]["line"], 17);
    assert_eq!(
        said["summary"],
        json!({"files": 1, "objects": 2, "refused": 2, "denials": 2, "warnings": 2,
            "skipped": 1, "notJudged": 0, "unreadable": 1, "fixed": 0})
    );
    assert_eq!(ended.code, 2);
}

#[test]
fn sarif_names_every_rule_and_place() {
    let folder = Folder::with(&[("a folder/all.yml", MANIFEST)]);
    let ended = folder.run(&[NOW, "-o", "sarif", "./a folder"]);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["version"], "2.1.0");
    let run = &said["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["informationUri"], source());
    let rules = driver["rules"].as_array().unwrap();
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let code = result["ruleId"].as_str().unwrap();
        assert_eq!(rules[index]["helpUri"], page(code));
    }
    let first = json!({
        "ruleId": "grant-window-format",
        "ruleIndex": rules.iter().position(|rule| rule["id"] == "grant-window-format"),
        "level": "error",
        "message": {"text": "spec.expirationWindow: Invalid value: \"1 day\": must be a Go duration: write '24h'"},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20folder/all.yml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 6, "startColumn": 21, "endLine": 6, "endColumn": 28},
            },
            "logicalLocations": [{"fullyQualifiedName": "spec.expirationWindow", "kind": "member"}],
        }],
    });
    assert_eq!(run["results"][0], first);
    let levels = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["level"].clone());
    assert_eq!(
        levels.collect::<Vec<_>>(),
        ["error", "error", "warning", "warning"]
    );
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notification = &invocation["toolExecutionNotifications"][0];
    assert_eq!(
        notification["locations"][0]["physicalLocation"]["region"]["startLine"],
        17
    );
}

#[test]
fn sarif_of_a_clean_file_is_whole() {
    let folder = Folder::with(&[("clean.yml", "a: 1\n")]);
    let ended = folder.run(&["-o=sarif", "clean.yml"]);
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(said["runs"][0]["results"], json!([]));
    assert_eq!(
        said["runs"][0]["invocations"][0]["executionSuccessful"],
        true
    );
    assert_eq!(ended.code, 0);
}

#[test]
fn github_gets_one_line_for_each_finding() {
    let folder = Folder::with(&[("a,b:c%.yml", MANIFEST)]);
    let ended = folder.run(&[NOW, "-o", "github", "."]);
    let lines: Vec<&str> = ended.output.lines().collect();
    let expected = [
        format!(
            "::error file=a%2Cb%3Ac%25.yml,line=6,endLine=6,col=21,endColumn=28,title=grant-window-format\
             ::spec.expirationWindow: Invalid value: \"1 day\": must be a Go duration: write '24h'%0A{}",
            page("grant-window-format")
        ),
        format!(
            "::error file=a%2Cb%3Ac%25.yml,line=14,endLine=14,col=13,endColumn=14,title=token-cost-range\
             ::spec.linkCost: Invalid value: 0: must be from 1 to 2147483647%0A{}",
            page("token-cost-range")
        ),
    ];
    assert_eq!(lines[..2], expected);
    assert!(lines[2].starts_with("::warning file="), "{}", lines[2]);
    assert_eq!(
        lines[4],
        "::error file=a%2Cb%3Ac%25.yml,line=17,endLine=17::cannot be read: unclosed bracket '['"
    );
    assert_eq!(lines.len(), 5);
}

#[test]
fn nothing_acts_on_a_terminal() {
    let hostile = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\n\
                   spec: {expirationWindow: 1 \u{202e}day, issuer: \"\u{202e}\"}\n---\n\
                   apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n\
                   metadata: {name: west, labels: {a: \"\u{202e}\u{200b}\u{e0001}\"}}\n";
    let folder = Folder::with(&[("hostile.yml", hostile)]);
    for output in ["text", "json", "sarif", "github"] {
        let ended = folder.run(&[NOW, "-o", output, "hostile.yml"]);
        let said = ended.output + &ended.errors;
        let acts = |letter: char| letter == '\u{202e}' || letter.is_control() && letter != '\n';
        assert!(!said.contains(acts), "{output}: {said:?}");
    }
}
