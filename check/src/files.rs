//! Paths from the command line -> files, and their text.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use skupper_access_policy::manifest::decode;
use skupper_access_policy::printable::{is_hidden, printable};

use crate::commands::wording;

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its path; `-` is standard input.
    pub path: PathBuf,
    /// True where the user named it, false where it was found in a folder or by a pattern.
    pub is_named: bool,
}

impl Input {
    /// True for standard input.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// The path as messages and reports name it, with nothing that acts on a terminal.
    #[must_use]
    pub fn name(&self) -> String {
        if self.is_standard() {
            return "<stdin>".to_owned();
        }
        let letters = self.path.to_string_lossy();
        let shown = |letter: char| {
            if is_hidden(letter) {
                '\u{fffd}'
            } else {
                letter
            }
        };
        letters.chars().map(shown).collect()
    }
}

/// Every file that the paths name: files, the manifests in folders and below, and what patterns
/// match. In this order, none twice.
///
/// # Errors
/// One line for every path that names nothing.
#[must_use]
pub fn expand(paths: &[PathBuf]) -> (Vec<Input>, Vec<String>) {
    let mut found = Found::default();
    for path in paths {
        if let Err(problem) = found.path(path) {
            found.problems.push(problem);
        }
    }
    (found.inputs, found.problems)
}

#[derive(Default)]
struct Found {
    inputs: Vec<Input>,
    seen: BTreeSet<PathBuf>,
    problems: Vec<String>,
}

impl Found {
    fn path(&mut self, path: &Path) -> Result<(), String> {
        if path.as_os_str() == "-" {
            self.add(path.to_owned(), true);
            return Ok(());
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(_) => {
                self.add(path.to_owned(), true);
                Ok(())
            }
            Err(error) => match path.to_str().filter(|text| text.contains(['*', '?', '['])) {
                Some(pattern) => self.pattern(pattern),
                None => Err(unreadable(path, &error)),
            },
        }
    }

    fn folder(&mut self, folder: &Path) -> Result<(), String> {
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let is_hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            // Links to folders are not followed: they may lead back.
            let is_link = fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink());
            if path.is_dir() {
                if !is_hidden && !is_link {
                    self.folder(&path)?;
                }
            } else if path.is_file() && is_manifest(&path) {
                self.add(path, false);
            }
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), String> {
        let paths = glob::glob(pattern)
            .map_err(|error| format!("'{pattern}' is no pattern: {}", error.msg))?;
        let mut is_matched = false;
        for path in paths {
            let path = path.map_err(|error| unreadable(error.path(), error.error()))?;
            if path.is_file() {
                is_matched = true;
                self.add(path, false);
            }
        }
        if is_matched {
            return Ok(());
        }
        Err(format!(
            "'{pattern}' matches no file: name a file, a folder or another pattern"
        ))
    }

    fn add(&mut self, path: PathBuf, is_named: bool) {
        let path = match path.strip_prefix(".") {
            Ok(below) if below.file_name().is_some() => below.to_owned(),
            _ => path,
        };
        if self.seen.insert(path.clone()) {
            self.inputs.push(Input { path, is_named });
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        MANIFESTS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// What manifests in folders are called.
const MANIFESTS: [&str; 3] = ["yml", "yaml", "json"];

/// Most bytes of a file.
const LARGEST: u64 = 16 << 20;

/// The text of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text, without byte order mark.
    pub text: String,
    /// True where the file holds exactly this text in UTF-8, so that it can be edited.
    pub is_exact: bool,
}

/// Reads a file.
///
/// # Errors
/// One line that says why it cannot be read.
pub fn read(input: &Input) -> Result<Text, String> {
    let mut bytes = Vec::new();
    let reading = if input.is_standard() {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        File::open(&input.path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    reading.map_err(|error| unreadable(Path::new(&input.name()), &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "cannot read {}: it is larger than 16 MiB: split it",
            input.name()
        ));
    }
    let text = decode(&bytes).into_owned();
    Ok(Text {
        is_exact: text.as_bytes() == bytes,
        text,
    })
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.to_string_lossy();
    let path = if path.contains(is_hidden) {
        printable(&path).to_string()
    } else {
        path.into_owned()
    };
    format!("cannot read {path}: {}", wording(error))
}
