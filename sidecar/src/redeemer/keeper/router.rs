//! The router that uses the links of a folder.

use std::path::{Path, PathBuf};

/// The router that is told of a renewed certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Router {
    /// Nobody is told: the folder is no Skupper namespace's.
    None,
    /// That of a Skupper namespace.
    OfNamespace {
        /// The name of the namespace.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// The program that tells the router, in place of what is built in.
        exec: Option<PathBuf>,
    },
    /// One that only a program knows how to tell.
    Program(PathBuf),
}

impl Router {
    /// The router of a folder: that of the Skupper namespace whose `input/resources` it is, else none. A
    /// program may tell it in place of what is built in; its own words are those of `--exec`.
    #[must_use]
    pub fn of_folder(path: &Path, exec: Option<PathBuf>) -> Self {
        let folder = path.ancestors().nth(2);
        let folder = folder.filter(|_| path.ends_with("input/resources"));
        let name = folder.and_then(|folder| folder.file_name()?.to_str());
        match (folder, name, exec) {
            (Some(folder), Some(name), exec) => Self::OfNamespace {
                name: name.to_owned(),
                folder: folder.to_owned(),
                exec,
            },
            (_, _, Some(program)) => Self::Program(program),
            (_, _, None) => Self::None,
        }
    }
}
