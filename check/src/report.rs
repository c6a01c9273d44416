//! Findings -> text for people, JSON, SARIF, annotations of GitHub.
//!
//! Files are reported one by one, so that memory stays flat; a [`Report`] puts the pieces together.

mod github;
mod json;
mod sarif;
mod text;

use std::fmt::Write as _;

use serde_json::Value;
use skupper_access_policy::printable::is_hidden;

use crate::args::OutputFormat;
use crate::root::Root;
use skupper_access_manifest::judge::{Contents, Placed};
use skupper_access_manifest::place::Lines;

/// Form of a report.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The form.
    pub format: OutputFormat,
    /// With colours, as text.
    pub is_coloured: bool,
    /// With secrets in the objects, as JSON.
    pub shows_secrets: bool,
}

/// JSON in which nothing acts on a terminal or hides: all of that stands in strings.
fn visible(json: &Value) -> String {
    let json = json.to_string();
    if !json.contains(is_hidden) {
        return json;
    }
    let mut visible = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if !is_hidden(letter) {
            visible.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _ = write!(visible, "\\u{unit:04x}");
        }
    }
    visible
}

/// A file that was judged.
pub struct Judged<'a> {
    /// Its name as the user knows it.
    pub name: &'a str,
    /// Its path from the root of the repository; none for standard input.
    pub path: Option<&'a str>,
    /// Its text.
    pub text: &'a str,
    /// Its contents.
    pub contents: &'a Contents,
}

/// Pieces of the report about one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Findings, or objects, in the form of the output.
    pub main: Vec<String>,
    /// Findings that are no part of the policy's answer, where objects stand in `main`.
    pub checks: Vec<String>,
    /// Documents that cannot be read, in the form of the output.
    pub unreadable: Vec<String>,
    /// Notes about what is not judged, in the form of the output.
    pub notes: Vec<String>,
}

impl Style {
    /// Reports one file.
    #[must_use]
    pub fn file(&self, file: &Judged<'_>) -> Pieces {
        let lines = Lines::of(file.text);
        match self.format {
            OutputFormat::Text => text::file(file, &lines, self.is_coloured),
            OutputFormat::Json => json::file(file, &lines, self.shows_secrets),
            OutputFormat::Sarif => sarif::file(file, &lines),
            OutputFormat::Github => github::file(file, &lines),
        }
    }

    /// Reports what is no file that can be read: a line.
    #[must_use]
    pub fn problem(&self, path: Option<&str>, problem: &str) -> Option<String> {
        match self.format {
            // It stands on standard error.
            OutputFormat::Text => None,
            OutputFormat::Json => Some(json::problem(path, problem)),
            OutputFormat::Sarif => Some(sarif::problem(problem)),
            OutputFormat::Github => Some(github::problem(problem)),
        }
    }
}

/// Puts the pieces of all files together.
pub struct Report {
    format: OutputFormat,
    is_empty: bool,
    rest: Pieces,
}

impl Report {
    /// A report, and how it begins.
    #[must_use]
    pub fn begin(style: &Style, root: &Root) -> (Self, String) {
        let head = match style.format {
            OutputFormat::Text | OutputFormat::Github => String::new(),
            OutputFormat::Json => json::HEAD.to_owned(),
            OutputFormat::Sarif => sarif::head(root),
        };
        let report = Self {
            format: style.format,
            is_empty: true,
            rest: Pieces::default(),
        };
        (report, head)
    }

    /// The next part of the report.
    #[must_use]
    pub fn add(&mut self, pieces: Pieces) -> String {
        let mut text = String::new();
        let is_list = matches!(self.format, OutputFormat::Json | OutputFormat::Sarif);
        for piece in pieces.main {
            if is_list && !self.is_empty {
                text.push_str(",\n");
            }
            text.push_str(&piece);
            self.is_empty = false;
        }
        if is_list {
            self.rest.checks.extend(pieces.checks);
            self.rest.unreadable.extend(pieces.unreadable);
            self.rest.notes.extend(pieces.notes);
        } else {
            text.extend(pieces.unreadable);
            text.extend(pieces.notes);
        }
        text
    }

    /// End of the report.
    #[must_use]
    pub fn end(self, summary: &Summary) -> String {
        match self.format {
            OutputFormat::Text | OutputFormat::Github => String::new(),
            OutputFormat::Json => json::tail(&self.rest, summary),
            OutputFormat::Sarif => sarif::tail(&self.rest),
        }
    }
}

/// Numbers of files, objects and findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were read.
    pub files: usize,
    /// Objects that were judged.
    pub objects: usize,
    /// Objects that are refused.
    pub refused: usize,
    /// Findings that refuse.
    pub denials: usize,
    /// Findings that warn.
    pub warnings: usize,
    /// Objects of other kinds.
    pub skipped: usize,
    /// Objects that are not judged, because they are no finished manifests.
    pub noted: usize,
    /// Files and documents that cannot be read.
    pub unreadable: usize,
    /// Values written into files.
    pub fixed: usize,
    /// Objects whose changes could not be written.
    pub unwritten: usize,
}

impl Summary {
    /// Counts what a file holds.
    pub fn count(&mut self, contents: &Contents) {
        self.files += 1;
        self.skipped += contents.skipped;
        self.unreadable += contents.unreadable.len();
        self.noted += contents.notes.iter().map(|note| note.count).sum::<usize>();
        for document in &contents.documents {
            let refused = document
                .objects
                .iter()
                .filter(|judged| !judged.is_allowed());
            let (denials, warnings): (Vec<&Placed>, Vec<&Placed>) =
                document.findings().partition(|placed| placed.denies());
            self.objects += document.objects.len();
            self.refused += refused.count();
            self.denials += denials.len();
            self.warnings += warnings.len();
        }
    }

    /// Adds the numbers of another one.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.objects += other.objects;
        self.refused += other.refused;
        self.denials += other.denials;
        self.warnings += other.warnings;
        self.skipped += other.skipped;
        self.noted += other.noted;
        self.unreadable += other.unreadable;
        self.fixed += other.fixed;
        self.unwritten += other.unwritten;
    }

    /// The line at the end: `3 objects in 2 files: 1 refused, 2 errors, 1 warning, 5 objects of other
    /// kinds skipped`.
    #[must_use]
    pub fn line(&self) -> String {
        let many = |count: usize, one: &str, more: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {more}"),
        };
        let mut parts = vec![format!(
            "{} in {}: {} refused",
            many(self.objects, "object", "objects"),
            many(self.files, "file", "files"),
            self.refused
        )];
        if self.denials + self.warnings > 0 {
            parts.push(many(self.denials, "error", "errors"));
            parts.push(many(self.warnings, "warning", "warnings"));
        }
        if self.fixed > 0 {
            parts.push(many(self.fixed, "value written", "values written"));
        }
        if self.unreadable > 0 {
            parts.push(format!("{} not readable", self.unreadable));
        }
        if self.noted > 0 {
            parts.push(format!(
                "{} not judged",
                many(self.noted, "object", "objects")
            ));
        }
        if self.skipped > 0 {
            parts.push(format!(
                "{} skipped",
                many(
                    self.skipped,
                    "object of another kind",
                    "objects of other kinds"
                )
            ));
        }
        parts.join(", ")
    }
}
