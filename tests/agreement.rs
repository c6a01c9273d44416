//! The pages that people read agree with the code: manifests, settings, messages, links and commands in the
//! Markdown files. The generated tables are proven where they are generated, in `xtask`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a file that cannot be read must fail its test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde_json::{Value, json};
use skupper_access_policy::admission_request;
use skupper_access_policy::review_payload;
use skupper_access_policy::settings::{SETTINGS, Settings};

#[test]
fn every_settings_example_is_accepted() {
    let mut count = 0;
    for file in ["README.md", "docs/reference.md", "usage.md"] {
        let blocks = blocks(&read(file));
        let written = blocks.iter().filter(|block| block.info == "yaml settings");
        let deployed = blocks.iter().filter(|block| block.is_policy());
        let settings = written
            .map(Block::yaml)
            .chain(deployed.map(|block| block.yaml()["spec"]["settings"].clone()));
        for settings in settings {
            let problems = Settings::read(&settings)
                .err()
                .map(|problems| problems.to_string());
            assert_eq!(problems, None, "{file}: {settings}");
            count += 1;
        }
    }
    assert_eq!(count, 3, "settings examples");
}

#[test]
fn every_message_in_the_documents_is_what_the_policy_says() {
    let blocks = blocks(&(read("README.md") + &read("docs/reference.md")));
    let mut count = 0;
    for pair in blocks.windows(2) {
        let [object, answer] = pair else { continue };
        if object.info != "yaml object" {
            continue;
        }
        assert_eq!(answer.info, "text answer", "after {}", object.text);
        let mut request = admission_request(object.yaml(), None, None);
        if request["subResource"] == "token" {
            request["object"]["metadata"] = json!({});
        }
        let payload = json!({"request": request, "settings": {}}).to_string();
        let verdict = review_payload(payload.as_bytes(), DateTime::UNIX_EPOCH);
        let refusal = verdict.refusal.map(|refusal| refusal.message);
        let warnings = verdict
            .warnings
            .iter()
            .map(|text| format!("Warning: {text}"));
        let texts: Vec<String> = refusal.into_iter().chain(warnings).collect();
        assert_eq!(words(&answer.text), words(&texts.join("\n")));
        count += 1;
    }
    assert_eq!(count, 3, "messages");
}

#[test]
fn the_manifests_of_the_readme_deploy_what_the_metadata_describes() {
    let metadata = yaml("policy-metadata.yml");
    let manifests: Vec<Value> = blocks(&read("README.md"))
        .iter()
        .filter(|block| block.is_policy())
        .map(Block::yaml)
        .collect();
    let names: Vec<&Value> = manifests
        .iter()
        .map(|policy| &policy["metadata"]["name"])
        .collect();
    assert_eq!(names, ["skupper-access"]);
    for policy in &manifests {
        deploys_what_the_metadata_describes(policy, &metadata);
    }
    assert_eq!(metadata["mutating"], true);
}

#[test]
fn the_policies_of_deploy_have_the_rules_and_the_annotations_of_the_metadata() {
    let metadata = yaml("policy-metadata.yml");
    for (file, name) in POLICIES {
        let policy = yaml(file);
        assert_eq!(policy["metadata"]["name"], name, "{file}");
        deploys_what_the_metadata_describes(&policy, &metadata);
        for annotation in ["severity", "category"] {
            let key = format!("io.kubewarden.policy.{annotation}");
            let written = &policy["metadata"]["annotations"][&key];
            assert_eq!(written, &metadata["annotations"][&key], "{file}: {key}");
        }
    }
    let sidecar = yaml("deploy/sidecar/kustomization.yaml");
    let tag = concat!("v", env!("CARGO_PKG_VERSION"));
    assert_eq!(sidecar["images"][0]["newTag"], tag);
}

/// The module, the rules and what belongs together in a policy that is deployed.
#[track_caller]
fn deploys_what_the_metadata_describes(policy: &Value, metadata: &Value) {
    let name = &policy["metadata"]["name"];
    let spec = &policy["spec"];
    let module = concat!(
        "registry://registry.example.com/skupper-access-policy:v",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(spec["module"], module, "{name}: nobody publishes there");
    assert_eq!(&spec["policyServer"], name, "a server of its own");
    let edits = spec["settings"]["defaulting"] != json!(false);
    assert_eq!(spec["mutating"], edits, "{name}: both or neither");
    assert!(spec.get("objectSelector").is_none(), "{name}");
    let seconds = |field: &str| spec[field].as_i64().unwrap();
    assert!(
        seconds("timeoutEvalSeconds") < seconds("timeoutSeconds"),
        "{name}"
    );
    // Findings are reported once, and a TokenRequest is never stored.
    let is_audited = spec["backgroundAudit"] != json!(false);
    assert_eq!(is_audited, name == "skupper-access", "{name}");
    let rules = if name == "token-request" {
        &json!([{
            "apiGroups": [""],
            "apiVersions": ["*"],
            "resources": ["serviceaccounts/token"],
            "operations": ["CREATE"],
        }])
    } else {
        &metadata["rules"]
    };
    assert_eq!(&spec["rules"], rules, "{name}");
}

#[test]
fn every_version_of_the_kinds_is_judged_and_the_audit_scanner_finds_the_present_one() {
    let metadata = yaml("policy-metadata.yml");
    let rules = metadata["rules"].as_array().unwrap();
    let has_wildcard = |rule: &&Value| {
        ["apiGroups", "apiVersions", "resources"]
            .iter()
            .any(|field| rule[field].as_array().unwrap().contains(&json!("*")))
    };
    let versions = |rule: &Value| rule["apiVersions"].clone();
    let admission: Vec<Value> = rules.iter().filter(has_wildcard).map(versions).collect();
    assert_eq!(admission, [json!(["*"])]);
    // The scanner passes over rules with a wildcard.
    // Source: kubewarden internal/audit-scanner/policies, filterWildcardRules.
    let audited = rules.iter().filter(|rule| !has_wildcard(rule));
    let audited: Vec<Value> = audited.map(versions).collect();
    assert_eq!(audited, [json!(["v2alpha1"])]);
    for field in ["apiGroups", "resources", "operations"] {
        assert_eq!(rules[0][field], rules[1][field], "{field}");
    }
}

#[test]
fn every_image_that_is_built_upon_is_named_by_its_digest() {
    let text = read("Containerfile");
    let images = text.lines().filter_map(|line| line.strip_prefix("FROM "));
    let images = images.filter(|image| *image != "scratch");
    let mut count = 0;
    for image in images {
        let reference = image.split(' ').next().unwrap();
        let (_, digest) = reference.split_once("@sha256:").unwrap_or_default();
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_digest, "{image}");
        count += 1;
    }
    assert_eq!(count, 1, "images");
}

#[test]
fn the_table_of_defaults_agrees_with_the_settings() {
    let reference = read("docs/reference.md");
    let (_, table) = reference
        .split_once("| kind | field | value | setting |\n")
        .unwrap();
    let mut count = 0;
    for row in table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
    {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, value, key] = cells[..] else {
            panic!("{row}")
        };
        let key = key.trim_matches('`');
        let setting = SETTINGS.iter().find(|setting| setting.key == key).unwrap();
        let expected = match setting.default {
            "none" => "nothing",
            default => default,
        };
        assert_eq!(value.trim_matches('`'), expected, "{key}");
        count += 1;
    }
    let of_settings = SETTINGS
        .iter()
        .filter(|setting| setting.key.contains(".default"));
    assert_eq!(count, of_settings.count());
}

#[test]
fn published_addresses_stand_in_the_metadata_and_what_is_made_of_it() {
    let metadata = yaml("policy-metadata.yml");
    let annotation = |name: &str| {
        let key = format!("io.kubewarden.policy.{name}");
        metadata["annotations"][key].as_str().unwrap().to_owned()
    };
    let author = annotation("author");
    let (_, mail) = author.trim_end_matches('>').split_once('<').unwrap();
    let addresses = [
        annotation("url"),
        annotation("source"),
        annotation("ociUrl"),
        mail.to_owned(),
    ];
    let mut searched = 0;
    for path in files(&root()) {
        let name = path
            .strip_prefix(root())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let Ok(mut text) = fs::read_to_string(&path) else {
            continue;
        };
        searched += 1;
        // Another test follows its links.
        if name == PAGE {
            text = text.replace(&page_links(), "");
        }
        if GENERATED.contains(&name.as_str()) || name == "policy-metadata.yml" {
            continue;
        }
        for address in &addresses {
            assert!(!text.contains(address), "{name}: {address}");
        }
    }
    assert!(searched > 50, "{searched} files");
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = read("Makefile");
    let mut count = 0;
    for file in markdown() {
        let text = fs::read_to_string(&file).unwrap();
        let in_code = text.split("`make ").skip(1);
        let in_blocks = text.lines().filter_map(|line| line.strip_prefix("make "));
        for command in in_code.chain(in_blocks) {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            let target = command.split(|c| !is_part(c)).next().unwrap();
            let rule = format!("\n{target}:");
            assert!(
                makefile.contains(&rule),
                "{}: make {target}",
                file.display()
            );
            count += 1;
        }
    }
    assert!(count > 10, "{count} commands");
}

#[test]
fn every_link_between_files_leads_somewhere() {
    let mut broken = Vec::new();
    for file in markdown() {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let is_found = target.exists()
                && (anchor.is_empty() || anchors(&target).iter().any(|known| known == anchor));
            if !is_found {
                broken.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn every_link_of_the_page_of_the_policy_leads_to_this_version_of_a_file() {
    let text = read(PAGE);
    let start = page_links();
    let mut count = 0;
    let defined = text.lines().filter_map(|line| line.strip_prefix('['));
    for (_, link) in defined.filter_map(|line| line.split_once("]: ")) {
        let link = link
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{link}"));
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let known = anchors(&root().join(file));
        let is_found = anchor.is_empty() || known.iter().any(|known| known == anchor);
        assert!(is_found, "{link}");
        count += 1;
    }
    assert!(count >= 5, "{count} links");
}

#[test]
fn every_file_that_the_kwctl_tests_read_exists() {
    let tests = read("e2e.bats");
    let mut count = 0;
    for word in tests
        .split_whitespace()
        .filter(|word| word.starts_with("tests/"))
    {
        assert!(root().join(word).exists(), "{word}");
        count += 1;
    }
    assert!(count > 5, "{count} files");
}

/// A fenced block of a Markdown file.
struct Block {
    info: String,
    text: String,
}

impl Block {
    fn is_policy(&self) -> bool {
        self.info == "yaml manifest" && self.yaml()["kind"] == "ClusterAdmissionPolicy"
    }

    fn yaml(&self) -> Value {
        serde_saphyr::from_str(&self.text).unwrap_or_else(|why| panic!("{why}\n{}", self.text))
    }
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in markdown.lines() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(info) => {
                is_open = true;
                blocks.push(Block {
                    info: info.to_owned(),
                    text: String::new(),
                });
            }
            None if is_open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// The headings of a Markdown file as GitHub turns them into anchors.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let kept = heading.trim_start_matches('#').trim().to_lowercase();
            kept.chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn markdown() -> Vec<PathBuf> {
    let mut files = files(&root());
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files
}

/// Every file of the repository; what is built or fetched stands in folders of these names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["target", ".git", "node_modules", "dist"].contains(&name)
            || path.ends_with("web/npm/build")
        {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The beginning of every link on the page of the policy.
fn page_links() -> String {
    let metadata = yaml("policy-metadata.yml");
    let source = metadata["annotations"]["io.kubewarden.policy.source"].as_str();
    let version = env!("CARGO_PKG_VERSION");
    format!("{}/blob/v{version}/", source.unwrap())
}

/// The page that Artifact Hub and `kwctl inspect` show of the policy.
const PAGE: &str = "usage.md";

/// The policies that are deployed, and their names.
const POLICIES: [(&str, &str); 3] = [
    ("deploy/policy/policy.yaml", "skupper-access"),
    (
        "deploy/policy-validating/policy.yaml",
        "skupper-access-final",
    ),
    ("deploy/token-request-policy/policy.yaml", "token-request"),
];

/// The files that `make generate` writes from the metadata.
const GENERATED: [&str; 2] = ["artifacthub-pkg.yml", "web/npm/package.json"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap()
}
