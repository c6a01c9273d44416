//! Manifests read as kubectl reads them, with the place of every key and value.
//!
//! ```
//! use serde_json::json;
//! use skupper_access_manifest::reader::read;
//!
//! let documents = read("a: off\n---\nb: 017\n");
//! let values = documents.into_iter().map(|document| document.unwrap().value().unwrap());
//! assert_eq!(values.collect::<Vec<_>>(), [json!({"a": false}), json!({"b": 15})]);
//! ```
//!
//! Source: k8s.io/apimachinery pkg/util/yaml, `YAMLOrJSONDecoder`, and go.yaml.in/yaml/v2, which
//! kubectl reads manifests with. `tests/yaml/kubectl.json` holds what kubectl makes of odd ones.

mod dialect;
mod documents;
mod json;
pub mod node;
pub mod objects;
pub(crate) mod scalar;
mod signs;
pub(crate) mod text;
mod value;
mod yaml;

pub use documents::read;

use node::Span;

/// Reason a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Stretch of the text that is wrong.
    pub span: Span,
    /// The problem, and what to write instead.
    pub problem: String,
    /// Stretch of the text that the document takes.
    pub document: Span,
}

impl Unreadable {
    pub(crate) fn new(span: Span, problem: impl Into<String>) -> Self {
        Self {
            document: span.clone(),
            span,
            problem: problem.into(),
        }
    }

    /// The same, where the document takes a stretch of the text.
    pub(crate) fn of_document(self, document: Span) -> Self {
        Self { document, ..self }
    }
}
