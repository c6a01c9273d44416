//! Reports name files from the root of the repository, from wherever the command runs.

use serde_json::{Value, json};

use crate::examples::NOW;
use crate::folder::Folder;

const BAD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1 day}\n";

fn repository() -> Folder {
    Folder::with(&[
        ("repository/.git/HEAD", ""),
        ("repository/in fra/deploy/grant.yml", BAD),
        ("elsewhere/grant.yml", BAD),
    ])
}

/// A claim, the folder of the command, variables, paths, and the name of the file.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a [&'a str],
    &'a str,
);

#[test]
fn a_file_has_one_name_from_wherever_it_is_reached() {
    let folder = repository();
    let top = folder.path().canonicalize().unwrap();
    let at = |path: &str| top.join(path).to_str().unwrap().to_owned();
    let (whole, root, above) = (at("repository/in fra"), at("repository"), at("."));
    let given = format!("--root={above}");
    let none: &[(&str, &str)] = &[];
    let workspace: &[(&str, &str)] = &[("GITHUB_WORKSPACE", &above)];
    let table: [Row<'_>; 9] = [
        (
            "at the root",
            "repository",
            none,
            &["in fra/"],
            "in fra/deploy/grant.yml",
        ),
        (
            "below",
            "repository/in fra",
            none,
            &["deploy"],
            "in fra/deploy/grant.yml",
        ),
        (
            "a pattern",
            "repository/in fra",
            none,
            &["*/*.yml"],
            "in fra/deploy/grant.yml",
        ),
        (
            "a whole path",
            "repository/in fra",
            none,
            &[&whole],
            "in fra/deploy/grant.yml",
        ),
        (
            "up and down",
            "repository/in fra/deploy",
            none,
            &["../deploy"],
            "in fra/deploy/grant.yml",
        ),
        (
            "GitHub's folder",
            "repository",
            workspace,
            &["in fra"],
            "repository/in fra/deploy/grant.yml",
        ),
        (
            "a folder that is given",
            "repository",
            none,
            &[&given, "in fra"],
            "repository/in fra/deploy/grant.yml",
        ),
        (
            "the given one before GitHub's",
            "repository",
            workspace,
            &["--root=in fra", "in fra"],
            "deploy/grant.yml",
        ),
        ("outside", "repository", none, &["../elsewhere"], ""),
    ];
    for (name, here, variables, arguments, expected) in table {
        let run = |output: &str| {
            let arguments = [&[NOW, output], arguments].concat();
            folder.run_in(here, "", variables, &arguments).output
        };
        let said: Value = serde_json::from_str(&run("-o=sarif")).unwrap();
        let result = &said["runs"][0]["results"][0]["locations"][0];
        let artifact = &result["physicalLocation"]["artifactLocation"];
        let base = &said["runs"][0]["originalUriBaseIds"]["%SRCROOT%"]["uri"];
        let elsewhere = at("elsewhere/grant.yml");
        let path = if expected.is_empty() {
            elsewhere.as_str()
        } else {
            expected
        };
        let uri = path.replace(' ', "%20");
        if expected.is_empty() {
            assert_eq!(*artifact, json!({"uri": format!("file://{uri}")}), "{name}");
            assert_eq!(*base, format!("file://{root}/"), "{name}");
        } else {
            assert_eq!(
                *artifact,
                json!({"uri": uri, "uriBaseId": "%SRCROOT%"}),
                "{name}"
            );
            let whole = format!("{}{uri}", base.as_str().unwrap());
            let place = at("repository/in fra/deploy/grant.yml").replace(' ', "%20");
            assert_eq!(whole, format!("file://{place}"), "{name}");
        }
        let annotation = run("-o=github");
        assert!(
            annotation.starts_with(&format!("::error file={path},line=4,")),
            "{name}: {annotation}"
        );
        let said: Value = serde_json::from_str(&run("-o=json")).unwrap();
        assert_eq!(said["objects"][0]["file"], path, "{name}");
    }
}

#[test]
fn standard_input_has_no_file() {
    let folder = repository();
    let run = |output: &str| folder.run_with(BAD, &[NOW, output, "-"]).output;
    let said: Value = serde_json::from_str(&run("-o=json")).unwrap();
    assert_eq!(said["objects"][0]["file"], Value::Null);
    let said: Value = serde_json::from_str(&run("-o=sarif")).unwrap();
    let locations = &said["runs"][0]["results"][0]["locations"];
    assert_eq!(locations[0].get("physicalLocation"), None);
    assert!(
        run("-o=github").starts_with("::error title=grant-window-format::<stdin>, line 4: spec.")
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = repository();
    let ended = folder.run_in(
        "repository",
        "",
        &[],
        &["-o=json", "in fra/absent.yml", "no*.yml"],
    );
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    let files: Vec<&Value> = said["unreadable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unreadable| &unreadable["file"])
        .collect();
    assert_eq!(files, ["in fra/absent.yml", "no*.yml"]);
}

#[test]
fn a_file_by_several_names_is_judged_once() {
    let folder = repository();
    let whole = folder.path().join("elsewhere/grant.yml");
    let paths = [
        "elsewhere/grant.yml",
        "./elsewhere/grant.yml",
        "repository/../elsewhere/grant.yml",
        whole.to_str().unwrap(),
        "elsewhere",
        "elsewhere/*.yml",
    ];
    let ended = folder.run(&[&[NOW], paths.as_slice()].concat());
    assert!(
        ended
            .output
            .ends_with("1 object in 1 file: 1 refused, 1 error, 0 warnings\n"),
        "{}",
        ended.output
    );
}

#[test]
fn a_root_must_be_a_folder() {
    let ended = repository().run(&["--root=absent", "elsewhere"]);
    assert_eq!(
        ended.errors,
        "error: '--root' must be a folder: absent is none\n"
    );
    assert_eq!(ended.code, 2);
}
