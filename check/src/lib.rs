//! The rules of the policy over manifests in files, for CI and editors.
//!
//! ```text
//! paths -> texts                        manifest_files: folders, patterns, what stands beside a file
//!    judge    texts -> findings         skupper_access_manifest
//!    fix      findings -> new texts     skupper_access_manifest; write: a file replaced as a whole
//!    report   findings -> text, JSON, SARIF, GitHub's annotations
//! ```

pub mod args;
pub mod commands;
pub mod pages;
pub mod report;
pub mod root;
pub mod work;
pub mod write;
