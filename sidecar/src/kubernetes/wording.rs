//! The words for failed requests.

use skupper_access_policy::printable::is_hidden;

/// A failed request as one line: what the API server says, else the innermost cause. Never what was
/// sent or received.
#[must_use]
pub fn wording(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return one_line(&status.message);
    }
    if let kube::Error::SerdeError(_) = error {
        return "the answer of the API server cannot be read".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!(
        "the API server cannot be reached: {}",
        one_line(&cause.to_string())
    )
}

/// Whole enough to say which verb on which resource is forbidden.
pub(super) fn one_line(text: &str) -> String {
    let shown = text.chars().take(MAX_CHARACTERS);
    let plain = |character| if is_hidden(character) { ' ' } else { character };
    shown.map(plain).collect()
}

/// Most characters that are repeated of a message of the API server.
const MAX_CHARACTERS: usize = 500;
