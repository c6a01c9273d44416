//! Writes what can be read off the code and off `policy-metadata.yml`: the settings form, the
//! Artifact Hub package, the head of the npm package's manifest, and the tables of the reference. A test proves that the files of the
//! repository are what this writes.

mod artifacthub;
mod npm;
mod questions;
mod reference;

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

use crate::metadata::Metadata;

/// Writes every generated file below `root` that is not up to date, and prints its name.
///
/// # Errors
///
/// Says which file cannot be read or written, or what in it is wrong.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    for file in files(root, &now())? {
        let path = root.join(file.name);
        if fs::read_to_string(&path).is_ok_and(|old| old == file.text) {
            continue;
        }
        fs::write(&path, file.text).map_err(|why| format!("cannot write {}: {why}", file.name))?;
        println!("{}", file.name);
    }
    Ok(())
}

/// A generated file.
struct Generated {
    name: &'static str,
    text: String,
}

/// Every generated file as it must be at the time `now`, in RFC 3339.
fn files(root: &Path, now: &str) -> Result<Vec<Generated>, String> {
    let read = |name: &str| {
        fs::read_to_string(root.join(name)).map_err(|why| format!("cannot read {name}: {why}"))
    };
    let metadata = Metadata::read(&read("policy-metadata.yml")?, &read("usage.md")?)
        .map_err(|why| format!("cannot read policy-metadata.yml: {why}"))?;
    let questions = questions::form()?;
    let written = read(PACKAGE).unwrap_or_default();
    let package = artifacthub::package(&metadata, VERSION, &questions, &written, now)?;
    Ok(vec![
        Generated {
            name: NPM_PACKAGE,
            text: npm::with_head(&metadata, VERSION, &read(NPM_PACKAGE)?)?,
        },
        Generated {
            name: REFERENCE,
            text: reference::with_tables(&read(REFERENCE)?)?,
        },
        Generated {
            name: "questions-ui.yml",
            text: questions,
        },
        Generated {
            name: PACKAGE,
            text: package,
        },
    ])
}

/// Seconds are enough: the package is made once for each release.
fn now() -> String {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(elapsed.as_secs()).unwrap_or_default();
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

const REFERENCE: &str = "docs/reference.md";
const PACKAGE: &str = "artifacthub-pkg.yml";
const NPM_PACKAGE: &str = "web/npm/package.json";

/// The workspace's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_repository_are_what_make_generate_writes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for file in files(&root, &now()).unwrap() {
            let written = fs::read_to_string(root.join(file.name)).unwrap_or_default();
            assert_eq!(
                written, file.text,
                "{}: write it anew with `make generate`",
                file.name
            );
        }
    }
}
