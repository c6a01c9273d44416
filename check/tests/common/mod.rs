//! What the tests share: the built command, folders with files, the examples of the rule pages.

#![expect(dead_code, reason = "each test uses a part of it")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::{DateTime, Utc};
use tempfile::TempDir;

/// What the command said.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// A folder in which the command runs.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A folder with files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Runs the command at the tests' time.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with("", arguments)
    }

    /// Runs the command with a text on standard input.
    pub(crate) fn run_with(&self, input: &str, arguments: &[&str]) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_skupper-access-check"))
            .current_dir(self.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap(),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

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

/// Every example of every page.
pub(crate) fn examples() -> Vec<Example> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/rules");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
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
