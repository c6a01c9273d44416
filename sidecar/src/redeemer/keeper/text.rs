//! Changes in the text of an object that others may have edited: all that is not changed stays as it is,
//! comments and unknown fields, too.

use serde_json::{Map, Value};
use skupper_access_manifest::edit::{Edit, applied};
use skupper_access_manifest::fix::edit;
use skupper_access_manifest::reader;
use skupper_access_manifest::reader::node::Tree;
use skupper_access_policy::finding::{Fix, Target};
use zeroize::Zeroizing;

use crate::wire::objects::Annotation;

/// A text with one object, and that object. No `Debug`: it may hold a key.
pub(super) struct ObjectText {
    text: Zeroizing<String>,
    tree: Tree,
    object: Value,
}

impl ObjectText {
    /// Reads a text. `None` when it does not hold exactly one object.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        Self::of(std::str::from_utf8(text).ok()?.to_owned())
    }

    fn of(text: String) -> Option<Self> {
        let text = Zeroizing::new(text);
        let [tree] = <[_; 1]>::try_from(reader::read(&text)).ok()?;
        let tree = tree.ok()?;
        let object = tree.value().ok()?;
        Some(Self { text, tree, object })
    }

    /// The text.
    pub(super) fn into_text(self) -> Zeroizing<String> {
        self.text
    }

    /// The same with a value at a JSON pointer whose parent is there. `None` where the text leaves no place
    /// for it.
    pub(super) fn with(self, pointer: &str, value: Value) -> Option<Self> {
        let mut wanted = self.object.clone();
        let (parent, name) = pointer.rsplit_once('/')?;
        let parent = wanted.pointer_mut(parent)?.as_object_mut()?;
        let name = name.replace("~1", "/").replace("~0", "~");
        if parent.get(&name) == Some(&value) {
            return Self::of(self.text.to_string());
        }
        parent.insert(name, value.clone());
        let fix = Fix {
            pointer: pointer.to_owned(),
            value,
        };
        let edits = [edit(&self.text, &self.tree, "", &fix), self.list(&fix)];
        edits.into_iter().flatten().find_map(|edit| {
            let changed = Self::of(applied(&self.text, &[edit]))?;
            (changed.object == wanted).then_some(changed)
        })
    }

    /// The edit that writes a list in the place of one in block style: each element on a line, as JSON.
    fn list(&self, fix: &Fix) -> Option<Edit> {
        let elements = fix.value.as_array()?.iter();
        let span = self.tree.span(&fix.pointer, Target::Value);
        let before = self.text.get(..span.start)?;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        let lines: Vec<_> = elements.map(|element| format!("- {element}")).collect();
        Some(Edit {
            span,
            text: lines.join(&format!("\n{}", " ".repeat(column))),
        })
    }

    /// The same with an annotation.
    pub(super) fn annotated(self, annotation: Annotation, value: String) -> Option<Self> {
        let there = self.object.pointer("/metadata/annotations");
        if there.and_then(Value::as_object).is_none_or(Map::is_empty) {
            let only = Map::from_iter([(annotation.as_str().to_owned(), value.into())]);
            return self.with("/metadata/annotations", only.into());
        }
        let name = annotation.as_str().replace('/', "~1");
        self.with(&format!("/metadata/annotations/{name}"), value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "# of ours\napiVersion: v1\nkind: Secret\nmetadata:\n  name: west # here\n  \
         labels: {a: b}\ndata:\n  other: eA==\n  tls.crt: YQ==\n";

    #[test]
    fn all_that_is_not_changed_stays() {
        let table = [
            (
                "no annotations",
                "",
                "  annotations:\n    redemption-sidecar/told: ab\n",
            ),
            (
                "none yet",
                "  annotations: {}\n",
                "  annotations: {redemption-sidecar/told: ab}\n",
            ),
            (
                "those of others",
                "  annotations:\n    example.com/a: \"1\" # why\n",
                "  annotations:\n    example.com/a: \"1\" # why\n    redemption-sidecar/told: ab\n",
            ),
            (
                "an earlier one",
                "  annotations:\n    redemption-sidecar/told: \"cd\"\n    b: c\n",
                "  annotations:\n    redemption-sidecar/told: \"ab\"\n    b: c\n",
            ),
        ];
        for (name, before, after) in table {
            let text = |annotations: &str, certificate: &str| {
                let text = SECRET.replace("\ndata:", &format!("\n{annotations}data:"));
                text.replace("YQ==", certificate)
            };
            let changed = ObjectText::read(text(before, "YQ==").as_bytes()).unwrap();
            let changed = changed.with("/data/tls.crt", "Yg==".into()).unwrap();
            let changed = changed
                .annotated(Annotation::Told, "ab".to_owned())
                .unwrap();
            assert_eq!(*changed.into_text(), text(after, "\"Yg==\""), "{name}");
        }
    }

    #[test]
    fn a_list_in_block_style_stays_one() {
        let text = "spec:\n  endpoints:\n  - host: a\n    port: \"1\"\n  - host: b\n  cost: 1\n";
        let changed = ObjectText::read(text.as_bytes()).unwrap();
        let changed = changed.with(
            "/spec/endpoints",
            serde_json::json!([{"host": "c"}, {"host": "d"}]),
        );
        let expected =
            "spec:\n  endpoints:\n  - {\"host\":\"c\"}\n  - {\"host\":\"d\"}\n  cost: 1\n";
        assert_eq!(*changed.unwrap().into_text(), expected);
    }

    #[test]
    fn a_text_is_changed_as_a_whole_or_not_at_all() {
        for text in ["", "a: b\n---\nc: d\n", "- a\n", "a: {\n"] {
            let read = ObjectText::read(text.as_bytes());
            let changed = read.and_then(|read| read.with("/data/a", "b".into()));
            assert!(changed.is_none(), "{text}");
        }
    }
}
