//! The metadata of a policy: `policy-metadata.yml` as written by people, JSON as Kubewarden reads
//! it from the module.
//!
//! Source: Kubewarden's `policy-evaluator`, `policy_metadata::Metadata`, and what `kwctl annotate`
//! makes of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole document. An unknown key is refused: Kubewarden ignores it, so it is a typing error.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metadata {
    /// Which requests Kubewarden sends to the policy, unless its administrator says otherwise.
    pub(crate) rules: Vec<Rule>,
    /// Keys below `io.kubewarden.policy.`, sorted, so that the module is the same every time.
    annotations: BTreeMap<String, String>,
    /// True where the policy may answer with a changed object.
    pub(crate) mutating: bool,
    /// True where the audit scanner may run the policy.
    background_audit: bool,
    execution_mode: ExecutionMode,
    #[serde(default)]
    policy_type: PolicyType,
    #[serde(default)]
    pub(crate) context_aware_resources: Vec<ContextAwareResource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum_kubewarden_version: Option<String>,
    /// The guest's answer to `protocol_version`, not something to write.
    #[serde(skip_deserializing)]
    protocol_version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Rule {
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    resources: Vec<String>,
    operations: Vec<Operation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
enum Operation {
    #[serde(rename = "CREATE")]
    Create,
    #[serde(rename = "UPDATE")]
    Update,
    #[serde(rename = "DELETE")]
    Delete,
    #[serde(rename = "CONNECT")]
    Connect,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
enum ExecutionMode {
    #[serde(rename = "kubewarden-wapc")]
    KubewardenWapc,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, Serialize)]
enum PolicyType {
    #[default]
    #[serde(rename = "kubernetes")]
    Kubernetes,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContextAwareResource {
    api_version: String,
    kind: String,
}

impl Metadata {
    /// Reads `policy-metadata.yml` and puts `usage`, in Markdown, among the annotations.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the document, or that `usage` is too long.
    pub(crate) fn read(yaml: &str, usage: &str) -> Result<Self, String> {
        let mut metadata: Self = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
        for name in REQUIRED {
            metadata.annotation(&format!("{PREFIX}{name}"))?;
        }
        if usage.len() > USAGE_LIMIT {
            return Err(format!(
                "the usage text is {} bytes long, it must be at most {USAGE_LIMIT}",
                usage.len()
            ));
        }
        let key = format!("{PREFIX}usage");
        if metadata.annotations.contains_key(&key) {
            return Err(format!(
                "'{key}' must not be set: it is the text of usage.md"
            ));
        }
        metadata.annotations.insert(key, usage.to_owned());
        metadata.protocol_version = PROTOCOL_VERSION;
        Ok(metadata)
    }

    /// The annotation of this name.
    ///
    /// # Errors
    ///
    /// Says that it must be set.
    pub(crate) fn annotation(&self, key: &str) -> Result<&str, String> {
        match self.annotations.get(key).filter(|text| !text.is_empty()) {
            Some(text) => Ok(text),
            None => Err(format!("the annotation '{key}' must be set")),
        }
    }

    /// The JSON that goes into the module.
    ///
    /// # Errors
    ///
    /// None that is known; `serde_json` may have some.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }
}

/// The only protocol between Kubewarden and its guests.
pub(crate) const PROTOCOL_VERSION: &str = "v1";

const PREFIX: &str = "io.kubewarden.policy.";

/// Annotations that `kwctl scaffold artifacthub` needs, and those that users are shown.
const REQUIRED: &[&str] = &[
    "title",
    "version",
    "description",
    "author",
    "url",
    "ociUrl",
    "source",
    "license",
    "severity",
    "category",
];

/// Largest usage text in bytes: the module is loaded whole for every policy that uses it.
const USAGE_LIMIT: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = include_str!("../../policy-metadata.yml");

    #[test]
    fn the_json_has_the_shape_that_kubewarden_reads() {
        let metadata = Metadata::read(YAML, "# Usage").unwrap();
        let json: serde_json::Value = serde_json::from_slice(&metadata.to_json().unwrap()).unwrap();
        assert_eq!(json["protocolVersion"], "v1");
        assert_eq!(json["executionMode"], "kubewarden-wapc");
        assert_eq!(json["policyType"], "kubernetes");
        assert_eq!(json["mutating"], true);
        assert_eq!(json["backgroundAudit"], true);
        assert_eq!(json["contextAwareResources"], serde_json::json!([]));
        assert_eq!(json["rules"][0]["apiGroups"][0], "skupper.io");
        assert_eq!(json["rules"][0]["operations"][1], "UPDATE");
        assert_eq!(json["annotations"]["io.kubewarden.policy.usage"], "# Usage");
    }

    #[test]
    fn what_kubewarden_would_ignore_or_refuse_is_refused() {
        let long = "x".repeat(USAGE_LIMIT + 1);
        let rows = [
            (
                "a key of no meaning",
                format!("{YAML}\nmutatng: true\n"),
                "",
                "mutatng",
            ),
            (
                "no author",
                YAML.replace("policy.author", "policy.autor"),
                "",
                "policy.author",
            ),
            (
                "a verb for an operation",
                YAML.replace("CREATE", "POST"),
                "",
                "POST",
            ),
            (
                "a usage text too long",
                YAML.to_owned(),
                long.as_str(),
                "at most 16384",
            ),
            (
                "two usage texts",
                YAML.replace(
                    "annotations:",
                    "annotations:\n  io.kubewarden.policy.usage: x",
                ),
                "",
                "usage.md",
            ),
        ];
        for (name, yaml, usage, expected) in rows {
            let error = Metadata::read(&yaml, usage).unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn the_author_is_a_name_and_an_address() {
        let metadata = Metadata::read(YAML, "").unwrap();
        let author = &metadata.annotations["io.kubewarden.policy.author"];
        let (name, address) = author.split_once(" <").unwrap();
        assert!(!name.is_empty() && address.ends_with('>') && address.contains('@'));
    }
}
