//! The manifests in `deploy/`: rendered by kubectl, and given to a real API server; and the commands of
//! the manuals.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot be set up must fail the test"
)]

mod accepted;
mod commands;
mod kubewarden;
mod links;
mod manual;
mod settings;
mod tool;
