//! Paths from the command line -> files, and their text.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use skupper_access_manifest::decode;
use skupper_access_policy::printable::{io_error, is_hidden, printable};

use crate::exclude::Excluded;

/// A file to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its path as the user knows it; `-` is standard input.
    pub path: PathBuf,
    /// Its whole path, links to folders resolved.
    pub place: PathBuf,
    /// True where the user named it, false where it was found in a folder or by a pattern.
    pub is_named: bool,
}

impl Input {
    /// A file that the user names.
    #[must_use]
    pub fn named(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            place: place(path),
            is_named: true,
        }
    }

    /// True for standard input.
    #[must_use]
    pub fn is_standard(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// The path as messages name it.
    #[must_use]
    pub fn name(&self) -> String {
        if self.is_standard() {
            return "<stdin>".to_owned();
        }
        shown(&self.path)
    }
}

/// A path with nothing that acts on a terminal.
#[must_use]
pub fn shown(path: &Path) -> String {
    let shown = |letter: char| {
        if is_hidden(letter) {
            '\u{fffd}'
        } else {
            letter
        }
    };
    path.to_string_lossy().chars().map(shown).collect()
}

/// The whole path of a file, links to folders resolved.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// Files that paths name.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The files, none twice.
    pub files: Vec<Input>,
    /// Files and patterns that name nothing, and why.
    pub problems: Vec<(Input, String)>,
    /// The folders that were searched and hold a kustomization.
    pub kustomizations: Vec<PathBuf>,
}

/// Every file that the paths name: files, the manifests in folders and below, and what patterns
/// match. In this order, none twice; what is excluded is left out.
#[must_use]
pub fn expand(paths: &[PathBuf], excluded: &Excluded) -> Inputs {
    let mut search = Search {
        excluded,
        seen: HashSet::new(),
        found: Inputs::default(),
    };
    for path in paths {
        if let Err(problem) = search.path(path) {
            search.found.problems.push((Input::named(path), problem));
        }
    }
    search.found
}

struct Search<'a> {
    excluded: &'a Excluded,
    seen: HashSet<OsString>,
    found: Inputs,
}

impl Search<'_> {
    fn path(&mut self, path: &Path) -> Result<(), String> {
        if path.as_os_str() == "-" {
            self.add(Input::named(path));
            return Ok(());
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => match path.canonicalize() {
                Ok(place) => self.folder(path, &place),
                Err(error) => Err(unreadable(path, &error)),
            },
            Ok(_) => {
                self.add(Input::named(path));
                Ok(())
            }
            Err(error) => match path.to_str().filter(|text| text.contains(['*', '?', '['])) {
                Some(pattern) => self.pattern(pattern),
                None => Err(unreadable(path, &error)),
            },
        }
    }

    fn folder(&mut self, folder: &Path, place: &Path) -> Result<(), String> {
        if self.excluded.has(place) {
            return Ok(());
        }
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name() else {
                continue;
            };
            let place = place.join(name);
            // Links to folders are not followed: they may lead back.
            let is_link = fs::symlink_metadata(&path).is_ok_and(|data| data.is_symlink());
            if path.is_dir() {
                let is_hidden = name.as_encoded_bytes().starts_with(b".");
                let is_left_out = is_hidden || LEFT_OUT.iter().any(|left_out| name == *left_out);
                if !is_left_out
                    && !is_link
                    && let Err(problem) = self.folder(&path, &place)
                {
                    self.found.problems.push((Input::named(&path), problem));
                }
                continue;
            }
            if is_kustomization(name) {
                self.found
                    .kustomizations
                    .extend(place.parent().map(Path::to_owned));
            }
            if path.is_file() && is_manifest(&path) {
                self.add(Input {
                    path,
                    place,
                    is_named: false,
                });
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
            let mut parts = path.components().map(Component::as_os_str);
            let is_left_out = parts.any(|part| {
                let mut left_out = LEFT_OUT.iter();
                left_out.any(|name| part == *name && !pattern.contains(name))
            });
            if path.is_file() && !is_left_out {
                is_matched = true;
                self.add(Input {
                    is_named: false,
                    ..Input::named(&path)
                });
            }
        }
        if is_matched {
            return Ok(());
        }
        Err(format!(
            "'{pattern}' matches no file: name a file, a folder or another pattern"
        ))
    }

    fn add(&mut self, input: Input) {
        if !input.is_standard() && self.excluded.has(&input.place) {
            return;
        }
        if !self.seen.insert(input.place.clone().into_os_string()) {
            return;
        }
        let path = match input.path.strip_prefix(".") {
            Ok(below) if below.file_name().is_some() => below.to_owned(),
            _ => input.path,
        };
        self.found.files.push(Input { path, ..input });
    }
}

/// Folders of tools, which hold nobody's sources.
const LEFT_OUT: [&str; 2] = [".git", "node_modules"];

fn is_kustomization(name: &OsStr) -> bool {
    KUSTOMIZATIONS.iter().any(|known| name == *known)
}

/// Names of kustomizations.
///
/// Source: sigs.k8s.io/kustomize api/konfig, `RecognizedKustomizationFileNames`.
pub(crate) const KUSTOMIZATIONS: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        MANIFESTS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Extensions of manifests in folders.
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

/// Reason for which a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than 16 MiB, and begins with this text.
    TooLarge(String),
    /// It is UTF-16 without byte order mark or UTF-32, with these letters.
    Unmarked(String),
    /// A line that says why it cannot be read.
    Failed(String),
}

impl Unread {
    /// A line that says why.
    #[must_use]
    pub fn line(&self, input: &Input) -> String {
        match self {
            Self::TooLarge(_) => format!(
                "cannot read {}: it is larger than 16 MiB: split it",
                input.name()
            ),
            Self::Unmarked(_) => format!(
                "cannot read {}: it is UTF-16 without byte order mark, or UTF-32: save it as UTF-8",
                input.name()
            ),
            Self::Failed(line) => line.clone(),
        }
    }
}

/// Reads a file.
///
/// # Errors
/// Says why it is not read.
pub fn read(input: &Input) -> Result<Text, Unread> {
    let mut bytes = Vec::new();
    let reading = if input.is_standard() {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)
    } else {
        File::open(&input.path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
    };
    reading.map_err(|error| Unread::Failed(unreadable(Path::new(&input.name()), &error)))?;
    let text = decode(&bytes).into_owned();
    if bytes.len() as u64 > LARGEST {
        return Err(Unread::TooLarge(text));
    }
    // Manifests begin in ASCII, of which a wider encoding makes bytes of 0.
    if text.chars().take(2).any(|letter| letter == '\0') {
        return Err(Unread::Unmarked(text.replace('\0', "")));
    }
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
    format!("cannot read {path}: {}", io_error(error))
}
