//! Texts that may be given away: every secret is `***`, the rest is as it was written, apart from
//! comments, of which no rule knows what they hold.
//!
//! ```
//! use skupper_access_manifest::redact::redact;
//!
//! let text = "kind: AccessToken\nspec:\n  code: s3cret # Jane's\n  linkCost: 0x1F\n";
//! let expected = "kind: AccessToken\nspec:\n  code: \"***\"\n  linkCost: 0x1F\n";
//! assert_eq!(redact(text).text, expected);
//! ```

use serde_json::Value;

use crate::edit::{Edit, applied_within};
use crate::kinds::types;
use crate::reader::node::{Content, Span, Style, Tree};
use crate::reader::objects::of_document;
use crate::reader::read;
use crate::secrets::{find, shown};

/// A text without secrets and comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The documents, apart from those that are left out.
    pub text: String,
    /// Documents that are left out: what cannot be read, and kinds that the rule of redaction does not
    /// know.
    pub left_out: usize,
}

/// Takes the secrets out of a text.
#[must_use]
pub fn redact(text: &str) -> Redacted {
    let documents = read(text);
    let count = documents.len();
    let kept = documents.into_iter().filter_map(|document| {
        let tree = document.ok()?;
        let value = tree.value().ok()?;
        document_without_secrets(text, &tree, &value)
    });
    let kept: Vec<String> = kept.collect();
    Redacted {
        left_out: count - kept.len(),
        text: kept.join("---\n"),
    }
}

/// Edits of a text that take secrets and comments out of one document.
#[must_use]
pub fn edits(text: &str, tree: &Tree, document: &Value) -> Vec<Edit> {
    let secrets = find(tree, document).into_iter().map(|secret| Edit {
        span: secret.span,
        text: secret.shown.to_string(),
    });
    let mut edits: Vec<Edit> = secrets.collect();
    edits.extend(comments(text, tree));
    edits
}

/// The text of a document, if it then holds the document as it may be shown, and nothing else.
fn document_without_secrets(text: &str, tree: &Tree, document: &Value) -> Option<String> {
    if !of_document(document)
        .iter()
        .all(|object| is_known(&object.value))
    {
        return None;
    }
    let span = tree.span.start..end(text, tree);
    let redacted = applied_within(text, &span, &edits(text, tree, document));
    let redacted = redacted.trim();
    let redacted = redacted.strip_prefix("---\n").unwrap_or(redacted);
    let again = read(redacted);
    let [Ok(again)] = again.as_slice() else {
        return None;
    };
    let is_same = again.value().is_ok_and(|again| again == shown(document));
    is_same.then(|| format!("{redacted}\n"))
}

/// The end of a document: nothing is read behind a line `...`.
fn end(text: &str, tree: &Tree) -> usize {
    let root = tree.node(tree.root).map_or(0, |root| root.span.end);
    let behind = text.get(root..tree.span.end).unwrap_or_default();
    let end = behind.find("\n...");
    end.map_or(tree.span.end, |end| root + end)
}

/// True for what the rule of redaction is made for: kinds with rules, settings, and policies with settings.
fn is_known(object: &Value) -> bool {
    let Some(kind) = object.get("kind") else {
        return true;
    };
    let policies = ["ClusterAdmissionPolicy", "AdmissionPolicy"];
    let ours = types().into_iter().map(|(_, kind)| kind);
    ours.chain(policies).any(|known| kind == known)
}

/// Edits that remove the comments of a document, and lines that hold nothing else.
fn comments(text: &str, tree: &Tree) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut at = tree.span.start;
    let scalars = tree.nodes.iter().filter(|node| {
        let is_scalar = matches!(node.content, Content::Scalar(_) | Content::Alias(_));
        is_scalar && !node.span.is_empty()
    });
    let mut scalars: Vec<(&Span, Style)> = scalars.map(|node| (&node.span, node.style)).collect();
    scalars.sort_by_key(|(span, _)| span.start);
    for (span, style) in scalars {
        comments_between(text, at..span.start, &mut edits);
        if style == Style::Literal {
            // Behind the sign of a block.
            let block = text.get(span.clone()).unwrap_or_default();
            let head = block.split(['\r', '\n']).next().unwrap_or_default();
            comments_between(text, span.start..span.start + head.len(), &mut edits);
        }
        at = at.max(span.end);
    }
    comments_between(text, at..tree.span.end, &mut edits);
    edits
}

/// Removes the comments in a stretch without scalars, in which nothing else has a `#`.
fn comments_between(text: &str, span: Span, edits: &mut Vec<Edit>) {
    let mut at = span.start;
    let between = text.get(span).unwrap_or_default();
    for line in between.split_inclusive(['\r', '\n']) {
        if let Some(mark) = line.find('#') {
            let end = at + line.trim_end_matches(['\r', '\n']).len();
            edits.push(without_blanks(text, at + mark..end));
        }
        at += line.len();
    }
}

/// Removes a comment with the blanks before it, and with its line end where it has the line to itself.
fn without_blanks(text: &str, comment: Span) -> Edit {
    let before = text.get(..comment.start).unwrap_or_default();
    let kept = before.trim_end_matches([' ', '\t']);
    let behind = text.get(comment.end..).unwrap_or_default();
    let line_end = ["\r\n", "\n", "\r"]
        .into_iter()
        .find(|end| behind.starts_with(end));
    let is_whole_line = kept.is_empty() || kept.ends_with(['\r', '\n']);
    let line_end = line_end.filter(|_| is_whole_line).map_or(0, str::len);
    Edit {
        span: kept.len()..comment.end + line_end,
        text: String::new(),
    }
}
