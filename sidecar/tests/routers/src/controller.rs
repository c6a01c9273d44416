//! Skupper's controller on Kubernetes, as far as a link's Secret goes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::profile::{FILES, Router, Update};

/// The `data` of a Secret, decoded.
pub type SecretContent = BTreeMap<String, Vec<u8>>;

/// A controller that writes the three files of a Secret and tells a router.
///
/// A key of `data` beside the three makes it notice a change, and is not written.
pub struct Controller<R> {
    router: Arc<R>,
    folder: PathBuf,
    known: SecretContent,
    ordinal: u64,
    /// The number of earlier revisions whose connections stay: revision r is closed when r+3 arrives.
    pub prior_valid_revisions: u64,
    /// True while nothing of it runs. What changes meanwhile it takes for old when it is back.
    pub is_away: bool,
}

impl<R: Router> Controller<R> {
    /// A controller that knows what is in use already, under the ordinal that the router shows.
    pub fn new(router: Arc<R>, folder: &Path, known: SecretContent) -> Self {
        Self {
            ordinal: router.read().ordinal,
            router,
            folder: folder.to_owned(),
            known,
            prior_valid_revisions: 2,
            is_away: false,
        }
    }

    /// Sees the Secret as it is now. `None` when it notices no change; else the files are there and the
    /// router was told.
    pub fn see(&mut self, content: &SecretContent) -> Option<Update> {
        self.see_and_tell_after(FILES.len(), content)
    }

    /// As [`Self::see`], but the router is told when `ca.crt` and `tls.crt` are written and `tls.key` is not.
    pub fn see_and_tell_early(&mut self, content: &SecretContent) -> Option<Update> {
        self.see_and_tell_after(FILES.len() - 1, content)
    }

    /// Sets the ordinal back to 0, as a changed Link does: the router ignores what it is told until the number
    /// is above the one that it shows.
    pub fn set_back(&mut self) {
        self.ordinal = 0;
    }

    /// The ordinal of the annotation: the last one that the router was told.
    #[must_use]
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }

    fn see_and_tell_after(&mut self, files: usize, content: &SecretContent) -> Option<Update> {
        if self.known == *content {
            return None;
        }
        self.known.clone_from(content);
        if self.is_away {
            return None;
        }
        let (before, after) = FILES.split_at(files);
        self.write(before);
        self.ordinal += 1;
        let oldest = self.ordinal.saturating_sub(self.prior_valid_revisions);
        let update = self.router.update(self.ordinal, oldest);
        self.write(after);
        Some(update)
    }

    fn write(&self, files: &[&str]) {
        for file in files {
            if let Some(content) = self.known.get(*file) {
                fs::write(self.folder.join(file), content).unwrap();
            }
        }
    }
}
