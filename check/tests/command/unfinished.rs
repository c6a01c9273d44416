//! Manifests that are not finished are told by their structure and not judged, and a note says what to
//! check instead.

use serde_json::Value;

use crate::examples::NOW;
use crate::folder::{Ended, Folder};

const HEAD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n";
const BAD: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1 day}\n";
const BROKEN: &str =
    "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west\nspec: {}\n";
const HELM: &str = "{{- if .Values.on }}\napiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata:\n  name: {{ include \"a.b\" . }}\nspec:\n  redemptionsAllowed: {{ .Values.uses | default 1 }}\n{{- end }}\n";
const CHART: &str = "apiVersion: v2\nname: chart\nversion: 0.1.0\n";
const JINJA: &str = "{% if tokens %}\nuseAccessToken: true\n{% endif %}\n";
const COMMENTED: &str = "{ // comments\n  \"useAccessToken\": [\"AccessToken\"],\n}\n";

/// Exit code and notes of a check, and the number of objects that it judged.
fn outcome(ended: &Ended) -> (i32, Vec<String>, u64) {
    let said: Value = serde_json::from_str(&ended.output).unwrap();
    let notes = said.pointer("/notes").unwrap().as_array().unwrap().iter();
    let message = |note: &Value| {
        note.pointer("/message")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let notes = notes.map(message);
    let objects = said.pointer("/summary/objects").unwrap().as_u64().unwrap();
    (ended.code, notes.collect(), objects)
}

/// Files, arguments, exit code, what each note says, objects that are judged.
type Row<'a> = (
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a [&'a str],
    i32,
    &'a [&'a str],
    u64,
);

fn each_row(table: &[Row<'_>]) {
    for (name, files, arguments, code, notes, objects) in table {
        let folder = Folder::with(files);
        let arguments = [&["-o=json", NOW], *arguments].concat();
        let ended = folder.run(&arguments);
        let (ended_code, said, judged) = outcome(&ended);
        assert_eq!(
            ended_code, *code,
            "{name}: {}{}",
            ended.output, ended.errors
        );
        assert_eq!(said.len(), notes.len(), "{name}: {said:?}");
        for (said, part) in said.iter().zip(*notes) {
            assert!(said.contains(part), "{name}: {said}");
        }
        assert_eq!(judged, *objects, "{name}: {}", ended.output);
    }
}

#[test]
fn templates_of_a_chart_are_left_to_helm() {
    let chart: &[(&str, &str)] = &[
        ("a/Chart.yaml", CHART),
        ("a/values.yaml", "grant: {uses: 3}\n"),
        ("a/templates/grant.yaml", HELM),
        ("a/templates/deep/parses.yaml", BAD),
        (
            "a/templates/other.yaml",
            "kind: ConfigMap\ndata: {{ .Values.data }}\n",
        ),
        ("a/crds/bad.yaml", BAD),
        ("plain/grant.yaml", BAD),
    ];
    let helm = "'helm template a | skupper-access-check -'";
    let table: [Row<'_>; 5] = [
        ("in a folder", chart, &["a/templates"], 0, &[helm, helm], 0),
        ("by name", chart, &["a/templates/grant.yaml"], 0, &[helm], 0),
        (
            "by name, that can be read",
            chart,
            &["a/templates/deep/parses.yaml"],
            0,
            &[helm],
            0,
        ),
        (
            "what else is in a chart",
            chart,
            &["a"],
            1,
            &[helm, helm],
            1,
        ),
        (
            "a folder of this name without a chart",
            &[("templates/grant.yaml", BAD)],
            &["."],
            1,
            &[],
            1,
        ),
    ];
    each_row(&table);
    let folder = Folder::with(chart);
    let ended = folder.run_in("a/templates", "", &[], &["-o=json", "grant.yaml"]);
    assert_eq!(outcome(&ended).1.len(), 1, "from inside");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn patches_are_left_to_kustomize() {
    let kustomize = "'kustomize build deploy | skupper-access-check -'";
    let patch = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1 day}\n";
    let table: [Row<'_>; 10] = [
        (
            "a patch",
            &[
                (
                    "deploy/kustomization.yaml",
                    "patches:\n- path: ./patch.yaml\n",
                ),
                ("deploy/patch.yaml", patch),
            ],
            &["."],
            0,
            &[kustomize],
            0,
        ),
        (
            "a patch by name",
            &[
                (
                    "deploy/kustomization.yml",
                    "patchesStrategicMerge: [below/patch.yaml]\n",
                ),
                ("deploy/below/patch.yaml", patch),
            ],
            &["deploy/below/patch.yaml"],
            0,
            &[kustomize],
            0,
        ),
        (
            "a patch beside the folder of the kustomization",
            &[
                ("deploy/Kustomization", "patches: [{path: ../patch.yaml}]\n"),
                ("patch.yaml", patch),
            ],
            &["."],
            0,
            &[kustomize],
            0,
        ),
        (
            "a patch that cannot be read",
            &[
                (
                    "deploy/kustomization.yaml",
                    "patches:\n- path: patch.yaml\n",
                ),
                ("deploy/patch.yaml", BROKEN),
            ],
            &["."],
            0,
            &[kustomize],
            0,
        ),
        (
            "a patch that is a resource, too",
            &[
                (
                    "deploy/kustomization.yaml",
                    "resources: [patch.yaml]\npatches:\n- path: patch.yaml\n",
                ),
                ("deploy/patch.yaml", patch),
            ],
            &["."],
            1,
            &[],
            1,
        ),
        (
            "a resource",
            &[
                ("deploy/kustomization.yaml", "resources: [patch.yaml]\n"),
                ("deploy/patch.yaml", patch),
            ],
            &["."],
            1,
            &[],
            1,
        ),
        (
            "a patch in the kustomization",
            &[(
                "kustomization.yaml",
                "kind: Kustomization\npatches:\n- patch: |\n    apiVersion: skupper.io/v2alpha1\n    kind: AccessGrant\n    metadata: {name: west}\n",
            )],
            &["."],
            0,
            &["'kustomize build . | skupper-access-check -'"],
            0,
        ),
        (
            "a patch in a kustomization that does not say so",
            &[(
                "kustomization.yaml",
                "patches:\n- patch: |\n    apiVersion: skupper.io/v2alpha1\n    kind: AccessGrant\n    metadata: {name: west}\n",
            )],
            &["."],
            0,
            &["'kustomize build . | skupper-access-check -'"],
            0,
        ),
        (
            "a patch in a component",
            &[(
                "kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- patch: |\n    apiVersion: skupper.io/v2alpha1\n    kind: AccessGrant\n    metadata: {name: west}\n",
            )],
            &["."],
            0,
            &["'kustomize build . | skupper-access-check -'"],
            0,
        ),
        (
            "a kustomization that cannot be read",
            &[
                ("deploy/kustomization.yaml", "patches: [\n"),
                ("deploy/grant.yaml", patch),
            ],
            &["."],
            1,
            &[],
            1,
        ),
    ];
    each_row(&table);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn what_stands_in_the_text_tells_what_is_no_finished_manifest() {
    let with = |rest: &str| [HEAD, rest].concat();
    let directive = with("metadata: {name: west}\n$patch: delete\n");
    let directive_below =
        with("metadata: {name: west}\nspec:\n  $patch: replace\n  expirationWindow: 1 day\n");
    let sops = with(
        "metadata: {name: west}\nspec: {code: \"ENC[AES256_GCM,data:a]\"}\nsops: {mac: a, version: 3.9.0}\n",
    );
    let flux = with(
        "metadata: {name: \"${SITE}-grant\"}\nspec:\n  redemptionsAllowed: ${USES}\n  expirationWindow: \"${WINDOW:=15m}\"\n",
    );
    let beside = with(
        "metadata: {name: west}\nspec:\n  redemptionsAllowed: ${USES}\n  expirationWindow: 1 day\n",
    );
    let word = with(
        "metadata: {name: west, annotations: {note: \"{{ see ${X} \"}}\nspec: {expirationWindow: 1 day}\n",
    );
    let label =
        with("metadata: {name: west, labels: {site: \"${SITE}\"}}\nspec: {expirationWindow: 1h}\n");
    let inline = with(
        "metadata: {name: west}\nspec: {redemptionsAllowed: ${USES}, expirationWindow: \"${WINDOW}\"}\n",
    );
    let broken_with_action = with("metadata: {name: west, labels: {a: \"{{ b }}\"}\nspec: {}\n");
    let ytt = with("metadata: {name: west}\nspec:\n  expirationWindow: #@ data.values.window\n");
    let overlay =
        "#@overlay/match by=overlay.all\n---\nkind: AccessToken\napiVersion: skupper.io/v2alpha1\n";
    let comment =
        with("#@author west\nmetadata: {name: a#@ b}\nspec: {expirationWindow: 1 day} #@someone\n");
    let table: [Row<'_>; 13] = [
        (
            "ytt",
            &[("a.yml", &ytt)],
            &["a.yml"],
            0,
            &["'ytt -f . | skupper-access-check -'"],
            0,
        ),
        (
            "an overlay of ytt",
            &[("a.yml", overlay)],
            &["a.yml"],
            0,
            &["'ytt -f . | skupper-access-check -'"],
            0,
        ),
        (
            "other comments",
            &[("a.yml", &comment)],
            &["a.yml"],
            1,
            &[],
            1,
        ),
        (
            "a directive",
            &[("a.yml", &directive)],
            &["a.yml"],
            0,
            &["a patch is not judged"],
            0,
        ),
        (
            "a directive below",
            &[("a.yml", &directive_below)],
            &["a.yml"],
            0,
            &["a patch is not judged"],
            0,
        ),
        (
            "SOPS",
            &[("a.yml", &sops)],
            &["a.yml"],
            0,
            &["'sops -d FILE | skupper-access-check -'"],
            0,
        ),
        (
            "variables",
            &[("a.yml", &flux)],
            &["a.yml"],
            0,
            &[
                "metadata.name, spec.redemptionsAllowed and spec.expirationWindow are filled in later",
            ],
            1,
        ),
        (
            "a mistake beside a variable",
            &[("a.yml", &beside)],
            &["a.yml"],
            1,
            &["spec.redemptionsAllowed is filled in later"],
            1,
        ),
        (
            "a variable in a label",
            &[("a.yml", &label)],
            &["a.yml"],
            0,
            &["metadata.labels[site] is filled in later"],
            1,
        ),
        (
            "braces in a text",
            &[("a.yml", &word)],
            &["a.yml"],
            1,
            &[],
            1,
        ),
        (
            "a template",
            &[("a.yml", HELM)],
            &["a.yml"],
            0,
            &["a template is not judged"],
            0,
        ),
        (
            "a variable without quotes in flow style",
            &[("a.yml", &inline)],
            &["a.yml"],
            0,
            &["a template is not judged"],
            0,
        ),
        (
            "what is broken with and without its actions",
            &[("a.yml", &broken_with_action)],
            &["a.yml"],
            2,
            &[],
            0,
        ),
    ];
    each_row(&table);
}

#[test]
fn objects_inside_others_are_counted() {
    let config = format!(
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yml: |\n    {}",
        BAD.replace('\n', "\n    ")
    );
    let work = "apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\nspec:\n  workload:\n    manifests:\n    - apiVersion: skupper.io/v2alpha1\n      kind: AccessGrant\n      metadata: {name: west}\n    - apiVersion: skupper.io/v2alpha1\n      kind: AccessToken\n      metadata: {name: west}\n";
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}",
        work.replace('\n', "\n  ")
    );
    let owned = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  ownerReferences:\n  - {apiVersion: skupper.io/v2alpha1, kind: AccessGrant, name: west, uid: a}\n";
    let table: [Row<'_>; 5] = [
        (
            "a ConfigMap",
            &[("a.yml", &config)],
            &["--deny-warnings", "."],
            0,
            &["inside one of kind 'ConfigMap' are not judged"],
            0,
        ),
        (
            "a ManifestWork",
            &[("a.yml", work)],
            &["."],
            0,
            &["inside one of kind 'ManifestWork' are not judged"],
            0,
        ),
        (
            "one in a list",
            &[("a.yml", &list)],
            &["."],
            0,
            &["inside one of kind 'ManifestWork' are not judged"],
            0,
        ),
        ("an owner", &[("a.yml", owned)], &["."], 0, &[], 0),
        (
            "a list in JSON that is no YAML",
            &[(
                "a.json",
                "[{\"a\": \"\\/\", \"b\": \"kind: AccessGrant # skupper.io\"}]",
            )],
            &["."],
            0,
            &["objects inside other values are not judged"],
            0,
        ),
    ];
    each_row(&table);
    let folder = Folder::with(&[("a.yml", work)]);
    let ended = folder.run(&["."]);
    let summary = ended.output.lines().last().unwrap();
    assert_eq!(
        summary,
        "0 objects in 1 file: 0 refused, 2 objects not judged, 1 object of another kind skipped"
    );
}

#[test]
fn what_is_of_nobody_here_ends_no_run() {
    let strange: &[(&str, &str)] = &[
        ("tsconfig.json", COMMENTED),
        ("roles/templates/app.yml", JINJA),
        ("tabs.yml", "settings:\n\tname: AccessToken\n"),
        ("kind.yml", "kind: AccessToken\n\ta: [\n"),
        ("group.yml", "# skupper.io\nuseAccessGrant: [\n"),
    ];
    let good = BAD.replace("1 day", "24h") + "---\na: [\n";
    let names: Vec<&str> = strange.iter().map(|(name, _)| *name).collect();
    let by_name = [&["--skip-others"], names.as_slice()].concat();
    let ours: &[(&str, &str)] = &[("ours.yml", BROKEN), ("tabs.yml", "a:\n\tb: c\n")];
    let beside: &[(&str, &str)] = &[("beside.yml", &good)];
    let table: [Row<'_>; 6] = [
        ("in a folder", strange, &["."], 0, &[], 0),
        ("by name", strange, &by_name, 0, &[], 0),
        (
            "a template by name",
            strange,
            &["roles/templates/app.yml"],
            0,
            &[],
            0,
        ),
        ("beside ours", beside, &["--skip-others", "."], 2, &[], 1),
        ("ours, in a folder", ours, &["."], 2, &[], 0),
        (
            "ours, by name",
            ours,
            &["--skip-others", "ours.yml"],
            2,
            &[],
            0,
        ),
    ];
    each_row(&table);
}

#[test]
fn a_file_that_is_too_large_matters_where_it_names_an_object_of_ours() {
    let filler = format!("# {}\n", "a".repeat(1 << 20)).repeat(17);
    let (ours, others) = (format!("{BAD}{filler}"), format!("a: 1\n{filler}"));
    let table: [Row<'_>; 4] = [
        (
            "of others, in a folder",
            &[("a.yml", &others)],
            &["."],
            0,
            &[],
            0,
        ),
        (
            "of others, by name",
            &[("a.yml", &others)],
            &["a.yml"],
            2,
            &[],
            0,
        ),
        (
            "of others, by a hook",
            &[("a.yml", &others)],
            &["--skip-others", "a.yml"],
            0,
            &[],
            0,
        ),
        ("of ours", &[("a.yml", &ours)], &["."], 2, &[], 0),
    ];
    each_row(&table);
}

#[test]
fn what_is_excluded_is_left_out() {
    let files: &[(&str, &str)] = &[
        ("node_modules/x/bad.yml", BAD),
        ("deploy/node_modules/bad.yml", BAD),
        (".git/bad.yml", BAD),
        ("old/bad.yml", BAD),
        ("old/deep/bad.yml", BAD),
    ];
    let table: [Row<'_>; 9] = [
        ("nothing", files, &["."], 1, &[], 2),
        ("a folder", files, &["--exclude=old", "."], 0, &[], 0),
        (
            "a folder with a slash",
            files,
            &["--exclude", "./old/", "."],
            0,
            &[],
            0,
        ),
        (
            "files by pattern",
            files,
            &["--exclude=old/*.yml", "."],
            1,
            &[],
            1,
        ),
        (
            "two",
            files,
            &["--exclude=deep", "--exclude=old/*.yml", "."],
            0,
            &[],
            0,
        ),
        (
            "a file by name",
            files,
            &["--exclude=old/**", "old/bad.yml"],
            0,
            &[],
            0,
        ),
        (
            "what is found by a pattern",
            files,
            &["--exclude=old", "**/*.yml"],
            0,
            &[],
            0,
        ),
        (
            "folders of tools, by a pattern",
            files,
            &["**/*.yml"],
            1,
            &[],
            2,
        ),
        (
            "folders of tools, by name",
            files,
            &["node_modules/x", ".git/bad.yml"],
            1,
            &[],
            2,
        ),
    ];
    each_row(&table);
    let ended = Folder::with(files).run(&["--exclude=a[", "."]);
    assert_eq!(ended.code, 2);
}

#[test]
fn fixes_are_written_into_finished_manifests_only() {
    let files: &[(&str, &str)] = &[
        ("a/Chart.yaml", CHART),
        ("a/templates/grant.yaml", BAD),
        ("kustomization.yaml", "patches: [{path: patch.yaml}]\n"),
        ("patch.yaml", BAD),
        ("grant.yaml", BAD),
    ];
    let folder = Folder::with(files);
    let ended = folder.run(&["--fix", NOW, "."]);
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert_eq!(folder.text("a/templates/grant.yaml"), BAD);
    assert_eq!(folder.text("patch.yaml"), BAD);
    assert!(folder.text("grant.yaml").contains("24h"));
}

#[test]
fn an_encoding_that_has_no_mark_is_named() {
    let little = |text: &str| {
        text.chars()
            .flat_map(|letter| [letter, '\0'])
            .collect::<String>()
    };
    let big = |text: &str| {
        text.chars()
            .flat_map(|letter| ['\0', letter])
            .collect::<String>()
    };
    let table = [
        ("the little end first", little(BAD), ".", 2),
        ("the big end first", big(BAD), ".", 2),
        ("somebody else's in a folder", little("a: b\n"), ".", 0),
        ("somebody else's by name", little("a: b\n"), "a.yml", 2),
    ];
    for (name, text, path, code) in table {
        let ended = Folder::with(&[("a.yml", &text)]).run(&[path]);
        assert_eq!(ended.code, code, "{name}: {}", ended.errors);
        let said = "cannot read a.yml: it is UTF-16 without byte order mark, or UTF-32";
        assert_eq!(
            ended.errors.contains(said),
            code == 2,
            "{name}: {}",
            ended.errors
        );
    }
}
