//! An object in a file, and the admission request that the API server would make of it.

use serde_json::{Value, json};
use skupper_access_manifest::judge::Contents;
use skupper_access_policy::admission_request;
use skupper_access_policy::printable::printable;

/// An object as somebody wrote it.
pub(crate) struct Manifest {
    /// The file's first line where that is a comment, else the object's kind and name.
    pub(crate) title: String,
    pub(crate) object: Value,
    /// False where the checker refuses it.
    pub(crate) is_allowed: bool,
}

impl Manifest {
    /// Every object of ours in a text that holds `contents`.
    pub(crate) fn all(text: &str, contents: &Contents) -> Vec<Self> {
        let documents = contents.documents.iter();
        let objects = documents.flat_map(|document| &document.objects);
        let comment = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let is_alone = objects.clone().count() == 1 && contents.skipped == 0;
        let comment = comment.filter(|_| is_alone);
        let manifests = objects.map(|judged| Self {
            title: comment.map_or_else(|| kind_and_name(&judged.object.value), str::to_owned),
            object: judged.object.value.clone(),
            is_allowed: judged.is_allowed(),
        });
        manifests.collect()
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

fn kind_and_name(object: &Value) -> String {
    format!(
        "{} {}",
        printable(text(object, "/kind")),
        printable(text(object, "/metadata/name"))
    )
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let value = object.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use skupper_access_manifest::context::Context;
    use skupper_access_manifest::judge::judge;
    use skupper_access_policy::settings::Settings;

    use super::*;

    #[test]
    fn a_token_request_is_a_subresource_of_its_service_account() {
        let text = include_str!("../../../examples/token-request-one-year.yml");
        let settings = Settings::default();
        let context = Context::new(&settings, DateTime::UNIX_EPOCH);
        let contents = judge(text, &context);
        let manifests = Manifest::all(text, &contents);
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
