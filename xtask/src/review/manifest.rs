//! An object in a YAML file, and the admission request that the API server would make of it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use skupper_access_policy::request::admission_request;

/// An object as somebody wrote it.
pub(crate) struct Manifest {
    /// The file's first line where that is a comment, else the object's kind and name.
    pub(crate) title: String,
    pub(crate) object: Value,
}

impl Manifest {
    /// Every object of a file, which may hold several YAML documents.
    ///
    /// # Errors
    ///
    /// Says why the file cannot be read or is no YAML.
    pub(crate) fn read_all(path: &Path) -> Result<Vec<Self>, String> {
        let yaml = fs::read_to_string(path).map_err(|error| error.to_string())?;
        // kubectl reads `017` as 15.
        let options = serde_saphyr::options! { legacy_octal_numbers: true };
        let mut objects: Vec<Value> = serde_saphyr::from_multiple_with_options(&yaml, options)
            .map_err(|error| unreadable(&error))?;
        objects.retain(|object| !object.is_null());
        if objects.is_empty() {
            return Err("no object found".to_owned());
        }
        let comment = yaml.lines().next().and_then(|line| line.strip_prefix("# "));
        let comment = comment.filter(|_| objects.len() == 1);
        let manifests = objects.into_iter().map(|object| Self {
            title: comment.map_or_else(|| kind_and_name(&object), str::to_owned),
            object,
        });
        Ok(manifests.collect())
    }

    /// The object as the API server hands it on. The name of a `TokenRequest` is that of its service
    /// account and part of the address; the object itself has none.
    pub(crate) fn sent(&self) -> Value {
        let mut object = self.object.clone();
        if text(&object, "/kind") == "TokenRequest"
            && let Some(Value::Object(metadata)) = object.get_mut("metadata")
        {
            metadata.remove("name");
        }
        object
    }

    /// The request of a user without privileges to create the object.
    pub(crate) fn request(&self) -> Value {
        let user = json!({ "username": "alice", "groups": ["system:authenticated"] });
        let mut request = admission_request(self.object.clone(), None, Some(user));
        if let Value::Object(fields) = &mut request {
            fields.insert("object".to_owned(), self.sent());
        }
        request
    }
}

/// Where a text stops being YAML. The parser's own message repeats the lines around the place, and
/// with them a code.
pub(crate) fn unreadable(error: &serde_saphyr::Error) -> String {
    match error.location() {
        Some(place) => format!(
            "line {}, column {}: not readable as YAML: look for a missing quote, a wrong indent or a key written twice",
            place.line(),
            place.column()
        ),
        None => "not readable as YAML".to_owned(),
    }
}

fn kind_and_name(object: &Value) -> String {
    format!(
        "{} {}",
        text(object, "/kind"),
        text(object, "/metadata/name")
    )
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let value = object.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_yaml_is_refused_without_its_text() {
        let table = [
            ("a key twice", "spec:\n  code: canary\n  code: canary\n"),
            ("a wrong indent", "spec:\n  code: canary\n ca: canary\n"),
            ("an open bracket", "code: [canary\n"),
        ];
        for (name, yaml) in table {
            let error = serde_saphyr::from_multiple::<Value>(yaml).unwrap_err();
            let message = unreadable(&error);
            assert!(
                message.starts_with("line ") && !message.contains("canary"),
                "{name}: {message}"
            );
        }
    }

    #[test]
    fn a_token_request_is_a_subresource_of_its_service_account() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/token-request-one-year.yml");
        let manifests = Manifest::read_all(&path).unwrap();
        let request = manifests[0].request();
        assert_eq!(manifests.len(), 1);
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
