//! The command: what it looks at, how it ends, what it says.

use crate::examples::NOW;
use crate::folder::Folder;

const GOOD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1h}\n";
const BAD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1 month}\n";
const WARNED: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {size: large}\n";
const BROKEN: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\na: [\n";
const HELM: &str = "kind: ConfigMap\ndata: {{ .Values.data }}\n---\na: [\n";
const OTHER: &str = "kind: ConfigMap\napiVersion: v1\n";

#[test]
fn the_exit_code_says_how_it_went() {
    let files = [
        ("good.yml", GOOD),
        ("bad.yml", BAD),
        ("warned.yml", WARNED),
        ("broken.yml", BROKEN),
        ("other.yml", OTHER),
        ("settings.yml", "rules: {grant-window-format: warn}\n"),
        ("strict.yml", "rules: {unknown-field: deny}\n"),
    ];
    let folder = Folder::with(&files);
    let table: &[(&str, &[&str], i32)] = &[
        ("nothing is wrong", &["good.yml"], 0),
        ("nothing is ours", &["other.yml"], 0),
        ("a warning", &["warned.yml"], 0),
        (
            "a warning that is to count",
            &["--deny-warnings", "warned.yml"],
            1,
        ),
        (
            "a warning that the settings make a denial",
            &["-s=strict.yml", "warned.yml"],
            1,
        ),
        ("a denial", &["bad.yml", "good.yml"], 1),
        ("a document that cannot be read", &["broken.yml"], 2),
        ("both", &["broken.yml", "bad.yml"], 2),
        ("no such file", &["absent.yml", "good.yml"], 2),
        ("no such file by pattern", &["*.yaml"], 2),
        ("a pattern", &["goo*.yml"], 0),
        ("a pattern for several", &["*d.yml"], 1),
        (
            "settings that cannot be used",
            &["-s=settings.yml", "good.yml"],
            2,
        ),
        (
            "settings that are absent",
            &["-s=absent.yml", "good.yml"],
            2,
        ),
        ("no path", &[], 2),
        ("no such option", &["--nonsense"], 2),
        ("no such form", &["-o=xml", "good.yml"], 2),
        ("no such time", &["--now=tomorrow", "good.yml"], 2),
        ("help", &["--help"], 0),
        ("version", &["--version"], 0),
        ("rules", &["--rules"], 0),
        ("a page", &["--explain", "grant-window-format"], 0),
        ("no such page", &["--explain", "window"], 2),
        ("completions", &["--completions", "bash"], 0),
        ("the manual", &["--man"], 0),
        (
            "a fix of standard input and a file",
            &["--fix", "-", "good.yml"],
            2,
        ),
        ("a fix of what is not there", &["--fix", "absent.yml"], 2),
    ];
    for (name, arguments, code) in table {
        for output in ["text", "json", "sarif", "github"] {
            let output = format!("-o={output}");
            let is_about_files = arguments.iter().any(|argument| argument.ends_with("yml"));
            let is_twice = arguments.iter().any(|argument| argument.starts_with("-o"));
            let more = if is_about_files && !is_twice {
                vec![NOW, &output]
            } else {
                vec![]
            };
            let is_time = arguments
                .iter()
                .any(|argument| argument.starts_with("--now"));
            let more = if is_time { vec![] } else { more };
            let ended = folder.run(&[*arguments, &more].concat());
            assert_eq!(
                ended.code, *code,
                "{name}: {}{}",
                ended.output, ended.errors
            );
        }
    }
}

#[test]
fn an_error_is_one_line_that_says_what_to_do() {
    let folder = Folder::with(&[("a.yml", "a: 1\n")]);
    let table: &[(&[&str], &str)] = &[
        (
            &["absent.yml"],
            "error: cannot read absent.yml: no such file or directory\n",
        ),
        (
            &["*.json"],
            "error: '*.json' matches no file: name a file, a folder or another pattern\n",
        ),
        (
            &["--fix", "-", "a.yml"],
            "error: '--fix -' prints the fixed text: give no other path and no form of output\n",
        ),
        (
            &["--fix", "-o=json", "-"],
            "error: '--fix -' prints the fixed text: give no other path and no form of output\n",
        ),
        (
            &["--show-secrets", "a.yml"],
            "error: '--show-secrets' shows them in the answers of '-o json' only: add that\n",
        ),
        (
            &["--explain", "grant-window-fromat"],
            "error: there is no rule 'grant-window-fromat': did you mean 'grant-window-format'?\n",
        ),
        (
            &["--explain", "zzz"],
            "error: there is no rule 'zzz': '--rules' lists all\n",
        ),
        (
            &["--nonsense"],
            "error: unexpected argument '--nonsense' found: try '--help'\n",
        ),
        (
            &["--now=soon", "a.yml"],
            "error: invalid value 'soon' for '--now <TIME>': must be a time such as '2026-11-22T00:00:00Z': try '--help'\n",
        ),
    ];
    for (arguments, expected) in table {
        let ended = folder.run(arguments);
        assert_eq!(ended.errors, *expected);
    }
}

#[test]
fn folders_are_searched_and_other_files_in_them_left_out() {
    let files = [
        ("in/one.yml", BAD),
        ("in/below/two.YAML", BAD),
        ("in/below/three.json", "{\"kind\": \"ConfigMap\"}"),
        ("in/four.txt", BAD),
        ("in/.git/five.yml", BAD),
        ("in/templates/six.yaml", HELM),
        ("in/seven.yml", OTHER),
    ];
    let folder = Folder::with(&files);
    let ended = folder.run(&[NOW, "in", "in/one.yml"]);
    let places: Vec<&str> = ended
        .output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--> "))
        .collect();
    let name = std::path::Path::new("in").join("below").join("two.YAML");
    assert_eq!(
        places,
        [
            format!("{}:4:26", name.display()),
            "in/one.yml:4:26".to_owned()
        ]
    );
    let last = ended.output.lines().last().unwrap();
    assert_eq!(
        last,
        "2 objects in 5 files: 2 refused, 2 errors, 0 warnings, 4 objects of other kinds skipped"
    );
    assert_eq!(ended.code, 1);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_a_folder_is_left_out() {
    let folder = Folder::with(&[("good.yml", GOOD)]);
    std::os::unix::fs::symlink("absent.yml", folder.path().join("dangling.yml")).unwrap();
    // Like a pipe, which would be waited for without end.
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket.yml")).unwrap();
    let ended = folder.run(&[NOW, "."]);
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

#[test]
fn what_is_named_must_be_readable() {
    let folder = Folder::with(&[("helm.yaml", HELM)]);
    assert_eq!(folder.run(&["."]).code, 0);
    assert_eq!(folder.run(&["helm.yaml"]).code, 2);
    assert_eq!(folder.run(&["--skip-others", "helm.yaml"]).code, 0);
    let ours = Folder::with(&[("ours.yml", BROKEN)]);
    assert_eq!(ours.run(&["--skip-others", "ours.yml"]).code, 2);
    assert_eq!(ours.run(&["."]).code, 2);
}

#[test]
fn standard_input_is_a_file() {
    let folder = Folder::with(&[]);
    let ended = folder.run_with(BAD, &[NOW, "-"]);
    assert!(
        ended.output.contains(" --> <stdin>:4:26\n"),
        "{}",
        ended.output
    );
    assert_eq!(ended.code, 1);
    assert_eq!(folder.run_with(BROKEN, &["-"]).code, 2);
    assert_eq!(folder.run_with("", &["-"]).code, 0);
}

#[test]
fn standard_input_is_fixed_to_standard_output() {
    let folder = Folder::with(&[]);
    let day = BAD.replace("1 month", "1 day");
    let table = [
        (
            "a fix",
            day.as_str(),
            0,
            "expirationWindow: 24h, redemptionsAllowed: 1",
        ),
        ("nothing certain", BAD, 1, "expirationWindow: 1 month}"),
        ("what cannot be read", BROKEN, 2, "a: [\n"),
        ("what is of others", OTHER, 0, OTHER),
    ];
    for (name, input, code, part) in table {
        let ended = folder.run_with(input, &[NOW, "--fix", "-"]);
        assert_eq!(ended.code, code, "{name}: {}", ended.errors);
        assert!(ended.output.contains(part), "{name}: {}", ended.output);
        assert!(
            ended.errors.contains(" in 1 file: "),
            "{name}: {}",
            ended.errors
        );
        assert!(!ended.output.contains(" in 1 file: "), "{name}");
    }
}

#[test]
fn json_with_comments_is_called_that() {
    let table = [
        "{ // a\n\"kind\": 1}\n",
        "{\"kind\": \"a\" /* a */}\n",
        "{\"kind\": \"a\"}\n// a\n",
        "// a\n{\"kind\": [1 2}\n",
    ];
    for text in table {
        let folder = Folder::with(&[("a.json", text)]);
        let ended = folder.run(&["a.json"]);
        let begins = ended
            .output
            .starts_with("error: cannot be read: JSON with comments, which kubectl does not read");
        assert!(begins, "{text}: {}", ended.output);
    }
}

#[test]
fn documents_beside_a_broken_one_are_judged() {
    let text = format!("{BAD}---\na: [\n---\n{GOOD}---\nb: \"\n---\n{BAD}");
    let folder = Folder::with(&[("all.yml", &text)]);
    let ended = folder.run(&[NOW, "all.yml"]);
    let last = ended.output.lines().last().unwrap();
    assert_eq!(
        last,
        "3 objects in 1 file: 2 refused, 2 errors, 0 warnings, 2 not readable"
    );
    assert_eq!(ended.code, 2);
}

#[test]
fn settings_come_from_a_file_or_from_a_policy() {
    let policy = "apiVersion: v1\nkind: Namespace\n---\napiVersion: policies.kubewarden.io/v1\nkind: ClusterAdmissionPolicy\nspec:\n  settings:\n    accessGrant:\n      rewriteWindows: true\n      maxExpirationWindow: 10 hours\n";
    let two = format!("{policy}---\n{policy}");
    let files = [
        (
            "grant.yml",
            "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 20h}\n",
        ),
        ("policy.yml", policy),
        ("two.yml", &two),
        ("none.yml", "{}\n"),
        (
            "json.json",
            "{\"accessGrant\": {\"maxExpirationWindow\": \"10h\"}}",
        ),
        (
            "without.yml",
            "apiVersion: policies.kubewarden.io/v1\nkind: AdmissionPolicy\nspec: {}\n",
        ),
        (
            "bad.yml",
            "# c\naccessGrant:\n  maxRedemptionsAllowed: 0\n  minCodeLenght: 3\n",
        ),
        (
            "bad-policy.yml",
            "apiVersion: policies.kubewarden.io/v1\nkind: AdmissionPolicy\nspec:\n  settings: {accessGrant: {maxRedemptionsAllowed: 0}}\n",
        ),
        (
            "twice.yml",
            "accessGrant: {maxExpirationWindow: 1h}\naccessGrant: {}\n",
        ),
        ("list.yml", "- a\n"),
        ("broken.yml", "a: [\n"),
        ("empty.yml", "# nothing\n"),
    ];
    let folder = Folder::with(&files);
    let table: &[(&str, i32, &str)] = &[
        ("policy.yml", 1, ""),
        ("json.json", 1, ""),
        ("none.yml", 0, ""),
        ("without.yml", 0, ""),
        (
            "two.yml",
            2,
            "error: two.yml: holds several policies: leave the one whose settings are meant\n",
        ),
        (
            "bad.yml",
            2,
            "error: bad.yml:3:26: accessGrant.maxRedemptionsAllowed: Invalid value: 0: must be from 1 to 2147483647\nerror: bad.yml:4:3: accessGrant.minCodeLenght: Forbidden: unknown setting, did you mean 'minCodeLength'?\n",
        ),
        (
            "bad-policy.yml",
            2,
            "error: bad-policy.yml:4:51: accessGrant.maxRedemptionsAllowed: Invalid value: 0: must be from 1 to 2147483647\n",
        ),
        (
            "twice.yml",
            2,
            "error: twice.yml:2:1: accessGrant: Duplicate value: stands in lines 1 and 2: kubectl takes the last, kustomize and Flux refuse the file: leave one\n",
        ),
        (
            "list.yml",
            2,
            "error: list.yml:1:1: settings: Invalid value: must be a JSON object\n",
        ),
        (
            "broken.yml",
            2,
            "error: broken.yml:1:4: unclosed bracket '['\n",
        ),
        (
            "empty.yml",
            2,
            "error: empty.yml: holds no settings: write '{}' for none\n",
        ),
    ];
    for (settings, code, errors) in table {
        let ended = folder.run(&[NOW, "-s", settings, "grant.yml"]);
        assert_eq!(
            (ended.code, ended.errors.as_str()),
            (*code, *errors),
            "{settings}"
        );
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = Folder::with(&[("bad.yml", BAD)]);
    let table = [("auto", false), ("never", false), ("always", true)];
    for (color, expected) in table {
        let ended = folder.run(&[&format!("--color={color}"), "bad.yml"]);
        assert_eq!(ended.output.contains('\u{1b}'), expected, "{color}");
    }
}

#[test]
fn the_hooks_of_pre_commit_name_the_command() {
    let hooks = include_str!("../../../.pre-commit-hooks.yaml");
    let hooks: serde_json::Value = serde_saphyr::from_str(hooks).unwrap();
    let hooks = hooks.as_array().unwrap();
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        let mut entry = hook["entry"].as_str().unwrap().split(' ');
        // What tools keep beside the sources is nobody's manifest.
        assert_eq!(hook["exclude"], r"(^|/)(node_modules|\.git)/");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../").to_owned() + entry.next().unwrap();
        assert!(std::fs::metadata(&script).unwrap().is_file(), "{script}");
        assert_eq!(hook["language"], "script");
        assert_eq!(hook["types_or"], serde_json::json!(["yaml", "json"]));
    }
}
