//! Hides the secrets of an object before it is printed.

use serde_json::Value;

/// A copy of `object` with `***` for the value of every field that may hold a secret.
pub(crate) fn redacted(object: &Value) -> Value {
    match object {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let shown = if SECRETS.contains(&name.as_str()) {
                    Value::from("***")
                } else {
                    redacted(value)
                };
                (name.clone(), shown)
            })
            .collect(),
        Value::Array(items) => items.iter().map(redacted).collect(),
        _ => object.clone(),
    }
}

/// `kubectl apply` keeps a copy of the whole object, secrets included, in an annotation.
const SECRETS: &[&str] = &[
    "code",
    "ca",
    "token",
    "kubectl.kubernetes.io/last-applied-configuration",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_are_and_whatever_they_hold() {
        let object = json!({
            "spec": { "code": "canary", "ca": ["canary"], "url": "https://a.example/b" },
            "status": [{ "token": { "deep": "canary" } }],
            "metadata": { "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "canary",
            } },
        });
        let shown = redacted(&object);
        assert!(!shown.to_string().contains("canary"));
        assert_eq!(shown["spec"]["url"], "https://a.example/b");
    }
}
