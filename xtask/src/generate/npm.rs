//! The head of the npm package's `package.json`: what it has in common with the policy. npm compares
//! `repository` with the place that a package with provenance was built in.
//!
//! Source: npm's documentation of package.json.

use serde::Serialize;

use crate::metadata::Metadata;

/// `written` with its head replaced by what `policy-metadata.yml` says: all before `"type"`.
///
/// # Errors
///
/// Says which annotation is missing, or that there is no `"type"`.
pub(crate) fn with_head(
    metadata: &Metadata,
    version: &str,
    written: &str,
) -> Result<String, String> {
    let policy = |name: &str| metadata.annotation(&format!("io.kubewarden.policy.{name}"));
    let keywords = metadata.annotation("io.artifacthub.keywords")?;
    let source = policy("source")?;
    let head = Head {
        name: policy("title")?,
        version,
        description: policy("description")?,
        keywords: keywords.split(',').map(str::trim).collect(),
        author: policy("author")?,
        license: policy("license")?,
        homepage: policy("url")?,
        repository: Repository {
            r#type: "git",
            url: format!("git+{source}.git"),
            directory: "web/npm",
        },
    };
    let head = serde_json::to_string_pretty(&head).map_err(|error| error.to_string())?;
    let Some((_, rest)) = written.split_once(REST) else {
        return Err("web/npm/package.json must go on with '\"type\"'".to_owned());
    };
    Ok(format!("{},{REST}{rest}", head.trim_end_matches("\n}")))
}

#[derive(Serialize)]
struct Head<'a> {
    name: &'a str,
    version: &'a str,
    description: &'a str,
    keywords: Vec<&'a str>,
    author: &'a str,
    license: &'a str,
    homepage: &'a str,
    repository: Repository<'a>,
}

#[derive(Serialize)]
struct Repository<'a> {
    r#type: &'a str,
    url: String,
    directory: &'a str,
}

/// End of the head.
const REST: &str = "\n  \"type\": ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_replaced_and_the_rest_stays() {
        let yaml = include_str!("../../../policy-metadata.yml");
        let metadata = Metadata::read(yaml, "").unwrap();
        let written =
            "{\n  \"name\": \"old\",\n  \"type\": \"module\",\n  \"z\": 1,\n  \"a\": 2\n}\n";
        let text = with_head(&metadata, "1.2.3", written).unwrap();
        let package: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(package["version"], "1.2.3");
        assert_eq!(package["license"], "Apache-2.0");
        assert_eq!(package["repository"]["directory"], "web/npm");
        assert!(text.ends_with("},\n  \"type\": \"module\",\n  \"z\": 1,\n  \"a\": 2\n}\n"));
        assert_eq!(with_head(&metadata, "1.2.3", &text).unwrap(), text);
        assert!(with_head(&metadata, "1.2.3", "{}").is_err());
    }
}
