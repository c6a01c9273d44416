//! Files and folders that the user leaves out.

use std::path::{Path, PathBuf};

use glob::MatchOptions;
pub use glob::Pattern;

/// Patterns of files and folders that are left out.
#[derive(Debug, Default)]
pub struct Excluded {
    patterns: Vec<Pattern>,
    here: PathBuf,
}

impl Excluded {
    /// Takes patterns as they are meant in the current folder. One without a slash excludes every file
    /// and folder of that name.
    #[must_use]
    pub fn new(patterns: &[Pattern]) -> Self {
        Self {
            patterns: patterns.to_vec(),
            here: Path::new(".").canonicalize().unwrap_or_default(),
        }
    }

    /// True for a whole path that is excluded, or lies in a folder that is.
    pub(crate) fn has(&self, place: &Path) -> bool {
        let path = place.strip_prefix(&self.here).unwrap_or(place);
        self.patterns.iter().any(|pattern| {
            let is_name = !pattern.as_str().contains('/');
            path.ancestors().any(|path| match path.file_name() {
                Some(name) if is_name => pattern.matches_path_with(Path::new(name), MATCHING),
                Some(_) => pattern.matches_path_with(path, MATCHING),
                None => false,
            })
        })
    }
}

const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Reads a pattern of `--exclude`: `./` before it and a slash behind it mean nothing.
///
/// # Errors
/// Says why it is no pattern.
pub fn exclusion(text: &str) -> Result<Pattern, String> {
    let text = text.strip_prefix("./").unwrap_or(text);
    let text = text.trim_end_matches('/');
    if text.is_empty() {
        return Err("must name files or folders".to_owned());
    }
    Pattern::new(text).map_err(|error| error.msg.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_excludes_files_and_folders() {
        let table = [
            ("charts", "charts/a/b.yml", true),
            ("charts", "deploy/charts/b.yml", true),
            ("charts/", "charts/b.yml", true),
            ("./charts", "charts/b.yml", true),
            ("chart", "charts/b.yml", false),
            ("*.json", "a/b.json", true),
            ("*.json", "a/b.yml", false),
            ("deploy/*.yml", "deploy/b.yml", true),
            ("deploy/*.yml", "deploy/a/b.yml", false),
            ("deploy/*.yml", "a/deploy/b.yml", false),
            ("deploy/**", "deploy/a/b.yml", true),
            ("**/test/**", "a/test/b/c.yml", true),
            ("**/test", "a/test/b/c.yml", true),
            ("a/b", "a/b/c.yml", true),
        ];
        for (pattern, path, expected) in table {
            let excluded = Excluded::new(&[exclusion(pattern).unwrap()]);
            let place = excluded.here.join(path);
            assert_eq!(excluded.has(&place), expected, "{pattern} {path}");
        }
        for pattern in ["", "/", "./", "a[", "a***"] {
            assert!(exclusion(pattern).is_err(), "{pattern}");
        }
    }
}
