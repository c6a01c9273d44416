//! Files of earlier runs in the folder of a Skupper namespace, which did not name it.
//!
//! Skupper's loader takes a file without a namespace for one of `default`, and refuses a folder with
//! files of two namespaces as a whole: the site can be neither reloaded nor started.
//!
//! Source: Skupper `internal/nonkube/common/site_state_loader.go`.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::document::{self, Author, Document};
use super::folder::{Folder, FolderProblem};
use crate::wire::objects::Metadata;

/// Writes the namespace into files that a redeemer wrote without one, and returns their paths. A
/// file is a redeemer's when it is equal to one that it writes, byte for byte.
pub(super) fn mend(folder: &Folder, namespace: &str) -> Result<Vec<PathBuf>, FolderProblem> {
    let mut mended = Vec::new();
    for name in folder.names()? {
        if Path::new(&name).extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        // What cannot be read is in nobody's way here.
        let Ok(Some(found)) = folder.read(&name, MAX_FILE_BYTES) else {
            continue;
        };
        if let Some(text) = with_namespace(&found.bytes, namespace) {
            folder.write(&name, text.as_bytes())?;
            mended.push(folder.path_of(&name));
        }
    }
    Ok(mended)
}

fn with_namespace(text: &[u8], namespace: &str) -> Option<Zeroizing<String>> {
    let documents = document::read(text, Author::Redeemer)?;
    let [document] = <[Document; 1]>::try_from(documents).ok()?;
    let metadata = |namespace: Option<&str>| Metadata {
        namespace: namespace.map(str::to_owned),
        redeemed_from: document.metadata.redeemed_from.clone(),
    };
    let as_written = document.object.to_yaml(&metadata(None));
    let mended = || document.object.to_yaml(&metadata(Some(namespace)));
    (as_written.as_bytes() == text).then(mended)
}

/// More than any file of a redeemer has, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 2 * 1024 * 1024;
