//! Texts that people paste where a URL belongs, and the URLs in them.

use std::net::Ipv6Addr;

use super::{RedemptionUrl, UrlProblem};

/// A closer look at text that is no URL: the usual slip, if it is one.
#[cold]
pub(super) fn slip(text: &str) -> Option<UrlProblem> {
    if mended(text).is_some() {
        let is_surrounded = inner(text) != text;
        return Some(if is_surrounded {
            UrlProblem::Surrounded
        } else {
            UrlProblem::NoScheme
        });
    }
    let (_, rest) = text.split_once("://")?;
    let ends = |byte| matches!(byte, b'/' | b'?' | b'#' | b'\\');
    let end = rest.bytes().position(ends).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    if !authority.is_ascii() && !authority.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Some(UrlProblem::NotAscii);
    }
    let is_address = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let address = authority.rsplit_once(':').map(|(address, _)| address);
    (is_address(authority) || address.is_some_and(is_address)).then_some(UrlProblem::NoBrackets)
}

/// The URL that stands in the text with something around it, or that only lacks its scheme.
pub(super) fn mended(text: &str) -> Option<String> {
    let inner = inner(text);
    let with_scheme = match inner.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None if inner.contains("://") => inner.to_owned(),
        // `localhost/x` and `a.example/x`, but not a path such as `x/y`.
        None if has_host(inner) => format!("https://{inner}"),
        None => return None,
    };
    let is_new = with_scheme != text;
    (is_new && RedemptionUrl::read(&with_scheme).is_ok()).then_some(with_scheme)
}

/// True where a '.' or a ':' stands before the first slash.
fn has_host(text: &str) -> bool {
    let first = text.bytes().find(|byte| matches!(byte, b'.' | b':' | b'/'));
    first.is_some_and(|byte| byte != b'/')
}

/// The text without white space, quotes, angle brackets and commas around it.
fn inner(text: &str) -> &str {
    unwrapped(text, b"\"'`<>,;")
}

/// The text without white space and the bytes `around`, all of them ASCII, at both ends.
pub(in crate::value) fn unwrapped<'a>(text: &'a str, around: &[u8]) -> &'a str {
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || around.contains(byte);
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|byte| !is_around(byte));
    let end = bytes.iter().rposition(|byte| !is_around(byte));
    match (start, end) {
        (Some(start), Some(end)) => text.get(start..=end).unwrap_or_default(),
        _ => "",
    }
}
