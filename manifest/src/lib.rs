//! Texts of manifests: read as kubectl reads them, judged by the policy's rules, mended, redacted.
//!
//! ```text
//! bytes -> text                                    encoding
//!    read     YAML or JSON -> documents            reader: as kubectl reads them, with places
//!    judge    documents, context -> findings       judge: the policy's own review, and checks of any
//!                                                  object; unfinished: what is no finished manifest
//!    fix      findings -> edits of the text        fix: comments, order and quoting stay
//!    redact   documents -> what may be shown       secrets, redact: lines, and whole texts
//!    answer   all of this as JSON                  answer: for JavaScript
//! ```
//!
//! Pure: no clock, no file, no environment.

#![warn(clippy::disallowed_methods)]

pub mod answer;
pub mod checks;
pub mod context;
pub mod edit;
mod encoding;
pub mod fix;
pub mod judge;
pub mod kinds;
pub mod place;
pub mod reader;
pub mod redact;
pub mod secrets;
pub mod settings;
pub mod unfinished;
pub mod whole;

pub use encoding::decode;
pub use reader::scalar::{float_value, read_scalar};
