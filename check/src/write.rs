//! A file replaced as a whole, or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use skupper_access_policy::printable::io_error;

/// Replaces the text of a file, which must still be `old`. Its mode stays; a link stays, and what it
/// leads to is replaced.
///
/// # Errors
/// One line that says why it cannot be written; the file is then as it was.
pub fn replace(path: &Path, old: &str, new: &str) -> Result<(), String> {
    try_replace(path, old, new)
        .map_err(|error| format!("cannot write {}: {}", path.display(), io_error(&error)))
}

fn try_replace(path: &Path, old: &str, new: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let permissions = fs::metadata(&path)?.permissions();
    // The folder may be written to, so that nothing else would stop it.
    if permissions.readonly() {
        return Err(io::Error::other("it is read-only: make it writable"));
    }
    let folder = path
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(new.as_bytes())?;
    fs::set_permissions(file.path(), permissions)?;
    file.as_file().sync_all()?;
    // Just before the exchange, so that what an editor or another process wrote meanwhile is not lost.
    if fs::read(&path)? != old.as_bytes() {
        return Err(io::Error::other("it has changed meanwhile: run again"));
    }
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_only_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grant.yml");
        fs::write(&path, "a").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let problem = replace(&path, "a", "c").unwrap_err();
        assert!(
            problem.ends_with("it is read-only: make it writable"),
            "{problem}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "a");
    }

    #[test]
    fn what_was_written_meanwhile_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grant.yml");
        let table = [
            ("still the same", "a", Ok(()), "c"),
            ("changed", "b", Err(()), "b"),
        ];
        for (name, found, expected, left) in table {
            fs::write(&path, found).unwrap();
            assert_eq!(replace(&path, "a", "c").map_err(|_| ()), expected, "{name}");
            assert_eq!(fs::read_to_string(&path).unwrap(), left, "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
