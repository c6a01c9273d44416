//! A manifest of `examples/` and the admission request that the API server would make of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// A manifest whose first line, a comment, says what it shows.
pub(crate) struct Example {
    pub(crate) headline: String,
    pub(crate) object: Value,
}

impl Example {
    /// # Errors
    ///
    /// Says why the file cannot be read or is no YAML.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let yaml = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let headline = yaml
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .ok_or("the first line must be a comment that says what the manifest shows")?;
        let object = serde_saphyr::from_str(&yaml).map_err(|error| error.to_string())?;
        Ok(Self {
            headline: headline.to_owned(),
            object,
        })
    }

    /// The object as the API server hands it on. The name of a `TokenRequest` is the ServiceAccount's, part
    /// of the address; the object itself has none.
    pub(crate) fn sent(&self) -> Value {
        let mut object = self.object.clone();
        if object.get("kind").and_then(Value::as_str) == Some("TokenRequest")
            && let Some(Value::Object(metadata)) = object.get_mut("metadata")
        {
            metadata.remove("name");
        }
        object
    }

    /// The request to create the object, in Kubewarden's form.
    ///
    /// # Errors
    ///
    /// Names the kind when the demonstration does not know it.
    pub(crate) fn request(&self) -> Result<Value, String> {
        let text = |pointer: &str| {
            let value = self.object.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default()
        };
        let (group, version) = text("/apiVersion")
            .split_once('/')
            .unwrap_or(("", text("/apiVersion")));
        let kind = json!({ "group": group, "version": version, "kind": text("/kind") });
        let (resource, subresource) = match (group, text("/kind")) {
            ("skupper.io", "AccessGrant") => (resource(group, version, "accessgrants"), None),
            ("skupper.io", "AccessToken") => (resource(group, version, "accesstokens"), None),
            ("authentication.k8s.io", "TokenRequest") => {
                (resource("", "v1", "serviceaccounts"), Some("token"))
            }
            (_, kind) => return Err(format!("the demonstration knows no kind '{kind}'")),
        };
        let mut request = json!({
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": text("/metadata/name"),
            "namespace": text("/metadata/namespace"),
            "operation": "CREATE",
            "userInfo": { "username": "alice", "groups": ["system:authenticated"] },
            "object": self.sent(),
            "oldObject": null,
            "dryRun": false,
            "options": { "apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions" },
        });
        if let (Some(subresource), Value::Object(fields)) = (subresource, &mut request) {
            fields.insert("subResource".to_owned(), subresource.into());
            fields.insert("requestSubResource".to_owned(), subresource.into());
        }
        Ok(request)
    }
}

fn resource(group: &str, version: &str, plural: &str) -> Value {
    json!({ "group": group, "version": version, "resource": plural })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_request_is_a_subresource_of_its_service_account() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/token-request-one-year.yml");
        let example = Example::read(&path).unwrap();
        let request = example.request().unwrap();
        assert_eq!(request["name"], "web");
        assert_eq!(request["subResource"], "token");
        assert_eq!(request["resource"]["resource"], "serviceaccounts");
        assert_eq!(
            request["object"]["metadata"],
            json!({ "namespace": "default" })
        );
        assert_eq!(request["object"]["spec"]["expirationSeconds"], 3607);
    }
}
