//! A problem that is looked at again and again, and said once.

use tracing::{info, warn};

/// What was said last of a problem that is not over.
#[derive(Debug, Default)]
pub(super) struct Once(Option<String>);

impl Once {
    /// Tells whether there is no problem.
    pub(super) fn is_clear(&self) -> bool {
        self.0.is_none()
    }

    /// Logs a problem, unless it is the one that was said last.
    pub(super) fn warn(&mut self, problem: String) {
        if self.0.as_ref() != Some(&problem) {
            warn!("{problem}");
            self.0 = Some(problem);
        }
    }

    /// Logs that a problem is over, if there was one.
    pub(super) fn clear(&mut self, good: &str) {
        if self.0.take().is_some() {
            info!("{good}");
        }
    }
}
