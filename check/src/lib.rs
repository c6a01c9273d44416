//! The rules of the policy over manifests in files, for CI and editors.
//!
//! ```text
//! paths -> texts                                   files, exclude
//!    read     YAML or JSON -> documents            manifest: as kubectl reads them, with places
//!    judge    documents -> answers and findings    judge: the policy's own review, and checks of any
//!                                                  object; unfinished: what is no finished manifest
//!    fix      findings -> edits of the text        fix: comments, order and quoting stay
//!    report   findings -> text, JSON, SARIF        report: no line with a secret is shown
//! ```

pub mod args;
pub mod commands;
pub mod exclude;
pub mod files;
pub mod pages;
pub mod report;
pub mod root;
pub mod settings;
pub mod surroundings;
pub mod work;
pub mod write;
