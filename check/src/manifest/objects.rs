//! The Kubernetes objects of a document: itself, or the items of a list.

use serde_json::Value;

/// An object and where it stands in its document.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// JSON pointer from the document to the object: empty, or `/items/0`.
    pub pointer: String,
    /// The object.
    pub value: Value,
}

/// Takes a document apart: what has `items` is a list, as kubectl sees it, and its items take over
/// kind and version from it (`AccessGrantList`) where they have none.
///
/// Source: k8s.io/apimachinery pkg/apis/meta/v1/unstructured, `decodeToList`.
#[must_use]
pub fn of_document(document: &Value) -> Vec<Object> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let items = match document.get("items") {
        Some(Value::Array(items)) => items.as_slice(),
        Some(Value::Null) => &[],
        _ => {
            let pointer = String::new();
            let value = document.clone();
            return vec![Object { pointer, value }];
        }
    };
    let (version, kind) = (text("apiVersion"), text("kind").unwrap_or_default());
    let kind = kind.strip_suffix("List").unwrap_or(kind);
    let objects = items.iter().enumerate().map(|(index, item)| {
        let mut value = item.clone();
        if let Value::Object(fields) = &mut value
            && !fields.contains_key("kind")
            && !fields.contains_key("apiVersion")
        {
            fields.insert("kind".to_owned(), kind.into());
            fields.insert("apiVersion".to_owned(), version.unwrap_or_default().into());
        }
        let pointer = format!("/items/{index}");
        Object { pointer, value }
    });
    objects.collect()
}
