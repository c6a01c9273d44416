//! Texts that are read as a whole or not at all, such as the file of a token.
//!
//! ```
//! use skupper_access_manifest::whole::objects;
//!
//! assert_eq!(objects("kind: List\nitems: [{kind: a}, {kind: b}]\n").unwrap().len(), 2);
//! assert_eq!(objects("a: 1\na: 2\n").unwrap_err().span, 5..6);
//! ```

use serde_json::Value;

use crate::checks::{self, LineNumbers};
use crate::reader::node::{Target, Tree};
use crate::reader::objects::of_document;
use crate::reader::{Unreadable, read};
use crate::unfinished::is_template;

/// Reads every document of a text, with its value.
///
/// # Errors
/// The first document that cannot be read, or in which a key stands twice.
pub fn documents(text: &str) -> Result<Vec<(Tree, Value)>, Unreadable> {
    let lines = LineNumbers::of(text);
    let documents = read(text).into_iter().map(|document| {
        let tree = document.map_err(|unreadable| {
            if is_template(text, &unreadable) {
                let problem = "a template cannot be read: render it first";
                return Unreadable::new(unreadable.span, problem);
            }
            unreadable
        })?;
        if let Some(finding) = checks::of_keys(&lines, &tree, "").first() {
            let span = tree.span(&finding.pointer(), Target::Key);
            return Err(Unreadable::new(span, finding.to_string()));
        }
        let value = tree.value();
        let value = value.map_err(|(span, problem)| Unreadable::new(span, problem))?;
        Ok((tree, value))
    });
    documents.collect()
}

/// Reads every object of a text, those in Lists too.
///
/// # Errors
/// As [`documents`].
pub fn objects(text: &str) -> Result<Vec<Value>, Unreadable> {
    let documents = documents(text)?;
    let objects = documents.iter().flat_map(|(_, value)| of_document(value));
    Ok(objects.map(|object| object.value).collect())
}
