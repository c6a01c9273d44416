//! The headers of a request.

use std::fmt;

use axum::http::{HeaderMap, HeaderName};

use crate::{redemption, renewal};

/// Reason a header is refused. Its text names the header and never repeats the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFlaw(String);

impl HeaderFlaw {
    /// The flaw of a header.
    #[must_use]
    pub fn new(header: &HeaderName, flaw: impl fmt::Display) -> Self {
        Self(format!("header '{header}': {flaw}"))
    }
}

impl From<HeaderFlaw> for redemption::Refusal {
    fn from(HeaderFlaw(text): HeaderFlaw) -> Self {
        Self::Headers(text)
    }
}

impl From<HeaderFlaw> for renewal::Refusal {
    fn from(HeaderFlaw(text): HeaderFlaw) -> Self {
        Self::Headers(text)
    }
}

/// Reads a header that may be absent.
///
/// # Errors
/// It was sent twice, or is not UTF-8.
pub(super) fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h str>, HeaderFlaw> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(HeaderFlaw::new(name, "must not be sent twice"));
    }
    match str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(HeaderFlaw::new(name, "must be UTF-8")),
    }
}
