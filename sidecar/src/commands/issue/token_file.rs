//! The file that `issue -o` writes a token to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::commands::Failure;
use crate::system::wording;

/// The file of a token, readable by its owner only. It goes again unless the token comes into it.
pub(super) struct TokenFile {
    path: PathBuf,
    file: File,
    is_filled: bool,
}

impl TokenFile {
    /// Makes the file, which must not be there.
    pub(super) fn create(path: PathBuf) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => Ok(Self {
                path,
                file,
                is_filled: false,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let what = match fs::metadata(&path) {
                    Ok(file) if !file.is_file() => "is no file: leave -o out for standard output",
                    Ok(file) if file.len() == 0 => {
                        "is empty, as a stopped run leaves it: remove it"
                    }
                    Ok(_) => "may hold a token: keep it",
                    Err(_) => "leads to no file that can be read: remove it",
                };
                Err(Failure::usage(format_args!(
                    "{} is there already and {what}, or name another file",
                    path.display()
                )))
            }
            Err(error) => Err(Failure::usage(format_args!(
                "cannot write to {}: {}",
                path.display(),
                wording::io(&error)
            ))),
        }
    }

    /// Writes the token, to the disk.
    pub(super) fn fill(mut self, text: &[u8]) -> Result<(), Failure> {
        let written = self
            .file
            .write_all(text)
            .and_then(|()| self.file.sync_all());
        self.is_filled = written.is_ok();
        written.map_err(|error| {
            let cause = wording::io(&error);
            Failure::try_again(format_args!(
                "cannot write to {}: {cause}",
                self.path.display()
            ))
        })
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if !self.is_filled {
            // What stays when even that fails is empty or cut off.
            let _ = fs::remove_file(&self.path);
        }
    }
}
