//! Shows the policy at work: every manifest of `examples/` goes through the module that ships, and
//! what happens to it is printed.

use std::fs;
use std::path::{Path, PathBuf};

use manifest_files::{Input, Surroundings};
use serde_json::json;
use skupper_access_policy::settings::Settings;

use crate::review::Reviewer;

/// Reviews every example with the module at `path` and prints the outcome.
///
/// # Errors
///
/// Says which file cannot be read, or how the guest failed.
pub(crate) fn run(path: &Path) -> Result<(), String> {
    let reviewer = Reviewer::load(path, json!({}), Settings::default())?;
    let surroundings = Surroundings::default();
    let size = reviewer.module_size().div_ceil(1024);
    println!(
        "{} ({size} KiB) reviews the manifests of {EXAMPLES}/",
        path.display()
    );
    for file in manifests()? {
        reviewer.review(&Input::named(&file), &surroundings)?;
    }
    Ok(())
}

fn manifests() -> Result<Vec<PathBuf>, String> {
    let unreadable = |why: std::io::Error| format!("cannot read {EXAMPLES}: {why}");
    let mut files = fs::read_dir(EXAMPLES)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    Ok(files)
}

const EXAMPLES: &str = "examples";
