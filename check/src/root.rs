//! The folder that reports name files from: the top of the repository.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use manifest_files::{Input, shown};

/// The folder that reports name files from, as the file system spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// The folder that is given, else that of `GITHUB_WORKSPACE`, else the nearest one above the current
    /// folder with `.git`, else the current folder.
    ///
    /// # Errors
    /// A line that says why the given folder cannot be used.
    pub fn find(given: Option<&Path>) -> Result<Self, String> {
        let workspace = env::var_os("GITHUB_WORKSPACE");
        let here = env::current_dir().unwrap_or_default();
        Self::among(given, workspace.as_deref(), &here)
    }

    fn among(given: Option<&Path>, workspace: Option<&OsStr>, here: &Path) -> Result<Self, String> {
        let folder = |path: &Path| path.canonicalize().ok().filter(|path| path.is_dir());
        if let Some(given) = given {
            let root = folder(given)
                .ok_or_else(|| format!("'--root' must be a folder: {} is none", given.display()))?;
            return Ok(Self(root));
        }
        let workspace = workspace.filter(|text| !text.is_empty());
        let repository = || here.ancestors().find(|path| path.join(".git").exists());
        let root = workspace.and_then(|path| folder(Path::new(path)));
        let root = root.or_else(|| repository().and_then(folder));
        Ok(Self(root.unwrap_or_else(|| here.to_owned())))
    }

    /// The path from here to a file, or the whole path of a file elsewhere.
    fn path_to<'a>(&self, file: &'a Path) -> &'a Path {
        file.strip_prefix(&self.0).unwrap_or(file)
    }

    /// The path of a file as reports name it; none for standard input.
    #[must_use]
    pub fn name_of(&self, input: &Input) -> Option<String> {
        (!input.is_standard()).then(|| shown(self.path_to(&input.place)))
    }

    /// The folder as a URI, which ends with a slash.
    #[must_use]
    pub fn uri(&self) -> String {
        let uri = uri(&self.0);
        if uri.ends_with('/') { uri } else { uri + "/" }
    }
}

/// A path as a URI, relative where the path is.
///
/// Source: RFC 3986, section 2.3; RFC 8089.
#[must_use]
pub fn uri(path: &Path) -> String {
    let mut uri = String::new();
    for component in path.components() {
        match component {
            Component::RootDir => {
                uri.push_str("file:///");
                continue;
            }
            Component::CurDir => continue,
            _ if !uri.is_empty() && !uri.ends_with('/') => uri.push('/'),
            _ => {}
        }
        for byte in component.as_os_str().as_encoded_bytes() {
            match byte {
                byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => {
                    uri.push(char::from(*byte));
                }
                byte => {
                    let _ = write!(uri, "%{byte:02X}");
                }
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_root_is_the_first_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let (repository, here) = (top.join("repository"), top.join("repository/deploy"));
        fs::create_dir_all(&here).unwrap();
        let root = |given: Option<&Path>, workspace: Option<&Path>| {
            Root::among(given, workspace.map(Path::as_os_str), &here)
        };
        assert_eq!(root(None, None), Ok(Root(here.clone())), "here");
        // A worktree has a file of this name.
        fs::write(repository.join(".git"), "gitdir: elsewhere").unwrap();
        let table = [
            ("with .git", None, None, &repository),
            ("of GitHub", None, Some(top.as_path()), &top),
            ("of GitHub, empty", None, Some(Path::new("")), &repository),
            (
                "of GitHub, elsewhere",
                None,
                Some(Path::new("/absent")),
                &repository,
            ),
            ("given", Some(here.as_path()), Some(top.as_path()), &here),
        ];
        for (name, given, workspace, expected) in table {
            assert_eq!(root(given, workspace), Ok(Root(expected.clone())), "{name}");
        }
        assert!(root(Some(Path::new("/absent")), None).is_err());
    }

    #[test]
    fn a_path_is_a_uri() {
        let table = [
            ("a/b.yml", "a/b.yml"),
            ("./a", "a"),
            ("a b/ä,%.yml", "a%20b/%C3%A4%2C%25.yml"),
            ("/a/b", "file:///a/b"),
            ("/", "file:///"),
            ("../a", "../a"),
        ];
        for (path, expected) in table {
            assert_eq!(uri(Path::new(path)), expected, "{path}");
        }
    }
}
