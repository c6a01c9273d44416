//! The examples of the rule pages, as they stand there, and the time that they assume.

use chrono::{DateTime, Utc};

/// The time of every review, as an argument: what the rule pages assume.
pub(crate) const NOW: &str = "--now=2026-11-22T00:00:00Z";

/// The same.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_305_600, 0).unwrap()
}

/// An example of a rule page.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) object: String,
    pub(crate) settings: Option<String>,
}

/// Every example of the pages of the policy's rules.
pub(crate) fn examples() -> Vec<Example> {
    examples_in("rules")
}

/// Every example of the pages in a folder of the repository.
pub(crate) fn examples_in(folder: &str) -> Vec<Example> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../").to_owned() + folder;
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let page = std::fs::read_to_string(&path).unwrap();
        let code = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for case in page.split("\n## ").skip(1) {
            let heading = case.lines().next().unwrap();
            let block = |kind: &str| {
                let (_, block) = case.split_once(&format!("```yaml {kind}\n"))?;
                Some(block.split("```").next().unwrap().to_owned())
            };
            examples.push(Example {
                name: format!("{code}: {heading}"),
                object: block("object").unwrap(),
                settings: block("settings"),
            });
        }
    }
    examples
}
