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
pub fn of_document(document: Value) -> Vec<Object> {
    let text = |name: &str| {
        let text = document.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let (version, kind) = (text("apiVersion"), text("kind"));
    let Value::Object(mut fields) = document else {
        return whole(document);
    };
    let items = match fields.remove("items") {
        Some(Value::Array(items)) => items,
        Some(Value::Null) => Vec::new(),
        Some(other) => {
            fields.insert("items".to_owned(), other);
            return whole(fields.into());
        }
        None => return whole(fields.into()),
    };
    let item_kind = kind.strip_suffix("List").unwrap_or(&kind);
    let objects = items.into_iter().enumerate().map(|(index, mut item)| {
        if let Value::Object(fields) = &mut item
            && !fields.contains_key("kind")
            && !fields.contains_key("apiVersion")
        {
            fields.insert("kind".to_owned(), item_kind.into());
            fields.insert("apiVersion".to_owned(), version.as_str().into());
        }
        Object {
            pointer: format!("/items/{index}"),
            value: item,
        }
    });
    objects.collect()
}

fn whole(value: Value) -> Vec<Object> {
    vec![Object {
        pointer: String::new(),
        value,
    }]
}
