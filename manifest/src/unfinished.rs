//! Notes about what is of the policy's kinds and is no finished manifest: it is not judged, and the note
//! says what to check instead.
//!
//! It is told by its structure, never by a word in the text: what only mentions a template or a
//! variable is judged like everything else.

use std::fmt;

use serde_json::Value;
use skupper_access_policy::printable::printable;
use skupper_access_policy::value::placeholder::Placeholder;

use crate::kinds::{Type, types};
use crate::reader::node::Span;
use crate::reader::text::{count_of_types, without_actions};
use crate::reader::{Unreadable, read};

/// Something of the policy's kinds that is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Place of the first.
    pub span: Span,
    /// Reason for it.
    pub reason: Reason,
    /// Number of objects that are not judged: none where only some values of one are not.
    pub count: usize,
}

/// Reason for which something is not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A file below `templates` of the chart in this folder.
    HelmTemplate(String),
    /// A file that the kustomization in this folder names as a patch.
    KustomizePatch(String),
    /// An object with a directive of a strategic merge patch.
    StrategicMergePatch,
    /// An object whose values SOPS has encrypted.
    Encrypted,
    /// A text that can be read only without the actions of its template.
    Template,
    /// A text whose comments are directives of ytt.
    Ytt,
    /// Values that a later step fills in: their fields.
    FilledInLater(Vec<String>),
    /// Objects inside an object of this kind, or inside something that has none.
    Embedded(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HelmTemplate(chart) => write!(
                f,
                "a template of a Helm chart is not judged: check what it renders: \
                 'helm template {chart} | skupper-access-check -'"
            ),
            Self::KustomizePatch(folder) => write!(
                f,
                "a patch of kustomize is not judged: check what it is applied to: \
                 'kustomize build {folder} | skupper-access-check -'"
            ),
            Self::StrategicMergePatch => f.write_str(
                "a patch is not judged: check what it is applied to, such as \
                 'kustomize build . | skupper-access-check -'",
            ),
            Self::Encrypted => f.write_str(
                "what SOPS has encrypted is not judged: check it decrypted: \
                 'sops -d FILE | skupper-access-check -'",
            ),
            Self::Template => f.write_str(
                "a template is not judged: check what it renders, such as \
                 'helm template . | skupper-access-check -' or \
                 'envsubst < FILE | skupper-access-check -'",
            ),
            Self::Ytt => f.write_str(
                "a template of ytt is not judged: check what it renders: \
                 'ytt -f . | skupper-access-check -'",
            ),
            Self::FilledInLater(fields) => {
                match fields.as_slice() {
                    [first @ .., last] if !first.is_empty() => {
                        write!(f, "{} and {last} are", first.join(", "))?;
                    }
                    fields => write!(f, "{} is", fields.concat())?,
                }
                f.write_str(
                    " filled in later and not judged: check what comes out, such as \
                     'envsubst < FILE | skupper-access-check -', or the output of 'flux build' or \
                     'helm template'",
                )
            }
            Self::Embedded(kind) if kind == "Kustomization" => f.write_str(
                "patches in a kustomization are not judged: check what they are applied to: \
                 'kustomize build . | skupper-access-check -'",
            ),
            Self::Embedded(kind) if kind.is_empty() => f.write_str(
                "objects inside other values are not judged: check them in a file of their own",
            ),
            Self::Embedded(kind) => write!(
                f,
                "objects inside one of kind '{}' are not judged: check them in a file of their own",
                printable(kind)
            ),
        }
    }
}

/// Reason for which an object of the policy's kinds is no finished manifest, if it is none.
pub(crate) fn reason(object: &Value) -> Option<Reason> {
    if object.get("sops").is_some_and(Value::is_object) {
        return Some(Reason::Encrypted);
    }
    has_directive(object).then_some(Reason::StrategicMergePatch)
}

/// Reason for which a text as a whole is no finished manifest, if it is none.
///
/// Source: ytt's reference, `#@` and its annotations.
#[must_use]
pub fn reason_of_text(text: &str) -> Option<Reason> {
    const ANNOTATIONS: [&str; 5] = ["data/", "library/", "overlay/", "schema/", "yaml/"];
    let mut directives = text.match_indices("#@").filter(|(at, _)| {
        let before = text.get(..*at).unwrap_or_default();
        let behind = text.get(at + 2..).unwrap_or_default();
        let is_comment = before.is_empty() || before.ends_with(char::is_whitespace);
        let is_annotation = || ANNOTATIONS.iter().any(|name| behind.starts_with(name));
        is_comment && (behind.starts_with(' ') || is_annotation())
    });
    directives.next().map(|_| Reason::Ytt)
}

/// The kind of an object that others stand in. A kustomization may leave it out.
pub(crate) fn kind_around(object: &Value) -> String {
    let written = Type::of(object);
    let patches = ["patches", "patchesStrategicMerge", "patchesJson6902"];
    let is_kustomization = written.api_version.starts_with("kustomize.config.k8s.io/")
        || written.kind.is_empty() && patches.iter().any(|name| object.get(name).is_some());
    if is_kustomization {
        return "Kustomization".to_owned();
    }
    written.kind.to_owned()
}

/// Source: kubernetes apimachinery pkg/util/strategicpatch/patch.go.
fn has_directive(value: &Value) -> bool {
    let is_directive = |name: &str| {
        name == "$patch"
            || name == "$retainKeys"
            || name.starts_with("$setElementOrder/")
            || name.starts_with("$deleteFromPrimitiveList/")
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| is_directive(name) || has_directive(value)),
        Value::Array(elements) => elements.iter().any(has_directive),
        _ => false,
    }
}

/// True for a text that a later step fills in, as a whole or in a part.
pub(crate) fn is_filled_in_later(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    Placeholder::within(text) == Some(Placeholder::Template)
}

/// Objects of the policy's kinds inside an object of another kind, as values or as text: the pointer to
/// the first, and their number.
pub(crate) fn embedded(object: &Value) -> Option<(String, usize)> {
    let mut search = Search::default();
    search.below(object);
    search.first.map(|first| (first, search.count))
}

#[derive(Default)]
struct Search {
    steps: Vec<String>,
    first: Option<String>,
    count: usize,
}

impl Search {
    fn below(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    // It repeats the object that it stands in.
                    if name != "kubectl.kubernetes.io/last-applied-configuration" {
                        let step = name.replace('~', "~0").replace('/', "~1");
                        self.step(step, value);
                    }
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.step(index.to_string(), element);
                }
            }
            Value::String(text) => self.found(count_of_types(text, &types())),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn step(&mut self, step: String, value: &Value) {
        self.steps.push(step);
        // A reference to an object has its type, too, and nothing of what it holds.
        let is_object = value.get("spec").is_some() || value.get("metadata").is_some();
        if is_object && Type::of(value).judged().is_some() {
            self.found(1);
        } else {
            self.below(value);
        }
        self.steps.pop();
    }

    fn found(&mut self, count: usize) {
        self.count += count;
        if count > 0 && self.first.is_none() {
            let steps = self.steps.iter().map(|step| format!("/{step}"));
            self.first = Some(steps.collect());
        }
    }
}

/// True where a document can be read as soon as the actions of a template are taken out of it.
pub(crate) fn is_template(text: &str, unreadable: &Unreadable) -> bool {
    let document = text.get(unreadable.document.clone()).unwrap_or_default();
    without_actions(document).is_some_and(|text| read(&text).iter().all(Result::is_ok))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_inside_others_are_counted() {
        let grant = json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "spec": {}});
        let text = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\n---\nkind: AccessToken\n";
        let owner =
            json!({"apiVersion": "skupper.io/v2alpha1", "kind": "AccessGrant", "name": "west"});
        let table = [
            (
                "a ConfigMap",
                json!({"data": {"a/b": text}}),
                Some(("/data/a~1b", 2)),
            ),
            (
                "a ManifestWork",
                json!({"spec": {"workload": {"manifests": [1, grant]}}}),
                Some(("/spec/workload/manifests/1", 1)),
            ),
            (
                "a Crossplane Object",
                json!({"spec": {"forProvider": {"manifest": grant}}}),
                Some(("/spec/forProvider/manifest", 1)),
            ),
            ("several", json!([grant, {"a": grant}]), Some(("/0", 2))),
            (
                "JSON as text",
                json!({"a": grant.to_string()}),
                Some(("/a", 1)),
            ),
            (
                "an owner",
                json!({"metadata": {"ownerReferences": [owner]}}),
                None,
            ),
            (
                "the last applied annotation",
                json!({"kubectl.kubernetes.io/last-applied-configuration": grant.to_string()}),
                None,
            ),
            (
                "a word",
                json!({"data": {"a": "AccessGrant of skupper.io"}}),
                None,
            ),
        ];
        for (name, object, expected) in table {
            let expected = expected.map(|(pointer, count)| (pointer.to_owned(), count));
            assert_eq!(embedded(&object), expected, "{name}");
        }
    }
}
