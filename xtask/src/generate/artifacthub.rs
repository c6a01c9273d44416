//! `artifacthub-pkg.yml`: the policy as Artifact Hub lists it, in the form that
//! `kwctl scaffold artifacthub -m policy-metadata.yml` makes. Its addresses are those of
//! `policy-metadata.yml`, its page is `usage.md`: the links of the README lead nowhere there.
//!
//! Source: Kubewarden's `policy-evaluator`, `policy_artifacthub::ArtifactHubPkg`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::metadata::Metadata;

/// The whole file for `version` of the policy. `written` is the file as it stands: the time at
/// which this version was first packaged is kept.
///
/// # Errors
///
/// Says which annotation is missing, or that the metadata is about another version.
pub(crate) fn package(
    metadata: &Metadata,
    version: &str,
    questions: &str,
    written: &str,
    now: &str,
) -> Result<String, String> {
    let policy = |name: &str| metadata.annotation(&format!("io.kubewarden.policy.{name}"));
    let hub = |name: &str| metadata.annotation(&format!("io.artifacthub.{name}"));
    if policy("version")? != version {
        return Err(format!(
            "'io.kubewarden.policy.version' must be '{version}', the version in Cargo.toml"
        ));
    }
    let source = policy("source")?;
    let image = format!("{}:v{version}", policy("ociUrl")?);
    let (name, email) = author(policy("author")?)?;
    let package = Package {
        version,
        name: policy("title")?,
        display_name: hub("displayName")?,
        created_at: created_at(written, version).unwrap_or_else(|| now.to_owned()),
        description: policy("description")?,
        license: policy("license")?,
        home_url: policy("url")?,
        containers_images: [Image {
            name: "policy",
            image: &image,
        }],
        keywords: hub("keywords")?.split(',').map(str::trim).collect(),
        links: [
            Link {
                name: "policy",
                url: format!("{source}/releases/download/v{version}/policy.wasm"),
            },
            Link {
                name: "source",
                url: source.to_owned(),
            },
        ],
        install: install(&image),
        readme: policy("usage")?,
        maintainers: [Maintainer { name, email }],
        provider: Provider { name: "kubewarden" },
        recommendations: [Recommendation { url: CONTROLLER }],
        annotations: annotations(metadata, questions)?,
    };
    let yaml = serde_saphyr::to_string(&package).map_err(|error| error.to_string())?;
    Ok(format!("{HEADER}{yaml}"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    version: &'a str,
    name: &'a str,
    display_name: &'a str,
    created_at: String,
    description: &'a str,
    license: &'a str,
    #[serde(rename = "homeURL")]
    home_url: &'a str,
    containers_images: [Image<'a>; 1],
    keywords: Vec<&'a str>,
    links: [Link; 2],
    install: String,
    readme: &'a str,
    maintainers: [Maintainer<'a>; 1],
    provider: Provider,
    recommendations: [Recommendation; 1],
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Image<'a> {
    name: &'static str,
    image: &'a str,
}

#[derive(Serialize)]
struct Link {
    name: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Maintainer<'a> {
    name: &'a str,
    email: &'a str,
}

#[derive(Serialize)]
struct Provider {
    name: &'static str,
}

#[derive(Serialize)]
struct Recommendation {
    url: &'static str,
}

/// The way of the policy into a cluster, in Markdown.
fn install(image: &str) -> String {
    format!(
        "Pull the policy with [`kwctl`]({KWCTL}):\n\
         ```console\n\
         kwctl pull {image}\n\
         ```\n\
         Then generate a manifest, name a PolicyServer in it, and apply it:\n\
         ```console\n\
         kwctl scaffold manifest --type ClusterAdmissionPolicy registry://{image} > policy.yaml\n\
         kubectl apply --filename policy.yaml\n\
         ```\n"
    )
}

/// The annotations hold YAML as text.
fn annotations(
    metadata: &Metadata,
    questions: &str,
) -> Result<BTreeMap<&'static str, String>, String> {
    let rules = serde_saphyr::to_string(&metadata.rules).map_err(|error| error.to_string())?;
    let mut annotations = BTreeMap::from([
        ("kubewarden/mutation", metadata.mutating.to_string()),
        ("kubewarden/questions-ui", questions.to_owned()),
        (
            "kubewarden/resources",
            metadata.annotation("io.artifacthub.resources")?.to_owned(),
        ),
        ("kubewarden/rules", rules),
    ]);
    if !metadata.context_aware_resources.is_empty() {
        let resources = serde_saphyr::to_string(&metadata.context_aware_resources)
            .map_err(|error| error.to_string())?;
        annotations.insert("kubewarden/contextAwareResources", resources);
    }
    Ok(annotations)
}

/// The time in `written`, where that is a package of the same version.
fn created_at(written: &str, version: &str) -> Option<String> {
    let package: Value = serde_saphyr::from_str(written).ok()?;
    let is_same = package.get("version")?.as_str()? == version;
    let time = package.get("createdAt")?.as_str()?;
    is_same.then(|| time.to_owned())
}

/// The parts of `Name <mail@example.com>`.
fn author(text: &str) -> Result<(&str, &str), String> {
    text.strip_suffix('>')
        .and_then(|text| text.split_once(" <"))
        .ok_or_else(|| "'io.kubewarden.policy.author' must be 'NAME <ADDRESS>'".to_owned())
}

const HEADER: &str =
    "# Written by `make generate` from policy-metadata.yml, questions-ui.yml and Cargo.toml.\n";

/// Address of the releases of kwctl.
const KWCTL: &str = "https://github.com/kubewarden/adm-controller/releases";

/// Address of the controller that runs policies, as kwctl recommends it.
const CONTROLLER: &str = "https://artifacthub.io/packages/helm/kubewarden/kubewarden-controller";

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = include_str!("../../../policy-metadata.yml");
    const USAGE: &str = include_str!("../../../usage.md");

    fn metadata() -> Metadata {
        Metadata::read(YAML, USAGE).unwrap()
    }

    fn package_of(version: &str, written: &str, now: &str) -> Result<Value, String> {
        let metadata = Metadata::read(&YAML.replace(env!("CARGO_PKG_VERSION"), version), USAGE)?;
        let yaml = package(&metadata, version, "questions: []\n", written, now)?;
        serde_saphyr::from_str(&yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn the_package_says_what_the_metadata_says() {
        let package = package_of("1.2.3", "", "2026-01-02T03:04:05Z").unwrap();
        let metadata = metadata();
        let policy = |name: &str| {
            metadata
                .annotation(&format!("io.kubewarden.policy.{name}"))
                .unwrap()
        };
        let image = format!("{}:v1.2.3", policy("ociUrl"));
        assert_eq!(package["version"], "1.2.3");
        assert_eq!(package["name"], policy("title"));
        assert_eq!(package["homeURL"], policy("url"));
        assert_eq!(package["containersImages"][0]["image"], image.as_str());
        assert_eq!(package["links"][1]["url"], policy("source"));
        let install = package["install"].as_str().unwrap();
        for command in [
            format!("kwctl pull {image}\n"),
            format!("registry://{image} > policy.yaml\n"),
        ] {
            assert!(install.contains(&command), "{command}: {install}");
        }
        let annotations = &package["annotations"];
        assert_eq!(annotations["kubewarden/mutation"], "true");
        assert_eq!(annotations["kubewarden/questions-ui"], "questions: []\n");
        let rules: Value =
            serde_saphyr::from_str(annotations["kubewarden/rules"].as_str().unwrap()).unwrap();
        assert_eq!(rules, serde_json::to_value(&metadata.rules).unwrap());
    }

    #[test]
    fn every_link_of_the_page_leads_somewhere_from_anywhere() {
        let package = package_of("1.2.3", "", "now").unwrap();
        let readme = package["readme"].as_str().unwrap();
        assert_eq!(readme, USAGE);
        let inline = readme.split("](").skip(1);
        let defined = readme.lines().filter(|line| line.starts_with('['));
        let defined = defined.filter_map(|line| Some(line.split_once("]: ")?.1));
        let links: Vec<&str> = inline.chain(defined).collect();
        assert!(links.len() >= 5, "{links:?}");
        for link in links {
            assert!(link.starts_with("https://"), "{link}");
        }
    }

    #[test]
    fn a_version_keeps_the_time_of_its_first_package() {
        let rows = [
            ("no package", "", "now"),
            (
                "the same version",
                "version: 1.2.3\ncreatedAt: then\n",
                "then",
            ),
            (
                "another version",
                "version: 1.2.2\ncreatedAt: then\n",
                "now",
            ),
            ("no YAML", "{", "now"),
        ];
        for (name, written, expected) in rows {
            let package = package_of("1.2.3", written, "now").unwrap();
            assert_eq!(package["createdAt"], expected, "{name}");
        }
    }

    #[test]
    fn metadata_of_another_version_is_refused() {
        let error = package(&metadata(), "99.0.0", "", "", "now").unwrap_err();
        assert!(error.contains("must be '99.0.0'"), "{error}");
    }
}
