//! A file replaced as a whole, or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::commands::wording;

/// Replaces the text of a file. Its mode stays; a link stays, and what it leads to is replaced.
///
/// # Errors
/// One line that says why it cannot be written; the file is then as it was.
pub fn replace(path: &Path, text: &str) -> Result<(), String> {
    try_replace(path, text)
        .map_err(|error| format!("cannot write {}: {}", path.display(), wording(&error)))
}

fn try_replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    fs::set_permissions(file.path(), fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
