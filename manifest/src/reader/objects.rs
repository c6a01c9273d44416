//! The Kubernetes objects of a document: itself, or the items of a list, however deep.

use serde_json::Value;

/// An object and where it stands in its document.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// JSON pointer from the document to the object: empty, `/items/0`, or `/items/0/items/1`.
    pub pointer: String,
    /// The object.
    pub value: Value,
}

/// Takes a document apart: what has `items` is a list, as kubectl sees it, and its items take over
/// kind and version from it (`AccessGrantList`) where they have none. A list in a list is taken apart,
/// too: some versions of kubectl refuse it, and nothing in it is to pass unjudged.
///
/// Source: k8s.io/apimachinery pkg/apis/meta/v1/unstructured, `decodeToList`; k8s.io/cli-runtime
/// pkg/resource, `FlattenListVisitor`.
#[must_use]
pub fn of_document(document: &Value) -> Vec<Object> {
    let mut objects = Vec::new();
    match document.get("items") {
        // Only a whole document may be a list of nothing.
        Some(Value::Null) => {}
        _ => flatten(document, String::new(), Type::default(), &mut objects),
    }
    objects
}

/// The type that an object without one has.
#[derive(Clone, Copy, Default)]
struct Type<'a> {
    version: &'a str,
    kind: &'a str,
}

impl<'a> Type<'a> {
    /// The type that stands in an object.
    fn of(object: &'a Value) -> Self {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        Self {
            version: text("apiVersion"),
            kind: text("kind"),
        }
    }

    fn is_none(self) -> bool {
        self.version.is_empty() && self.kind.is_empty()
    }
}

fn flatten(value: &Value, pointer: String, inherited: Type<'_>, objects: &mut Vec<Object>) {
    let own = Type::of(value);
    let effective = if own.is_none() { inherited } else { own };
    if let Some(Value::Array(items)) = value.get("items") {
        let kind = effective.kind;
        let inherited = Type {
            kind: kind.strip_suffix("List").unwrap_or(kind),
            ..effective
        };
        for (index, item) in items.iter().enumerate() {
            flatten(item, format!("{pointer}/items/{index}"), inherited, objects);
        }
        return;
    }
    let mut value = value.clone();
    if let Value::Object(fields) = &mut value
        && own.is_none()
        && !inherited.is_none()
    {
        fields.insert("kind".to_owned(), inherited.kind.into());
        fields.insert("apiVersion".to_owned(), inherited.version.into());
    }
    objects.push(Object { pointer, value });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_taken_apart_however_deep_they_are() {
        let grant = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant"});
        let list = |items: Value| json!({"apiVersion": "v1", "kind": "List", "items": items});
        let typed = |items: Value| json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrantList", "items": items});
        let table = [
            ("no list", grant.clone(), vec![("", grant.clone())]),
            (
                "a list",
                list(json!([grant])),
                vec![("/items/0", grant.clone())],
            ),
            ("an empty list", list(json!([])), vec![]),
            ("a list of null", list(Value::Null), vec![]),
            (
                "a list in a list",
                list(json!([{"a": 1}, list(json!([grant, list(json!([grant]))]))])),
                vec![
                    ("/items/0", json!({"a": 1, "apiVersion": "v1", "kind": ""})),
                    ("/items/1/items/0", grant.clone()),
                    ("/items/1/items/1/items/0", grant.clone()),
                ],
            ),
            (
                "a typed list whose items have no type",
                typed(json!([{}, {"apiVersion": "", "kind": ""}])),
                vec![("/items/0", grant.clone()), ("/items/1", grant.clone())],
            ),
            (
                "a typed list in a list",
                list(json!([typed(json!([{}]))])),
                vec![("/items/0/items/0", grant.clone())],
            ),
            (
                "a list without a type in a typed list",
                typed(json!([{"items": [{}]}])),
                vec![("/items/0/items/0", grant.clone())],
            ),
        ];
        for (name, document, expected) in table {
            let found = of_document(&document).into_iter();
            let found: Vec<_> = found.map(|object| (object.pointer, object.value)).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(pointer, value)| (pointer.to_owned(), value))
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
